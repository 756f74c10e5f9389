package tracing

import (
	"context"
	"encoding/hex"
	"strings"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// header is the name of the W3C header in the form of http.Header.
const header = "Traceparent"

// parse reads a traceparent. What is not valid gives an invalid context: a broken one starts no
// trace (Trace Context section 3.2.2). OpenTelemetry's own reader refuses flags that it does not
// know, which the same section forbids.
func parse(value string) trace.SpanContext {
	const length = 55
	if len(value) < length || len(value) > 256 {
		return trace.SpanContext{}
	}
	version, rest := value[:2], value[length:]
	if version == "ff" || version == "00" && rest != "" || rest != "" && rest[0] != '-' {
		return trace.SpanContext{}
	}
	parts := strings.Split(value[:length], "-")
	if len(parts) != 4 || len(parts[1]) != 32 || len(parts[2]) != 16 {
		return trace.SpanContext{}
	}
	var all []byte
	for _, p := range parts {
		b, err := hex.DecodeString(p)
		if err != nil || p != strings.ToLower(p) {
			return trace.SpanContext{}
		}
		all = append(all, b...)
	}
	c := trace.SpanContextConfig{Remote: true, TraceFlags: trace.TraceFlags(all[25]) & trace.FlagsSampled}
	copy(c.TraceID[:], all[1:])
	copy(c.SpanID[:], all[17:])
	return trace.NewSpanContext(c)
}

// w3c reads as parse does and writes as OpenTelemetry does. tracestate is not handed on: a
// record does not keep it.
type w3c struct{ propagation.TraceContext }

// Extract implements propagation.TextMapPropagator.
func (w3c) Extract(ctx context.Context, from propagation.TextMapCarrier) context.Context {
	return remote(ctx, from.Get(header))
}

// remote puts the context that a traceparent names into ctx, if it is valid.
func remote(ctx context.Context, traceparent string) context.Context {
	if c := parse(traceparent); c.IsValid() {
		return trace.ContextWithRemoteSpanContext(ctx, c)
	}
	return ctx
}

// Traceparent gives the trace context of ctx as W3C text, empty where there is none.
func Traceparent(ctx context.Context) string {
	if !trace.SpanContextFromContext(ctx).IsValid() {
		return "" // as for most, where nothing is traced
	}
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	return carrier["traceparent"]
}

// ID gives the id of the trace that ctx belongs to, empty where there is none.
func ID(ctx context.Context) string { return id(trace.SpanContextFromContext(ctx)) }

// IDOf gives the id of the trace that a traceparent names, empty where it names none.
func IDOf(traceparent string) string { return id(parse(traceparent)) }

func id(c trace.SpanContext) string {
	if !c.HasTraceID() {
		return ""
	}
	return c.TraceID().String()
}
