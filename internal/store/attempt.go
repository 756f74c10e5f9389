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

// Claim is one attempt that a worker has begun and must end.
type Claim struct {
	Task       *task.Task
	Attempt    int       // its number
	StartedAt  time.Time // by Redis's clock
	Deadline   time.Time // when the task is no longer tried
	Checkpoint []byte    // what an earlier attempt left; nil when nothing
}

// Claim takes the queue's next task and begins an attempt at it. It gives nil
// and no error when nothing waits.
func (s *Store) Claim(ctx context.Context, queue, worker string) (*Claim, error) {
	for {
		reply, err := s.run(ctx, s.scripts.claim, queue, "", worker, s.opts.Lease.Milliseconds()).Slice()
		if errors.Is(err, redis.Nil) {
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("claim from queue %s: %w", queue, err)
		}
		if len(reply) > 3 {
			return readClaim(reply)
		}
	}
}

func readClaim(reply []any) (*Claim, error) {
	f, err := fieldsOf(reply[3:])
	if err != nil {
		return nil, err
	}
	id, _ := reply[0].(string)
	t, err := f.task(id)
	if err != nil {
		return nil, err
	}
	now, _ := reply[1].(string)
	c := &Claim{Task: t, Attempt: int(f.int("n")), StartedAt: fields{"t": now}.time("t"), Deadline: f.time("d")}
	if checkpoint, ok := reply[2].(string); ok {
		c.Checkpoint = []byte(checkpoint)
	}
	return c, nil
}

// Held names an attempt that a worker holds.
type Held struct {
	ID      string
	Attempt int
}

// Extended is what a worker must know about the attempts whose leases it renewed.
type Extended struct {
	Lost     []string // ids whose attempt is no longer the current one
	Canceled []string // ids that were asked to stop
}

// Extend renews the leases of attempts of one queue.
func (s *Store) Extend(ctx context.Context, queue string, held []Held) (Extended, error) {
	args := []any{s.opts.Lease.Milliseconds()}
	for _, h := range held {
		args = append(args, h.ID, h.Attempt)
	}
	reply, err := s.run(ctx, s.scripts.extend, queue, "", args...).StringSlice()
	if err != nil {
		return Extended{}, fmt.Errorf("extend leases of queue %s: %w", queue, err)
	}
	var e Extended
	for i := 0; i+1 < len(reply); i += 2 {
		if reply[i+1] == "lost" {
			e.Lost = append(e.Lost, reply[i])
		} else {
			e.Canceled = append(e.Canceled, reply[i])
		}
	}
	return e, nil
}

// Report is what an attempt says of itself while it runs. Zero fields say nothing.
type Report struct {
	Progress   *task.Progress
	Lines      []Line
	Checkpoint []byte
}

// Line is one log line before it has its number.
type Line struct {
	At      time.Time
	Level   slog.Level
	Message string
}

// Report writes what an attempt says of itself. Errors: ErrFenced.
func (s *Store) Report(ctx context.Context, h Held, r Report) error {
	queue, _, ok := parseID(h.ID)
	if !ok {
		return ErrNotFound
	}
	args := []any{h.Attempt, "", 0, 0, "", r.Checkpoint}
	if p := r.Progress; p != nil {
		args = []any{h.Attempt, "1", p.Done, p.Total, p.Message, r.Checkpoint}
	}
	for _, line := range r.Lines {
		text, err := encodeLine(h.Attempt, line)
		if err != nil {
			return err
		}
		args = append(args, text)
	}
	written, err := s.run(ctx, s.scripts.report, queue, h.ID, args...).Int()
	if err != nil {
		return fmt.Errorf("report of %s: %w", h.ID, err)
	}
	if written == 0 {
		return ErrFenced
	}
	return nil
}

// End is how an attempt ended and what follows.
type End struct {
	Outcome task.Outcome    // succeeded, failed, canceled or released
	Again   bool            // failed: try again after Delay; else the failure is final
	Delay   time.Duration   // below 1 ms means at once
	Error   *task.Failure   // nil unless it failed, was canceled or released
	Result  json.RawMessage // nil unless it succeeded
	Summary string
}

// End writes the end of an attempt and gives the task's state after it. It may
// be called again when its reply was lost. Errors: ErrFenced (with the state).
func (s *Store) End(ctx context.Context, h Held, e End) (task.State, error) {
	queue, _, ok := parseID(h.ID)
	if !ok {
		return "", ErrNotFound
	}
	follows := "final"
	switch {
	case e.Outcome == task.OutcomeReleased:
		follows = "release"
	case e.Outcome == task.OutcomeFailed && e.Again:
		follows = "retry"
	}
	failure := []byte{}
	if e.Error != nil {
		var err error
		if failure, err = json.Marshal(e.Error); err != nil {
			return "", fmt.Errorf("write error: %w", err)
		}
	}
	reply, err := s.run(ctx, s.scripts.end, queue, h.ID,
		h.Attempt, string(e.Outcome), follows, e.Delay.Milliseconds(), failure, []byte(e.Result), e.Summary).Slice()
	if err != nil {
		return "", fmt.Errorf("end attempt %d of %s: %w", h.Attempt, h.ID, err)
	}
	state, _ := reply[1].(string)
	if written, _ := reply[0].(int64); written == 0 {
		return task.State(state), ErrFenced
	}
	return task.State(state), nil
}
