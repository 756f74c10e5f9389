package main

import (
	"context"
	"fmt"
	"strconv"
	"time"
)

const (
	// Celery's keys in Redis: what waits, what a worker has taken and not finished.
	celeryLine  = "celery"
	celeryTaken = "unacked"
	asynqDone   = "asynq:{default}:completed"

	countPause = 10 * time.Millisecond
	// firstPart of the tasks is not counted: processes start in it.
	firstPart = 0.05
)

// running is how fast no-op tasks that wait are run, all of them kept, and what a task takes in
// Redis before and after. One Windlass process, and Celery's process for each core.
func running(tasks int) measurement {
	return measurement{
		name:    "run",
		against: celery,
		rows: []row{
			{"run no-op, history kept", perSecond, atLeast(12)},
			{"Redis per waiting task", byteCount, goal{}},
			{"Redis per finished task", byteCount, valueAtMost(1536)},
		},
		ours: func(ctx context.Context, s *stage) ([]float64, error) {
			d, err := runWindlass(ctx, s, tasks, s.addr, 1)
			return []float64{d.rate, d.waiting, d.finished}, err
		},
		peer: func(ctx context.Context, s *stage) ([]float64, error) {
			d, err := runCelery(ctx, s, tasks/4)
			return []float64{d.rate, d.waiting, d.finished}, err
		},
	}
}

// runningBesideAsynq has the same number of goroutines for handlers on both sides.
func runningBesideAsynq(tasks, servers int) measurement {
	m := measurement{
		name:    "run-asynq-" + strconv.Itoa(servers),
		against: "asynq",
		ours: func(ctx context.Context, s *stage) ([]float64, error) {
			d, err := runWindlass(ctx, s, tasks, s.addr, 1)
			return []float64{d.rate}, err
		},
		peer: func(ctx context.Context, s *stage) ([]float64, error) {
			d, err := runAsynq(ctx, s, tasks, servers)
			return []float64{d.rate}, err
		},
	}
	// The goal is set for what asynq does best.
	aim := goal{}
	if servers > 1 {
		aim = atLeast(0.5)
	}
	m.rows = []row{{fmt.Sprintf("run no-op beside bare asynq, Servers in it: %d", servers), perSecond, aim}}
	return m
}

// runWindlass has its workers reach Redis at addr.
func runWindlass(ctx context.Context, s *stage, tasks int, addr string, workers int) (drained, error) {
	w, err := s.windlass(ctx, "-role", "api")
	if err != nil {
		return drained{}, err
	}
	d := drain{
		tasks: tasks,
		fill:  func() error { return w.fill(ctx, tasks) },
		start: func() error {
			for range workers {
				if _, err := s.launchWindlass(ctx, addr, "-role", "worker"); err != nil {
					return err
				}
			}
			return nil
		},
		done: func() (int, error) { return w.count(ctx, "succeeded") },
	}
	return d.run(ctx, s)
}

func runCelery(ctx context.Context, s *stage, tasks int) (drained, error) {
	var others int64
	d := drain{
		tasks: tasks,
		fill: func() (err error) {
			if _, err = s.bulk(ctx, tasks); err != nil {
				return err
			}
			others, err = s.redis.DBSize(ctx).Result()
			return err
		},
		start: func() error { _, err := s.peerWorker(); return err },
		// Each result is a key. What else the worker makes is a handful of them, so the end
		// is known by what is left to do.
		done: func() (int, error) {
			keys, err := s.redis.DBSize(ctx).Result()
			if err != nil {
				return 0, err
			}
			results := min(int(keys-others), tasks-1)
			if results < tasks-10 {
				return results, nil
			}
			waiting, err := s.redis.LLen(ctx, celeryLine).Result()
			if err != nil {
				return 0, err
			}
			taken, err := s.redis.HLen(ctx, celeryTaken).Result()
			if waiting+taken == 0 {
				results = tasks
			}
			return results, err
		},
	}
	return d.run(ctx, s)
}

func runAsynq(ctx context.Context, s *stage, tasks, servers int) (drained, error) {
	d := drain{
		tasks: tasks,
		fill: func() error {
			p, err := s.start("asynq", s.root, nil, s.path(asynqBin), "fill", s.addr, strconv.Itoa(tasks))
			if err != nil {
				return err
			}
			return p.wait(ctx)
		},
		start: func() error {
			_, err := s.start("asynq", s.root, nil, s.path(asynqBin), "work", s.addr,
				strconv.Itoa(servers), strconv.Itoa(windlassConcurrency()/servers))
			return err
		},
		done: func() (int, error) {
			n, err := s.redis.ZCard(ctx, asynqDone).Result()
			return int(n), err
		},
	}
	return d.run(ctx, s)
}
