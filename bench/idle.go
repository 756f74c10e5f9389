package main

import (
	"context"
	"time"
)

const (
	idleSamples = 1000
	idleWarmUp  = 100
	// idlePause is between the starts of two tasks: all is quiet again by then.
	idlePause = 10 * time.Millisecond
)

// idle is how long one task takes from being handed in to its result, when there is nothing
// else to do. One connection, kept alive, on both sides.
func idle() measurement {
	return measurement{
		name:    "idle",
		against: fastAPI,
		rows: []row{
			{"idle, submit to result, p50", seconds, atMost(0.4)},
			{"idle, submit to result, p99", seconds, valueAtMost(0.004)},
		},
		ours: func(ctx context.Context, s *stage) ([]float64, error) {
			w, err := s.windlass(ctx)
			if err != nil {
				return nil, err
			}
			return idleTimes(ctx, w.submitAndWait)
		},
		peer: func(ctx context.Context, s *stage) ([]float64, error) {
			p, err := s.peerWeb(ctx)
			if err != nil {
				return nil, err
			}
			if _, err := s.peerWorker(); err != nil {
				return nil, err
			}
			return idleTimes(ctx, p.submitAndWait)
		},
	}
}

func idleTimes(ctx context.Context, submitAndWait func(context.Context) (string, error)) ([]float64, error) {
	tick := time.NewTicker(idlePause)
	defer tick.Stop()
	var times []float64
	for i := range idleWarmUp + idleSamples {
		start := time.Now()
		if _, err := submitAndWait(ctx); err != nil {
			return nil, err
		}
		if i >= idleWarmUp {
			times = append(times, time.Since(start).Seconds())
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return []float64{percentile(times, 50), percentile(times, 99)}, nil
}
