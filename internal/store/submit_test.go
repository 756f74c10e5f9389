package store

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"windlass/internal/task"
)

func testSubmitPending(e *env) {
	deadline := e.Now().Add(time.Hour)
	made := e.submit(func(s *Submission) {
		s.Tags, s.Unique, s.Traceparent, s.ExpiresAt = []string{"a", "ü ß"}, "only me", "00-ab-cd-01", deadline
		s.Input = json.RawMessage(`{"n":12345678901234567890,"s":"a|b\u0000"}`)
	})
	got := e.get(made.ID)
	if diff := cmp.Diff(made, got); diff != "" {
		e.t.Errorf("what Submit said and what is kept (-said +kept):\n%s", diff)
	}
	want := task.Task{
		ID: made.ID, Kind: "demo.echo", Queue: "default", State: task.Pending, Subject: "say hi",
		Input:    json.RawMessage(`{"n":12345678901234567890,"s":"a|b\u0000"}`),
		Attempts: []task.Attempt{}, MaxAttempts: 3, Policy: policy(), Tags: []string{"a", "ü ß"}, Unique: "only me",
		CreatedAt: made.CreatedAt, RunAt: made.RunAt, ExpiresAt: ptr(deadline.UTC().Truncate(time.Millisecond)),
		Version: 1, Traceparent: "00-ab-cd-01",
	}
	if diff := cmp.Diff(&want, got); diff != "" {
		e.t.Errorf("task (-want +got):\n%s", diff)
	}
}

func testSubmitStartTimes(e *env) {
	now := e.Now()
	tests := []struct {
		name   string
		change func(*Submission)
		state  task.State
		start  time.Time
	}{
		{"at once", nil, task.Pending, now},
		{"delay", func(s *Submission) { s.Delay = time.Hour }, task.Scheduled, now.Add(time.Hour)},
		{"long delay", func(s *Submission) { s.Delay = 20_000 * time.Hour }, task.Scheduled, now.Add(20_000 * time.Hour)},
		{"run at", func(s *Submission) { s.RunAt = now.Add(time.Hour) }, task.Scheduled, now.Add(time.Hour)},
		{"run at in the past", func(s *Submission) { s.RunAt = now.Add(-time.Hour) }, task.Pending, now},
		{"run at before 1970", func(s *Submission) { s.RunAt = time.Unix(-5, 0) }, task.Pending, now},
		{"delay before run at", func(s *Submission) { s.Delay, s.RunAt = time.Hour, now.Add(time.Minute) }, task.Scheduled, now.Add(time.Hour)},
		{"delay below 1 ms", func(s *Submission) { s.Delay = time.Microsecond }, task.Pending, now},
	}
	for _, tt := range tests {
		got := e.get(e.submit(tt.change).ID)
		if got.State != tt.state {
			e.t.Errorf("%s: got %s, want %s", tt.name, got.State, tt.state)
		}
		if off := got.RunAt.Sub(tt.start); off < -2*time.Millisecond || off > 5*time.Second {
			e.t.Errorf("%s: starts at %s, %s off", tt.name, got.RunAt, off)
		}
		if off := got.CreatedAt.Sub(now); off < -2*time.Millisecond || off > 5*time.Second {
			e.t.Errorf("%s: created at %s, %s off", tt.name, got.CreatedAt, off)
		}
	}
}

// A lost reply makes the client send the same submission again.
func testSubmitTwice(e *env) {
	for _, delay := range []time.Duration{0, time.Hour} {
		s := sub(func(s *Submission) { s.Delay, s.Unique, s.CacheKey, s.CacheFor = delay, "u", "c", time.Hour })
		id := e.ids.next(e.Now(), s.Queue)
		first, err := e.submitAs(e.ctx, id, s)
		e.ok(err)
		second, err := e.submitAs(e.ctx, id, s)
		e.ok(err)
		if diff := cmp.Diff(first, second); diff != "" {
			e.t.Errorf("first and second answer (-first +second):\n%s", diff)
		}
		e.audit()
		_, err = e.Cancel(e.ctx, id)
		e.ok(err)
	}
	if n := len(e.keys(recordKey("default", "*"))); n != 2 {
		e.t.Errorf("%d records, want 2", n)
	}
}

