package kind

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"windlass/internal/egress"
	"windlass/internal/signature"
	"windlass/internal/task"
	"windlass/internal/tracing"
)

// Bounds of an http.request. The input's schema and documentation show them.
const (
	httpDefaultTimeout = 30 * time.Second
	httpMaxTimeout     = 15 * time.Minute
	httpMaxCacheFor    = 24 * time.Hour
)

// HTTPRequestInput is what http.request is asked to send, and what counts as success.
type HTTPRequestInput struct {
	Method        string            `json:"method,omitempty" enum:"GET,HEAD,POST,PUT,PATCH,DELETE,OPTIONS" default:"GET" doc:"The request's method."`
	URL           string            `json:"url" format:"uri" maxLength:"4096" doc:"Where to send it: an absolute http or https URL. A user name and password in it are sent as Basic credentials." example:"https://example.com/hooks/orders"`
	Headers       map[string]string `json:"headers,omitempty" maxProperties:"64" doc:"Header fields to send, one value a name." example:"{\"Accept\":\"application/json\"}"`
	Body          string            `json:"body,omitempty" doc:"The body as text. Leave it out when json is given."`
	JSON          json.RawMessage   `json:"json,omitempty" doc:"The body as JSON. Leave it out when body is given."`
	Success       []string          `json:"success,omitempty" maxItems:"32" nullable:"false" doc:"Which statuses mean success, such as 204 or 200-299. Left out: 200-299." example:"[\"200-299\",\"304\"]"`
	Timeout       task.Duration     `json:"timeout,omitempty" exclusiveMinimum:"0" doc:"How long to wait for the whole answer, at most 15m. Left out: 30s." example:"30s"`
	MaxRedirects  int               `json:"max_redirects,omitempty" minimum:"0" maximum:"10" doc:"How many redirects to follow. Left out: none, a redirect is a failure. Credentials and signatures are not sent on to another origin."`
	Secret        string            `json:"secret,omitempty" format:"password" writeOnly:"true" maxLength:"200" doc:"A Standard Webhooks signing secret (whsec_… or whsk_…). With it the request is signed."`
	SecretName    string            `json:"secret_name,omitempty" maxLength:"64" pattern:"^[a-z0-9][a-z0-9._-]{0,63}$" patternDescription:"1 to 64 of a-z, 0-9, dot, _ and -, beginning with a letter or digit" doc:"The name of a stored secret to sign with, in place of secret." example:"orders-webhook"`
	SecretHeaders map[string]string `json:"secret_headers,omitempty" maxProperties:"16" doc:"Header fields whose value is a stored secret: its name, with a scheme before it if need be. The secret's hosts must name the URL's." example:"{\"Authorization\":\"Bearer orders-token\"}"`
	CacheFor      task.Duration     `json:"cache_for,omitempty" doc:"How long the result of a GET may serve the same request again, at most 24h. Left out: not at all." example:"10m"`
}

// HTTPRequestResult is the target's answer.
type HTTPRequestResult struct {
	Status           int                 `json:"status" doc:"The answer's status." example:"200"`
	Headers          map[string][]string `json:"headers" doc:"The answer's header fields. Credentials are replaced by [redacted]."`
	HeadersTruncated bool                `json:"headers_truncated,omitempty" doc:"Some header fields are left out: at most 16 KiB are kept."`
	Body             string              `json:"body" doc:"The first 64 KiB of the answer's body."`
	BodyEncoding     string              `json:"body_encoding,omitempty" enum:"base64" doc:"Given when the body is not text: how it is written here."`
	BodyTruncated    bool                `json:"body_truncated" doc:"The body is longer than what is kept."`
	BodyBytes        int64               `json:"body_bytes" doc:"The body's length, decompressed. Counting stops at 1 MiB."`
	URL              string              `json:"url" doc:"Where the answer came from, after redirects."`
	Redirects        []HTTPRedirect      `json:"redirects" nullable:"false" doc:"The redirects that were followed, in order."`
	Timing           HTTPTiming          `json:"timing" doc:"How long the exchange took."`
}

// HTTPRedirect is one redirect that was followed.
type HTTPRedirect struct {
	Status int    `json:"status" doc:"The status that redirected." example:"308"`
	URL    string `json:"url" doc:"Where it led."`
}

