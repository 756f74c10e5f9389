package api

import (
	"maps"
	"net/http"
	"sync"
)

// The codes of every problem this API answers with.
const (
	codeValidation    = "validation_failed"
	codeUnknownKind   = "unknown_kind"
	codeInvalidJSON   = "invalid_json"
	codeMediaType     = "unsupported_media_type"
	codeTooLarge      = "body_too_large"
	codeTimeout       = "request_timeout"
	codeUnauthorized  = "unauthorized"
	codeCrossSite     = "cross_site"
	codeForbidden     = "forbidden"
	codeTokenNotFound = "token_not_found"
	codeTooManyTokens = "too_many_tokens"
	codeLastAdmin     = "last_admin_token"
	codeNoSession     = "session_not_found"
	codeNotFound      = "not_found"
	codeTaskNotFound  = "task_not_found"
	codeNoResult      = "no_result"
	codeMethod        = "method_not_allowed"
	codeNotAcceptable = "not_acceptable"
	codeState         = "state_conflict"
	codeHeld          = "unique_key_held"
	codeKeyReused     = "idempotency_key_reused"
	codeKeyGone       = "idempotency_key_gone"
	codeTooManyQueues = "too_many_queues"
	codeIdentity      = "identity_unavailable"
	codeStreams       = "too_many_streams"
	codeOwnStreams    = "too_many_own_streams"
	codeLimited       = "rate_limited"
	codeBusy          = "too_busy"
	codeAddress       = "address_too_long"

	codeSecretsKey     = "secrets_not_configured"
	codeSecretNotFound = "secret_not_found"
	codeTooManySecrets = "too_many_secrets"

	codeStore       = "store_unavailable"
	codeUnconfirmed = "task_unconfirmed"
	codeShutdown    = "shutting_down"
	codeInternal    = "internal_error"
	codeNotReady    = "not_ready"
	codeBackendAway = "backend_unavailable" // answered by a page that stands in front of the API
	codeBackendLost = "backend_lost"        // the same
)

// problemSort is what all problems of one code share. about is the text of its page.
type problemSort struct {
	status       int
	title, about string
}

// problemSorts is the one table of problems, made once: every refusal looks into it. Nobody writes to it.
var problemSorts = sync.OnceValue(func() map[string]problemSort {
	all := generalProblems()
	maps.Copy(all, loadProblems())
	maps.Copy(all, unreadyProblems())
	return all
})

// loadProblems are those of clients who ask for too much.
func loadProblems() map[string]problemSort {
	return map[string]problemSort{
		codeOwnStreams: {http.StatusTooManyRequests, "You have too many event streams open",
			"One token, or one address where nobody signs in, may hold a number of event streams open in a process. Close those that you do not need; one stream over all tasks serves many."},
		codeLimited: {http.StatusTooManyRequests, "Too many requests",
			"One token, or one address where nobody signs in, may make so many requests of a sort in a time. The header RateLimit-Policy tells how many, RateLimit how many are left, and Retry-After when to try again. Hand many tasks in with POST /api/v1/tasks/bulk, and follow tasks by events instead of asking again and again."},
		codeBusy: {http.StatusServiceUnavailable, "Too much is being sent at once",
			"The bodies of all requests that this process is reading are too large together. Send the request again in a moment."},
		codeAddress: {http.StatusRequestURITooLong, "The address is too long",
			"Path and query may have 16 KiB together. No request that means something needs more."},
	}
}

