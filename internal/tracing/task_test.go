package tracing

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"windlass/internal/task"
)

// recorded gives a tracer and what keeps its spans.
func recorded(t *testing.T) (*Tracer, *tracetest.SpanRecorder) {
	t.Helper()
	spans := tracetest.NewSpanRecorder()
	provider := sdk.NewTracerProvider(sdk.WithSpanProcessor(spans))
	return &Tracer{provider: provider, tracer: provider.Tracer("test")}, spans
}

func TestSubmitIsLinkedToTheTaskThatAnswersIt(t *testing.T) {
	t.Parallel()
	tracer, spans := recorded(t)
	_, span := tracer.Submit(t.Context(), "default", "test")
	span.Accepted(&task.Task{ID: "tsk_1", Traceparent: good}, "cached", nil)
	_, span = tracer.Submit(t.Context(), "default", "test")
	span.Accepted(&task.Task{ID: "tsk_2", Traceparent: good}, "", nil) // it is its own
	_, span = tracer.Submit(t.Context(), "default", "test")
	span.Accepted(nil, "", errors.New("the store is away"))
	ended := spans.Ended()
	if links := ended[0].Links(); len(links) != 1 || links[0].SpanContext.TraceID().String() != IDOf(good) {
		t.Errorf("the submit that another task answers has the links %v", links)
	}
	if links := ended[1].Links(); len(links) != 0 {
		t.Errorf("a submit of its own has the links %v", links)
	}
	if ended[2].Status().Code != codes.Error {
		t.Errorf("the submit that failed has the status %v", ended[2].Status())
	}
}

func TestWaitBeginsWhereItShould(t *testing.T) {
	t.Parallel()
	at := func(s int) time.Time { return time.Date(2026, 1, 1, 0, 0, s, 0, time.UTC) }
	attempt := func(outcome task.Outcome, end int) task.Attempt {
		if outcome == "" {
			return task.Attempt{StartedAt: at(50)}
		}
		ended := at(end)
		return task.Attempt{Outcome: outcome, FinishedAt: &ended}
	}
	running := attempt("", 0)
	for name, tt := range map[string]struct {
		attempts []task.Attempt
		used     int
		want     int
	}{
		"handed in":                        {[]task.Attempt{running}, 0, 1},
		"after a failure":                  {[]task.Attempt{attempt(task.OutcomeFailed, 20), running}, 1, 20},
		"after a lost attempt":             {[]task.Attempt{attempt(task.OutcomeLost, 20), running}, 0, 20},
		"after a worker shut down":         {[]task.Attempt{attempt(task.OutcomeReleased, 20), running}, 0, 20},
		"retried by hand after a success":  {[]task.Attempt{attempt(task.OutcomeSucceeded, 20), running}, 0, 40},
		"retried by hand after the last":   {[]task.Attempt{attempt(task.OutcomeFailed, 20), running}, 0, 40},
		"retried by hand after a cancel":   {[]task.Attempt{attempt(task.OutcomeCanceled, 20), running}, 0, 40},
		"after two failures, the last one": {[]task.Attempt{attempt(task.OutcomeFailed, 10), attempt(task.OutcomeFailed, 30), running}, 2, 30},
	} {
		of := &task.Task{CreatedAt: at(1), RunAt: at(40), Attempts: tt.attempts, AttemptsUsed: tt.used}
		if got := waitsSince(of); !got.Equal(at(tt.want)) {
			t.Errorf("%s: it waits since %s, want %s", name, got, at(tt.want))
		}
	}
}

func TestAttemptWithoutATracedSubmitIsATraceOfItsOwn(t *testing.T) {
	t.Parallel()
	tracer, spans := recorded(t)
	ctx, span := tracer.Attempt(t.Context(), &task.Task{ID: "tsk_1", Queue: "default"}, 1, time.Now())
	span.Ended(task.OutcomeLost, nil)
	ended := spans.Ended()
	if len(ended) != 1 || ended[0].Parent().IsValid() || len(ended[0].Links()) != 0 || ended[0].Status().Code != codes.Error {
		t.Errorf("got %v", ended)
	}
	if ID(ctx) != ended[0].SpanContext().TraceID().String() {
		t.Errorf("its context is of the trace %q", ID(ctx))
	}
}

// What the caller decided not to keep is not kept, and its context goes on.
func TestUnsampledTraceStaysSo(t *testing.T) {
	t.Parallel()
	tracer, spans := recorded(t)
	ctx, span := tracer.Submit(remote(t.Context(), good[:53]+"00"), "default", "test")
	span.Accepted(&task.Task{ID: "tsk_1"}, "", nil)
	kept := Traceparent(ctx)
	if IDOf(kept) != IDOf(good) || kept[53:] != "00" {
		t.Errorf("the record keeps %q", kept)
	}
	ctx, span = tracer.Attempt(t.Context(), &task.Task{ID: "tsk_1", Traceparent: kept}, 1, time.Now())
	span.Ended(task.OutcomeSucceeded, nil)
	if len(spans.Ended()) != 0 || IDOf(Traceparent(ctx)) != IDOf(good) {
		t.Errorf("%d spans are kept, and the attempt is of %q", len(spans.Ended()), Traceparent(ctx))
	}
}

// A site that is audited is a stranger: it is not told of the trace.
func TestQuietTellsNothing(t *testing.T) {
	t.Parallel()
	tracer, spans := recorded(t)
	told := make(chan string, 1)
	site := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { told <- r.Header.Get("Traceparent") }))
	t.Cleanup(site.Close)
	ctx, span := tracer.Attempt(t.Context(), &task.Task{Queue: "default", Traceparent: good}, 1, time.Now())
	for name, tt := range map[string]struct {
		transport http.RoundTripper
		ctx       context.Context
		spans     int
		tells     bool
	}{
		"quiet":      {Quiet(http.DefaultTransport), ctx, 1, false},
		"not traced": {Transport(http.DefaultTransport), remote(t.Context(), good), 0, false},
		"traced":     {Transport(http.DefaultTransport), ctx, 1, true},
	} {
		before := len(spans.Ended())
		r, err := http.NewRequestWithContext(tt.ctx, http.MethodGet, site.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := tt.transport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		if got := <-told; (got != "") != tt.tells {
			t.Errorf("%s: the site was told %q", name, got)
		}
		if n := len(spans.Ended()) - before; n != tt.spans {
			t.Errorf("%s: %d spans, want %d", name, n, tt.spans)
		}
	}
	span.Ended(task.OutcomeSucceeded, nil)
}
