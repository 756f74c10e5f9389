package metric

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
)

// scrape gives what Prometheus would read.
func scrape(t *testing.T, r *Registry) string {
	t.Helper()
	w := httptest.NewRecorder()
	r.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != 200 {
		t.Fatalf("%d: %s", w.Code, w.Body)
	}
	return w.Body.String()
}

func TestLabelsFromOutsideAreBounded(t *testing.T) {
	t.Parallel()
	r := NewRegistry()
	c := r.Counter(AttemptsStarted)
	for i := range 2 * mostKinds {
		c.Add(1, fmt.Sprintf("kind%02d", i), "default")
	}
	c.Add(1, "kind00", strings.Repeat("x", maxLabel+1))
	c.Add(1, "kind00", "")
	text := scrape(t, r)
	if n := strings.Count(text, AttemptsStarted+"{"); n != mostKinds+2 {
		t.Errorf("there are %d series, want %d", n, mostKinds+2)
	}
	for _, want := range []string{
		fmt.Sprintf(`{kind="other",queue="default"} %d`, mostKinds), `{kind="kind49",queue="default"} 1`, `{kind="kind00",queue="other"} 2`,
	} {
		if !strings.Contains(text, AttemptsStarted+want) {
			t.Errorf("there is no %s in\n%s", want, text)
		}
	}
}

func TestLabelsWithKnownValuesHaveNoOther(t *testing.T) {
	t.Parallel()
	r := NewRegistry()
	h := r.Histogram(HTTPRequestDuration)
	h.Observe(.1, "GET", "/", "200")
	h.Observe(.1, "BREW", "/", "200")
	r.Counter(SweeperRepairs)
	text := scrape(t, r)
	for _, want := range []string{
		HTTPRequestDuration + `_count{method="GET",route="/",status="200"} 1`, HTTPRequestDuration + `_count{method="other",route="/",status="200"} 1`,
		SweeperRepairs + `{sort="timed"} 0`, "go_goroutines",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("there is no %s", want)
		}
	}
}

// What is read is added up where a label is bounded: the same series twice would fail the answer.
func TestReadingAddsUpWhatIsOther(t *testing.T) {
	t.Parallel()
	r := NewRegistry()
	present := false
	r.Reading(func(tell Tell) {
		for i := 0; present && i < mostQueues+3; i++ {
			tell(QueueBacklog, 2, fmt.Sprintf("queue%03d", i))
		}
	}, QueueBacklog)
	if strings.Contains(scrape(t, r), QueueBacklog) {
		t.Error("it is told though there is none")
	}
	present = true
	text := scrape(t, r)
	if n := strings.Count(text, QueueBacklog+"{"); n != mostQueues+1 || !strings.Contains(text, QueueBacklog+`{queue="other"} 6`) {
		t.Errorf("there are %d series of\n%s", n, text)
	}
}

func TestUndeclaredMetricsPanic(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]func(*Registry){
		"undeclared":    func(r *Registry) { r.Counter("windlass_surprises_total") },
		"other type":    func(r *Registry) { r.Gauge(AttemptsStarted) },
		"twice":         func(r *Registry) { r.Gauge(EventStreams); r.Gauge(EventStreams) },
		"labels":        func(r *Registry) { r.Counter(AttemptsStarted).Add(1, "kind") },
		"read of a sum": func(r *Registry) { r.Reading(func(Tell) {}, AttemptDuration) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			defer func() {
				if recover() == nil {
					t.Error("nobody noticed")
				}
			}()
			f(NewRegistry())
		})
	}
}
