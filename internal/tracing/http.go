package tracing

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/propagation"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Handler makes a span of each request to the API, as a child of the caller's where it sends a
// valid traceparent. A nil Tracer puts the caller's context into the request's and does no more.
func (t *Tracer) Handler(next http.Handler) http.Handler {
	if t == nil {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if value := r.Header.Get(header); value != "" {
				r = r.WithContext(remote(r.Context(), value))
			}
			next.ServeHTTP(w, r)
		})
	}
	return otelhttp.NewHandler(next, "",
		otelhttp.WithTracerProvider(t.provider), otelhttp.WithPropagators(w3c{}), unmeasured(),
		otelhttp.WithFilter(traced), otelhttp.WithSpanNameFormatter(spanName))
}

// spanName names a span that begins, whose route is not known yet and whose method may be anything
// that somebody made up, and leaves one that Route has named alone.
func spanName(_ string, r *http.Request) string {
	if span, ok := trace.SpanFromContext(r.Context()).(sdk.ReadOnlySpan); ok {
		return span.Name()
	}
	return "HTTP"
}

// unmeasured is because /metrics has the numbers already.
func unmeasured() otelhttp.Option { return otelhttp.WithMeterProvider(noop.NewMeterProvider()) }

// traced leaves out the documents and health checks, and event streams, which last for hours.
func traced(r *http.Request) bool {
	return strings.HasPrefix(r.URL.Path, "/api/") && !strings.HasSuffix(r.URL.Path, "/events")
}

// Route names the span of the request that ctx belongs to by its method and its route. A method
// that somebody made up is HTTP, as the conventions have it.
func Route(ctx context.Context, method, route string) {
	if span := trace.SpanFromContext(ctx); span.IsRecording() {
		if !slices.Contains([]string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}, method) {
			method = "HTTP"
		}
		span.SetName(method + " " + route)
		span.SetAttributes(attribute.String("http.route", route))
	}
}

// Transport makes a span of each request that goes through base, where its context has one, and
// hands that on to the target. Other requests go through base as they are.
func Transport(base http.RoundTripper) http.RoundTripper { return newTransport(base, w3c{}) }

// Quiet is Transport for requests whose targets are strangers: they are told nothing of the trace.
func Quiet(base http.RoundTripper) http.RoundTripper {
	return newTransport(base, propagation.NewCompositeTextMapPropagator())
}

func newTransport(base http.RoundTripper, p propagation.TextMapPropagator) http.RoundTripper {
	return transport{base, otelhttp.NewTransport(discreet{base}, otelhttp.WithPropagators(p), unmeasured())}
}

// transport spares requests that nobody traces the cost of it.
type transport struct{ plain, traced http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if trace.SpanFromContext(r.Context()).IsRecording() {
		res, err := t.traced.RoundTrip(r)
		if untold, ok := errors.AsType[*untoldError](err); ok {
			err = untold.error
		}
		return res, err
	}
	return t.plain.RoundTrip(r)
}

// discreet keeps what may be a secret out of the span: a URL's query, fragment and credentials, and
// the words of a fault, which may repeat what the target sent back.
type discreet struct{ base http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (d discreet) RoundTrip(r *http.Request) (*http.Response, error) {
	if span := trace.SpanFromContext(r.Context()); span.IsRecording() {
		shown := url.URL{Scheme: r.URL.Scheme, Host: r.URL.Host, Path: r.URL.Path}
		span.SetAttributes(attribute.String("url.full", shown.String())) // the last one counts
	}
	res, err := d.base.RoundTrip(r)
	if err != nil {
		return res, &untoldError{err}
	}
	return res, nil
}

// untoldError is what the span is told of a fault. The caller gets the fault itself.
type untoldError struct{ error }

// Error tells nothing but that there is one.
func (*untoldError) Error() string { return "no answer; the task's log tells why" }
