package store

import (
	"cmp"
	"context"
	"slices"
	"time"
)

// WorkerTTL is how long a worker is listed without a sign of life.
const WorkerTTL = 10 * time.Second

// workers is the roster of the workers.
const workers = roster(".workers")

// Worker is a process that runs tasks, as it describes itself.
type Worker struct {
	ID          string         `json:"id" doc:"Names the process."`
	Host        string         `json:"host"`
	PID         int            `json:"pid"`
	Version     string         `json:"version"`
	StartedAt   time.Time      `json:"started_at"`
	SeenAt      time.Time      `json:"seen_at" doc:"Its last sign of life."`
	Queues      map[string]int `json:"queues" doc:"The queues it serves, with their weights."`
	Concurrency int            `json:"concurrency" doc:"How many tasks it runs at once at most."`
	Active      int            `json:"active" doc:"How many it runs now."`
	Overrunning int            `json:"overrunning" doc:"How many of those go on although their time is over or they were told to stop."`
}

// ServedQueues gives the queues that at least one of the workers serves.
func ServedQueues(crew []Worker) map[string]bool {
	served := map[string]bool{}
	for _, w := range crew {
		for queue := range w.Queues {
			served[queue] = true
		}
	}
	return served
}

// Beat lists the worker for another WorkerTTL, by Redis's clock as this process knows it.
func (s *Store) Beat(ctx context.Context, w Worker) error {
	w.SeenAt = s.Now().UTC().Truncate(time.Millisecond)
	return s.say(ctx, workers, w.ID, w)
}

// Leave takes workers off the list.
func (s *Store) Leave(ctx context.Context, ids ...string) error { return s.strike(ctx, workers, ids) }

// Workers lists the workers that gave a sign of life within WorkerTTL, by id.
func (s *Store) Workers(ctx context.Context) ([]Worker, error) {
	all, err := readRoster[Worker](ctx, s, workers)
	if err != nil {
		return nil, err
	}
	since := s.Now().Add(-WorkerTTL)
	all = slices.DeleteFunc(all, func(w Worker) bool { return !w.SeenAt.After(since) })
	slices.SortFunc(all, func(a, b Worker) int { return cmp.Compare(a.ID, b.ID) })
	return all, nil
}
