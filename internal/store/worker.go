package store

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// WorkerTTL is how long a worker is listed without a sign of life.
const WorkerTTL = 10 * time.Second

// Both keys hold every worker; the hash tag keeps them in one slot.
const (
	workersKey     = "wl:{workers}:info"
	workersSeenKey = "wl:{workers}:seen"
)

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
}

// Beat lists the worker for another WorkerTTL, by Redis's clock as this process knows it.
func (s *Store) Beat(ctx context.Context, w Worker) error {
	w.SeenAt = s.Now().UTC().Truncate(time.Millisecond)
	info, err := json.Marshal(w)
	if err != nil {
		return fmt.Errorf("write worker: %w", err)
	}
	_, err = s.rdb.TxPipelined(ctx, func(p redis.Pipeliner) error {
		p.HSet(ctx, workersKey, w.ID, info)
		p.ZAdd(ctx, workersSeenKey, redis.Z{Score: float64(w.SeenAt.UnixMilli()), Member: w.ID})
		return nil
	})
	if err != nil {
		return fmt.Errorf("beat: %w", err)
	}
	return nil
}

// Leave takes a worker off the list.
func (s *Store) Leave(ctx context.Context, ids ...string) error {
	if len(ids) == 0 {
		return nil
	}
	_, err := s.rdb.TxPipelined(ctx, func(p redis.Pipeliner) error {
		p.HDel(ctx, workersKey, ids...)
		p.ZRem(ctx, workersSeenKey, ids)
		return nil
	})
	if err != nil {
		return fmt.Errorf("take workers off the list: %w", err)
	}
	return nil
}

// Workers lists the workers that gave a sign of life within WorkerTTL, by id.
func (s *Store) Workers(ctx context.Context) ([]Worker, error) {
	all, err := s.rdb.HGetAll(ctx, workersKey).Result()
	if err != nil {
		return nil, fmt.Errorf("list workers: %w", err)
	}
	since := s.Now().Add(-WorkerTTL)
	workers := []Worker{}
	for id, info := range all {
		var w Worker
		if err := json.Unmarshal([]byte(info), &w); err != nil {
			return nil, fmt.Errorf("read worker %s: %w", id, err)
		}
		if w.SeenAt.After(since) {
			workers = append(workers, w)
		}
	}
	slices.SortFunc(workers, func(a, b Worker) int { return cmp.Compare(a.ID, b.ID) })
	return workers, nil
}

// ForgetWorkers takes those off the list that gave no sign of life for ten times WorkerTTL.
func (s *Store) ForgetWorkers(ctx context.Context) error {
	before := s.Now().Add(-10 * WorkerTTL).UnixMilli()
	ids, err := s.rdb.ZRangeByScore(ctx, workersSeenKey, &redis.ZRangeBy{Min: "-inf", Max: strconv.FormatInt(before, 10)}).Result()
	if err != nil {
		return fmt.Errorf("find workers long gone: %w", err)
	}
	return s.Leave(ctx, ids...)
}
