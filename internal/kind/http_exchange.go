package kind

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"time"

	"windlass/internal/signature"
	"windlass/internal/task"
)

// httpExchange is one attempt's conversation: a request and the redirects that
// followed from it.
type httpExchange struct {
	in        HTTPRequestInput
	run       *task.Run
	userAgent string
	success   []statusRange
	keys      []signature.Key    // sign requests; none: they are not signed
	cancel    context.CancelFunc // gives up the current request
	// secretHeaders is what the input's secret_headers stand for.
	secretHeaders map[string]string

	start     time.Time
	method    string
	target    *url.URL
	body      []byte
	mimeType  string
	trusted   bool // target has the origin that the input names
	redirects []HTTPRedirect
	trace     *trace // of the request on its way
}

// exchange does one attempt.
func exchange(ctx context.Context, t http.RoundTripper, userAgent string, in HTTPRequestInput, run *task.Run) (HTTPRequestResult, error) {
	x, err := newExchange(in, userAgent, run)
	if err != nil {
		return HTTPRequestResult{}, err
	}
	if err := x.unlock(ctx); err != nil {
		return HTTPRequestResult{}, err
	}
	ctx, x.cancel = context.WithTimeout(ctx, in.timeout())
	defer x.cancel()
	for {
		res, err := x.send(ctx, t)
		if err != nil {
			return HTTPRequestResult{}, x.fault(ctx, err)
		}
		if !isRedirect(res) || len(x.redirects) >= in.MaxRedirects {
			defer res.Body.Close()
			return x.finish(ctx, res)
		}
		res.Body.Close()
		if err := x.follow(res); err != nil {
			return HTTPRequestResult{}, err
		}
	}
}

// newExchange reads the input. Check has accepted it, so a fault here means that
// the rules have become stricter since.
func newExchange(in HTTPRequestInput, userAgent string, run *task.Run) (*httpExchange, error) {
	run.Hide(in.hidden()...)
	x := &httpExchange{
		in: in, run: run, userAgent: userAgent,
		start: time.Now(), method: in.method(), trusted: true, redirects: []HTTPRedirect{},
	}
	x.body, x.mimeType = in.body()
	var rule string
	if x.target, rule = parseHTTPURL(in.URL); rule != "" {
		return nil, invalidInput("url", rule)
	}
	if x.success, rule = parseStatusRanges(in.Success); rule != "" {
		return nil, invalidInput("success", rule)
	}
	if in.Secret != "" {
		key, rule := signature.ParseKey(in.Secret)
		if rule != "" {
			return nil, invalidInput("secret", rule)
		}
		x.keys = []signature.Key{key}
	}
	return x, nil
}

func invalidInput(field, rule string) error {
	return &task.Error{Code: "invalid_input", Message: fmt.Sprintf("The input cannot be used: %s %s.", field, rule), Final: true}
}

// send makes the current request and waits for the head of its answer.
func (x *httpExchange) send(ctx context.Context, t http.RoundTripper) (*http.Response, error) {
	x.trace = newTrace()
	req, err := x.request(httptrace.WithClientTrace(ctx, x.trace.client()))
	if err != nil {
		return nil, err
	}
	x.run.Logf(slog.LevelInfo, "%s %s", x.method, briefURL(x.target.String()))
	res, err := t.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	x.run.Logf(slog.LevelInfo, "%s", x.trace.connection())
	return res, nil
}

// request writes the current request. A redirect to another origin takes along
// neither credentials nor a signature: they were given for the first one only.
func (x *httpExchange) request(ctx context.Context) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, x.method, x.target.String(), bytes.NewReader(x.body))
	if err != nil {
		return nil, err
	}
	h := req.Header
	h.Set("User-Agent", x.userAgent)
	if x.mimeType != "" {
		h.Set("Content-Type", x.mimeType)
	}
	if user := x.target.User; user != nil && x.trusted {
		h.Set("Authorization", "Basic "+basicCredentials(user))
	}
	for name, value := range x.in.Headers {
		switch canonical := http.CanonicalHeaderKey(name); {
		case !x.trusted && (canonical == "Host" || task.SecretName(name)):
		case canonical == "Host":
			req.Host = value
		case canonical == "Content-Type" && len(x.body) == 0 && x.method != x.in.method():
			// A redirect turned the request into a GET without a body.
		default:
			h.Set(name, value)
		}
	}
	if x.trusted {
		for name, value := range x.secretHeaders {
			h.Set(name, value)
		}
	}
	h.Set("Windlass-Task-Id", x.run.TaskID)
	h.Set("Windlass-Attempt", strconv.Itoa(x.run.Attempt))
	if x.run.Traceparent != "" {
		h.Set("Traceparent", x.run.Traceparent) // where calls are traced, the transport puts its own in the place
	}
	if len(x.keys) > 0 && x.trusted {
		signature.Sign(h, x.keys, x.run.TaskID, time.Now(), x.body)
	}
	return req, nil
}

// isRedirect reports whether an answer names another place to ask (RFC 9110, 15.4).
func isRedirect(res *http.Response) bool {
	switch res.StatusCode {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther,
		http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return res.Header.Get("Location") != ""
	}
	return false
}

// follow makes the request that a redirect asks for the current one. Method and
// body change as the Fetch standard has it (HTTP-redirect fetch, step 12).
func (x *httpExchange) follow(res *http.Response) error {
	next, err := x.target.Parse(res.Header.Get("Location"))
	if err != nil {
		return redirectFault(fmt.Sprintf("The target answered %d with a Location that is not a URL.", res.StatusCode))
	}
	if _, rule := parseHTTPURL(next.String()); rule != "" {
		return redirectFault(fmt.Sprintf("The target answered %d with a Location that %s.", res.StatusCode, rule))
	}
	if next.User == nil && sameOrigin(next, x.target) {
		next.User = x.target.User
	}
	switch status := res.StatusCode; {
	case status == http.StatusSeeOther && x.method != http.MethodGet && x.method != http.MethodHead,
		(status == http.StatusMovedPermanently || status == http.StatusFound) && x.method == http.MethodPost:
		x.method, x.body, x.mimeType = http.MethodGet, nil, ""
	}
	x.trusted = x.trusted && sameOrigin(next, x.target)
	x.target = next
	shown := x.run.Scrub(task.RedactURL(next.String()))
	x.redirects = append(x.redirects, HTTPRedirect{Status: res.StatusCode, URL: shown})
	x.run.Logf(slog.LevelInfo, "Answered %d; going on to %s", res.StatusCode, briefURL(next.String()))
	return nil
}

func redirectFault(message string) error {
	return &task.Error{Code: "http_redirect", Message: message, Final: true}
}

// finish turns the last answer into the attempt's outcome.
func (x *httpExchange) finish(ctx context.Context, res *http.Response) (HTTPRequestResult, error) {
	for _, r := range x.success {
		if r.holds(res.StatusCode) {
			return x.result(ctx, res)
		}
	}
	x.logRefusal(res)
	if !isRedirect(res) {
		return HTTPRequestResult{}, statusFault(res.StatusCode, res.Header, time.Now())
	}
	if x.in.MaxRedirects == 0 {
		return HTTPRequestResult{}, redirectFault(fmt.Sprintf("The target answered %d, a redirect, and the task follows none: max_redirects is 0.", res.StatusCode))
	}
	return HTTPRequestResult{}, redirectFault(fmt.Sprintf("The target redirected more often than the task follows: max_redirects is %d.", x.in.MaxRedirects))
}
