package worker

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"windlass/internal/metric"
	"windlass/internal/redistest"
	"windlass/internal/store"
	"windlass/internal/task"
)

type in struct {
	Message string `json:"message"`
}

// bench is one store on a real Redis and the means to run workers on it.
type bench struct {
	*store.Store
	t      *testing.T
	redis  *redistest.Server
	client redis.UniversalClient
}

const lease = time.Second

func newBench(t *testing.T) *bench {
	t.Helper()
	return newBenchWith(t, store.Options{})
}

func newBenchWith(t *testing.T, o store.Options) *bench {
	t.Helper()
	server := redistest.Start(t)
	s, client := newStore(t, server.URL(), o)
	return &bench{s, t, server, client}
}

// newStore gives a store of its own, as another process has.
func newStore(t *testing.T, url string, o store.Options) (*store.Store, redis.UniversalClient) {
	t.Helper()
	client, err := store.Connect(store.Address{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	if o.Lease == 0 {
		o.Lease = lease
	}
	s, err := store.New(client, o)
	if err != nil {
		t.Fatal(err)
	}
	return s, client
}

// work is the function of the tests' one kind.
type work func(ctx context.Context, in in, run *task.Run) (in, error)

// start runs a worker with one kind "test" until the returned function is called.
func (b *bench) start(drain time.Duration, fn work) (stop func()) {
	b.t.Helper()
	return b.startWith(func(c *Config) { c.Drain = drain }, fn)
}

func (b *bench) startWith(change func(*Config), fn work) (stop func()) {
	b.t.Helper()
	kind := task.Definition[in, in]{
		Name: "test", Title: "Test", Queue: "default", Policy: policy,
		Subject: func(in) string { return "" }, Run: fn,
	}.Kind()
	c := Config{
		Store: b.Store, Kinds: []task.Kind{kind}, Queues: map[string]int{"default": 2, "low": 1},
		Concurrency: 4, Version: "test", Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Metrics: NewMetrics(metric.NewRegistry()),
	}
	change(&c)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, c) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			if err := <-ended; err != nil {
				b.t.Errorf("Run: %v", err)
			}
		})
	}
	b.t.Cleanup(stop)
	return stop
}

var policy = task.Policy{
	MaxAttempts: 3, MinBackoff: task.Duration(10 * time.Millisecond), MaxBackoff: task.Duration(20 * time.Millisecond),
	Timeout: task.Duration(30 * time.Second), Deadline: task.Duration(time.Minute),
}

func (b *bench) submit(change func(*store.Submission)) string {
	b.t.Helper()
	sub := store.Submission{Kind: "test", Queue: "default", Input: json.RawMessage(`{"message":"m"}`), Policy: policy}
	if change != nil {
		change(&sub)
	}
	got, err := b.Submit(b.t.Context(), sub)
	if err != nil {
		b.t.Fatal(err)
	}
	return got.Task.ID
}

// wait gives the task once the condition holds.
func (b *bench) wait(id string, until func(*task.Task) bool) *task.Task {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), 20*time.Second)
	defer cancel()
	w, _, err := b.Watch(ctx, id, "")
	if err != nil {
		b.t.Fatal(err)
	}
	defer w.Close()
	for {
		got, err := b.Get(ctx, id)
		if err != nil {
			b.t.Fatal(err)
		}
		if until(got) {
			return got
		}
		select {
		case <-w.C:
			w.Take()
		case <-ctx.Done():
			b.t.Fatalf("task stayed %+v", got)
		}
	}
}

func final(t *task.Task) bool { return t.State.Final() }

func echo(_ context.Context, in in, _ *task.Run) (in2 in, err error) { return in, nil }

func TestRunSucceeds(t *testing.T) {
	b := newBench(t)
	b.start(0, echo)
	got := b.wait(b.submit(nil), final)
	if got.State != task.Succeeded || string(got.Result) != `{"message":"m"}` || len(got.Attempts) != 1 {
		t.Errorf("got %+v", got)
	}
}

