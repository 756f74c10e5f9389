package web

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"time"

	"windlass/internal/front"
)

const (
	// connectTimeout is how long the backend may take to accept a connection.
	connectTimeout = 3 * time.Second
	// answerTimeout is how long it may take to begin an answer: a request may wait
	// a minute for its task (Prefer: wait).
	answerTimeout = 90 * time.Second
	// idleTimeout is below the backend's own 75 s, so that it is never the backend
	// that closes a connection which a request is about to take.
	idleTimeout = 60 * time.Second
	// maxIdle is how many connections are kept for the next burst.
	maxIdle = 256
	// maxRequestID is how long an X-Request-Id may be, as in the API.
	maxRequestID = 128
	// retryAfter is what clients are told when the backend is away.
	retryAfter = 2 * time.Second
)

// Backend hands requests on to a process with the API, for a page that stands
// alone in front of it. It holds nothing back: answers and events go out as they
// come in.
type Backend struct {
	url     *url.URL
	proxies front.Proxies
	log     *slog.Logger
	proxy   httputil.ReverseProxy
	closed  context.Context
	close   context.CancelFunc
}

// writerKey has the client's http.ResponseWriter in a request's context.
type writerKey struct{}

// CheckBackend says what is wrong with a URL for NewBackend.
func CheckBackend(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.User != nil {
		return errors.New("is not the address of a process with the API, such as http://backend:8000")
	}
	return nil
}

// NewBackend gives the backend at a URL that CheckBackend takes. It contacts
// nothing. Who a client is it hears from these proxies alone. Faults of the
// backend go to log. Close it before the server's Shutdown.
func NewBackend(text string, proxies front.Proxies, log *slog.Logger) (*Backend, error) {
	if err := CheckBackend(text); err != nil {
		return nil, err
	}
	u, err := url.Parse(text)
	if err != nil {
		return nil, err
	}
	b := &Backend{url: u, proxies: proxies, log: log}
	b.closed, b.close = context.WithCancel(context.Background())
	b.proxy = httputil.ReverseProxy{
		Rewrite: b.rewrite, ModifyResponse: b.answer, ErrorHandler: b.away,
		FlushInterval: -1, // at once
		ErrorLog:      slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		Transport: &http.Transport{
			DialContext:           (&net.Dialer{Timeout: connectTimeout}).DialContext,
			ResponseHeaderTimeout: answerTimeout, IdleConnTimeout: idleTimeout,
			MaxIdleConnsPerHost: maxIdle, DisableCompression: true, // what the client takes is between it and the backend
		},
	}
	return b, nil
}

// ServeHTTP hands the request on.
func (b *Backend) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.proxy.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), writerKey{}, w)))
}

// Ready asks whether the backend may get traffic. code is the backend's own word
// for why not, empty when it gave none.
func (b *Backend) Ready(ctx context.Context) (code string, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, b.url.JoinPath("/readyz").String(), nil)
	if err != nil {
		return "", err
	}
	response, err := b.proxy.Transport.RoundTrip(r)
	if err != nil {
		return "", fmt.Errorf("ask the backend: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode == http.StatusOK {
		return "", nil
	}
	var problem struct {
		Code string `json:"code"`
	}
	_ = json.NewDecoder(io.LimitReader(response.Body, maxReason)).Decode(&problem) // one that gives no reason
	return problem.Code, fmt.Errorf("ask the backend: it answers %s", response.Status)
}

// maxReason is how many bytes of the backend's reason are read.
const maxReason = 16 << 10

// Close ends event streams, so that the server's Shutdown does not wait for
// them: their clients come back. It may be called more than once.
func (b *Backend) Close() { b.close() }

// rewrite keeps what the client said, its Host too: the backend compares that
// with Origin. Who the client is, and whether it came by TLS, is what is known
// here; the client's own word on it goes no further.
func (b *Backend) rewrite(r *httputil.ProxyRequest) {
	r.SetURL(b.url)
	r.Out.Host = r.In.Host
	r.Out.URL.RawQuery = r.In.URL.RawQuery // what it cannot read is for the backend to say
	r.SetXForwarded()
	if client := b.proxies.Address(r.In); client.IsValid() {
		r.Out.Header.Set("X-Forwarded-For", client.String())
	}
	if b.proxies.TLS(r.In) {
		r.Out.Header.Set("X-Forwarded-Proto", "https")
	}
}

// answer lets the backend's header fields stand in the place of those that every
// answer of ours has, and makes an event stream end when the backend is closed here.
func (b *Backend) answer(response *http.Response) error {
	if w, ok := response.Request.Context().Value(writerKey{}).(http.ResponseWriter); ok {
		for name := range response.Header {
			w.Header().Del(name)
		}
	}
	media, _, err := mime.ParseMediaType(response.Header.Get("Content-Type"))
	if err == nil && media == "text/event-stream" {
		body := response.Body
		response.Body = &eventBody{ReadCloser: body, ended: b.closed, stop: context.AfterFunc(b.closed, func() { _ = body.Close() })}
	}
	return nil
}

// eventBody is a stream that ends well when ended is done: cut off in the middle
// of a chunk, it would be a fault in the client's eyes.
type eventBody struct {
	io.ReadCloser
	ended context.Context
	stop  func() bool
}

// Read reads on until the stream or ended is over.
func (e *eventBody) Read(p []byte) (int, error) {
	n, err := e.ReadCloser.Read(p)
	if err != nil && e.ended.Err() != nil {
		err = io.EOF
	}
	return n, err
}

// Close ends the stream.
func (e *eventBody) Close() error {
	e.stop()
	return e.ReadCloser.Close()
}

// away answers for a backend that does not: 503 if nothing was sent to it, so
// that trying again is safe, and 502 if it may have acted.
func (b *Backend) away(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil {
		return // the client went away
	}
	p := problem{
		Type: "/problems/backend-lost", Title: "The backend's answer was lost", Status: http.StatusBadGateway, Code: "backend_lost",
		Detail: "Send the request again with the same Idempotency-Key to be sure.", Instance: r.Header.Get("X-Request-Id"),
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		p = problem{
			Type: "/problems/backend-unavailable", Title: "The backend cannot be reached", Status: http.StatusServiceUnavailable, Code: "backend_unavailable",
			Detail: "Nothing was handed on. Try again in a few seconds.", Instance: p.Instance,
		}
	}
	if p.Instance == "" || len(p.Instance) > maxRequestID {
		p.Instance = rand.Text()
	}
	b.log.WarnContext(r.Context(), "the backend does not answer", "error", err, "method", r.Method, "status", p.Status, "request_id", p.Instance)
	body, err := json.Marshal(p)
	if err != nil {
		body = nil // six strings and a number have JSON
	}
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Request-Id", p.Instance)
	h.Set("Retry-After", strconv.Itoa(int(retryAfter.Seconds())))
	w.WriteHeader(p.Status)
	_, _ = w.Write(append(body, '\n')) // a client that went away
}

// problem is RFC 9457's, with the members of the API's.
type problem struct {
	Type     string `json:"type"`
	Title    string `json:"title"`
	Status   int    `json:"status"`
	Detail   string `json:"detail"`
	Instance string `json:"instance"`
	Code     string `json:"code"`
}
