package store

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"windlass/internal/task"
)

func testStartDeadline(e *env) {
	past := func(s *Submission) { s.ExpiresAt = e.Now().Add(-time.Second) }
	dropped := e.submit(past)
	if c, err := e.claimOne("default"); c != nil || err != nil {
		e.t.Errorf("claim past the deadline: got %v, %v", c, err)
	}
	got := e.wantState(dropped.ID, task.Expired)
	if got.FinishedAt == nil || len(got.Attempts) != 0 {
		e.t.Errorf("expired at the claim: %+v", got)
	}
	waiting := e.submit(past)
	scheduled := e.submit(func(s *Submission) { past(s); s.Delay = time.Hour })
	fine := e.submit(func(s *Submission) { s.ExpiresAt = e.Now().Add(time.Hour) })
	if n := e.upkeep("default").Expired; n != 2 {
		e.t.Errorf("%d expired, want 2", n)
	}
	e.wantState(waiting.ID, task.Expired)
	e.wantState(scheduled.ID, task.Expired)

	// It holds for the start alone: not for what was begun once.
	c := e.claim("default")
	if c.Task.ID != fine.ID {
		e.t.Fatalf("claimed %s, want %s", c.Task.ID, fine.ID)
	}
	e.ok(e.rdb.HSet(e.ctx, recordKey("default", fine.ID), "x", 1000).Err())
	e.end(c, End{Outcome: task.OutcomeReleased})
	e.upkeep("default")
	if c := e.claim("default"); c.Task.ID != fine.ID || c.Attempt != 2 {
		e.t.Errorf("claimed %s, attempt %d", c.Task.ID, c.Attempt)
	}
}

func testUpkeepDue(e *env) {
	if got := e.upkeep("default"); got != (Upkept{Next: -time.Millisecond}) {
		e.t.Errorf("upkeep of an empty queue: %+v", got)
	}
	late := e.submit(func(s *Submission) { s.Delay = 2 * time.Hour })
	soon := e.submit(func(s *Submission) { s.Delay = time.Hour })
	retrying := e.reach("default", task.Retrying, nil)
	e.submit(func(s *Submission) { s.Delay = 50 * time.Hour })
	if got := e.upkeep("default"); got.Released != 0 || got.Next <= 59*time.Minute || got.Next > time.Hour {
		e.t.Errorf("nothing is due: %+v", got)
	}
	for i, id := range []string{soon.ID, retrying.ID, late.ID} {
		e.lapse("due", id)
		e.ok(e.rdb.ZIncrBy(e.ctx, base("default")+"due", float64(i), id).Err())
	}
	got := e.upkeep("default")
	if got.Released != 3 || got.More || got.Next <= 49*time.Hour || got.Next > 50*time.Hour {
		e.t.Errorf("three are due: %+v", got)
	}
	for _, id := range []string{soon.ID, retrying.ID, late.ID} {
		if c := e.claim("default"); c.Task.ID != id {
			e.t.Errorf("claimed %s, want %s", c.Task.ID, id)
		}
	}
}

// A wait that really ends, by Redis's clock and without anybody's help.
func testUpkeepWait(e *env) {
	made := e.submit(func(s *Submission) { s.Delay = 30 * time.Millisecond })
	e.eventually("the wait to end", func() bool { return e.upkeep("default").Released == 1 })
	if got := e.wantState(made.ID, task.Pending); e.Now().Before(got.RunAt.Add(-5 * time.Millisecond)) {
		e.t.Errorf("released before %s", got.RunAt)
	}
}

func testUpkeepLost(e *env) {
	c := e.start(nil)
	waiting := e.submit(nil)
	e.ok(e.Report(e.ctx, c.held(), Report{Checkpoint: []byte("here")}))
	for lost := 1; lost <= MaxLost; lost++ {
		e.lapse("lease", c.Task.ID)
		if n := e.upkeep("default").Lost; n != 1 {
			e.t.Fatalf("loss %d: %d lost", lost, n)
		}
		e.audit()
		if lost == MaxLost {
			break
		}
		got := e.wantState(c.Task.ID, task.Pending)
		if got.AttemptsUsed != 0 || got.Error == nil || got.Error.Code != "worker_lost" || got.Attempts[lost-1].Outcome != task.OutcomeLost {
			e.t.Errorf("loss %d: used %d, error %v, attempts %v", lost, got.AttemptsUsed, got.Error, got.Attempts)
		}
		next := e.claim("default")
		if next.Task.ID != c.Task.ID || next.Attempt != lost+1 || string(next.Checkpoint) != "here" {
			e.t.Fatalf("after loss %d: claimed %s, attempt %d, checkpoint %q", lost, next.Task.ID, next.Attempt, next.Checkpoint)
		}
	}
	got := e.wantState(c.Task.ID, task.Failed)
	if len(got.Attempts) != MaxLost || got.AttemptsUsed != 0 || got.Error.Code != "worker_lost" {
		e.t.Errorf("lost too often: %+v", got)
	}
	e.ok(e.Retry(e.ctx, c.Task.ID)) // a new series counts from the start
	if next := e.claim("default"); next.Task.ID != waiting.ID {
		e.t.Errorf("claimed %s, want the one that waited before the retry", next.Task.ID)
	}
	e.claim("default")
	e.lapse("lease", c.Task.ID)
	e.upkeep("default")
	e.wantState(c.Task.ID, task.Pending)
}

