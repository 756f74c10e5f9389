package worker

import (
	"context"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"windlass/internal/metric"
	"windlass/internal/redistest/proxy"
	"windlass/internal/store"
	"windlass/internal/task"
)

// A Redis that stands still for longer than a lease calls no attempt lost: the
// ends that waited for it come before another look at the leases.
func TestStallLosesNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	var ran gauge
	release := make(chan struct{})
	b.start(0, func(_ context.Context, in in, _ *task.Run) (in2 in, err error) {
		defer ran.enter()()
		<-release
		return in, nil
	})
	id := b.submit(nil)
	b.wait(id, func(t *task.Task) bool { return t.State == task.Active })
	b.redis.Pause()
	<-time.After(lease + lease/2)
	close(release)
	b.redis.Resume()
	if got := b.wait(id, final); got.State != task.Succeeded || len(got.Attempts) != 1 || ran.all.Load() != 1 {
		t.Errorf("ran %d times: %+v", ran.all.Load(), got)
	}
}

// Another worker may begin the task when the lease is over, so the handler is
// told by then, though Redis cannot be asked.
func TestLeaseEndsTheHandler(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	told := make(chan time.Time, 9)
	b.start(0, func(ctx context.Context, in in, run *task.Run) (in2 in, err error) {
		if run.Attempt > 1 {
			return in, nil
		}
		<-ctx.Done()
		told <- time.Now()
		return in, context.Cause(ctx)
	})
	id := b.submit(nil)
	b.wait(id, func(t *task.Task) bool { return t.State == task.Active })
	b.redis.Pause()
	paused := time.Now()
	if after := (<-told).Sub(paused); after > lease+lease/2 {
		t.Errorf("told %s after the last sign of life that can have arrived", after)
	}
	b.redis.Resume()
	got := b.wait(id, final)
	if got.State != task.Succeeded || got.AttemptsUsed != 0 || got.Attempts[0].Outcome != task.OutcomeReleased {
		t.Errorf("then: %+v", got)
	}
}

// zadds counts what asynq's heartbeat writes, and what fails of it.
type zadds struct{ done, failed atomic.Int64 }

func (z *zadds) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

func (z *zadds) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (z *zadds) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := next(ctx, cmd)
		if key, _ := append(cmd.Args(), "", "")[1].(string); cmd.Name() == "zadd" && strings.HasSuffix(key, "}:lease") {
			z.done.Add(1)
			if err != nil {
				z.failed.Add(1)
			}
		}
		return err
	}
}

// asynq frees a slot when it could not renew its own lease for 30 s. Here it
// renews it though the real Redis does not answer: the two are apart.
func TestAsynqLeaseExpiryDoesNotFreeSlot(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	release, begun := make(chan struct{}), make(chan struct{})
	kind := task.Definition[in, in]{
		Name: "test", Title: "Test", Queue: "default", Policy: policy, Subject: func(in) string { return "" },
		Run: func(_ context.Context, in in, _ *task.Run) (in2 in, err error) {
			close(begun)
			<-release
			return in, nil
		},
	}.Kind()
	w := &Worker{
		Config: Config{
			Store: b.Store, Queues: map[string]int{"default": 1}, Concurrency: 1, Version: "test",
			Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Metrics: NewMetrics(metric.NewRegistry()),
		},
		books: books{held: map[string]*holding{}}, kinds: map[string]task.Kind{"test": kind}, id: "w-1-1",
	}
	w.front = newTransport(w, []string{"default"})
	asynqs := store.OpenEmbedded()
	defer func() { _ = asynqs.Close() }()
	var beats zadds
	asynqs.Client.AddHook(w.front)
	asynqs.Client.AddHook(&beats)
	server := w.newServer(asynqs.Client)
	if err := server.Start(asynq.HandlerFunc(w.handle)); err != nil {
		t.Fatal(err)
	}
	b.submit(nil)
	w.front.signal("default")
	<-begun
	b.redis.Pause()
	from := beats.done.Load()
	b.eventually("asynq to renew its lease", func() bool { return beats.done.Load() > from })
	if n := beats.failed.Load(); n != 0 {
		t.Errorf("asynq could not renew its lease %d times", n)
	}
	b.redis.Resume()
	close(release)
	w.front.close()
	server.Shutdown()
}

