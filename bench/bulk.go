package main

import (
	"context"
	"fmt"
	"time"
)

// bulk is how fast many tasks are taken, a thousand at a time: over HTTP from one client, and
// by one Python process that applies Celery's groups.
func bulk(tasks int) measurement {
	return measurement{
		name:    "bulk",
		against: "Celery's group",
		rows:    []row{{"bulk submit, 1,000 at a time", perSecond, atLeast(40)}},
		ours: func(ctx context.Context, s *stage) ([]float64, error) {
			w, err := s.windlass(ctx, "-role", "api,web")
			if err != nil {
				return nil, err
			}
			// It is so much faster that the same number would be over too soon to tell.
			count := 5 * tasks
			start := time.Now()
			if err := w.fill(ctx, count); err != nil {
				return nil, err
			}
			took := time.Since(start)
			if n, err := w.count(ctx, "pending"); err != nil || n != count {
				return nil, fmt.Errorf("%d of %d tasks wait: %w", n, count, err)
			}
			return []float64{float64(count) / took.Seconds()}, nil
		},
		peer: func(ctx context.Context, s *stage) ([]float64, error) {
			count := tasks / 4
			took, err := s.bulk(ctx, count)
			if err != nil {
				return nil, err
			}
			if n, err := s.redis.LLen(ctx, celeryLine).Result(); err != nil || n != int64(count) {
				return nil, fmt.Errorf("%d of %d tasks wait: %w", n, count, err)
			}
			return []float64{float64(count) / took}, nil
		},
	}
}
