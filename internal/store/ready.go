package store

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// readyKey is written to try whether writing works, and the channel of Check.
	readyKey = "wl:{ready}"
	// readyFresh is how long one trial answers everybody who asks.
	readyFresh = time.Second
	// readyTimeout bounds a trial: a health check that waits longer counts as failed anyway.
	readyTimeout = 1800 * time.Millisecond
)

// readiness remembers the last trial.
type readiness struct {
	mu  sync.Mutex
	at  time.Time
	err error
}

// Ready tries whether Redis takes what Windlass writes: a full or read-only one
// answers a ping as if all were well. It asks at most once in readyFresh, however
// many ask it. With Options.Replicas it waits for them, as a submit would. On a
// cluster it tries one of the masters. TroubleOf tells what its error means.
func (s *Store) Ready(ctx context.Context) error {
	r := &s.ready
	r.mu.Lock()
	defer r.mu.Unlock()
	if time.Since(r.at) < readyFresh {
		return r.err
	}
	// Others share the answer: it must not be that one of them went away.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readyTimeout)
	defer cancel()
	if r.err = s.tryWrite(ctx); r.err != nil {
		r.err = fmt.Errorf("try to write to redis: %w", r.err)
	}
	r.at = time.Now()
	return r.err
}

func (s *Store) tryWrite(ctx context.Context) error {
	script := redis.NewScript(`return redis.call('SET', KEYS[1], '1', 'PX', 60000)`)
	if s.opts.Replicas == 0 {
		return script.Run(ctx, s.rdb, []string{readyKey}).Err()
	}
	node, err := s.masterOf(ctx, readyKey)
	if err != nil {
		return err
	}
	var wrote *redis.Cmd
	err = s.replicated(ctx, node, func(pipe redis.Pipeliner) { wrote = script.Eval(ctx, pipe, []string{readyKey}) })
	return cmp.Or(wrote.Err(), err)
}
