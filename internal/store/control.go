package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"

	"windlass/internal/task"
)

// Get reads a task whole. Errors: ErrNotFound.
func (s *Store) Get(ctx context.Context, id string) (*task.Task, error) {
	queue, _, ok := parseID(id)
	if !ok {
		return nil, ErrNotFound
	}
	f, err := s.rdb.HGetAll(ctx, recordKey(queue, id)).Result()
	if err != nil {
		return nil, fmt.Errorf("get %s: %w", id, err)
	}
	if len(f) == 0 {
		return nil, ErrNotFound
	}
	return fields(f).task(id)
}

// Cancel calls a task off and gives its state after that: canceled, active when
// it runs and was asked to stop, or the final state that it had already.
// Errors: ErrNotFound.
func (s *Store) Cancel(ctx context.Context, id string) (task.State, error) {
	queue, _, ok := parseID(id)
	if !ok {
		return "", ErrNotFound
	}
	state, err := s.run(ctx, s.scripts.cancel, queue, id).Text()
	if errors.Is(err, redis.Nil) {
		return "", ErrNotFound
	}
	if err != nil {
		return "", fmt.Errorf("cancel %s: %w", id, err)
	}
	return task.State(state), nil
}

// Retry lets a task run now: one that waits for its time stops waiting, a final
// one gets a new series of attempts and keeps its history.
// Errors: ErrNotFound, *StateError when it is pending or active, *HeldError.
func (s *Store) Retry(ctx context.Context, id string) error {
	t, err := s.Get(ctx, id)
	if err != nil {
		return err
	}
	reply, err := s.run(ctx, s.scripts.retry, t.Queue, id, t.Policy.Deadline.Std().Milliseconds(), newToken()).StringSlice()
	if err != nil {
		return fmt.Errorf("retry %s: %w", id, err)
	}
	switch reply[0] {
	case "missing":
		return ErrNotFound
	case "state":
		return &StateError{State: task.State(reply[1])}
	case "unique":
		return &HeldError{ID: reply[1]}
	}
	return nil
}

// Delete removes a final task for good. Errors: ErrNotFound, *StateError.
func (s *Store) Delete(ctx context.Context, id string) error {
	queue, _, ok := parseID(id)
	if !ok {
		return ErrNotFound
	}
	reply, err := s.run(ctx, s.scripts.delete, queue, id, newToken()).Text()
	switch {
	case err != nil:
		return fmt.Errorf("delete %s: %w", id, err)
	case reply == "missing":
		return ErrNotFound
	case reply != "deleted":
		return &StateError{State: task.State(reply)}
	}
	return nil
}
