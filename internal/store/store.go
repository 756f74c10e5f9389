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
	"embed"
	"errors"
	"fmt"
	"math"
	"path"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"google.golang.org/protobuf/encoding/protowire"

	"windlass/internal/task"
)

// Bounds of the store itself. Those of a task stand in package task.
const (
	// MaxQueues is how many queues may exist; each costs a few keys and a stream.
	MaxQueues = 100
	// MaxQueueName is the length of a queue's name in characters.
	MaxQueueName = 40
	// MaxLost is how often in one series a task may lose its worker before it fails.
	MaxLost = 5
	// eventsKept is about how many changes a queue remembers for clients that come back.
	eventsKept = 10_000
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
	return o
}

// Store reads and changes tasks. It is safe for concurrent use. The caller
// owns the Redis client and closes it after the last use of the store.
type Store struct {
	rdb     redis.UniversalClient
	opts    Options
	scripts scripts
	skew    atomic.Int64 // Redis's clock minus ours, in ms
	ids     idSource
	queues  sync.Map // names that this process has registered
	watch   watch
	ready   readiness
}

// New gives a Store on rdb. It contacts nothing; call Check before the first use.
func New(rdb redis.UniversalClient, o Options) (*Store, error) {
	scripts, err := loadScripts()
	if err != nil {
		return nil, err
	}
	s := &Store{rdb: rdb, opts: o.withDefaults(), scripts: scripts}
	s.watch.init(s)
	return s, nil
}

// Lease is how long an attempt stays its worker's without a sign of life.
func (s *Store) Lease() time.Duration { return s.opts.Lease }

// Now gives Redis's time as far as this process knows it: see SyncClock.
func (s *Store) Now() time.Time {
	return time.Now().Add(time.Duration(s.skew.Load()) * time.Millisecond)
}

// SyncClock asks Redis for its time, so that ids minted here sort with those
// of processes whose clocks differ.
func (s *Store) SyncClock(ctx context.Context) error {
	before := time.Now()
	now, err := s.rdb.Time(ctx).Result()
	if err != nil {
		return fmt.Errorf("ask redis for its time: %w", err)
	}
	middle := before.Add(time.Since(before) / 2)
	s.skew.Store(now.Sub(middle).Milliseconds())
	return nil
}

//go:embed lua/*.lua
var luaFiles embed.FS

// scripts holds one script a file of folder lua.
type scripts struct {
	submit, claim, extend, report, end, cancel, retry, delete, upkeep, trim, list, logs *redis.Script
}

func loadScripts() (scripts, error) {
	prelude, err := luaFiles.ReadFile("lua/prelude.lua")
	if err != nil {
		return scripts{}, fmt.Errorf("read script prelude: %w", err)
	}
	constants := strings.NewReplacer(
		"@events@", strconv.Itoa(eventsKept),
		"@attempts@", strconv.Itoa(task.MaxAttemptsKept),
		"@lines@", strconv.Itoa(task.MaxLogLines),
		"@listed@", strconv.Itoa(attemptsListed),
		"@message@", luaBytes(messageTail()),
	)
	var failed error
	load := func(name string) *redis.Script {
		body, err := luaFiles.ReadFile(path.Join("lua", name+".lua"))
		failed = errors.Join(failed, err)
		return redis.NewScript(constants.Replace(string(prelude) + string(body)))
	}
	all := scripts{
		submit: load("submit"), claim: load("claim"), extend: load("extend"), report: load("report"),
		end: load("end"), cancel: load("cancel"), retry: load("retry"), delete: load("delete"),
		upkeep: load("upkeep"), trim: load("trim"), list: load("list"), logs: load("logs"),
	}
	return all, failed
}

// messageTail is the constant end of asynq's message: retries and timeout so
// large that asynq never decides anything (a timeout of 0 would mean 30 minutes,
// asynq 0.26 client.go).
func messageTail() []byte {
	const century = 100 * 365 * 24 * 60 * 60
	b := protowire.AppendTag(nil, 5, protowire.VarintType)
	b = protowire.AppendVarint(b, math.MaxInt32)
	b = protowire.AppendTag(b, 8, protowire.VarintType)
	return protowire.AppendVarint(b, century)
}

func luaBytes(b []byte) string {
	var out strings.Builder
	for _, c := range b {
		fmt.Fprintf(&out, `\%03d`, c)
	}
	return out.String()
}

// run executes a script in the slot of the queue. id is empty for scripts that
// work on the whole queue.
func (s *Store) run(ctx context.Context, script *redis.Script, queue, id string, args ...any) *redis.Cmd {
	keys, argv := scriptArgs(queue, id, args)
	return script.Run(ctx, s.rdb, keys, argv...)
}

func scriptArgs(queue, id string, args []any) (keys []string, argv []any) {
	key := countsKey(queue)
	if id != "" {
		key = recordKey(queue, id)
	}
	return []string{key}, append([]any{queue, id}, args...)
}

func base(queue string) string          { return "wl:{" + queue + "}:" }
func recordKey(queue, id string) string { return base(queue) + "t:" + id }
func countsKey(queue string) string     { return base(queue) + "n" }
func eventsKey(queue string) string     { return base(queue) + "ev" }
func wakeChannel(queue string) string   { return base(queue) + "wake" }
func cancelChannel(queue string) string { return base(queue) + "cancel" }

const queuesKey = "wl:queues"

// registerQueue makes the queue known, once a process; upkeep does it again
// now and then because a failover may lose it. asynq's own set makes it visible
// to asynq's tools.
func (s *Store) registerQueue(ctx context.Context, queue string) error {
	if _, known := s.queues.Load(queue); known {
		return nil
	}
	all, err := s.Queues(ctx)
	if err != nil {
		return err
	}
	known := false
	for _, q := range all {
		known = known || q == queue
	}
	if !known && len(all) >= MaxQueues {
		return &TooManyQueuesError{}
	}
	if err := s.addQueue(ctx, queue); err != nil {
		return err
	}
	s.queues.Store(queue, true)
	select {
	case s.watch.newQueue <- struct{}{}:
	default:
	}
	return nil
}

func (s *Store) addQueue(ctx context.Context, queue string) error {
	if err := s.rdb.SAdd(ctx, queuesKey, queue).Err(); err != nil {
		return fmt.Errorf("register queue: %w", err)
	}
	if err := s.rdb.SAdd(ctx, "asynq:queues", queue).Err(); err != nil {
		return fmt.Errorf("register queue with asynq: %w", err)
	}
	return nil
}

// Queues lists every queue that was ever used, sorted.
func (s *Store) Queues(ctx context.Context) ([]string, error) {
	names, err := s.rdb.SMembers(ctx, queuesKey).Result()
	if err != nil {
		return nil, fmt.Errorf("list queues: %w", err)
	}
	return sorted(names), nil
}

// Ping asks Redis for a sign of life.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.rdb.Ping(ctx).Err(); err != nil {
		return fmt.Errorf("ping redis: %w", err)
	}
	return nil
}

func randomBytes(b []byte) { _, _ = rand.Read(b) } // never fails: crypto/rand.Read crashes instead
