package store

import (
	"errors"
	"fmt"

	"windlass/internal/task"
)

// Errors that callers tell apart.
var (
	// ErrNotFound says that there is no task of that id, or no longer.
	ErrNotFound = errors.New("no such task")
	// ErrNoToken says that there is no token of that id, or no longer.
	ErrNoToken = errors.New("no such token")
	// ErrNoSession says that there is no session of that id, or no longer.
	ErrNoSession = errors.New("no such session")
	// ErrFenced says that the attempt is not the task's current one: it was lost,
	// or its end is written already. Nothing was changed.
	ErrFenced = errors.New("the attempt is no longer the task's current one")
	// ErrBadCursor says that a cursor was not made by List.
	ErrBadCursor = errors.New("not a cursor of this list")
	// ErrKeyReused says that an Idempotency-Key came again with another request.
	ErrKeyReused = errors.New("the idempotency key was used for another request")
	// ErrKeyGone says that the task of an Idempotency-Key was deleted since.
	ErrKeyGone = errors.New("the task of this idempotency key was deleted")
)

// StateError says that a task's state forbids what was asked.
type StateError struct{ State task.State }

func (e *StateError) Error() string { return fmt.Sprintf("the task is %s", e.State) }

// HeldError says that another task holds the unique key.
type HeldError struct{ ID string }

func (e *HeldError) Error() string { return "another task holds the unique key: " + e.ID }

// TooManyQueuesError says that a new queue would be one too many.
type TooManyQueuesError struct{}

func (e *TooManyQueuesError) Error() string {
	return fmt.Sprintf("there are %d queues already", MaxQueues)
}

// UnconfirmedError says that the task is stored, but that not enough replicas
// said in time that they have it. A failover now may lose it.
type UnconfirmedError struct{ ID string }

func (e *UnconfirmedError) Error() string {
	return "too few replicas confirmed the task " + e.ID + " in time"
}
