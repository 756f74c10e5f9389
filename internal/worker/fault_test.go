package worker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"windlass/internal/redistest/proxy"
	"windlass/internal/store"
	"windlass/internal/task"
)

// The index of faults and their tests stands in internal/store/fault_test.go.

// lossy gives a store for workers whose connection to the bench's Redis loses
// what a test says. go-redis sends nothing again, so that the worker has to.
func (b *bench) lossy(o store.Options) (*store.Store, *proxy.Proxy) {
	b.t.Helper()
	p := proxy.Start(b.t, b.redis.Addr())
	s, _ := newStore(b.t, p.URL()+"?max_retries=-1&read_timeout=500ms", o)
	return s, p
}

// isClaim and isBeat know a command by its arguments: see lua/claim.lua and lua/extend.lua.
func isClaim(words []string) bool {
	return words[0] == "evalsha" && len(words) >= 10 && strings.Contains(words[6], fmt.Sprintf("-%d-", os.Getpid()))
}

func isBeat(words []string) bool {
	return words[0] == "evalsha" && len(words) >= 10 && words[6] == strconv.Itoa(int(lease.Milliseconds())) && strings.HasPrefix(words[7], "tsk_")
}

func isEnd(words []string) bool {
	return strings.HasPrefix(words[0], "eval") && slices.Contains(words, string(task.OutcomeSucceeded))
}

func (b *bench) eventually(what string, holds func() bool) {
	b.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(20 * time.Second); !holds(); <-tick.C {
		if time.Now().After(end) {
			b.t.Fatalf("waited 20 s for %s", what)
		}
	}
}

// gauge counts handlers.
type gauge struct {
	now, most, all atomic.Int64
}

func (g *gauge) enter() (leave func()) {
	g.all.Add(1)
	n := g.now.Add(1)
	for m := g.most.Load(); n > m && !g.most.CompareAndSwap(m, n); m = g.most.Load() {
	}
	return func() { g.now.Add(-1) }
}

// asynq tries a failed done again with a context that has ended, so a success runs again.
func TestSyncerIsDead(t *testing.T) {
	t.Parallel()
	for name, fate := range map[string]proxy.Fate{"reply": proxy.LoseReply, "request": proxy.LoseRequest} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			s, p := b.lossy(store.Options{})
			lost := 0
			p.Judge(func(words []string) proxy.Fate {
				if lost < 3 && isEnd(words) {
					lost++
					return fate
				}
				return proxy.Pass
			})
			var ran gauge
			stop := b.startWith(func(c *Config) { c.Store = s }, func(_ context.Context, in in, _ *task.Run) (in2 in, err error) {
				defer ran.enter()()
				return in, nil
			})
			id := b.submit(nil)
			got := b.wait(id, final)
			stop() // with a lost reply the task is final before the worker knows
			if got.State != task.Succeeded || len(got.Attempts) != 1 || string(got.Result) != `{"message":"m"}` || ran.all.Load() != 1 || lost != 3 {
				t.Errorf("ran %d times, end lost %d times: %+v", ran.all.Load(), lost, got)
			}
		})
	}
}

// asynq archives a task whose only attempt was begun by a dequeue that it never heard of.
func TestLostReplyOfTheLastClaim(t *testing.T) {
	t.Parallel()
	for name, fate := range map[string]proxy.Fate{"reply": proxy.LoseReply, "request": proxy.LoseRequest} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			s, p := b.lossy(store.Options{Lease: 10 * time.Second})
			id := b.submit(func(s *store.Submission) { s.Policy.MaxAttempts = 1 })
			var lost atomic.Int64
			p.Judge(func(words []string) proxy.Fate {
				if isClaim(words) && words[4] == "default" && lost.Add(1) <= 2 {
					return fate
				}
				return proxy.Pass
			})
			b.startWith(func(c *Config) { c.Store = s }, echo)
			got := b.wait(id, final)
			if got.State != task.Succeeded || len(got.Attempts) != 1 || got.Attempts[0].Outcome != task.OutcomeSucceeded || lost.Load() < 3 {
				t.Errorf("%d claims: %+v", lost.Load(), got)
			}
		})
	}
}

// asynq takes one task a round trip.
func TestOneFetchARoundTrip(t *testing.T) {
	t.Parallel()
	const many = 20
	b := newBench(t)
	s, p := b.lossy(store.Options{})
	for range many {
		b.submit(nil)
	}
	var claims atomic.Int64
	p.Judge(func(words []string) proxy.Fate {
		if isClaim(words) && words[4] == "default" {
			claims.Add(1)
		}
		return proxy.Pass
	})
	var running gauge
	release := make(chan struct{})
	defer close(release)
	b.startWith(func(c *Config) { c.Store, c.Concurrency, c.Drain = s, many, time.Minute }, func(_ context.Context, in in, _ *task.Run) (in2 in, err error) {
		defer running.enter()()
		<-release
		return in, nil
	})
	b.eventually("all to run", func() bool { return running.now.Load() == many })
	if n := claims.Load(); n == 0 || n > 4 {
		t.Errorf("%d claims for %d tasks", n, many)
	}
}

