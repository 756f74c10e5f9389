package store

import (
	"context"
	"fmt"
	"strconv"

	"github.com/redis/go-redis/v9"

	"windlass/internal/task"
)

// peekFields are those of a list's row: the record without input and result.
func peekFields() []string {
	return []string{"k", "s", "sub", "sum", "po", "tg", "u", "c", "r", "st", "f", "x", "v", "n", "us", "cr", "ov", "pd", "pt", "pm", "er", "by"}
}

// Peek reads tasks without their input and result, and with at most the last
// attempts of their attempts, in two round trips. A task that is gone is nil at
// its place.
func (s *Store) Peek(ctx context.Context, attempts int, ids ...string) ([]*task.Task, error) {
	records := make([]fields, len(ids))
	if err := s.hashes(ctx, ids, records, func(int) []string { return peekFields() }); err != nil {
		return nil, err
	}
	err := s.hashes(ctx, ids, records, func(i int) []string {
		last := records[i].int("n")
		var names []string
		for n := max(1, last-int64(attempts)+1); n <= last; n++ {
			names = append(names, "a"+strconv.FormatInt(n, 10), "w"+strconv.FormatInt(n, 10))
		}
		return names
	})
	if err != nil {
		return nil, err
	}
	tasks := make([]*task.Task, len(ids))
	for i, f := range records {
		if f["k"] == "" {
			continue
		}
		if tasks[i], err = f.task(ids[i]); err != nil {
			return nil, err
		}
	}
	return tasks, nil
}

// hashes adds the named fields of each record to records in one round trip.
func (s *Store) hashes(ctx context.Context, ids []string, records []fields, names func(i int) []string) error {
	pipe := s.rdb.Pipeline()
	cmds := make([]*redis.SliceCmd, len(ids))
	for i, id := range ids {
		if queue, _, ok := parseID(id); ok {
			if wanted := names(i); len(wanted) > 0 {
				cmds[i] = pipe.HMGet(ctx, recordKey(queue, id), wanted...)
			}
		}
	}
	if pipe.Len() == 0 {
		return nil
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return fmt.Errorf("read %d tasks: %w", len(ids), err)
	}
	for i, cmd := range cmds {
		if cmd == nil {
			continue
		}
		if records[i] == nil {
			records[i] = fields{}
		}
		for j, name := range names(i) {
			if text, ok := cmd.Val()[j].(string); ok {
				records[i][name] = text
			}
		}
	}
	return nil
}