func generalProblems() map[string]problemSort { //nolint:funlen // it is one table
	return map[string]problemSort{
		codeValidation: {http.StatusUnprocessableEntity, "The request has faults",
			"The request was understood, but some of it is not as it must be. The member errors lists every fault with its place and the rule it broke. Correct them and send it again; the same request would fail again."},
		codeUnknownKind: {http.StatusUnprocessableEntity, "There is no such kind of task",
			"The member kind names no kind that this server knows. GET /api/v1/kinds lists them."},
		codeInvalidJSON: {http.StatusBadRequest, "The body is not JSON",
			"The request's body is empty, is not valid JSON, or has something after its end."},
		codeMediaType: {http.StatusUnsupportedMediaType, "The body must be JSON",
			"Send the body as JSON, with the header Content-Type: application/json."},
		codeTooLarge: {http.StatusRequestEntityTooLarge, "The body is too large",
			"One task may be sent in at most 1 MiB, of which its input may have 256 KiB; a bulk request in at most 8 MiB. Put large data elsewhere and send its address."},
		codeTimeout: {http.StatusRequestTimeout, "The body took too long",
			"The request's body did not arrive in time. Send it again."},
		codeUnauthorized: {http.StatusUnauthorized, "Sign in first",
			"This server asks for a token. Send one in the header Authorization: Bearer, or sign in on the page. A token that was revoked or has expired counts as none."},
		codeCrossSite: {http.StatusForbidden, "Another site sent this request",
			"A browser sent this request on behalf of another site. Such requests may not change anything here. Programs that are not browsers are not affected."},
		codeForbidden: {http.StatusForbidden, "This is not yours to do",
			"The token is valid, but its role does not include this action, it is bound to other kinds or queues, or the task is somebody else's. GET /api/v1/me tells what it may do."},
		codeTokenNotFound: {http.StatusNotFound, "There is no such token",
			"The id is not one of a token, or the token ended more than 30 days ago."},
		codeTooManyTokens: {http.StatusUnprocessableEntity, "There are too many tokens",
			"Revoke tokens that nobody uses. A token that ended counts for 30 more days."},
		codeLastAdmin: {http.StatusConflict, "This is the last token of an admin",
			"Nobody could make tokens any more. Make another token of role admin first."},
		codeNoSession: {http.StatusNotFound, "There is no such session",
			"It has ended, or is not yours."},
		codeNotFound: {http.StatusNotFound, "There is nothing here",
			"No resource has this address. /docs lists all of them."},
		codeTaskNotFound: {http.StatusNotFound, "There is no such task",
			"The id is not one of a task, or the task was deleted or is past the time that finished tasks are kept."},
		codeNoResult: {http.StatusNotFound, "The task has no result",
			"Only a task that succeeded has a result. Its state tells whether one may still come."},
		codeMethod: {http.StatusMethodNotAllowed, "This method does not apply here",
			"The address exists, but not for this method. The header Allow lists those that apply."},
		codeNotAcceptable: {http.StatusNotAcceptable, "The result has no such form",
			"Results of this kind are given as JSON only. GET /api/v1/kinds tells which kinds have CSV."},
		codeState: {http.StatusConflict, "The task's state forbids this",
			"A task can be canceled until it is final, and retried or deleted only after that. The detail tells its state."},
		codeHeld: {http.StatusConflict, "Another task holds the unique key",
			"While a task with a unique key waits or runs, no second one with this key may. The detail and the header Location name the task that holds it."},
		codeKeyReused: {http.StatusUnprocessableEntity, "The Idempotency-Key was used for another request",
			"A key stands for one request. It came earlier with another body, so this request was not carried out. Use a new key for each new request."},
		codeKeyGone: {http.StatusGone, "The task of this Idempotency-Key was deleted",
			"The request was carried out before, but its task has been deleted since. It is not carried out again. Use a new key to run it anew."},
		codeTooManyQueues: {http.StatusUnprocessableEntity, "There are too many queues",
			"A queue comes into being when a task first names it, and their number is limited. One that holds no task, not even a finished one, that no worker serves and that nobody used for six hours is forgotten. Use one of those that exist."},
		codeSecretsKey: {http.StatusConflict, "This server has no key for secrets",
			"Stored secrets are sealed with a key that only the server's configuration holds: WINDLASS_SECRETS_KEY, or the file that WINDLASS_SECRETS_KEY_FILE names. Its operator sets it for every process that serves the API or runs tasks."},
		codeSecretNotFound: {http.StatusNotFound, "There is no such secret",
			"No secret of this name is stored. GET /api/v1/secrets lists them."},
		codeTooManySecrets: {http.StatusUnprocessableEntity, "There are too many secrets",
			"The number of stored secrets is limited. Delete those that no task refers to."},
		codeIdentity: {http.StatusServiceUnavailable, "Nobody can tell who you are now",
			"The keys by which the load balancer proves who signed in cannot be had at the moment. Try again, or send a token."},
		codeStreams: {http.StatusServiceUnavailable, "Too many event streams are open",
			"This process serves as many event streams as it may. Try again later, or ask for the task itself."},
		codeStore: {http.StatusServiceUnavailable, "The store cannot answer now",
			"Redis is not reachable, or cannot accept data now. Nothing is known about a task that was being handed in: send it again with the same Idempotency-Key to be sure."},
		codeUnconfirmed: {http.StatusServiceUnavailable, "Too few replicas confirmed the task",
			"This server accepts a task only when replicas of Redis have it too, and they did not answer in time. The task exists now and most likely runs; the detail and the header Location name it. Send the request again with the same Idempotency-Key, or ask for the task, to be sure."},
		codeShutdown: {http.StatusServiceUnavailable, "This process is shutting down",
			"Send the request again; another process will answer it."},
		codeBackendAway: {http.StatusServiceUnavailable, "The backend cannot be reached",
			"The process that stands in front of the API could not reach it. Nothing was handed on; try again in a few seconds."},
		codeBackendLost: {http.StatusBadGateway, "The backend's answer was lost",
			"The request was handed on to the API, and the connection to it ended before an answer came. Nothing is known about what it did: send the request again with the same Idempotency-Key to be sure."},
		codeInternal: {http.StatusInternalServerError, "Something went wrong here",
			"This is a fault of the server. Its log tells more under the request's id, which stands in the member instance and in the header X-Request-Id."},
	}
}
