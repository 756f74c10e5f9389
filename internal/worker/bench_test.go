package worker

import (
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"windlass/internal/metric"
	"windlass/internal/redistest"
	"windlass/internal/store"
	"windlass/internal/task"
)

// BenchmarkRun is how many tasks that do nothing one worker runs, with their
// history kept.
func BenchmarkRun(b *testing.B) {
	client, err := store.Connect(store.Address{URL: redistest.Start(b).URL()})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	s, err := store.New(client, store.Options{})
	if err != nil {
		b.Fatal(err)
	}
	sub := store.Submission{Kind: "test", Queue: "default", Input: json.RawMessage(`{"message":"m"}`), Policy: policy}
	for chunk := range slices.Chunk(slices.Repeat([]store.Submission{sub}, b.N), 10_000) {
		for _, got := range s.SubmitAll(b.Context(), chunk) {
			if got.Err != nil {
				b.Fatal(got.Err)
			}
		}
	}
	var left atomic.Int64
	left.Store(int64(b.N))
	ctx, stop := context.WithCancel(b.Context())
	kind := task.Definition[in, in]{
		Name: "test", Title: "Test", Queue: "default", Policy: policy,
		Subject: func(in) string { return "" },
		Run: func(_ context.Context, i in, _ *task.Run) (in, error) {
			if left.Add(-1) == 0 {
				stop()
			}
			return i, nil
		},
	}.Kind()
	b.ResetTimer()
	err = Run(ctx, Config{
		Store: s, Kinds: []task.Kind{kind}, Queues: map[string]int{"critical": 6, "default": 3, "low": 1}, Concurrency: 16,
		Drain: time.Minute, Version: "test", Log: slog.New(slog.DiscardHandler), Metrics: NewMetrics(metric.NewRegistry()),
	})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tasks/s")
}
