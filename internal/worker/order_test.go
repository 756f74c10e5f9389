package worker

import (
	"context"
	"encoding/json"
	"log/slog"
	"testing"
	"time"

	"windlass/internal/metric"
	"windlass/internal/store"
	"windlass/internal/task"
)

// runOrder fills two queues while no worker runs, has one worker with a single
// slot empty them, and gives the queues in the order in which their tasks began.
func runOrder(t *testing.T, each int, strict bool) (order string) {
	t.Helper()
	b := newBench(t)
	for range each {
		for _, queue := range []string{"low", "high"} {
			b.submit(func(s *store.Submission) {
				s.Queue, s.Input = queue, json.RawMessage(`{"message":"`+queue[:1]+`"}`)
			})
		}
	}
	done := make(chan struct{})
	kind := task.Definition[in, in]{
		Name: "test", Title: "Test", Queue: "high", Policy: policy, Subject: func(in) string { return "" },
		Run: func(_ context.Context, i in, _ *task.Run) (in, error) {
			if order += i.Message; len(order) == 2*each {
				close(done)
			}
			return i, nil
		},
	}.Kind()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- Run(ctx, Config{
			Store: b.Store, Kinds: []task.Kind{kind}, Queues: map[string]int{"high": 9, "low": 1}, Strict: strict,
			Concurrency: 1, Drain: time.Minute, Version: "test",
			Log: slog.New(slog.DiscardHandler), Metrics: NewMetrics(metric.NewRegistry()),
		})
	}()
	select {
	case <-done:
	case <-time.After(30 * time.Second):
		t.Error("waited in vain for the queues to be empty")
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	return order
}

func TestStrictOrder(t *testing.T) {
	order := runOrder(t, 20, true)
	for i, queue := range order {
		if want := map[bool]rune{true: 'h', false: 'l'}[i < 20]; queue != want {
			t.Fatalf("order %s: want every high one first", order)
		}
	}
}

func TestWeightedOrder(t *testing.T) {
	const each = 200
	order := runOrder(t, each, false)
	high := 0
	for _, queue := range order[:each] {
		if queue == 'h' {
			high++
		}
	}
	// 9 in 10 are to be high ones: 180 of the first 200, give or take four standard deviations.
	if high < 160 || high == each {
		t.Errorf("%d of the first %d are of the queue with nine tenths of the weight", high, each)
	}
}
