package main

import (
	"context"
	"fmt"
)

// scaling is how much more several worker processes run than one, when Redis is as far away as
// in a data center: half a millisecond there and back.
func scaling(tasks, workers int) measurement {
	aim := goal{}
	if workers == 4 {
		aim = atLeast(3.6)
	}
	return measurement{
		name:    fmt.Sprintf("scale-%d", workers),
		against: "1 worker",
		rows: []row{
			{fmt.Sprintf("run no-op, %d workers, Redis 0.5 ms away", workers), perSecond, aim},
			{"– Redis's core busy", share, goal{}},
			{"– all cores busy", share, goal{}},
		},
		ours: func(ctx context.Context, s *stage) ([]float64, error) { return runFar(ctx, s, tasks, workers) },
		peer: func(ctx context.Context, s *stage) ([]float64, error) { return runFar(ctx, s, tasks, 1) },
	}
}

func runFar(ctx context.Context, s *stage, tasks, workers int) ([]float64, error) {
	d, err := startDelay(ctx, s.addr)
	if err != nil {
		return nil, err
	}
	s.ends = append(s.ends, d.close)
	run, err := runWindlass(ctx, s, tasks, d.addr(), workers)
	return []float64{run.rate, run.redis, run.machine}, err
}
