package tracing

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestVariablesThatCannotBeFollowed(t *testing.T) {
	t.Parallel()
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, value, names string }{
		{"OTEL_BSP_MAX_QUEUE_SIZE", "-3", "OTEL_BSP_MAX_QUEUE_SIZE"}, // The SDK panics.
		{"OTEL_BSP_MAX_QUEUE_SIZE", "99999999999", "OTEL_BSP_MAX_QUEUE_SIZE"},
		{"OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "0", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE"},
		{"OTEL_BSP_SCHEDULE_DELAY", "5s", "OTEL_BSP_SCHEDULE_DELAY"},
		{"OTEL_SPAN_LINK_COUNT_LIMIT", "many", "OTEL_SPAN_LINK_COUNT_LIMIT"},
		{"OTEL_TRACES_SAMPLER", "sometimes", "OTEL_TRACES_SAMPLER"},
		{"OTEL_EXPORTER_OTLP_TIMEOUT", "abc", "OTEL_EXPORTER_OTLP_TIMEOUT"},
		{"OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "zip", "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION"},
		{"OTEL_EXPORTER_OTLP_HEADERS", "a=b,hush-hush", "OTEL_EXPORTER_OTLP_HEADERS"},
		{"OTEL_EXPORTER_OTLP_CERTIFICATE", filepath.Join(t.TempDir(), "none.pem"), "OTEL_EXPORTER_OTLP_CERTIFICATE"},
		{"OTEL_EXPORTER_OTLP_CERTIFICATE", empty, "OTEL_EXPORTER_OTLP_CERTIFICATE"},
		{"OTEL_EXPORTER_OTLP_CLIENT_KEY", "key.pem", "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE and _KEY"},
	} {
		env := map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", tt.name: tt.value}
		_, err := Wanted(func(name string) string { return env[name] })
		if err == nil || !strings.HasPrefix(err.Error(), tt.names+": ") {
			t.Errorf("%s=%s: %v", tt.name, tt.value, err)
		} else if strings.Contains(err.Error(), "hush-hush") {
			t.Errorf("a header's value is shown: %v", err)
		}
		delete(env, "OTEL_EXPORTER_OTLP_ENDPOINT")
		if wanted, err := Wanted(func(name string) string { return env[name] }); wanted || err != nil {
			t.Errorf("%s without a collector: %v, %v", tt.name, wanted, err)
		}
	}
	for _, arg := range []string{"7", "-0.1", "half", "NaN"} {
		env := map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": arg}
		if _, err := Wanted(func(name string) string { return env[name] }); err == nil || !strings.HasPrefix(err.Error(), "OTEL_TRACES_SAMPLER_ARG: ") {
			t.Errorf("ratio %s: %v", arg, err)
		}
	}
}

func TestVariablesThatAreFollowed(t *testing.T) {
	t.Parallel()
	env := map[string]string{
		"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_TRACES_SAMPLER": "TraceIdRatio", "OTEL_TRACES_SAMPLER_ARG": "0.25",
		"OTEL_EXPORTER_OTLP_HEADERS": "authorization=Bearer%20x, x-tenant=a=b", "OTEL_EXPORTER_OTLP_TIMEOUT": "2000",
		"OTEL_EXPORTER_OTLP_COMPRESSION": "gzip", "OTEL_BSP_MAX_QUEUE_SIZE": "4096", "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": "-1",
	}
	if wanted, err := Wanted(func(name string) string { return env[name] }); !wanted || err != nil {
		t.Errorf("got %v, %v", wanted, err)
	}
}