func TestRetriesThenFails(t *testing.T) {
	b := newBench(t)
	b.start(0, func(context.Context, in, *task.Run) (in, error) { return in{}, errors.New("no luck") })
	got := b.wait(b.submit(nil), final)
	if got.State != task.Failed || got.AttemptsUsed != 3 || len(got.Attempts) != 3 || got.Error.Message != "no luck" {
		t.Errorf("got %+v", got)
	}
}

func TestPermanentErrorIsNotRetried(t *testing.T) {
	b := newBench(t)
	b.start(0, func(context.Context, in, *task.Run) (in, error) {
		return in{}, task.Permanent(&task.Error{Code: "gone", Message: "It is gone."})
	})
	got := b.wait(b.submit(nil), final)
	if got.State != task.Failed || got.AttemptsUsed != 1 || got.Error.Code != "gone" {
		t.Errorf("got %+v", got)
	}
}

func TestPanicIsAFailureWithoutItsText(t *testing.T) {
	b := newBench(t)
	b.start(0, func(context.Context, in, *task.Run) (in, error) { panic("secret stack") })
	got := b.wait(b.submit(nil), final)
	if got.Error == nil || got.Error.Code != "panic" || got.AttemptsUsed != 3 {
		t.Errorf("got %+v", got.Error)
	}
}

func TestTimeout(t *testing.T) {
	b := newBench(t)
	b.start(0, func(ctx context.Context, _ in, _ *task.Run) (in, error) { <-ctx.Done(); return in{}, ctx.Err() })
	id := b.submit(func(s *store.Submission) {
		s.Policy.Timeout, s.Policy.MaxAttempts = task.Duration(50*time.Millisecond), 1
	})
	if got := b.wait(id, final); got.State != task.Failed || got.Error.Code != "timeout" {
		t.Errorf("got %s %+v", got.State, got.Error)
	}
}

func TestCancelWhileActive(t *testing.T) {
	b := newBench(t)
	b.start(0, func(ctx context.Context, _ in, _ *task.Run) (in, error) { <-ctx.Done(); return in{}, ctx.Err() })
	id := b.submit(nil)
	b.wait(id, func(t *task.Task) bool { return t.State == task.Active })
	if state, err := b.Cancel(t.Context(), id); err != nil || state != task.Active {
		t.Fatalf("Cancel: %s, %v", state, err)
	}
	got := b.wait(id, final)
	if got.State != task.Canceled || len(got.Attempts) != 1 || got.Attempts[0].Outcome != task.OutcomeCanceled {
		t.Errorf("got %+v", got)
	}
}

func TestReportsArrive(t *testing.T) {
	b := newBench(t)
	b.start(0, func(_ context.Context, in in, run *task.Run) (in2 in, err error) {
		run.Logf(slog.LevelInfo, "reading %s", "it")
		run.Progress(1, 2, "half")
		return in, nil
	})
	id := b.submit(nil)
	got := b.wait(id, final)
	if got.Progress == nil || got.Progress.Message != "half" {
		t.Errorf("progress %+v", got.Progress)
	}
	logs, err := b.Logs(t.Context(), id, 0, 10)
	if err != nil || len(logs.Lines) != 1 || logs.Lines[0].Message != "reading it" {
		t.Errorf("logs %+v, %v", logs, err)
	}
}

// A process that is told to end while it starts has not failed.
func TestShutdownDuringTheStart(t *testing.T) {
	b := newBench(t)
	b.start(0, echo)() // the end comes before, during or after the start
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c := Config{Store: b.Store, Queues: map[string]int{"new": 1}, Concurrency: 1, Log: slog.New(slog.DiscardHandler)}
	if err := Run(ctx, c); err != nil {
		t.Errorf("Run: %v", err)
	}
}

