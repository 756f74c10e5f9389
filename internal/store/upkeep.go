package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/redis/go-redis/v9"

	"windlass/internal/task"
)

// upkeepStep is how many tasks of a sort one script moves, so that no script
// holds Redis for more than about a millisecond.
const upkeepStep = 100

// Upkept is what one call of Upkeep did.
type Upkept struct {
	Released int           // scheduled and retrying tasks whose time had come
	Expired  int           // tasks whose start deadline had passed
	Lost     int           // attempts whose worker gave no sign of life
	Next     time.Duration // until the next task is due; below zero when none is
	More     bool          // there was more to do than one step: call again
	Line     int           // how many ids stand in the line
}

// Upkeep does for one queue what time alone demands. Any number of processes
// may call it at once. After nobody did for half a lease, none counts attempts as
// lost for as long again: workers that could not reach Redis may be about to say
// how theirs ended.
func (s *Store) Upkeep(ctx context.Context, queue string) (Upkept, error) {
	lost, err := json.Marshal(task.Failure{Code: "worker_lost", Message: "The worker stopped giving signs of life."})
	if err != nil {
		return Upkept{}, fmt.Errorf("write error: %w", err)
	}
	often, err := json.Marshal(task.Failure{Code: "worker_lost",
		Message: fmt.Sprintf("The task lost its worker %d times; it may be what ends them.", MaxLost)})
	if err != nil {
		return Upkept{}, fmt.Errorf("write error: %w", err)
	}
	asked := time.Now()
	n, err := s.run(ctx, s.scripts.upkeep, queue, "", upkeepStep, MaxLost, often, lost, s.opts.Lease.Milliseconds()).Int64Slice()
	if err != nil {
		return Upkept{}, fmt.Errorf("upkeep of queue %s: %w", queue, err)
	}
	s.heardClock(time.UnixMilli(n[6]), time.Since(asked))
	return Upkept{
		Released: int(n[0]), Expired: int(n[1]), Lost: int(n[2]),
		Next: time.Duration(n[3]) * time.Millisecond, More: n[4] == 1, Line: int(n[5]),
	}, nil
}

// Keeping says how KeepUp works.
type Keeping struct {
	Queues  func(context.Context) ([]string, error) // which queues
	Every   time.Duration                           // how often it looks when nothing calls it: the most that a lost signal can cost
	Nudge   <-chan struct{}                         // look at once; nil: never
	Waiting func(queue string)                      // called for a queue in whose line something stands; nil: nobody wants to know
	Log     *slog.Logger
}

// KeepUp calls Upkeep until ctx ends: at once when nudged, on time for the next
// task that is due, and at intervals. Faults are logged and tried again.
func (s *Store) KeepUp(ctx context.Context, k Keeping) {
	for ctx.Err() == nil {
		wait := k.Every
		names, err := k.Queues(ctx)
		for _, q := range names {
			next, failed := s.keepQueue(ctx, q, k)
			err = errors.Join(err, failed)
			if next >= 0 {
				wait = min(wait, next)
			}
		}
		if err != nil && ctx.Err() == nil {
			k.Log.Error("upkeep failed", "error", err)
			wait = k.Every
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-k.Nudge:
		case <-timer.C:
		}
		timer.Stop()
	}
}

func (s *Store) keepQueue(ctx context.Context, queue string, k Keeping) (time.Duration, error) {
	if !s.registered(queue) {
		if err := s.Register(ctx, []string{queue}); err != nil {
			return -1, err
		}
	}
	for {
		done, err := s.Upkeep(ctx, queue)
		if err != nil {
			return -1, err
		}
		if done.Lost > 0 {
			k.Log.Warn("attempts lost their worker", "queue", queue, "attempts", done.Lost)
		}
		if done.Line > 0 && k.Waiting != nil {
			k.Waiting(queue)
		}
		if !done.More {
			return done.Next, nil
		}
	}
}

// Register makes queues known again; a failover may have lost them. That a full
// Redis takes no new name is no error: it is tried again with the next upkeep.
func (s *Store) Register(ctx context.Context, queues []string) error {
	for _, q := range queues {
		if err := s.addQueue(ctx, q); full(err) {
			continue
		} else if err != nil {
			return err
		}
		s.queues.Store(q, s.clock())
	}
	return nil
}

// trimSteps is how many small steps one call of Trim takes at most.
const trimSteps = 20

// Trim removes final tasks that are kept longer than Options.Retention and the
// oldest beyond Options.MaxFinished, some at a time. It gives how many it
// removed and whether there is more to do.
func (s *Store) Trim(ctx context.Context) (removed int, more bool, err error) {
	queues, err := s.Queues(ctx)
	if err != nil {
		return 0, false, err
	}
	for range trimSteps {
		n, err := s.trimStep(ctx, queues)
		removed += n
		if err != nil || n == 0 {
			return removed, false, err
		}
	}
	return removed, true, nil
}

func (s *Store) trimStep(ctx context.Context, queues []string) (int, error) {
	removed := 0
	for _, q := range queues {
		n, err := s.trim(ctx, q, upkeepStep, s.opts.Retention.Milliseconds())
		if err != nil {
			return removed, err
		}
		removed += n
	}
	queue, excess, err := s.excess(ctx, queues)
	if err != nil || excess <= 0 {
		return removed, err
	}
	n, err := s.trim(ctx, queue, min(excess, upkeepStep), "")
	return removed + n, err
}

func (s *Store) trim(ctx context.Context, queue string, many int64, age any) (int, error) {
	n, err := s.run(ctx, s.scripts.trim, queue, "", many, age).Int()
	if err != nil {
		return 0, fmt.Errorf("trim queue %s: %w", queue, err)
	}
	return n, nil
}

// excess gives how many final tasks there are beyond the limit, and the queue
// whose oldest one ended first.
func (s *Store) excess(ctx context.Context, queues []string) (queue string, excess int64, err error) {
	excess = -s.opts.MaxFinished
	oldest := 0.0
	for _, q := range queues {
		key := base(q) + "done"
		var count *redis.IntCmd
		var first *redis.ZSliceCmd
		_, err := s.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
			count = p.ZCard(ctx, key)
			first = p.ZRangeWithScores(ctx, key, 0, 0)
			return nil
		})
		if err != nil {
			return "", 0, fmt.Errorf("count final tasks: %w", err)
		}
		excess += count.Val()
		if z := first.Val(); len(z) > 0 && (queue == "" || z[0].Score < oldest) {
			queue, oldest = q, z[0].Score
		}
	}
	return queue, excess, nil
}
