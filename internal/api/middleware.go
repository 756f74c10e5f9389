package api

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/go-chi/chi/v5"

	"windlass/internal/tracing"
)

const (
	maxBody     = 1 << 20 // of a request with one task
	maxBulkBody = 8 << 20 // of a bulk request
	// maxBodies bounds what the bodies of all requests take at one time.
	maxBodies = 256 << 20
	// maxAddress bounds path and query. The longest query that means something, a
	// list with all filters, has about 12,000 bytes.
	maxAddress = 16 << 10
)

type contextKey int

const exchangeKey contextKey = iota

// requestID gives the id of the request that ctx belongs to.
func requestID(ctx context.Context) string {
	if e := exchangeOf(ctx); e != nil {
		return e.id
	}
	return ""
}

// httpRequest gives the request that ctx belongs to, for what huma does not hand on.
func httpRequest(ctx context.Context) *http.Request {
	if e := exchangeOf(ctx); e != nil {
		return e.request
	}
	return nil
}

// identify takes over a proper X-Request-Id or makes one, and answers with it.
func identify(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get("X-Request-Id")
		if !properID(id) {
			id = rand.Text()
		}
		w.Header().Set("X-Request-Id", id)
		e := &exchange{id: id, request: r, begun: time.Now()}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), exchangeKey, e)))
	})
}

func properID(id string) bool {
	const allowed = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_.:="
	return id != "" && len(id) <= 128 && strings.Trim(id, allowed) == ""
}

// heldByHTTP is how much of an answer net/http takes, at least, before it waits for the client.
const heldByHTTP = 4 << 10

// recorder notes what was answered, and gives the request's place back before the
// client can make it wait. Unwrap lets http.ResponseController through.
type recorder struct {
	http.ResponseWriter
	place  *place
	status int
	sent   int // bytes
}

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 && status >= http.StatusOK {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	if r.sent += len(b); r.sent > heldByHTTP {
		r.place.giveBack()
	}
	return r.ResponseWriter.Write(b)
}

// Hijack gives the connection to the caller, which answers from then on.
func (r *recorder) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, b, err := http.NewResponseController(r.ResponseWriter).Hijack()
	if err == nil {
		r.status = http.StatusOK
	}
	return conn, b, err
}

// Flush sends what was written. chi's Compress looks for it and does not unwrap.
func (r *recorder) Flush() {
	r.place.giveBack()
	_ = http.NewResponseController(r.ResponseWriter).Flush()
}

// Unwrap gives the writer below.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// observe writes one line to the log and one sample to the metrics per request.
func (a *API) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		rec := &recorder{ResponseWriter: w, place: &exchangeOf(r.Context()).place}
		next.ServeHTTP(rec, r)
		if rec.status == 0 {
			rec.status = http.StatusOK
		}
		took := time.Since(start)
		route := chi.RouteContext(r.Context()).RoutePattern()
		if route == "" || route == "/*" {
			route = "none" // an address that somebody made up must not become a label
		}
		a.metrics.observe(r.Method, route, rec.status, took)
		a.audit(r, route, rec.status)
		level := slog.LevelInfo
		if isHealth(route) {
			level = slog.LevelDebug // asked every few seconds by a load balancer
		}
		tracing.Route(r.Context(), r.Method, route)
		args := []any{"request_id", requestID(r.Context()), "method", r.Method, "route", route,
			"status", rec.status, "duration_seconds", took.Seconds(), "client", a.config.Proxies.Address(r).String()}
		if id := tracing.ID(r.Context()); id != "" {
			args = append(args, "trace_id", id)
		}
		if c := CallerOf(r.Context()); c != nil && c.ID != "" {
			args = append(args, "caller", c.ID)
		}
		a.log.Log(r.Context(), level, "request", args...)
	})
}

// secure sets what belongs on every answer beside what package front sets. Pages
// relax the policy.
func secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// recoverer turns a panic into a problem. net/http's own abort goes through.
func (a *API) recoverer(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(v)
			}
			a.panicked(r.Context(), v)
			if rec, ok := w.(*recorder); ok && rec.status == 0 {
				a.writeProblem(w, r, problem(codeInternal, "Something went wrong here. The log tells more under this request's id."))
			}
		}()
		next.ServeHTTP(w, r)
	})
}

func (a *API) panicked(ctx context.Context, v any) {
	a.log.ErrorContext(ctx, "panic", "error", fmt.Sprint(v), "request_id", requestID(ctx), "stack", string(debug.Stack()))
}

