package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"windlass/internal/task"
)

// Submission is a task as it is handed in. The caller has checked it.
type Submission struct {
	Kind, Queue string
	Input       json.RawMessage
	Subject     string
	Policy      task.Policy // every field set
	Tags        []string
	Unique      string        // empty: none
	Delay       time.Duration // above zero: start that long from now by Redis's clock
	RunAt       time.Time     // zero: now; passed over when Delay is set
	ExpiresAt   time.Time     // start deadline; zero: none
	Traceparent string

	CacheKey string        // names the work; empty: never answered from the cache
	CacheFor time.Duration // how long its result may answer others
	Fresh    bool          // run even when a cached result or the same work under way could answer
}

// Cause says why a submission was answered by a task that was there already.
type Cause string

// The causes. CauseNew is a task that this submission made.
const (
	CauseNew        Cause = ""
	CauseUnique     Cause = "unique"     // it holds the unique key
	CauseCached     Cause = "cached"     // its result answers the submission
	CauseJoined     Cause = "joined"     // it is the same work, under way
	CauseIdempotent Cause = "idempotent" // the same Idempotency-Key made it
)

// Accepted is the answer to a submission.
type Accepted struct {
	Task  *task.Task
	Cause Cause
}

// Submit keeps a task. When it returns without an error the task is stored and
// will run. Errors: *TooManyQueuesError, or Redis could not be asked; then the
// task may exist or not.
func (s *Store) Submit(ctx context.Context, sub Submission) (Accepted, error) {
	got := s.SubmitAll(ctx, []Submission{sub})
	return got[0].Accepted, got[0].Err
}

// SubmitResult is one outcome of SubmitAll.
type SubmitResult struct {
	Accepted
	Err error
}

// submitBatch is how many tasks one round trip carries: enough to fill it, and
// few enough for the client's timeout on a slow server.
const submitBatch = 200

// SubmitAll keeps many tasks in a few round trips. Each has its own outcome, in order.
func (s *Store) SubmitAll(ctx context.Context, subs []Submission) []SubmitResult {
	results := make([]SubmitResult, 0, len(subs))
	for batch := range slices.Chunk(subs, submitBatch) {
		now := s.Now()
		ids := make([]string, len(batch))
		for i, sub := range batch {
			ids[i] = s.ids.next(now, sub.Queue)
		}
		results = append(results, s.submitAs(ctx, ids, batch)...)
	}
	return results
}

func (s *Store) submitAs(ctx context.Context, ids []string, subs []Submission) []SubmitResult {
	results := make([]SubmitResult, len(subs))
	cmds := make([]*redis.Cmd, len(subs))
	pipe := s.rdb.Pipeline()
	var away error // Redis cannot be asked: one item waits for that, not each
	for i, sub := range subs {
		err := away
		if err == nil {
			err = s.registerQueue(ctx, sub.Queue)
		}
		if err != nil {
			if Unavailable(err) {
				away = err
			}
			results[i].Err = err
			continue
		}
		args, err := submitArgs(ids[i], sub)
		if err != nil {
			results[i].Err = err
			continue
		}
		keys, argv := scriptArgs(sub.Queue, ids[i], args)
		cmds[i] = s.scripts.submit.EvalSha(ctx, pipe, keys, argv...)
	}
	_, _ = pipe.Exec(ctx) // each command carries its own error
	for i, cmd := range cmds {
		if cmd == nil {
			continue
		}
		if redis.HasErrorPrefix(cmd.Err(), "NOSCRIPT") {
			args, _ := submitArgs(ids[i], subs[i])
			cmd = s.run(ctx, s.scripts.submit, subs[i].Queue, ids[i], args...)
		}
		results[i].Accepted, results[i].Err = s.accepted(ctx, ids[i], subs[i], cmd)
	}
	return results
}

func submitArgs(id string, sub Submission) ([]any, error) {
	_, created, _ := parseID(id)
	policy, err := json.Marshal(sub.Policy)
	if err != nil {
		return nil, fmt.Errorf("write policy: %w", err)
	}
	tags, err := json.Marshal(sub.Tags)
	if err != nil {
		return nil, fmt.Errorf("write tags: %w", err)
	}
	if len(sub.Tags) == 0 {
		tags = nil
	}
	args := []any{
		created.UnixMilli(), sub.Kind, "", ms(sub.RunAt), ms(sub.ExpiresAt), sub.Policy.Deadline.Std().Milliseconds(),
		sub.Unique, sub.CacheKey, sub.CacheFor.Milliseconds(), flag(sub.Fresh), tags,
		"i", []byte(sub.Input), "sub", sub.Subject, "po", policy,
	}
	if sub.Delay > 0 {
		args[2] = sub.Delay.Milliseconds()
	}
	if sub.Traceparent != "" {
		args = append(args, "tp", sub.Traceparent)
	}
	return args, nil
}

func ms(t time.Time) any {
	if t.IsZero() {
		return ""
	}
	return t.UnixMilli()
}

func flag(b bool) string {
	if b {
		return "1"
	}
	return ""
}

func (s *Store) accepted(ctx context.Context, id string, sub Submission, cmd *redis.Cmd) (Accepted, error) {
	reply, err := cmd.StringSlice()
	if err != nil {
		return Accepted{}, fmt.Errorf("submit: %w", err)
	}
	if reply[0] != "created" {
		t, err := s.Get(ctx, reply[1])
		if errors.Is(err, ErrNotFound) { // it ended and was removed in between
			return s.Submit(ctx, sub)
		}
		return Accepted{Task: t, Cause: Cause(reply[0])}, err
	}
	_, created, _ := parseID(id)
	start := fields{"r": reply[2]}
	t := &task.Task{
		ID: id, Kind: sub.Kind, Queue: sub.Queue, State: task.State(reply[1]), Subject: sub.Subject,
		Input: sub.Input, Attempts: []task.Attempt{}, MaxAttempts: sub.Policy.MaxAttempts, Policy: sub.Policy,
		Tags: append([]string{}, sub.Tags...), Unique: sub.Unique,
		CreatedAt: created, RunAt: start.time("r"), Version: 1, Traceparent: sub.Traceparent,
	}
	if !sub.ExpiresAt.IsZero() {
		at := sub.ExpiresAt.UTC().Truncate(time.Millisecond)
		t.ExpiresAt = &at
	}
	return Accepted{Task: t}, nil
}

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
		return Accepted{Task: t, Cause: CauseIdempotent}, nil
	case !errors.Is(err, ErrNotFound):
		return Accepted{}, err
	case phase == "kept":
		return Accepted{}, ErrKeyGone
	}
	// The first request died between claiming the key and keeping the task.
	return s.submitClaimed(ctx, name, id, fingerprint, sub)
}

func (s *Store) submitClaimed(ctx context.Context, name, id, fingerprint string, sub Submission) (Accepted, error) {
	got := s.submitAs(ctx, []string{id}, []Submission{sub})[0]
	if got.Err != nil {
		return Accepted{}, got.Err
	}
	value := "kept " + got.Task.ID + " " + fingerprint
	if err := s.rdb.SetXX(ctx, name, value, redis.KeepTTL).Err(); err != nil && !errors.Is(err, redis.Nil) {
		return Accepted{}, fmt.Errorf("keep idempotency key: %w", err)
	}
	return got.Accepted, nil
}
