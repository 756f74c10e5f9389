package scheduler

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"windlass/internal/metric"
	"windlass/internal/redistest"
	"windlass/internal/store"
	"windlass/internal/task"
)

// TestRunDoesWhatTimeDemands has no worker: what happens, the scheduler did.
func TestRunDoesWhatTimeDemands(t *testing.T) {
	client, err := store.Connect(store.Address{URL: redistest.Start(t).URL()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	s, err := store.New(client, store.Options{Lease: 50 * time.Millisecond, Retention: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	hour := task.Duration(time.Hour)
	submit := func(delay time.Duration) string {
		got, err := s.Submit(t.Context(), store.Submission{
			Kind: "test", Queue: "default", Input: json.RawMessage(`{}`), Delay: delay,
			Policy: task.Policy{MaxAttempts: 1, MinBackoff: hour, MaxBackoff: hour, Timeout: hour, Deadline: hour},
		})
		if err != nil {
			t.Fatal(err)
		}
		return got.Task.ID
	}
	lost := submit(0)
	if c, _, err := s.Claim(t.Context(), store.Want{Queue: "default", Worker: "dead", Many: 1}); err != nil || len(c) != 1 {
		t.Fatalf("Claim: %v, %v", c, err)
	}
	canceled := submit(time.Hour)
	if _, err := s.Cancel(t.Context(), canceled); err != nil {
		t.Fatal(err)
	}
	due := submit(20 * time.Millisecond)
	if err := s.Register(t.Context(), []string{"unused", "fresh"}); err != nil {
		t.Fatal(err)
	}
	for queue, at := range map[string]string{"unused": "1-1", "fresh": "*"} { // when something last happened in it
		if err := client.XAdd(t.Context(), &redis.XAddArgs{Stream: "wl:{" + queue + "}:ev", ID: at, Values: []string{"a", "b"}}).Err(); err != nil {
			t.Fatal(err)
		}
	}

	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- Run(ctx, Config{ID: "only", Store: s, Log: slog.New(slog.DiscardHandler), Metrics: NewMetrics(metric.NewRegistry())})
	}()
	eventually(t, "the delayed task to be pending", func() bool { return state(t, s, due) == task.Pending })
	eventually(t, "the lost task to be pending", func() bool { return state(t, s, lost) == task.Pending })
	eventually(t, "the old task to be removed", func() bool { return state(t, s, canceled) == "" })
	eventually(t, "the queue that nobody uses to be forgotten", func() bool {
		queues, err := s.Queues(t.Context())
		return err == nil && slices.Equal(queues, []string{"default", "fresh"})
	})
	stop()
	if err := <-ended; err != nil {
		t.Errorf("Run: %v", err)
	}
}

// TestPeriodsArePublishedOnce changes the lead within a period, after its publication and after one
// that failed.
func TestPeriodsArePublishedOnce(t *testing.T) {
	t.Parallel()
	client, err := store.Connect(store.Address{URL: redistest.Start(t).URL()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	s, err := store.New(client, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	// lead runs one until it has published, or until it shows the fleet without.
	lead := func(publish error) (at []time.Time) {
		ctx, stop := context.WithCancel(t.Context())
		ended, told := make(chan error, 1), make(chan time.Time, 10)
		metrics := NewMetrics(metric.NewRegistry())
		go func() {
			ended <- Run(ctx, Config{Store: s, Log: slog.New(slog.DiscardHandler), Metrics: metrics,
				Publish: func(_ context.Context, at time.Time) error { told <- at; return publish }})
		}()
		eventually(t, "a snapshot", func() bool { return metrics.fleet.Load() != nil })
		stop() // a publication on its way is finished
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		if metrics.fleet.Load() != nil {
			t.Error("it shows the fleet though it does not lead")
		}
		for len(told) > 0 {
			at = append(at, <-told)
		}
		return at
	}
	failed := lead(errors.New("on purpose"))
	first, second := lead(nil), lead(nil)
	if len(failed) == 0 || len(first) == 0 || first[0].Sub(failed[0])%Period != 0 || first[0].Sub(failed[0]) > Period {
		t.Errorf("tried %v, then published %v", failed, first)
	}
	for _, at := range second {
		if slices.ContainsFunc(first, at.Equal) {
			t.Errorf("published %v and again %v", first, second)
		}
	}
}

func TestEveryQueueHasALabel(t *testing.T) {
	for _, m := range metric.All() {
		for _, l := range m.Labels {
			if l.Name == "queue" && l.Most != store.MaxQueues {
				t.Errorf("%s shows %d queues, and there may be %d", m.Name, l.Most, store.MaxQueues)
			}
		}
	}
}

func state(t *testing.T, s *store.Store, id string) task.State {
	t.Helper()
	got, err := s.Get(t.Context(), id)
	if err != nil {
		return ""
	}
	return got.State
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(20 * time.Second); !holds(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}