// A restarted Redis knows no scripts.
func testScriptFlush(e *env) {
	e.submit(nil)
	e.onMasters(func(ctx context.Context, node redis.Cmdable) error { return node.ScriptFlush(ctx).Err() })
	e.submit(nil)
	e.onMasters(func(ctx context.Context, node redis.Cmdable) error { return node.ScriptFlush(ctx).Err() })
	page, err := e.List(e.ctx, Filter{}, 10, "")
	e.ok(err)
	if len(page.Tasks) != 2 {
		e.t.Errorf("%d tasks, want 2", len(page.Tasks))
	}
}

func testTooManyQueues(e *env) {
	for _, q := range names("q", MaxQueues) {
		e.submit(func(s *Submission) { s.Queue = q })
	}
	got := e.SubmitAll(e.ctx, []Submission{
		sub(func(s *Submission) { s.Queue = "q7" }),
		sub(func(s *Submission) { s.Queue = "one-more" }),
	})
	e.ok(got[0].Err)
	if _, ok := errors.AsType[*TooManyQueuesError](got[1].Err); !ok {
		e.t.Errorf("queue %d: got %v, want *TooManyQueuesError", MaxQueues+1, got[1].Err)
	}
}

func testSubmitAll(e *env) {
	var subs []Submission
	for i, subject := range names("s", 500) {
		subs = append(subs, sub(func(s *Submission) {
			s.Subject, s.Queue = subject, []string{"a", "b", "c"}[i%3]
			if i%10 == 9 {
				s.Unique = "shared"
			}
		}))
	}
	last := ""
	for i, r := range e.SubmitAll(e.ctx, subs) {
		e.ok(r.Err)
		held := i%10 == 9 && i >= 30 // 9, 19 and 29 are the first of their queues
		if (r.Cause == CauseUnique) != held {
			e.t.Fatalf("item %d: cause %q", i, r.Cause)
		}
		if held {
			continue
		}
		if r.Task.Subject != subs[i].Subject {
			e.t.Fatalf("item %d: got subject %s, want %s", i, r.Task.Subject, subs[i].Subject)
		}
		if r.Task.ID <= last {
			e.t.Fatalf("item %d: id %s does not sort after %s", i, r.Task.ID, last)
		}
		last = r.Task.ID
	}
}

func ptr[T any](v T) *T { return &v }

func TestIDsGrow(t *testing.T) {
	var ids idSource
	now := time.UnixMilli(1_700_000_000_000)
	last := ""
	for i := range 200_000 { // more than a millisecond's share, and the clock goes back once
		if i == 1000 {
			now = now.Add(-time.Minute)
		}
		id := ids.next(now, "q")
		if id <= last {
			t.Fatalf("id %d: %s does not sort after %s", i, id, last)
		}
		last = id
	}
	queue, created, ok := parseID(last)
	if !ok || queue != "q" || created.Before(now) || created.After(now.Add(2*time.Minute)) {
		t.Errorf("parse %s: got %s, %s, %v", last, queue, created, ok)
	}
}

func TestIDBound(t *testing.T) {
	var ids idSource
	at := time.UnixMilli(1_700_000_000_000)
	before := ids.next(at.Add(-time.Millisecond), "zzz")
	same := ids.next(at, "a")
	if bound := idBound(at); before >= bound || same < bound {
		t.Errorf("bound %s does not divide %s and %s", bound, before, same)
	}
	if first := idBound(time.Unix(-1, 0)); first != idBound(time.UnixMilli(0)) {
		t.Errorf("bound before 1970: got %s", first)
	}
}
