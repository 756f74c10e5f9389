package store

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"windlass/internal/task"
)

// Count is how many tasks of one queue, kind and state there are.
type Count struct {
	Queue string     `json:"queue"`
	Kind  string     `json:"kind"`
	State task.State `json:"state"`
	Count int64      `json:"count"`
}

// Counts gives every count above zero, exact: the scripts keep them.
func (s *Store) Counts(ctx context.Context) ([]Count, error) {
	queues, err := s.Queues(ctx)
	if err != nil {
		return nil, err
	}
	pipe := s.rdb.Pipeline()
	cmds := make([]*redis.MapStringStringCmd, len(queues))
	for i, q := range queues {
		cmds[i] = pipe.HGetAll(ctx, countsKey(q))
	}
	if len(queues) > 0 {
		if _, err := pipe.Exec(ctx); err != nil {
			return nil, fmt.Errorf("count tasks: %w", err)
		}
	}
	counts := []Count{}
	for i, cmd := range cmds {
		all := cmd.Val()
		names := make([]string, 0, len(all))
		for name := range all {
			names = append(names, name)
		}
		for _, name := range sorted(names) {
			kind, state, _ := strings.Cut(name, ":")
			if n, _ := strconv.ParseInt(all[name], 10, 64); n != 0 {
				counts = append(counts, Count{Queue: queues[i], Kind: kind, State: task.State(state), Count: n})
			}
		}
	}
	return counts, nil
}

// oldestLooked is how many ids at the head of a line are looked at for one that
// still waits: those of canceled tasks stay until a worker passes them.
const oldestLooked = 20

// OldestPending gives the time since which the queue's first task waits for a
// worker, nil when none does.
func (s *Store) OldestPending(ctx context.Context, queue string) (*time.Time, error) {
	ids, err := s.rdb.LRange(ctx, "asynq:{"+queue+"}:pending", -oldestLooked, -1).Result()
	if err != nil {
		return nil, fmt.Errorf("read the line of queue %s: %w", queue, err)
	}
	for i := len(ids) - 1; i >= 0; i-- {
		values, err := s.rdb.HMGet(ctx, recordKey(queue, ids[i]), "s", "r").Result()
		if err != nil {
			return nil, fmt.Errorf("read the line of queue %s: %w", queue, err)
		}
		if values[0] == string(task.Pending) {
			run, _ := values[1].(string)
			return fields{"r": run}.timeOrNil("r"), nil
		}
	}
	return nil, nil
}