// With one slot asynq ran three at once: it gives the slot away at the deadline.
func TestHandlerThatIgnoresItsContext(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	var running gauge
	release := make(chan struct{})
	var once sync.Once
	letGo := func() { once.Do(func() { close(release) }) }
	defer letGo()
	b.startWith(func(c *Config) { c.Concurrency, c.Drain = 1, time.Minute }, func(_ context.Context, in in, _ *task.Run) (in2 in, err error) {
		defer running.enter()()
		<-release
		return in, nil
	})
	deaf := b.submit(func(s *store.Submission) { s.Policy.Timeout = task.Duration(50 * time.Millisecond) })
	b.wait(deaf, func(t *task.Task) bool { return t.State == task.Active })
	next := b.submit(nil)
	got := b.wait(deaf, func(t *task.Task) bool { return t.Overrunning })
	if got.State != task.Active || len(got.Attempts) != 1 {
		t.Errorf("the deaf one is %+v", got)
	}
	b.eventually("the list of workers to tell", func() bool {
		all, err := b.Workers(t.Context())
		return err == nil && len(all) == 1 && all[0].Overrunning == 1 && all[0].Active == 1
	})
	if got, err := b.Get(t.Context(), next); err != nil || got.State != task.Pending {
		t.Errorf("the next one is %+v, %v", got, err)
	}
	letGo()
	if got := b.wait(deaf, final); got.State != task.Succeeded || got.Overrunning || len(got.Attempts) != 1 {
		t.Errorf("the deaf one ended as %+v", got)
	}
	if got := b.wait(next, final); got.State != task.Succeeded || running.most.Load() != 1 {
		t.Errorf("%d ran at once; the next one ended as %+v", running.most.Load(), got)
	}
}

// A worker that lost its hold on a task, and still runs it, leaves it to others.
func TestSecondAttemptBesideTheFirst(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	var mine gauge
	release := make(chan struct{})
	var once sync.Once
	letGo := func() { once.Do(func() { close(release) }) }
	defer letGo()
	stop := b.startWith(func(c *Config) { c.Concurrency, c.Drain = 3, time.Minute }, func(_ context.Context, in in, _ *task.Run) (in2 in, err error) {
		if in.Message == "deaf" {
			defer mine.enter()()
			<-release
		}
		return in, nil
	})
	deaf := b.submit(func(s *store.Submission) { s.Input = []byte(`{"message":"deaf"}`) })
	b.wait(deaf, func(t *task.Task) bool { return t.State == task.Active })
	b.eventually("the lease to be lost", func() bool {
		if err := b.client.ZAddXX(t.Context(), "wl:{default}:lease", redis.Z{Score: 1, Member: deaf}).Err(); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Upkeep(t.Context(), "default"); err != nil { // or the worker's own sees it first
			t.Fatal(err)
		}
		got, err := b.Get(t.Context(), deaf)
		return err == nil && got.State == task.Pending
	})
	for range 3 { // each makes the worker look into the line, where the lost one stands first
		b.wait(b.submit(nil), final)
	}
	if got, err := b.Get(t.Context(), deaf); err != nil || got.State != task.Pending || mine.all.Load() != 1 {
		t.Fatalf("it ran %d times here: %+v, %v", mine.all.Load(), got, err)
	}
	b.start(0, echo) // another worker
	got := b.wait(deaf, final)
	last := got.Attempts[len(got.Attempts)-1]
	if got.State != task.Succeeded || got.AttemptsUsed != 0 || got.Attempts[0].Outcome != task.OutcomeLost || last.Worker == got.Attempts[0].Worker {
		t.Errorf("elsewhere: %+v", got)
	}
	letGo()
	stop()
	if late, err := b.Get(t.Context(), deaf); err != nil || late.Version != got.Version || mine.all.Load() != 1 {
		t.Errorf("after the late end: %+v, %v", late, err)
	}
}

