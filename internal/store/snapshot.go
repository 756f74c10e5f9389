package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"windlass/internal/task"
)

// Snapshot is what autoscalers and alarms want to know, of all processes together.
type Snapshot struct {
	At     time.Time // by Redis's clock
	Counts []Count
	Queues []string // sorted: those that were ever used and those that a worker serves
	Crew   []Worker
	Oldest map[string]time.Duration // by queue: how long the first task that waits for a worker has waited
	Leader string                   // the scheduler that leads; empty: none does
	Redis  Vitals
}

// Load is how much waits in some queues, and for whom.
type Load struct {
	Pending int64         // tasks that wait for a worker
	Oldest  time.Duration // how long the first of them has waited; 0: none waits
	Workers int           // that serve one of the queues or more
	// SlotsUsed and SlotsFree are of those workers, whatever queue the tasks in them are from.
	SlotsUsed, SlotsFree int
}

// Load gives how much waits in the named queues together. None named: in all of them. Of a queue
// that nobody knows there is nothing.
func (s Snapshot) Load(queues ...string) Load {
	wanted := func(name string) bool { return len(queues) == 0 || slices.Contains(queues, name) }
	var l Load
	for _, c := range s.Counts {
		if c.State == task.Pending && wanted(c.Queue) {
			l.Pending += c.Count
		}
	}
	for name, age := range s.Oldest {
		if wanted(name) {
			l.Oldest = max(l.Oldest, age)
		}
	}
	for _, w := range s.Crew {
		if slices.ContainsFunc(slices.Collect(maps.Keys(w.Queues)), wanted) {
			l.Workers++
			l.SlotsUsed += w.Active
			l.SlotsFree += max(0, w.Concurrency-w.Active)
		}
	}
	return l
}

// Served gives how much waits where more workers would help: in the queues that a worker serves, and
// in all while there is no worker at all. A task in a queue that nobody serves, of a mistyped name,
// waits for good, however many workers there are.
func (s Snapshot) Served() Load {
	return s.Load(slices.Collect(maps.Keys(ServedQueues(s.Crew)))...) // none: of all
}

// PerWorker is how many tasks wait for each worker; all of them when there is none.
func (l Load) PerWorker() float64 { return float64(l.Pending) / float64(max(1, l.Workers)) }

// Snapshot reads one. It takes a few round trips, and one or two more a queue in which a task waits.
func (s *Store) Snapshot(ctx context.Context) (Snapshot, error) {
	snap := Snapshot{Oldest: map[string]time.Duration{}}
	var err error
	if snap.Queues, err = s.Queues(ctx); err != nil {
		return snap, err
	}
	if snap.Counts, err = s.Counts(ctx); err != nil {
		return snap, err
	}
	if snap.Crew, err = s.Workers(ctx); err != nil {
		return snap, err
	}
	for _, w := range snap.Crew { // their names may be lost after a failover
		snap.Queues = append(snap.Queues, slices.Collect(maps.Keys(w.Queues))...)
	}
	slices.Sort(snap.Queues)
	snap.Queues = slices.Compact(snap.Queues)
	for _, c := range snap.Counts {
		if _, done := snap.Oldest[c.Queue]; done || c.State != task.Pending {
			continue
		}
		since, err := s.OldestPending(ctx, c.Queue)
		if err != nil {
			return snap, err
		}
		if since != nil {
			snap.Oldest[c.Queue] = max(0, s.Now().Sub(*since))
		}
	}
	if snap.Leader, err = s.Leader(ctx); err != nil {
		return snap, err
	}
	snap.At = s.Now()
	snap.Redis, err = s.Vitals(ctx)
	return snap, err
}

// Leader names the process that leads the schedulers. Empty: none does.
func (s *Store) Leader(ctx context.Context) (string, error) {
	holder, err := s.rdb.Get(ctx, base(leadQueue)+"holder").Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return "", fmt.Errorf("ask who leads: %w", err)
	}
	return holder, nil
}
