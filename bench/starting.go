package main

import (
	"context"
	"time"
)

// starting is how long the whole stack takes from being started to its first answer, and to
// the first result. Redis is there already.
func starting() measurement {
	return measurement{
		name:    "start",
		against: fastAPI,
		rows: []row{
			{"start to ready", seconds, atMost(0.15)},
			{"start to first result", seconds, goal{}},
		},
		ours: func(ctx context.Context, s *stage) ([]float64, error) {
			start := time.Now()
			w, err := s.launchWindlass(ctx, s.addr)
			if err != nil {
				return nil, err
			}
			return startTimes(ctx, start, w.ready, w.submitAndWait)
		},
		peer: func(ctx context.Context, s *stage) ([]float64, error) {
			start := time.Now()
			if _, err := s.peerWorker(); err != nil {
				return nil, err
			}
			p, err := s.launchPeerWeb(ctx)
			if err != nil {
				return nil, err
			}
			return startTimes(ctx, start, p.ready, p.submitAndWait)
		},
	}
}

func startTimes(ctx context.Context, start time.Time, ready func(context.Context) error,
	submitAndWait func(context.Context) (string, error)) ([]float64, error) {
	if err := ready(ctx); err != nil {
		return nil, err
	}
	answered := time.Since(start)
	if _, err := submitAndWait(ctx); err != nil {
		return nil, err
	}
	return []float64{answered.Seconds(), time.Since(start).Seconds()}, nil
}
