package store

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"
)

// SubmitOnce is Submit under an Idempotency-Key: the first request with the key
// makes the task, each later one gets the same. scope separates principals, and
// fingerprint tells whether the request is the same.
// Errors beside Submit's: ErrKeyReused, ErrKeyGone.
func (s *Store) SubmitOnce(ctx context.Context, scope, key, fingerprint string, sub Submission) (Accepted, error) {
	name := onceKey(scope, key)
	id := s.ids.next(s.Now(), sub.Queue)
	won, err := s.rdb.SetNX(ctx, name, "claimed "+id+" "+fingerprint, s.opts.IdempotencyTTL).Result()
	if err != nil {
		return Accepted{}, fmt.Errorf("claim idempotency key: %w", err)
	}
	if !won {
		return s.submitAgain(ctx, name, fingerprint, sub)
	}
	return s.submitClaimed(ctx, name, id, fingerprint, sub)
}

func onceKey(scope, key string) string { return "wl:idem:" + scope + ":" + key }

func (s *Store) submitAgain(ctx context.Context, name, fingerprint string, sub Submission) (Accepted, error) {
	value, err := s.readOnce(ctx, name)
	if err != nil {
		return Accepted{}, err
	}
	phase, rest, _ := strings.Cut(value, " ")
	id, first, _ := strings.Cut(rest, " ")
	if first != fingerprint {
		return Accepted{}, ErrKeyReused
	}
	t, err := s.Get(ctx, id)
	switch {
	case err == nil:
		return Accepted{Task: t, Cause: CauseIdempotent}, s.confirmed(ctx, sub.Queue, id)
	case !errors.Is(err, ErrNotFound):
		return Accepted{}, err
	case phase == "kept":
		return Accepted{}, ErrKeyGone
	}
	// The first request died between claiming the key and keeping the task.
	return s.submitClaimed(ctx, name, id, fingerprint, sub)
}

// readOnce gives what an Idempotency-Key stands for.
func (s *Store) readOnce(ctx context.Context, name string) (string, error) {
	value, err := s.rdb.Get(ctx, name).Result()
	if errors.Is(err, redis.Nil) {
		return "", fmt.Errorf("read idempotency key: it ended just now: %w", err)
	}
	if err != nil {
		return "", fmt.Errorf("read idempotency key: %w", err)
	}
	return value, nil
}

func (s *Store) submitClaimed(ctx context.Context, name, id, fingerprint string, sub Submission) (Accepted, error) {
	got, err := s.submitAs(ctx, id, sub)
	if err != nil {
		return Accepted{}, err
	}
	again, err := s.keepOnce(ctx, name, "kept "+got.Task.ID+" "+fingerprint)
	if err == nil && again {
		err = s.confirmed(ctx, sub.Queue, got.Task.ID)
	}
	if err != nil {
		return Accepted{}, err
	}
	return got, nil
}

// keepOnce writes what an Idempotency-Key stands for from now on. again is true when a failover
// came after the claim, and lost it: what the claim was for may not be confirmed.
func (s *Store) keepOnce(ctx context.Context, name, value string) (again bool, err error) {
	there, err := s.rdb.SetXX(ctx, name, value, redis.KeepTTL).Result()
	if err == nil && !there {
		again = true
		err = s.rdb.SetNX(ctx, name, value, s.opts.IdempotencyTTL).Err()
	}
	if err != nil {
		return false, fmt.Errorf("keep idempotency key: %w", err)
	}
	return again, nil
}
