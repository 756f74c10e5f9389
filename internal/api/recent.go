package api

import (
	"context"
	"sync"
	"time"
)

// recent keeps the last answer of a question for a short while, so that many
// requests and event streams ask the store once.
type recent[T any] struct {
	keep time.Duration
	ask  func(context.Context) (T, error)

	mu    sync.Mutex
	value T
	at    time.Time
}

func newRecent[T any](keep time.Duration, ask func(context.Context) (T, error)) *recent[T] {
	return &recent[T]{keep: keep, ask: ask}
}

// get gives an answer that is at most keep old. Callers wait for each other.
func (r *recent[T]) get(ctx context.Context) (T, error) {
	value, _, err := r.getAt(ctx)
	return value, err
}

// getAt also tells when it was asked: what happened before that is in it.
func (r *recent[T]) getAt(ctx context.Context) (T, time.Time, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	if !r.at.IsZero() && now.Sub(r.at) < r.keep {
		return r.value, r.at, nil
	}
	value, err := r.ask(ctx)
	if err != nil {
		return value, now, err
	}
	r.value, r.at = value, now
	return value, now, nil
}