// HTTPTiming is how long the parts of an exchange took. All but Total are of
// the last request when there were redirects, and zero for what was not needed
// because a connection was open already.
type HTTPTiming struct {
	DNS       task.Duration `json:"dns" doc:"Looking the host's address up." example:"1.2ms"`
	Connect   task.Duration `json:"connect" doc:"Connecting." example:"8.4ms"`
	TLS       task.Duration `json:"tls" doc:"Agreeing on TLS." example:"20.1ms"`
	FirstByte task.Duration `json:"first_byte" doc:"From the start of the request to the answer's first byte." example:"120ms"`
	Total     task.Duration `json:"total" doc:"Everything, redirects and body included." example:"184ms"`
}

// HTTPRequest is the kind that calls an HTTP endpoint until it succeeds. Every
// connection goes through g. userAgent is sent unless the input says otherwise.
//
// The default policy outlasts an outage of the target of three hours.
func HTTPRequest(g *egress.Guard, userAgent string) task.Kind {
	transport := tracing.Transport(g.Transport())
	return task.Definition[HTTPRequestInput, HTTPRequestResult]{
		Name:        "http.request",
		Title:       "HTTP request",
		Description: "Calls an HTTP endpoint until it succeeds: retries that honour Retry-After and rate limits, Standard Webhooks signatures, and the answer as the result.",
		Queue:       "default",
		Policy: task.Policy{
			MaxAttempts: 15,
			MinBackoff:  task.Duration(time.Second),
			MaxBackoff:  task.Duration(time.Hour),
			Timeout:     task.Duration(httpMaxTimeout + time.Minute),
			Deadline:    task.Duration(24 * time.Hour),
		},
		Example:  HTTPRequestInput{Method: http.MethodGet, URL: "https://example.com/"},
		Check:    checkHTTPRequest,
		CacheFor: func(in HTTPRequestInput) time.Duration { return in.CacheFor.Std() },
		Subject:  func(in HTTPRequestInput) string { return in.method() + " " + briefURL(in.URL) },
		Summary: func(_ HTTPRequestInput, out HTTPRequestResult) string {
			return fmt.Sprintf("%d · %s", out.Status, took(out.Timing.Total.Std()))
		},
		Redact:  redactHTTPRequest,
		Secrets: HTTPRequestInput.secrets,
		Run: func(ctx context.Context, in HTTPRequestInput, run *task.Run) (HTTPRequestResult, error) {
			return exchange(ctx, transport, userAgent, in, run)
		},
	}.Kind()
}

func (in HTTPRequestInput) method() string {
	if in.Method == "" {
		return http.MethodGet
	}
	return in.Method
}

func (in HTTPRequestInput) timeout() time.Duration {
	if in.Timeout == 0 {
		return httpDefaultTimeout
	}
	return in.Timeout.Std()
}

// body gives the bytes to send, and the Content-Type that they have unless the
// input names one. Both are empty when there is no body.
func (in HTTPRequestInput) body() ([]byte, string) {
	switch {
	case len(in.JSON) > 0:
		return in.JSON, "application/json"
	case in.Body != "":
		return []byte(in.Body), "text/plain; charset=utf-8"
	default:
		return nil, ""
	}
}

func checkHTTPRequest(in HTTPRequestInput) task.FieldErrors {
	var faults task.FieldErrors
	if _, rule := parseHTTPURL(in.URL); rule != "" {
		faults.Add("url", rule)
	}
	faults = append(faults, checkHTTPHeaders(in.Headers)...)
	faults = append(faults, checkSecretHeaders(in)...)
	if in.Body != "" && len(in.JSON) > 0 {
		faults.Add("json", "must not be given together with body")
	}
	if _, rule := parseStatusRanges(in.Success); rule != "" {
		faults.Add("success", rule)
	}
	if in.Timeout < 0 || in.Timeout.Std() > httpMaxTimeout {
		faults.Add("timeout", "must be above 0s and at most 15m")
	}
	if in.Secret != "" {
		if _, rule := signature.ParseKey(in.Secret); rule != "" {
			faults.Add("secret", rule)
		}
	}
	if in.Secret != "" && in.SecretName != "" {
		faults.Add("secret_name", "must not be given together with secret")
	}
	switch {
	case in.CacheFor < 0 || in.CacheFor.Std() > httpMaxCacheFor:
		faults.Add("cache_for", "must be from 0s to 24h")
	case in.CacheFor > 0 && in.method() != http.MethodGet:
		faults.Add("cache_for", "must be left out unless the method is GET")
	}
	return faults
}