// asynq leaves schedulers' histories, hashes of archived tasks and leases behind.
func TestAsynqWritesNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	stop := b.start(0, func(ctx context.Context, in in, run *task.Run) (in2 in, err error) {
		switch {
		case in.Message == "panic":
			panic("as asked")
		case in.Message == "again" && run.Attempt == 1:
			return in, task.RetryAfter(io.EOF, time.Millisecond)
		case in.Message == "slow":
			<-ctx.Done()
			return in, ctx.Err()
		}
		return in, nil
	})
	for _, message := range []string{"fine", "panic", "again", "slow"} {
		id := b.submit(func(s *store.Submission) {
			s.Input, s.Policy.Timeout = []byte(`{"message":"`+message+`"}`), task.Duration(100*time.Millisecond)
		})
		b.wait(id, final)
	}
	keys, err := b.client.Keys(t.Context(), "asynq*").Result()
	if err != nil || !slices.Equal(keys, []string{"asynq:queues"}) {
		t.Errorf("asynq's keys: %v, %v", keys, err)
	}
	stop()
}

// asynq's heartbeat sends the input of every active task each time: 20 MB for 200 of 100 KB.
func TestBeatCarriesNoInput(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	s, p := b.lossy(store.Options{})
	var beats atomic.Int64
	p.Judge(func(words []string) proxy.Fate {
		if isBeat(words) {
			beats.Add(1)
		}
		return proxy.Pass
	})
	release := make(chan struct{})
	b.startWith(func(c *Config) { c.Store, c.Drain = s, time.Minute }, func(_ context.Context, in in, _ *task.Run) (in2 in, err error) { <-release; return in, nil })
	for range 4 {
		id := b.submit(func(s *store.Submission) { s.Input = []byte(`{"message":"` + strings.Repeat("x", 100_000) + `"}`) })
		b.wait(id, func(t *task.Task) bool { return t.State == task.Active })
	}
	beat := func() { from := beats.Load(); b.eventually("a beat", func() bool { return beats.Load() > from }) }
	beat()
	from := p.Sent()
	beat()
	beat()
	if n := p.Sent() - from; n > 20_000 {
		t.Errorf("two beats sent %d bytes", n)
	}
	close(release)
}

// asynq asks again at once when a dequeue fails: a whole core without go-redis's own pauses.
func TestNoHotLoopWhenRedisIsGone(t *testing.T) {
	b := newBench(t) // not in parallel: it measures the process
	s, p := b.lossy(store.Options{})
	b.startWith(func(c *Config) { c.Store = s }, echo)
	b.wait(b.submit(nil), final)
	var asked atomic.Int64
	p.Judge(func(words []string) proxy.Fate {
		if asked.Add(1); strings.HasPrefix(words[0], "eval") { // not the greeting: go-redis pauses by itself when it cannot connect
			return proxy.LoseRequest
		}
		return proxy.Pass
	})
	dials, used := p.Dials(), cpu(t)
	id := b.submit(nil) // the signal arrives, so the worker asks
	const long = 1500 * time.Millisecond
	<-time.After(long)
	dials, used = p.Dials()-dials, cpu(t)-used
	if asked.Load() == 0 || asked.Load() > 150 || dials > 150 {
		t.Errorf("%d commands and %d connections in %s", asked.Load(), dials, long)
	}
	if used > long/3 {
		t.Errorf("%s of a core's %s", used, long)
	}
	p.Judge(nil)
	b.wait(id, final) // and it goes on
}

func cpu(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// asynq panics when a client that it shares is closed before it (its issue 635).
func TestShutdownWithClosedClient(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	s, client := newStore(t, b.redis.URL(), store.Options{})
	stop := b.startWith(func(c *Config) { c.Store = s }, echo)
	b.wait(b.submit(nil), final)
	if err := client.Close(); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	stop()
	if took := time.Since(begun); took > 10*time.Second {
		t.Errorf("it took %s", took)
	}
}

func TestShutdownWhileRedisHangs(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	s, _ := b.lossy(store.Options{})
	stop := b.startWith(func(c *Config) { c.Store = s }, func(ctx context.Context, in in, _ *task.Run) (in2 in, err error) {
		<-ctx.Done()
		return in, ctx.Err()
	})
	id := b.submit(nil)
	b.wait(id, func(t *task.Task) bool { return t.State == task.Active })
	b.redis.Pause()
	begun := time.Now()
	stop()
	if took := time.Since(begun); took > releaseGrace+endPatience+10*time.Second {
		t.Errorf("it took %s", took)
	}
	b.redis.Resume()
	b.start(0, echo)
	if got := b.wait(id, final); got.State != task.Succeeded || got.AttemptsUsed != 0 {
		t.Errorf("then: %+v", got)
	}
}
