package main

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

const (
	shortList   = 1000
	listSamples = 500
)

// listing is how long the newest page of the list takes when there are many tasks, and when
// there are few. Both lists are filled once and stay from run to run.
func listing(long int) measurement {
	return measurement{
		name:    "list",
		against: thousands(shortList) + " tasks",
		keep:    true,
		rows:    []row{{fmt.Sprintf("list page at %s tasks, p50", thousands(float64(long))), seconds, atMost(1.5)}},
		ours:    func(ctx context.Context, s *stage) ([]float64, error) { return listTime(ctx, s, long) },
		peer:    func(ctx context.Context, s *stage) ([]float64, error) { return listTime(ctx, s, shortList) },
	}
}

func listTime(ctx context.Context, s *stage, tasks int) ([]float64, error) {
	w, err := s.windlass(ctx, "-role", "api")
	if err != nil {
		return nil, err
	}
	defer w.stop()
	there, err := w.count(ctx, "")
	if err != nil {
		return nil, err
	}
	if err := w.fill(ctx, tasks-there); err != nil {
		return nil, err
	}
	var times []float64
	for range listSamples {
		start := time.Now()
		var page struct{ Items []struct{ ID string } }
		if err := w.do(ctx, http.MethodGet, tasksPath+"?limit=50", "", nil, &page); err != nil {
			return nil, err
		}
		times = append(times, time.Since(start).Seconds())
		if len(page.Items) != 50 {
			return nil, fmt.Errorf("a page of %d tasks instead of 50", len(page.Items))
		}
	}
	return []float64{percentile(times, 50)}, nil
}
