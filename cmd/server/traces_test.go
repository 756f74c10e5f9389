package main

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"windlass/internal/redistest"
	"windlass/internal/task"
)

// receiver is a collector of spans.
type receiver struct {
	url string

	mu    sync.Mutex
	spans []*otlp.Span
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		if err := r.take(request); err != nil {
			t.Errorf("%s: %v", request.URL, err)
			w.WriteHeader(http.StatusBadRequest)
		}
	}))
	t.Cleanup(server.Close)
	r.url = server.URL
	return r
}

func (r *receiver) take(request *http.Request) error {
	if request.URL.Path != "/v1/traces" || request.Header.Get("Content-Type") != "application/x-protobuf" {
		return fmt.Errorf("not a request for spans: %v", request.Header)
	}
	var from io.Reader = request.Body
	if request.Header.Get("Content-Encoding") == "gzip" {
		unzipped, err := gzip.NewReader(request.Body)
		if err != nil {
			return err
		}
		from = unzipped
	}
	body, err := io.ReadAll(from)
	if err != nil {
		return err
	}
	var in collector.ExportTraceServiceRequest
	if err := proto.Unmarshal(body, &in); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, resource := range in.ResourceSpans {
		for _, scope := range resource.ScopeSpans {
			r.spans = append(r.spans, scope.Spans...)
		}
	}
	return nil
}

// named gives the spans of that name in the trace, in the order of their start.
func (r *receiver) named(trace, name string) []*otlp.Span {
	r.mu.Lock()
	defer r.mu.Unlock()
	var found []*otlp.Span
	for _, s := range r.spans {
		if hex.EncodeToString(s.TraceId) == trace && s.Name == name {
			found = append(found, s)
		}
	}
	slices.SortFunc(found, func(a, b *otlp.Span) int { return cmp.Compare(a.StartTimeUnixNano, b.StartTimeUnixNano) })
	return found
}

func (r *receiver) names() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []string
	for _, s := range r.spans {
		all = append(all, fmt.Sprintf("%x %x<%x %s", s.TraceId, s.SpanId, s.ParentSpanId, s.Name))
	}
	return strings.Join(all, "\n")
}

// calls is a target that fails at first and notes each traceparent.
type calls struct {
	mu   sync.Mutex
	seen []string
}

func (c *calls) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.seen = append(c.seen, r.Header.Get("Traceparent")); len(c.seen) == 1 {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
}

const (
	callersTrace = "0af7651916cd43dd8448eb211c80319c"
	callersSpan  = "b7ad6b7169203331"
)

// submitTraced hands in a call of target as a caller that traces, and gives the ended task.
func submitTraced(t *testing.T, c *child, target, traceparent string) task.Task {
	t.Helper()
	body := fmt.Sprintf(`{"kind":"http.request","input":{"url":%q},"policy":{"min_backoff":"20ms","max_backoff":"20ms"}}`, target+"/hook?token=secret")
	r, err := http.NewRequest("POST", c.url+"/api/v1/tasks", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Prefer", "wait=30")
	r.Header.Set("Traceparent", traceparent)
	got := c.do(r)
	if got.State != task.Succeeded || len(got.Attempts) != 2 {
		t.Fatalf("got %s after %d attempts, %+v", got.State, len(got.Attempts), got.Error)
	}
	return got
}

// TestOneTraceFromTheCallerToTheTarget has a caller, and a target that fails once.
func TestOneTraceFromTheCallerToTheTarget(t *testing.T) {
	for name, roles := range map[string][]string{
		"in one process":        {"all"},
		"in separate processes": {"api", "worker"},
	} {
		t.Run(name, func(t *testing.T) {
			spans, hooks := newReceiver(t), &calls{}
			target := httptest.NewServer(hooks)
			t.Cleanup(target.Close)
			variables := []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + spans.url}
			redis := redistest.Start(t)
			var fleet []*child
			for _, role := range roles {
				fleet = append(fleet, startWith(t, variables, "-role", role, "-redis-url", redis.URL(), "-egress-allow", "127.0.0.0/8"))
			}
			got := submitTraced(t, fleet[0], target.URL, "00-"+callersTrace+"-"+callersSpan+"-01")
			if got.TraceID != callersTrace {
				t.Errorf("the task shows the trace %q", got.TraceID)
			}
			for _, c := range fleet { // the last spans are sent at the end
				if code := c.stop(); code != 0 {
					t.Errorf("exit code %d", code)
				}
			}
			checkTrace(t, spans, hooks)
			for _, c := range fleet {
				if !c.hasLine(`"trace_id":"` + callersTrace + `"`) {
					t.Errorf("the log of %v does not name the trace", c.cmd.Args)
				}
			}
		})
	}
}

