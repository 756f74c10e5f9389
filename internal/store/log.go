package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"windlass/internal/task"
)

// storedLine is a log line in Redis. Its number is its place in the list.
type storedLine struct {
	At      int64  `json:"t"` // Unix ms
	Attempt int    `json:"a"`
	Level   string `json:"l"`
	Message string `json:"m"`
}

func encodeLine(attempt int, l Line) ([]byte, error) {
	b, err := json.Marshal(storedLine{
		At: l.At.UnixMilli(), Attempt: attempt,
		Level: strings.ToLower(l.Level.String()), Message: task.Cut(l.Message, task.MaxLogLine),
	})
	if err != nil {
		return nil, fmt.Errorf("write log line: %w", err)
	}
	return b, nil
}

// Logs is a stretch of a task's log.
type Logs struct {
	Lines   []task.LogLine
	Written int64 // lines ever written; the first of them may have been dropped
}

// Logs reads at most limit lines after the sequence number after, oldest first.
// Errors: ErrNotFound.
func (s *Store) Logs(ctx context.Context, id string, after int64, limit int) (Logs, error) {
	queue, _, ok := parseID(id)
	if !ok {
		return Logs{}, ErrNotFound
	}
	reply, err := s.run(ctx, s.scripts.logs, queue, id, after, limit).Slice()
	if errors.Is(err, redis.Nil) {
		return Logs{}, ErrNotFound
	}
	if err != nil {
		return Logs{}, fmt.Errorf("read log of %s: %w", id, err)
	}
	written, _ := reply[0].(int64)
	first, _ := reply[1].(int64)
	logs := Logs{Written: written, Lines: []task.LogLine{}}
	for i, v := range reply[2:] {
		text, _ := v.(string)
		var l storedLine
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			return Logs{}, fmt.Errorf("read log of %s: line %d: %w", id, first+int64(i), err)
		}
		logs.Lines = append(logs.Lines, task.LogLine{
			Seq: first + int64(i), At: time.UnixMilli(l.At).UTC(), Attempt: l.Attempt, Level: l.Level, Message: l.Message,
		})
	}
	return logs, nil
}
