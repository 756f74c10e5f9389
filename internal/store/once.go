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
	name := "wl:idem:" + scope + ":" + key
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

func (s *Store) submitAgain(ctx context.Context, name, fingerprint string, sub Submission) (Accepted, error) {
	value, err := s.rdb.Get(ctx, name).Result()
	if errors.Is(err, redis.Nil) {
		return Accepted{}, fmt.Errorf("read idempotency key: it ended just now: %w", err)
	}
	if err != nil {
		return Accepted{}, fmt.Errorf("read idempotency key: %w", err)
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

func (s *Store) submitClaimed(ctx context.Context, name, id, fingerprint string, sub Submission) (Accepted, error) {
	got, err := s.submitAs(ctx, id, sub)
	if err != nil {
		return Accepted{}, err
	}
	value := "kept " + got.Task.ID + " " + fingerprint
	there, err := s.rdb.SetXX(ctx, name, value, redis.KeepTTL).Result()
	if err == nil && !there { // a failover came after the claim, and lost it
		if err = s.rdb.SetNX(ctx, name, value, s.opts.IdempotencyTTL).Err(); err == nil {
			err = s.confirmed(ctx, sub.Queue, got.Task.ID)
		}
	}
	if err != nil {
		return Accepted{}, fmt.Errorf("keep idempotency key: %w", err)
	}
	return got, nil
}
