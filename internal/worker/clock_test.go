package worker

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"windlass/internal/store"
	"windlass/internal/task"
)

// wrongClock is a clock that may be set at any time.
type wrongClock struct{ by atomic.Int64 }

func (c *wrongClock) set(by time.Duration) { c.by.Store(int64(by)) }

func (c *wrongClock) now() time.Time {
	return time.Now().Round(0).Add(time.Duration(c.by.Load())) // without the monotonic reading, which would put it right
}

// off gives a store on the bench's Redis whose machine's clock is wrong, and the
// clock. synced: it has looked at Redis's clock, as every process does at its start.
func (b *bench) off(by time.Duration, synced bool) (*store.Store, *wrongClock) {
	b.t.Helper()
	c := &wrongClock{}
	c.set(by)
	s, _ := newStore(b.t, b.redis.URL(), store.Options{Clock: c.now})
	if synced {
		if err := s.SyncClock(b.t.Context()); err != nil {
			b.t.Fatal(err)
		}
	}
	return s, c
}

// within says that a time came when it had to, and not before.
func within(t *testing.T, what string, at, from time.Time) {
	t.Helper()
	if late := at.Sub(from); late < -clockSlack || late > 3*time.Second {
		t.Errorf("%s: %s late", what, late)
	}
}

// Whoever submits and whoever works has a clock that is a minute off, either way.
func TestClocksDiffer(t *testing.T) {
	t.Parallel()
	for name, synced := range map[string]bool{"after a look at Redis's": true, "without": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			slow, _ := b.off(-time.Minute, synced)
			fast, _ := b.off(time.Minute, synced)
			run := func(ctx context.Context, in in, run *task.Run) (in2 in, err error) {
				if in.Message == "again" && run.Attempt == 1 {
					return in, task.RetryAfter(errors.New("not yet"), 200*time.Millisecond)
				}
				return in, nil
			}
			for _, s := range []*store.Store{slow, fast} {
				b.startWith(func(c *Config) { c.Store, c.Concurrency = s, 1 }, run)
			}
			for _, s := range []*store.Store{slow, fast} {
				submitter := &bench{s, t, b.redis, b.client}
				begun := time.Now()
				delayed := submitter.submit(func(s *store.Submission) { s.Delay = 300 * time.Millisecond })
				again := submitter.submit(func(s *store.Submission) { s.Input = []byte(`{"message":"again"}`) })
				expires := submitter.submit(func(s *store.Submission) { s.Delay, s.ExpiresAt = time.Hour, time.Now().Add(300*time.Millisecond) })
				got := b.wait(delayed, final)
				within(t, "delay", *got.StartedAt, begun.Add(300*time.Millisecond))
				got = b.wait(again, final)
				if got.State != task.Succeeded || len(got.Attempts) != 2 {
					t.Fatalf("again: %+v", got)
				}
				within(t, "retry", got.Attempts[1].StartedAt, got.Attempts[0].FinishedAt.Add(200*time.Millisecond))
				got = b.wait(expires, final)
				if got.State != task.Expired {
					t.Errorf("start deadline: %+v", got)
				}
				within(t, "start deadline", *got.FinishedAt, begun.Add(300*time.Millisecond))
			}
		})
	}
}

// A lease is lost when it is over, and not before, by whatever clock.
func TestClocksDifferOnLeases(t *testing.T) {
	t.Parallel()
	for name, by := range map[string]time.Duration{"slow": -time.Minute, "fast": time.Minute} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			s, _ := b.off(by, false)
			lost := b.submit(nil)
			if c, _, err := b.Claim(t.Context(), store.Want{Queue: "default", Worker: "dead", Many: 1}); err != nil || len(c) != 1 {
				t.Fatalf("claimed %v, %v", c, err)
			}
			b.startWith(func(c *Config) { c.Store = s }, func(ctx context.Context, in in, _ *task.Run) (in2 in, err error) {
				select { // two leases long
				case <-time.After(2 * lease):
				case <-ctx.Done():
				}
				return in, context.Cause(ctx)
			})
			held := b.submit(nil)
			got := b.wait(lost, final)
			if got.State != task.Succeeded || len(got.Attempts) != 2 {
				t.Fatalf("the lost one: %+v", got)
			}
			within(t, "lease", *got.Attempts[0].FinishedAt, got.Attempts[0].StartedAt.Add(lease))
			if got = b.wait(held, final); got.State != task.Succeeded || len(got.Attempts) != 1 {
				t.Errorf("the one that was held: %+v", got)
			}
		})
	}
}

// A clock is put right, or wrong, while its worker runs.
func TestClockJumps(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	s, clock := b.off(0, true)
	var once sync.Once
	var next atomic.Int64
	running, release := make(chan struct{}), make(chan struct{})
	b.startWith(func(c *Config) { c.Store = s }, func(ctx context.Context, in in, run *task.Run) (in2 in, err error) {
		switch {
		case in.Message == "held":
			once.Do(func() { close(running) })
			<-release
		case run.Attempt == 1:
			clock.set(time.Duration(next.Load())) // just before it is decided what follows
			return in, task.RetryAfter(errors.New("not yet"), 100*time.Millisecond)
		}
		return in, context.Cause(ctx)
	})
	held := b.submit(func(s *store.Submission) { s.Input = []byte(`{"message":"held"}`) })
	<-running
	for _, by := range []time.Duration{time.Minute, -time.Minute, 0} {
		next.Store(int64(by))
		id := b.submit(func(s *store.Submission) { s.Delay = 100 * time.Millisecond })
		got := b.wait(id, final)
		if got.State != task.Succeeded || len(got.Attempts) != 2 {
			t.Fatalf("off by %s: %+v", by, got)
		}
		within(t, "delay", *got.StartedAt, got.CreatedAt.Add(100*time.Millisecond))
		within(t, "retry", got.Attempts[1].StartedAt, got.RunAt)
	}
	<-time.After(lease) // the held one's lease would be over
	close(release)
	if got := b.wait(held, final); got.State != task.Succeeded || len(got.Attempts) != 1 {
		t.Errorf("the one that was held: %+v", got)
	}
}

// Ids sort by the time at which they were made, whoever made them.
func TestClocksDifferInLists(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	slow, _ := b.off(-time.Minute, true)
	fast, _ := b.off(time.Minute, true)
	var made []string
	for range 3 {
		for _, s := range []*store.Store{slow, fast, b.Store} {
			submitter := &bench{s, t, b.redis, b.client}
			made = append(made, submitter.submit(nil))
			<-time.After(2 * clockSlack)
		}
	}
	page, err := b.List(t.Context(), store.Filter{}, 20, "")
	if err != nil {
		t.Fatal(err)
	}
	var listed []string
	for _, item := range page.Tasks {
		listed = append(listed, item.ID)
	}
	slices.Reverse(listed)
	if !slices.Equal(made, listed) {
		t.Errorf("made %v, listed %v", made, listed)
	}
}