// A failover may lose that a task was begun: it stands in the line again while it runs.
func TestFailoverForgetsTheClaim(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	var ran gauge
	release := make(chan struct{})
	stop := b.startWith(func(c *Config) { c.Drain = time.Minute }, func(_ context.Context, in in, _ *task.Run) (in2 in, err error) {
		if in.Message == "deaf" {
			defer ran.enter()()
			<-release
		}
		return in, nil
	})
	id := b.submit(func(s *store.Submission) { s.Delay, s.Input = time.Hour, []byte(`{"message":"deaf"}`) })
	key := "wl:{default}:t:" + id
	before, err := b.client.Dump(t.Context(), key).Result()
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Retry(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	b.wait(id, func(t *task.Task) bool { return t.State == task.Active })
	if err := b.client.RestoreReplace(t.Context(), key, 0, before).Err(); err != nil {
		t.Fatal(err)
	}
	if err := b.Retry(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	b.wait(id, func(t *task.Task) bool { return t.State == task.Active })
	close(release)
	if got := b.wait(id, final); got.State != task.Succeeded || len(got.Attempts) != 1 || ran.all.Load() != 1 {
		t.Errorf("ran %d times: %+v", ran.all.Load(), got)
	}
	stop()
}

// asynq's cancel is a failure like any other, so the task comes again.
func TestCancelIsNotARetry(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	var ran gauge
	b.start(0, func(ctx context.Context, _ in, _ *task.Run) (in, error) {
		defer ran.enter()()
		<-ctx.Done()
		return in{}, task.RetryAfter(errors.New("stopped"), time.Millisecond)
	})
	id := b.submit(nil)
	b.wait(id, func(t *task.Task) bool { return t.State == task.Active })
	if _, err := b.Cancel(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	b.wait(id, final)
	b.wait(b.submit(func(s *store.Submission) { s.Kind = "none"; s.Policy.MaxAttempts = 1 }), final) // the line was looked at since
	if got := b.wait(id, final); got.State != task.Canceled || len(got.Attempts) != 1 || got.AttemptsUsed != 0 || ran.all.Load() != 1 {
		t.Errorf("ran %d times: %+v", ran.all.Load(), got)
	}
}

// asynq's cancel is a message, lost on a worker that connects again just then.
func TestCancelThatNobodyHeard(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.start(0, func(ctx context.Context, _ in, _ *task.Run) (in, error) { <-ctx.Done(); return in{}, ctx.Err() })
	id := b.submit(nil)
	b.wait(id, func(t *task.Task) bool { return t.State == task.Active })
	if err := b.client.HSet(t.Context(), "wl:{default}:t:"+id, "cr", 1).Err(); err != nil { // as cancel.lua does, without the message
		t.Fatal(err)
	}
	b.eventually("the task to be canceled", func() bool {
		got, err := b.Get(t.Context(), id)
		return err == nil && got.State == task.Canceled
	})
}

func TestSubSecondTimes(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.start(0, func(ctx context.Context, in in, run *task.Run) (in2 in, err error) {
		switch {
		case in.Message == "slow":
			<-ctx.Done()
			return in, ctx.Err()
		case in.Message == "again" && run.Attempt == 1:
			return in, task.RetryAfter(errors.New("not yet"), 250*time.Millisecond)
		}
		return in, nil
	})
	between := func(what string, got, least time.Duration) {
		t.Helper()
		if got < least || got > least+time.Second {
			t.Errorf("%s: %s, want %s and at most a second more", what, got, least)
		}
	}
	delayed := b.submit(func(s *store.Submission) { s.Delay = 250 * time.Millisecond })
	again := b.submit(func(s *store.Submission) { s.Input = []byte(`{"message":"again"}`) })
	slow := b.submit(func(s *store.Submission) {
		s.Input, s.Policy.Timeout, s.Policy.MaxAttempts = []byte(`{"message":"slow"}`), task.Duration(500*time.Millisecond), 1
	})
	got := b.wait(delayed, final)
	between("delay", got.StartedAt.Sub(got.RunAt), 0)
	between("delay since it was submitted", got.StartedAt.Sub(got.CreatedAt), 250*time.Millisecond-clockSlack)
	got = b.wait(again, final)
	between("wait before the next attempt", got.Attempts[1].StartedAt.Sub(*got.Attempts[0].FinishedAt), 250*time.Millisecond)
	got = b.wait(slow, final)
	between("timeout", got.FinishedAt.Sub(*got.StartedAt), 500*time.Millisecond-clockSlack)
	if got.Error == nil || got.Error.Code != "timeout" {
		t.Errorf("the slow one failed with %+v", got.Error)
	}
}

// clockSlack is for times that two clocks or a rounded one have told.
const clockSlack = 20 * time.Millisecond

// asynq cuts its script's arguments nowhere: 2,000 active tasks are too many for ElastiCache Serverless.
func TestManyHeldArgumentLimit(t *testing.T) {
	t.Parallel()
	const many = 1400
	b := newBench(t)
	s, p := b.lossy(store.Options{})
	var most, beats atomic.Int64
	p.Judge(func(words []string) proxy.Fate {
		most.Store(max(most.Load(), int64(len(words)-1)))
		if isBeat(words) {
			beats.Add(1)
		}
		return proxy.Pass
	})
	subs := make([]store.Submission, many)
	for i := range subs {
		subs[i] = store.Submission{Kind: "test", Queue: "default", Input: []byte(`{}`), Policy: policy}
	}
	for _, got := range b.SubmitAll(t.Context(), subs) {
		if got.Err != nil {
			t.Fatal(got.Err)
		}
	}
	var running gauge
	stop := b.startWith(func(c *Config) { c.Store, c.Concurrency = s, many }, func(ctx context.Context, in in, _ *task.Run) (in2 in, err error) {
		defer running.enter()()
		<-ctx.Done()
		return in, nil
	})
	b.eventually("all to run", func() bool { return running.now.Load() == many })
	from := beats.Load()
	b.eventually("a beat for all", func() bool { return beats.Load() >= from+4 })
	stop()
	if n := most.Load(); n > 3999 {
		t.Errorf("a command had %d arguments", n)
	}
}