func checkTrace(t *testing.T, spans *receiver, hooks *calls) {
	t.Helper()
	one := func(name string, many int) []*otlp.Span {
		found := spans.named(callersTrace, name)
		if len(found) != many {
			t.Fatalf("%d spans %q in the caller's trace, want %d:\n%s", len(found), name, many, spans.names())
		}
		return found
	}
	child := func(of, what *otlp.Span) {
		if !bytes.Equal(what.ParentSpanId, of.SpanId) {
			t.Errorf("%s is not a child of %s:\n%s", what.Name, of.Name, spans.names())
		}
	}
	request := one("POST /api/v1/tasks", 1)[0]
	if hex.EncodeToString(request.ParentSpanId) != callersSpan {
		t.Errorf("the request is not a child of the caller's span")
	}
	submit := one("submit default", 1)[0]
	child(request, submit)
	waits, attempts, outbound := one("wait default", 2), one("attempt default", 2), one("HTTP GET", 2)
	before := submit.StartTimeUnixNano
	for i := range 2 {
		child(submit, waits[i])
		child(submit, attempts[i])
		child(attempts[i], outbound[i])
		if links := attempts[i].Links; len(links) != 1 || !bytes.Equal(links[0].SpanId, submit.SpanId) {
			t.Errorf("attempt %d has the links %v", i+1, links)
		}
		if waits[i].EndTimeUnixNano != attempts[i].StartTimeUnixNano {
			t.Errorf("wait %d does not end where its attempt begins", i+1)
		}
		// Times of records are whole milliseconds.
		if waits[i].StartTimeUnixNano+uint64(2*time.Millisecond) < before {
			t.Errorf("wait %d begins before what it follows has ended", i+1)
		}
		before = attempts[i].EndTimeUnixNano
		if want := fmt.Sprintf("00-%s-%x-01", callersTrace, outbound[i].SpanId); hooks.seen[i] != want {
			t.Errorf("the target was told %q, want %q", hooks.seen[i], want)
		}
		if text := outbound[i].String(); strings.Contains(text, "secret") || !strings.Contains(text, "/hook") {
			t.Errorf("the span of the call tells %s", text)
		}
	}
	if attempts[0].Status.GetCode() != otlp.Status_STATUS_CODE_ERROR || attempts[1].Status.GetCode() == otlp.Status_STATUS_CODE_ERROR {
		t.Errorf("the attempts ended with %v and %v", attempts[0].Status, attempts[1].Status)
	}
}

// Without a collector the caller's context goes to the target as it came, and one that is not
// valid goes nowhere.
func TestContextIsHandedOnWithoutACollector(t *testing.T) {
	c := start(t, "-egress-allow", "127.0.0.0/8")
	for traceparent, want := range map[string]string{
		"00-" + callersTrace + "-" + callersSpan + "-01": "00-" + callersTrace + "-" + callersSpan + "-01",
		"00-" + callersTrace + "-0000000000000000-01":    "",
	} {
		hooks := &calls{}
		target := httptest.NewServer(hooks)
		t.Cleanup(target.Close)
		if got := submitTraced(t, c, target.URL, traceparent); got.TraceID != "" != (want != "") {
			t.Errorf("the task shows the trace %q", got.TraceID)
		}
		for _, seen := range hooks.seen {
			if seen != want {
				t.Errorf("the target was told %q, want %q", seen, want)
			}
		}
	}
}

func TestADeadCollectorCostsNothing(t *testing.T) {
	stuck := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // else the server would not notice that the caller has gone
		<-r.Context().Done()
	}))
	t.Cleanup(stuck.Close)
	for name, collector := range map[string]string{"refuses": "http://127.0.0.1:1", "hangs": stuck.URL} {
		t.Run(name, func(t *testing.T) {
			c := startWith(t, []string{
				"OTEL_EXPORTER_OTLP_ENDPOINT=" + collector,
				"OTEL_BSP_SCHEDULE_DELAY=10", // ms: it is tried often
				"OTEL_BSP_MAX_QUEUE_SIZE=8",  // and more spans come than it holds
			})
			for range 50 {
				if got := c.submit("wait=20", `{"kind":"demo.echo","input":{"message":1}}`); got.State != task.Succeeded {
					t.Fatalf("got %s", got.State)
				}
			}
			if code := c.stop(); code != 0 {
				t.Errorf("exit code %d", code)
			}
			c.mu.Lock()
			defer c.mu.Unlock()
			if said := strings.Count(c.log.String(), "spans"); said > 2 { // one a minute, and one at the end
				t.Errorf("%d lines about spans", said)
			}
		})
	}
}

// hasLine reports whether a line of the log has the text. The child has ended.
func (c *child) hasLine(text string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return strings.Contains(c.log.String(), text)
}
