package tracing

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestWanted(t *testing.T) {
	t.Parallel()
	const endpoint, other = "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
	for name, tt := range map[string]struct {
		env   map[string]string
		want  bool
		fault string // empty: none
	}{
		"nothing":             {nil, false, ""},
		"endpoint":            {map[string]string{endpoint: "http://127.0.0.1:4318"}, true, ""},
		"endpoint of traces":  {map[string]string{other: "https://c.example/v1/traces"}, true, ""},
		"disabled":            {map[string]string{endpoint: "http://c:4318", "OTEL_SDK_DISABLED": "true"}, false, ""},
		"no exporter":         {map[string]string{endpoint: "http://c:4318", "OTEL_TRACES_EXPORTER": "none"}, false, ""},
		"another exporter":    {map[string]string{endpoint: "http://c:4318", "OTEL_TRACES_EXPORTER": "zipkin"}, false, "OTEL_TRACES_EXPORTER"},
		"no scheme":           {map[string]string{endpoint: "127.0.0.1:4318"}, false, endpoint},
		"no host":             {map[string]string{other: "http://"}, false, other},
		"gRPC":                {map[string]string{endpoint: "http://c:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, false, "OTEL_EXPORTER_OTLP_PROTOCOL"},
		"HTTP, said in words": {map[string]string{endpoint: "http://c:4318", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, true, ""},
	} {
		got, err := Wanted(func(name string) string { return tt.env[name] })
		if got != tt.want || (err == nil) != (tt.fault == "") {
			t.Errorf("%s: got %v, %v", name, got, err)
		}
		if err != nil && !strings.HasPrefix(err.Error(), tt.fault+":") {
			t.Errorf("%s: the error names no variable: %v", name, err)
		}
	}
}

func TestFaultsAreSaidOnceAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		n := &notices{log: slog.New(slog.NewTextHandler(&log, nil))}
		said := func() int { return strings.Count(log.String(), "\n") }
		for range 100 {
			n.Handle(errors.New("connection refused"))
			<-time.After(590 * time.Millisecond)
		}
		if said() != 1 {
			t.Errorf("%d lines within a minute", said())
		}
		<-time.After(time.Second)
		n.Handle(errors.New("connection refused"))
		if said() != 2 {
			t.Errorf("%d lines after a minute, want 2", said())
		}
	})
}
