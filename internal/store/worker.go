package store

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// WorkerTTL is how long a worker is listed without a sign of life.
const WorkerTTL = 10 * time.Second

// workersQueue names the slot of the workers. No queue may have this name.
const workersQueue = ".workers"

// workersKey holds what each worker says of itself, by id: see lua/beat.lua.
const workersKey = "wl:{" + workersQueue + "}:said"

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

// Beat lists the worker for another WorkerTTL, by Redis's clock as this process knows it.
func (s *Store) Beat(ctx context.Context, w Worker) error {
	w.SeenAt = s.Now().UTC().Truncate(time.Millisecond)
	info, err := json.Marshal(w)
	if err != nil {
		return fmt.Errorf("write worker: %w", err)
	}
	if err := s.run(ctx, s.scripts.beat, workersQueue, "", w.ID, info).Err(); err != nil {
		return fmt.Errorf("beat: %w", err)
	}
	return nil
}

// Leave takes workers off the list.
func (s *Store) Leave(ctx context.Context, ids ...string) error {
	if len(ids) == 0 {
		return nil
	}
	if err := s.rdb.HDel(ctx, workersKey, ids...).Err(); err != nil {
		return fmt.Errorf("take workers off the list: %w", err)
	}
	return nil
}

// Workers lists the workers that gave a sign of life within WorkerTTL, by id.
func (s *Store) Workers(ctx context.Context) ([]Worker, error) {
	workers, err := s.workers(ctx)
	if err != nil {
		return nil, err
	}
	since := s.Now().Add(-WorkerTTL)
	workers = slices.DeleteFunc(workers, func(w Worker) bool { return !w.SeenAt.After(since) })
	slices.SortFunc(workers, func(a, b Worker) int { return cmp.Compare(a.ID, b.ID) })
	return workers, nil
}

func (s *Store) workers(ctx context.Context) ([]Worker, error) {
	all, err := s.rdb.HGetAll(ctx, workersKey).Result()
	if err != nil {
		return nil, fmt.Errorf("list workers: %w", err)
	}
	workers := make([]Worker, 0, len(all))
	for id, info := range all {
		var w Worker
		if err := json.Unmarshal([]byte(info), &w); err != nil {
			return nil, fmt.Errorf("read worker %s: %w", id, err)
		}
		workers = append(workers, w)
	}
	return workers, nil
}

// ForgetWorkers takes those off the list that gave no sign of life for ten times WorkerTTL.
func (s *Store) ForgetWorkers(ctx context.Context) error {
	workers, err := s.workers(ctx)
	if err != nil {
		return err
	}
	before := s.Now().Add(-10 * WorkerTTL)
	var gone []string
	for _, w := range workers {
		if w.SeenAt.Before(before) {
			gone = append(gone, w.ID)
		}
	}
	return s.Leave(ctx, gone...)
}