// readBody takes the body in whole before anything else looks at it: within
// its size, and JSON by its type. Package front bounds its time.
func (a *API) readBody(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Body == nil || r.Body == http.NoBody {
			next.ServeHTTP(w, r)
			return
		}
		limit := int64(maxBody)
		if r.URL.Path == pathBulk {
			limit = maxBulkBody
		}
		if r.ContentLength > limit { // it says so itself: nothing of it is read
			a.writeProblem(w, r, tooLarge(limit).with("Connection", "close"))
			return
		}
		counted := &countedReader{Reader: http.MaxBytesReader(w, r.Body, limit), all: &a.bodies}
		defer func() { a.bodies.Add(-counted.n) }()
		place := &exchangeOf(r.Context()).place
		place.giveBack() // the body comes when its sender likes
		body, err := readAll(counted, r.ContentLength)
		if err != nil {
			a.writeProblem(w, r, unreadable(err, limit))
			return
		}
		if len(body) > 0 && !isJSON(r.Header.Get("Content-Type")) {
			a.writeProblem(w, r, problem(codeMediaType, ""))
			return
		}
		if coding := r.Header.Get("Content-Encoding"); len(body) > 0 && coding != "" && coding != "identity" { // RFC 9110 section 8.4
			a.writeProblem(w, r, problem(codeMediaType, "The body is taken as it is, without a Content-Encoding."))
			return
		}
		if !utf8.Valid(body) { // RFC 8259 section 8.1; Go's decoder would put other text in its place
			a.writeProblem(w, r, problem(codeInvalidJSON, "The body is not UTF-8."))
			return
		}
		place.take(r.Context())
		r.Body = io.NopCloser(bytes.NewReader(body))
		next.ServeHTTP(w, r)
	})
}

// readAll is io.ReadAll that leaves less behind: it takes room as the body comes, in few
// steps, and hardly any beyond what is announced. announced is -1 when nobody knows.
func readAll(from io.Reader, announced int64) ([]byte, error) {
	const first, more = 16 << 10, 4
	whole := int(announced) + 1 // what finds the end needs a place, too
	if announced < 0 {
		whole = first
	}
	b := make([]byte, 0, min(first, whole))
	for {
		n, err := from.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if errors.Is(err, io.EOF) {
			return b, nil
		}
		if err != nil {
			return nil, err
		}
		if len(b) < cap(b) {
			continue
		}
		room := more * cap(b)
		if cap(b) < whole && room > whole/2 {
			room = whole
		}
		grown := make([]byte, len(b), room)
		copy(grown, b)
		b = grown
	}
}

// errBodies says that the bodies of all requests together are too large.
var errBodies = errors.New("too much is being sent at once")

// countedReader counts what it reads with what all others read.
type countedReader struct {
	io.Reader
	all *atomic.Int64
	n   int64
}

// Read is io.Reader's.
func (c *countedReader) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += int64(n)
	if c.all.Add(int64(n)) > maxBodies {
		return n, errBodies
	}
	return n, err
}

func unreadable(err error, limit int64) *Problem {
	if errors.Is(err, errBodies) {
		return problem(codeBusy, "").with("Retry-After", "1").with("Connection", "close")
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return tooLarge(limit)
	}
	if e, ok := errors.AsType[net.Error](err); ok && e.Timeout() {
		return problem(codeTimeout, "").with("Connection", "close")
	}
	return problem(codeInvalidJSON, "The body ended early.").with("Connection", "close")
}

func tooLarge(limit int64) *Problem {
	return problem(codeTooLarge, fmt.Sprintf("The body has more than the %d bytes that are allowed.", limit))
}

// boundAddress refuses an address that is longer than any that means something.
func (a *API) boundAddress(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.URL.Path)+len(r.URL.RawQuery) > maxAddress {
			a.writeProblem(w, r, problem(codeAddress, ""))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// isJSON takes no type at all for JSON, as curl users may leave it out with -H 'Content-Type:'.
func isJSON(contentType string) bool {
	if contentType == "" {
		return true
	}
	media, _, err := mime.ParseMediaType(contentType)
	return err == nil && (media == "application/json" || strings.HasPrefix(media, "application/") && strings.HasSuffix(media, "+json"))
}

// singleQuery refuses a parameter that comes twice: huma would read one of the
// values and drop the other. Only tag is repeated, because tags may hold commas.
// It also refuses what may not be empty and is: huma takes it for left out.
func (a *API) singleQuery(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var faults []Fault
		for name, values := range r.URL.Query() {
			if len(values) > 1 && name != "tag" {
				faults = append(faults, Fault{"query." + name, "must be given once; separate several values by commas"})
			}
			if values[0] == "" && slices.Contains([]string{"after", "before", "limit", "format", "outcome", "all"}, name) {
				faults = append(faults, Fault{"query." + name, "must not be empty; leave it out"})
			}
		}
		if len(faults) > 0 {
			a.writeProblem(w, r, faulty(tidy(faults)...))
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (a *API) notFound(w http.ResponseWriter, r *http.Request) {
	a.writeProblem(w, r, problem(codeNotFound, ""))
}

// methodNotAllowed names the methods that apply, as RFC 9110 section 15.5.6 asks.
func (a *API) methodNotAllowed(w http.ResponseWriter, r *http.Request) {
	routes := chi.RouteContext(r.Context()).Routes
	var allowed []string
	if r.URL.Path == pathBulk { // else it would be taken for a task's id
		allowed, routes = []string{http.MethodPost}, chi.NewRouter()
	}
	for _, m := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodDelete} {
		asked := m
		if m == http.MethodHead {
			asked = http.MethodGet
		}
		if routes.Match(chi.NewRouteContext(), asked, r.URL.EscapedPath()) {
			allowed = append(allowed, m)
		}
	}
	a.writeProblem(w, r, problem(codeMethod, "").with("Allow", strings.Join(allowed, ", ")))
}