func TestShutdownHandsBackUncharged(t *testing.T) {
	b := newBench(t)
	stop := b.start(0, func(ctx context.Context, _ in, run *task.Run) (in, error) {
		if err := run.Checkpoint("half"); err != nil {
			return in{}, err
		}
		<-ctx.Done()
		return in{}, ctx.Err()
	})
	id := b.submit(nil)
	b.wait(id, func(t *task.Task) bool { return t.State == task.Active })
	stop()
	got := b.wait(id, func(t *task.Task) bool { return t.State == task.Pending })
	if got.AttemptsUsed != 0 || got.Attempts[0].Outcome != task.OutcomeReleased {
		t.Errorf("after shutdown: %+v", got)
	}

	resumed := make(chan string, 1)
	b.start(0, func(_ context.Context, in in, run *task.Run) (in2 in, err error) {
		var half string
		_, err = run.Resume(&half)
		resumed <- half
		return in, err
	})
	if got := b.wait(id, final); got.State != task.Succeeded || len(got.Attempts) != 2 {
		t.Errorf("after the second worker: %+v", got)
	}
	if half := <-resumed; half != "half" {
		t.Errorf("resumed with %q", half)
	}
}

func TestDrainLetsHandlersFinish(t *testing.T) {
	b := newBench(t)
	release := make(chan struct{})
	stop := b.start(10*time.Second, func(_ context.Context, in in, _ *task.Run) (in2 in, err error) { <-release; return in, nil })
	id := b.submit(nil)
	b.wait(id, func(t *task.Task) bool { return t.State == task.Active })
	stopped := make(chan struct{})
	go func() { stop(); close(stopped) }()
	close(release)
	<-stopped
	if got := b.wait(id, final); got.State != task.Succeeded {
		t.Errorf("got %s", got.State)
	}
}

func TestLostAttemptRunsElsewhere(t *testing.T) {
	b := newBench(t)
	id := b.submit(nil)
	claim, _, err := b.Claim(t.Context(), store.Want{Queue: "default", Worker: "dead-worker", Many: 1})
	if err != nil || len(claim) != 1 {
		t.Fatalf("Claim: %v, %v", claim, err)
	}
	b.start(0, echo) // nobody extends the first lease
	got := b.wait(id, final)
	if got.State != task.Succeeded || got.AttemptsUsed != 0 || got.Attempts[0].Outcome != task.OutcomeLost {
		t.Errorf("got %+v", got)
	}
}

func TestDelayedTaskStartsOnTime(t *testing.T) {
	b := newBench(t)
	b.start(0, echo)
	id := b.submit(func(s *store.Submission) { s.Delay = 300 * time.Millisecond })
	got := b.wait(id, final)
	if late := got.StartedAt.Sub(got.RunAt); late < 0 {
		t.Errorf("started %s before its time", -late)
	}
}

// A full Redis takes no new work. What it has goes on for longer than a lease,
// begins, and ends.
func TestFullRedisLetsWorkGoOn(t *testing.T) {
	b := newBench(t)
	release := make(chan struct{})
	b.start(0, func(ctx context.Context, i in, run *task.Run) (in, error) {
		if i.Message == "long" {
			if err := run.Checkpoint("here"); err != nil {
				return i, err
			}
			select {
			case <-release:
			case <-ctx.Done():
				return i, context.Cause(ctx)
			}
			return i, run.Checkpoint("there")
		}
		return i, nil
	})
	long := b.submit(func(s *store.Submission) { s.Input = json.RawMessage(`{"message":"long"}`) })
	b.wait(long, func(got *task.Task) bool { return got.State == task.Active })
	soon := b.submit(func(s *store.Submission) { s.Delay = 2 * time.Second })

	if err := b.client.ConfigSet(t.Context(), "maxmemory", "1mb").Err(); err != nil {
		t.Fatal(err)
	}
	_, err := b.Submit(t.Context(), store.Submission{Kind: "test", Queue: "default", Input: json.RawMessage(`{}`), Policy: policy})
	if !store.Unavailable(err) {
		t.Fatalf("submit to a full Redis: %v", err)
	}
	if got := b.wait(soon, final); got.State != task.Succeeded || got.FinishedAt.Sub(got.RunAt) > 2*time.Second {
		t.Errorf("the delayed task: %+v", got)
	}
	close(release)
	if got := b.wait(long, final); got.State != task.Succeeded || len(got.Attempts) != 1 {
		t.Errorf("the long task: %+v", got)
	}
	if workers, err := b.Workers(t.Context()); err != nil || len(workers) != 1 {
		t.Errorf("workers: %v, %v", workers, err)
	}
	b.startWith(func(c *Config) { c.Queues = map[string]int{"new": 1} }, echo)() // it starts, and ends without an error
}
