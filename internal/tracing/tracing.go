// Package tracing makes OpenTelemetry spans of a task's life and sends them to a collector. No
// other package knows OpenTelemetry.
//
// One trace runs from the caller over the wait into the target of an http.request:
//
//	caller ─ POST /api/v1/tasks ─ submit default ┬ wait default
//	                                             ├ attempt default ─ POST (the target)
//	                                             ├ wait default
//	                                             └ attempt default ─ POST (the target)
//
// The context of the submit is kept in the task's record as a W3C traceparent, so it does not
// matter which process runs an attempt, or when. Without a collector nothing is traced; then the
// caller's traceparent, where there is one, is kept and handed on as it came.
//
// Names and attributes follow the semantic conventions for messaging and HTTP.
package tracing

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Tracer makes spans until Close. Nil makes none.
type Tracer struct {
	provider *sdk.TracerProvider
	tracer   trace.Tracer
}

// Config says whom the spans are from. Every field is needed.
type Config struct {
	Version string
	Roles   []string
	// Log is told when spans cannot be sent, at most once a minute.
	Log *slog.Logger
}

// Wanted reports whether the environment names a collector. The error names each variable that
// cannot be followed, and its rule; without a collector nobody reads them.
func Wanted(getenv func(string) string) (bool, error) {
	name := "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
	if getenv(name) == "" {
		name = "OTEL_EXPORTER_OTLP_ENDPOINT"
	}
	exporter := getenv("OTEL_TRACES_EXPORTER")
	if getenv(name) == "" || exporter == "none" || strings.EqualFold(getenv("OTEL_SDK_DISABLED"), "true") {
		return false, nil
	}
	if u, err := url.Parse(getenv(name)); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return false, fmt.Errorf("%s: must be a URL such as http://127.0.0.1:4318", name)
	}
	if exporter != "" && exporter != "otlp" {
		return false, fmt.Errorf("OTEL_TRACES_EXPORTER: must be otlp or none")
	}
	for _, name := range []string{"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"} {
		if v := getenv(name); v != "" && v != "http/protobuf" {
			return false, fmt.Errorf("%s: must be http/protobuf, which collectors take on port 4318", name)
		}
	}
	err := checkVariables(getenv)
	return err == nil, err
}

// Open starts a tracer that sends to the collector that the environment names. It does not wait
// for it: spans gather in memory, at most OTEL_BSP_MAX_QUEUE_SIZE of them, and those beyond are
// dropped. The error is a variable that cannot be followed.
func Open(ctx context.Context, c Config) (*Tracer, error) {
	// The SDK reports what goes wrong nowhere else.
	otel.SetErrorHandler(&notices{log: c.Log})
	host, err := os.Hostname()
	if err != nil {
		return nil, fmt.Errorf("open tracing: %w", err)
	}
	who, err := resource.New(ctx, resource.WithTelemetrySDK(), resource.WithAttributes(
		attribute.String("service.name", "windlass"),
		attribute.String("service.version", c.Version),
		attribute.String("host.name", host),
		attribute.Int("process.pid", os.Getpid()),
		attribute.StringSlice("windlass.roles", c.Roles),
	), resource.WithFromEnv()) // last, because it wins
	if err != nil {
		return nil, fmt.Errorf("read OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, fmt.Errorf("open the exporter of spans: %w", err)
	}
	provider := sdk.NewTracerProvider(sdk.WithResource(who), sdk.WithBatcher(exporter))
	return &Tracer{provider: provider, tracer: provider.Tracer("windlass", trace.WithInstrumentationVersion(c.Version))}, nil
}

// closeTimeout is how long the last spans may take to the collector.
const closeTimeout = 3 * time.Second

// Close sends the spans that have ended, as far as the collector takes them within 3 s.
func (t *Tracer) Close() error {
	if t == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	if err := t.provider.Shutdown(ctx); err != nil {
		return fmt.Errorf("send the last spans: %w", err)
	}
	return nil
}