func testUpkeepLostCanceled(e *env) {
	c := e.start(nil)
	_, err := e.Cancel(e.ctx, c.Task.ID)
	e.ok(err)
	e.lapse("lease", c.Task.ID)
	e.upkeep("default")
	got := e.wantState(c.Task.ID, task.Canceled)
	if got.Attempts[0].Outcome != task.OutcomeLost || got.CancelRequested {
		e.t.Errorf("canceled and lost: %+v", got)
	}
}

// A lease of a few milliseconds runs out by itself.
func testLeaseRunsOut(e *env) {
	short := e.with(Options{Lease: 20 * time.Millisecond})
	made := short.submit(nil)
	short.claim("default")
	e.eventually("the lease to run out", func() bool { return short.upkeep("default").Lost == 1 })
	e.wantState(made.ID, task.Pending)
}

func testUpkeepSteps(e *env) {
	const n = upkeepStep*2 + 10
	for range n {
		made := e.submit(func(s *Submission) { s.Delay = time.Hour })
		e.lapse("due", made.ID)
	}
	for i, want := range []Upkept{
		{Released: upkeepStep, More: true, Line: upkeepStep}, {Released: upkeepStep, More: true, Line: 2 * upkeepStep},
		{Released: 10, Next: -time.Millisecond, Line: n},
	} {
		if got := e.upkeep("default"); got != want {
			e.t.Errorf("step %d: got %+v, want %+v", i, got, want)
		}
	}
}

// done makes n succeeded tasks.
func (e *env) done(queue string, n int) []string {
	e.t.Helper()
	ids := make([]string, n)
	for i := range ids {
		ids[i] = e.reach(queue, task.Succeeded, func(s *Submission) { s.Tags = []string{"a"} }).ID
	}
	return ids
}

func testTrimAge(e *env) {
	old, young := e.done("a", 250), e.done("b", 3)
	for _, id := range append(old, young[0]) {
		e.lapse("done", id)
	}
	active := e.start(nil)
	removed, more, err := e.Trim(e.ctx)
	e.ok(err)
	if removed != 251 || more {
		e.t.Errorf("removed %d, more %v; want 251, false", removed, more)
	}
	var left []string
	page, err := e.List(e.ctx, Filter{}, MaxPage, "")
	e.ok(err)
	for _, item := range page.Tasks {
		left = append(left, item.ID)
	}
	want := []string{active.Task.ID, young[2], young[1]}
	if diff := cmp.Diff(want, left); diff != "" {
		e.t.Errorf("left (-want +got):\n%s", diff)
	}
}

func testTrimNumber(e *env) {
	few := e.with(Options{MaxFinished: 30, Lease: time.Hour})
	a := few.done("a", 20)
	b := few.done("b", 150)
	removed, more, err := few.Trim(e.ctx)
	e.ok(err)
	if removed != 140 || more {
		e.t.Errorf("removed %d, more %v; want 140, false", removed, more)
	}
	for _, id := range append(a, b[:120]...) {
		if _, err := e.Get(e.ctx, id); err == nil {
			e.t.Fatalf("%s is kept, and it is one of the oldest", id)
		}
	}
	for _, id := range b[120:] {
		e.get(id)
	}
}

func testOldestPending(e *env) {
	oldest := func() *time.Time {
		e.t.Helper()
		at, err := e.OldestPending(e.ctx, "default")
		e.ok(err)
		return at
	}
	if at := oldest(); at != nil {
		e.t.Errorf("nothing waits: got %s", at)
	}
	canceled, first := e.submit(nil), e.submit(nil)
	e.submit(nil)
	_, err := e.Cancel(e.ctx, canceled.ID)
	e.ok(err)
	if at := oldest(); at == nil || !at.Equal(first.RunAt) {
		e.t.Errorf("got %v, want %s", at, first.RunAt)
	}
	// What was given back waits since then, not since it first could run.
	c := e.claim("default")
	e.eventually("the clock to move", func() bool { return e.Now().Sub(c.StartedAt) > 20*time.Millisecond })
	e.end(c, End{Outcome: task.OutcomeReleased})
	if at := oldest(); at == nil || at.Before(c.StartedAt) || at.Equal(c.StartedAt) {
		e.t.Errorf("released: got %v, want later than %s", at, c.StartedAt)
	}
}

func TestOptionsDefaults(t *testing.T) {
	got := Options{}.withDefaults()
	want := Options{Lease: 7 * time.Second, Retention: 7 * 24 * time.Hour, MaxFinished: 1_000_000, IdempotencyTTL: 24 * time.Hour, ReplicaTimeout: time.Second}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("defaults (-want +got):\n%s", diff)
	}
	set := Options{Lease: 1, Retention: 2, MaxFinished: 3, IdempotencyTTL: 4, Replicas: 5, ReplicaTimeout: 6}
	if diff := cmp.Diff(set, set.withDefaults()); diff != "" {
		t.Errorf("what is set stays (-want +got):\n%s", diff)
	}
}
