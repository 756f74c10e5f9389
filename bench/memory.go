package main

import (
	"context"
	"fmt"
	"runtime"
	"time"
)

const (
	waitingTasks = 10_000
	// settle lets a stack come to rest before its memory is read.
	settle       = 3 * time.Second
	memoryWarmUp = 200
	submitters   = 16
)

// windlassConcurrency is how many tasks a Windlass worker runs at once by default.
func windlassConcurrency() int { return 32 * runtime.NumCPU() }

// memory is what all processes of a stack take without Redis: idle after a little work, and
// when its workers are busy and tasks wait that were handed in one by one.
func memory() measurement {
	return measurement{
		name:    "memory",
		against: fastAPI,
		rows: []row{
			{"memory, idle", byteCount, atMost(0.125)},
			{"memory, " + thousands(waitingTasks) + " tasks waiting", byteCount, atMost(0.125)},
		},
		ours: func(ctx context.Context, s *stage) ([]float64, error) {
			w, err := s.windlass(ctx)
			if err != nil {
				return nil, err
			}
			long := `{"kind":"demo.echo","input":{"message":"hello","sleep":"10m"}}`
			return memories(ctx, s, w.submitAndWait, func(ctx context.Context) error {
				if err := repeat(ctx, windlassConcurrency(), 1, func(ctx context.Context) error { return w.submit(ctx, long) }); err != nil {
					return err
				}
				return repeat(ctx, waitingTasks, submitters, func(ctx context.Context) error { return w.submit(ctx, echoTask) })
			}, func() (int64, error) { n, err := w.count(ctx, "pending"); return int64(n), err })
		},
		peer: func(ctx context.Context, s *stage) ([]float64, error) {
			p, err := s.peerWeb(ctx)
			if err != nil {
				return nil, err
			}
			if _, err := s.peerWorker(); err != nil {
				return nil, err
			}
			long := `{"message":"hello","sleep":600}`
			return memories(ctx, s, p.submitAndWait, func(ctx context.Context) error {
				if err := repeat(ctx, runtime.NumCPU(), 1, func(ctx context.Context) error { return p.submit(ctx, long) }); err != nil {
					return err
				}
				return repeat(ctx, waitingTasks, submitters, func(ctx context.Context) error { return p.submit(ctx, peerTask) })
			}, func() (int64, error) {
				waiting, err := s.redis.LLen(ctx, celeryLine).Result()
				if err != nil {
					return 0, err
				}
				taken, err := s.redis.HLen(ctx, celeryTaken).Result() // prefetched, or running
				return waiting + taken - int64(runtime.NumCPU()), err
			})
		},
	}
}

func memories(ctx context.Context, s *stage, warm func(context.Context) (string, error),
	load func(context.Context) error, waiting func() (int64, error)) ([]float64, error) {
	warmOnce := func(ctx context.Context) error { _, err := warm(ctx); return err }
	if err := repeat(ctx, memoryWarmUp, 1, warmOnce); err != nil {
		return nil, err
	}
	if err := pause(ctx, settle); err != nil {
		return nil, err
	}
	idle, err := s.memory()
	if err != nil {
		return nil, err
	}
	if err := load(ctx); err != nil {
		return nil, err
	}
	if n, err := waiting(); err != nil || n != waitingTasks {
		return nil, fmt.Errorf("%d of %d tasks wait: %w", n, waitingTasks, err)
	}
	if err := pause(ctx, settle); err != nil {
		return nil, err
	}
	full, err := s.memory()
	return []float64{idle, full}, err
}
