package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"windlass/internal/task"
)

// Submission is a task as it is handed in. The caller has checked it.
type Submission struct {
	Kind, Queue string
	Input       json.RawMessage
	Sealed      string // the whole input, encrypted, when Input lacks its secrets
	Subject     string
	Policy      task.Policy // every field set
	Tags        []string
	Unique      string        // empty: none
	Delay       time.Duration // above zero: start that long from now by Redis's clock
	RunAt       time.Time     // zero: now; passed over when Delay is set
	ExpiresAt   time.Time     // start deadline; zero: none
	Traceparent string
	SubmittedBy string // who hands it in: a token's id; empty: nobody is named

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
// will run. Submits that come at the same time share round trips.
// Errors: *TooManyQueuesError, *UnconfirmedError, or Redis could not be asked;
// with the last two the task may exist.
func (s *Store) Submit(ctx context.Context, sub Submission) (Accepted, error) {
	return s.submitAs(ctx, s.ids.next(s.Now(), sub.Queue), sub)
}

func (s *Store) submitAs(ctx context.Context, id string, sub Submission) (Accepted, error) {
	if err := s.registerQueue(ctx, sub.Queue); err != nil {
		return Accepted{}, err
	}
	e, err := newEntry(id, sub)
	if err != nil {
		return Accepted{}, err
	}
	got, err := s.submits.do(ctx, e)
	if err != nil {
		return Accepted{}, fmt.Errorf("submit: %w", err)
	}
	return s.accepted(ctx, e, got)
}

// SubmitResult is one outcome of SubmitAll.
type SubmitResult struct {
	Accepted
	Err error
}

// submitBatch is how many tasks one round trip of SubmitAll carries: enough to
// fill it, and few enough for the client's timeout on a slow server.
const submitBatch = 1000

// SubmitAll keeps many tasks in a few round trips. Each has its own outcome, in order.
func (s *Store) SubmitAll(ctx context.Context, subs []Submission) []SubmitResult {
	now := s.Now()
	return s.submitAllAs(ctx, subs, func(i int) string { return s.ids.next(now, subs[i].Queue) })
}

func (s *Store) submitAllAs(ctx context.Context, subs []Submission, id func(i int) string) []SubmitResult {
	results := make([]SubmitResult, len(subs))
	entries := make([]entry, 0, min(len(subs), submitBatch))
	places := make([]int, 0, cap(entries))
	keep := func() {
		for i, got := range s.writeEntries(ctx, entries) {
			r := &results[places[i]]
			r.Accepted, r.Err = s.accepted(ctx, entries[i], got)
		}
		entries, places = entries[:0], places[:0]
	}
	var away error // Redis cannot be asked: one item waits for that, not each
	for i, sub := range subs {
		err := away
		if err == nil {
			if err = s.registerQueue(ctx, sub.Queue); Unavailable(err) {
				away = err
			}
		}
		var e entry
		if err == nil {
			e, err = newEntry(id(i), sub)
		}
		if err != nil {
			results[i].Err = err
			continue
		}
		if entries, places = append(entries, e), append(places, i); len(entries) == submitBatch {
			keep()
		}
	}
	keep()
	return results
}

// entry is a submission under its id, as the script takes it.
type entry struct {
	id   string
	sub  Submission
	args []any
}

// submitted is what the script answers for one entry.
type submitted struct {
	cause, value, start string
	err                 error
}

func newEntry(id string, sub Submission) (entry, error) {
	_, created, _ := parseID(id)
	var tags []byte
	if len(sub.Tags) > 0 {
		var err error
		if tags, err = json.Marshal(sub.Tags); err != nil {
			return entry{}, fmt.Errorf("write tags: %w", err)
		}
	}
	delay := any("")
	if sub.Delay > 0 {
		delay = sub.Delay.Milliseconds()
	}
	more := []any{"i", []byte(sub.Input), "po", policyText(sub.Policy)}
	for _, f := range [][2]string{{"sub", sub.Subject}, {"tp", sub.Traceparent}, {"by", sub.SubmittedBy}, {"is", sub.Sealed}} {
		if f[1] != "" {
			more = append(more, f[0], f[1])
		}
	}
	args := append([]any{
		id, created.UnixMilli(), sub.Kind, delay, ms(sub.RunAt), ms(sub.ExpiresAt), sub.Policy.Deadline.Std().Milliseconds(),
		sub.Unique, sub.CacheKey, sub.CacheFor.Milliseconds(), flag(sub.Fresh), tags, len(more),
	}, more...)
	return entry{id, sub, args}, nil
}

// flushTimeout bounds one round trip that several callers share.
const flushTimeout = 10 * time.Second

func (s *Store) flushSubmits(entries []entry) []submitted {
	ctx, cancel := context.WithTimeout(context.Background(), flushTimeout)
	defer cancel()
	return s.writeEntries(ctx, entries)
}

// Bounds of one script that writes several tasks: they keep it below about a
// millisecond, and below the 3,999 arguments that ElastiCache Serverless allows.
const (
	scriptTasks = 100
	scriptBytes = 1 << 20
)

// writeEntries groups the entries by queue, some a script, and writes them in one round trip.
func (s *Store) writeEntries(ctx context.Context, entries []entry) []submitted {
	results := make([]submitted, len(entries))
	calls, places := groupCalls(len(entries), func(i int) (string, []any, int) {
		return entries[i].sub.Queue, entries[i].args, len(entries[i].sub.Input) + len(entries[i].sub.Sealed)
	})
	for i, cmd := range s.confirm(ctx, s.scripts.submit, calls) {
		reply, err := s.writeOpened(ctx, calls[i], cmd)
		if err == nil && len(reply) != 3*len(places[i]) {
			err = fmt.Errorf("%d values for %d tasks", len(reply), len(places[i]))
		}
		for j, place := range places[i] {
			if err != nil {
				results[place].err = err
				continue
			}
			results[place] = submitted{cause: reply[3*j], value: reply[3*j+1], start: reply[3*j+2]}
		}
	}
	return results
}

// groupCalls puts items that belong to the same queue into as few calls as the
// bounds of a script allow. It gives the calls, and for each the places of its items.
func groupCalls(items int, item func(i int) (queue string, args []any, size int)) (calls []call, places [][]int) {
	open := map[string]int{} // queue -> its call that takes more
	sizes := map[string]int{}
	for i := range items {
		queue, args, size := item(i)
		at, ok := open[queue]
		if !ok || len(places[at]) == scriptTasks || sizes[queue]+size > scriptBytes {
			at = len(calls)
			open[queue], sizes[queue] = at, 0
			calls, places = append(calls, call{queue: queue}), append(places, nil)
		}
		calls[at].args, places[at] = append(calls[at].args, args...), append(places[at], i)
		sizes[queue] += size
	}
	return calls, places
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

func (s *Store) accepted(ctx context.Context, e entry, got submitted) (Accepted, error) {
	if got.err != nil {
		return Accepted{}, fmt.Errorf("submit: %w", named(got.err, e.id))
	}
	if got.cause != "created" {
		t, err := s.Get(ctx, got.value)
		if errors.Is(err, ErrNotFound) { // it ended and was removed in between
			return s.submitAs(ctx, e.id, e.sub)
		}
		return Accepted{Task: t, Cause: Cause(got.cause)}, err
	}
	if state := task.State(got.value); state != task.Pending && state != task.Scheduled {
		// An earlier try was carried out, only its reply was lost, and work has begun since.
		t, err := s.Get(ctx, e.id)
		return Accepted{Task: t}, err
	}
	sub := e.sub
	_, created, _ := parseID(e.id)
	t := &task.Task{
		ID: e.id, Kind: sub.Kind, Queue: sub.Queue, State: task.State(got.value), Subject: sub.Subject,
		Input: sub.Input, Attempts: []task.Attempt{}, MaxAttempts: sub.Policy.MaxAttempts, Policy: sub.Policy,
		Tags: append([]string{}, sub.Tags...), Unique: sub.Unique,
		CreatedAt: created, RunAt: fields{"r": got.start}.time("r"), Version: 1, Traceparent: sub.Traceparent,
		SubmittedBy: sub.SubmittedBy, Sealed: sub.Sealed,
	}
	if !sub.ExpiresAt.IsZero() {
		at := sub.ExpiresAt.UTC().Truncate(time.Millisecond)
		t.ExpiresAt = &at
	}
	return Accepted{Task: t}, nil
}
