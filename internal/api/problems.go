package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"windlass/internal/oidc"
	"windlass/internal/store"
	"windlass/internal/task"
)

// Problem is an answer that is not what was asked for (RFC 9457). It never
// holds a value that was sent.
type Problem struct {
	Type     string  `json:"type" doc:"A page about this sort of problem, relative to the server." example:"/problems/validation-failed"`
	Title    string  `json:"title" doc:"What sort of problem it is." example:"The request has faults"`
	Status   int     `json:"status" doc:"The HTTP status." example:"422"`
	Detail   string  `json:"detail" doc:"What went wrong this time, for people." example:"One field is not as it must be."`
	Instance string  `json:"instance" doc:"The request's id, as in the header X-Request-Id and in the log."`
	Code     string  `json:"code" doc:"Stable word for programs." example:"validation_failed"`
	Errors   []Fault `json:"errors,omitempty" doc:"Every fault that was found."`

	headers http.Header
}

// Fault is one thing that is not as it must be in a request.
type Fault struct {
	Location string `json:"location" doc:"Where: body, query, path or header, then the path to the field." example:"body.input.url"`
	Message  string `json:"message" doc:"A clause that follows the location." example:"must be an absolute URL"`
}

// Error gives code and detail.
func (p *Problem) Error() string { return p.Code + ": " + p.Detail }

// GetStatus gives the HTTP status.
func (p *Problem) GetStatus() int { return p.Status }

// GetHeaders gives header fields that belong to the problem.
func (p *Problem) GetHeaders() http.Header { return p.headers }

// ContentType is RFC 9457's.
func (p *Problem) ContentType(string) string { return problemType }

const problemType = "application/problem+json"

// slug is the code as it stands in the page's address.
func slug(code string) string { return strings.ReplaceAll(code, "_", "-") }

// problem makes one of the table's problems. An empty detail means the title's sentence.
func problem(code, detail string, faults ...Fault) *Problem {
	sort := problemSorts()[code]
	if detail == "" {
		detail = sort.title + "."
	}
	return &Problem{
		Type: "/problems/" + slug(code), Title: sort.title, Status: sort.status,
		Detail: detail, Code: code, Errors: faults,
	}
}

func (p *Problem) with(name, value string) *Problem {
	if p.headers == nil {
		p.headers = http.Header{}
	}
	p.headers.Set(name, value)
	return p
}

// faulty makes the problem of a request with faults.
func faulty(faults ...Fault) *Problem {
	detail := "One field is not as it must be."
	if len(faults) > 1 {
		detail = fmt.Sprintf("%d fields are not as they must be.", len(faults))
	}
	return problem(codeValidation, detail, faults...)
}

// problemOf says what an error means to the client, and logs what only the
// operator may know.
func (a *API) problemOf(ctx context.Context, err error) *Problem {
	p := a.translate(ctx, err)
	p.Instance = requestID(ctx)
	return p
}

func (a *API) translate(ctx context.Context, err error) *Problem {
	if p, ok := errors.AsType[*Problem](err); ok {
		return p
	}
	if state, ok := errors.AsType[*store.StateError](err); ok {
		return problem(codeState, fmt.Sprintf("The task is %s.", state.State))
	}
	if held, ok := errors.AsType[*store.HeldError](err); ok {
		return problem(codeHeld, "The task "+held.ID+" holds the unique key.").with("Location", taskPath(held.ID))
	}
	if u, ok := errors.AsType[*store.UnconfirmedError](err); ok {
		a.log.WarnContext(ctx, "replicas did not confirm a task in time", "task_id", u.ID, "request_id", requestID(ctx))
		return problem(codeUnconfirmed, "The task "+u.ID+" is stored, but too few replicas confirmed it in time: it may be lost if the store fails over now.").
			with("Location", taskPath(u.ID)).with("Retry-After", "5")
	}
	if _, ok := errors.AsType[*store.TooManyQueuesError](err); ok {
		return problem(codeTooManyQueues, fmt.Sprintf("There are %d queues already. Use one of them.", store.MaxQueues))
	}
	if _, ok := errors.AsType[*store.TooManyTokensError](err); ok {
		return problem(codeTooManyTokens, fmt.Sprintf("There are %d tokens already.", store.MaxTokens))
	}
	switch {
	case errors.Is(err, store.ErrNotFound):
		return problem(codeTaskNotFound, "There is no task of this id, or no longer.")
	case errors.Is(err, store.ErrNoSecret):
		return problem(codeSecretNotFound, "There is no stored secret of this name.")
	case errors.Is(err, store.ErrTooManySecrets):
		return problem(codeTooManySecrets, fmt.Sprintf("There are %d secrets already. Delete one that nobody needs.", store.MaxSecrets))
	case errors.Is(err, store.ErrNoToken):
		return problem(codeTokenNotFound, "")
	case errors.Is(err, store.ErrNoSession):
		return problem(codeNoSession, "")
	case errors.Is(err, store.ErrBadCursor):
		return faulty(Fault{"query.cursor", "must be a next_cursor of this list"})
	case errors.Is(err, store.ErrKeyReused):
		return problem(codeKeyReused, "This Idempotency-Key came with another request before. Use a new key.")
	case errors.Is(err, store.ErrKeyGone):
		return problem(codeKeyGone, "The task that this Idempotency-Key made was deleted. Use a new key.")
	case errors.Is(err, oidc.ErrUnavailable):
		a.log.WarnContext(ctx, "nobody can be vouched for", "error", err, "request_id", requestID(ctx))
		return problem(codeIdentity, "").with("Retry-After", "5")
	case errors.Is(err, context.Canceled):
		return storeUnavailable() // nobody reads it: the client went away
	case store.Unavailable(err):
		a.log.WarnContext(ctx, "the store cannot answer", "error", err, "request_id", requestID(ctx))
		return storeUnavailable()
	}
	a.log.ErrorContext(ctx, "request failed", "error", err, "request_id", requestID(ctx))
	return problem(codeInternal, "Something went wrong here. The log tells more under this request's id.")
}

func storeUnavailable() *Problem {
	return problem(codeStore, "The store cannot answer now. Try again in a few seconds; a task that was being handed in may be stored, so send it with the same Idempotency-Key.").with("Retry-After", "5")
}

// writeProblem answers outside of huma.
func (a *API) writeProblem(w http.ResponseWriter, r *http.Request, p *Problem) {
	p.Instance = requestID(r.Context())
	h := w.Header()
	for name, values := range p.headers {
		h[name] = values
	}
	h.Set("Content-Type", problemType)
	body, err := json.Marshal(p)
	if err != nil {
		a.log.ErrorContext(r.Context(), "problem cannot be written", "error", err, slog.String("code", p.Code))
	}
	w.WriteHeader(p.Status)
	_, _ = w.Write(append(body, '\n')) // a client that went away
}

// fieldFaults puts a kind's or a policy's faults below a location.
func fieldFaults(at string, found task.FieldErrors) []Fault {
	faults := make([]Fault, 0, len(found))
	for _, f := range found {
		location := at
		if f.Field != "" {
			location += "." + f.Field
		}
		faults = append(faults, Fault{location, f.Rule})
	}
	return faults
}
