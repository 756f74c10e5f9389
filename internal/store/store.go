// Package store keeps tasks in Redis and hands them to workers. It is the only
// package that knows Redis's keys and asynq's format.
//
// The record is the truth: input, state, attempts, result. asynq carries the
// task's id and nothing else. Every change is one atomic script (folder lua,
// each with its contract); a queue's keys share one cluster slot.
package store

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// Bounds of the store itself. Those of a task stand in package task.
const (
	// MaxQueues is how many queues may exist; each costs a few keys and a stream.
	MaxQueues = 100
	// MaxQueueName is the length of a queue's name in characters.
	MaxQueueName = 40
	// MaxLost is how often in one series a task may lose its worker before it fails.
	MaxLost = 5
	// eventsKept is about how many entries of changes a queue remembers for clients that come back.
	eventsKept = 5_000
	// changesTold is how many changes of one script stand in one entry.
	changesTold = 10
	// attemptsListed is how many attempts an item of a list shows.
	attemptsListed = 1
)

// Options sets a Store up. Every zero field has the default that it names.
type Options struct {
	// Lease is how long an attempt stays its worker's without a sign of life. Default 7 s.
	Lease time.Duration
	// Retention is how long a final task is kept. Default 7 days.
	Retention time.Duration
	// MaxFinished is how many final tasks are kept. Default 1,000,000.
	MaxFinished int64
	// IdempotencyTTL is how long an Idempotency-Key is remembered. Default 24 h.
	IdempotencyTTL time.Duration
	// Replicas is how many replicas must hold a submitted task before Submit
	// returns. Zero: none is waited for.
	Replicas int
	// ReplicaTimeout is how long they may take. Default 1 s.
	ReplicaTimeout time.Duration
	// Clock is this machine's clock. Nil: time.Now.
	Clock func() time.Time
}

func (o Options) withDefaults() Options {
	if o.Lease == 0 {
		o.Lease = 7 * time.Second
	}
	if o.Retention == 0 {
		o.Retention = 7 * 24 * time.Hour
	}
	if o.MaxFinished == 0 {
		o.MaxFinished = 1_000_000
	}
	if o.IdempotencyTTL == 0 {
		o.IdempotencyTTL = 24 * time.Hour
	}
	if o.ReplicaTimeout == 0 {
		o.ReplicaTimeout = time.Second
	}
	return o
}

// Store reads and changes tasks. It is safe for concurrent use. The caller
// owns the Redis client and closes it after the last use of the store.
type Store struct {
	rdb     redis.UniversalClient
	opts    Options
	scripts scripts
	clock   func() time.Time
	skew    atomic.Int64 // Redis's clock minus ours, in ms
	ids     idSource
	submits shared[entry, submitted]
	ends    shared[ending, ended]
	permits shared[PermitAsk, granted]
	proofs  proofs
	used    noted    // when tokens, sessions and stored secrets were used
	queues  sync.Map // name -> when this process registered it
	watch   watch
	ready   readiness
}

// New gives a Store on rdb. It contacts nothing; call Check before the first use.
func New(rdb redis.UniversalClient, o Options) (*Store, error) {
	scripts, err := loadScripts()
	if err != nil {
		return nil, err
	}
	s := &Store{rdb: rdb, opts: o.withDefaults(), scripts: scripts, clock: o.Clock}
	if s.clock == nil {
		s.clock = time.Now
	}
	s.submits.flush, s.ends.flush, s.permits.flush = s.flushSubmits, s.flushEnds, s.flushPermits
	s.proofs.flush = s.flushProofs
	s.watch.init(s)
	return s, nil
}

// Lease is how long an attempt stays its worker's without a sign of life.
func (s *Store) Lease() time.Duration { return s.opts.Lease }

// Now gives Redis's time as far as this process knows it: see SyncClock.
func (s *Store) Now() time.Time {
	return s.clock().Add(time.Duration(s.skew.Load()) * time.Millisecond)
}

// SyncClock asks Redis for its time, so that ids minted here sort with those
// of processes whose clocks differ.
func (s *Store) SyncClock(ctx context.Context) error {
	before := s.clock()
	now, err := s.rdb.Time(ctx).Result()
	if err != nil {
		return fmt.Errorf("ask redis for its time: %w", err)
	}
	middle := before.Add(s.clock().Sub(before) / 2)
	s.skew.Store(now.Sub(middle).Milliseconds())
	return nil
}

// clockFault is how far this machine's clock may be off before a call that brought
// Redis's time along puts it right, without waiting for KeepClock.
const clockFault = 100 * time.Millisecond

// heardClock takes Redis's time from the answer to a call that took so long.
func (s *Store) heardClock(now time.Time, took time.Duration) {
	if off := now.Sub(s.Now()).Abs(); off > clockFault+2*took {
		s.skew.Store(now.Sub(s.clock()).Milliseconds())
	}
}

// clockInterval is how often a process looks at Redis's clock again.
const clockInterval = 30 * time.Second

// KeepClock calls SyncClock at intervals until ctx ends: clocks drift, and are put right.
func (s *Store) KeepClock(ctx context.Context, log *slog.Logger) {
	tick := time.NewTicker(clockInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := s.SyncClock(ctx); err != nil && ctx.Err() == nil {
			log.Warn("Redis's clock could not be read", "error", err)
		}
	}
}

func base(queue string) string          { return "wl:{" + queue + "}:" }
func recordKey(queue, id string) string { return base(queue) + "t:" + id }
func countsKey(queue string) string     { return base(queue) + "n" }
func eventsKey(queue string) string     { return base(queue) + "ev" }
func wakeChannel(queue string) string   { return base(queue) + "wake" }
func cancelChannel(queue string) string { return base(queue) + "cancel" }

// Ping asks Redis for a sign of life.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.rdb.Ping(ctx).Err(); err != nil {
		return fmt.Errorf("ping redis: %w", err)
	}
	return nil
}

// newToken names one call, so that a script can tell when it is sent again.
func newToken() string {
	var b [8]byte
	randomBytes(b[:])
	return hex.EncodeToString(b[:])
}

func randomBytes(b []byte) { _, _ = rand.Read(b) } // never fails: crypto/rand.Read crashes instead
