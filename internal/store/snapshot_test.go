package store

import (
	"testing"
	"time"
)

func testSnapshot(e *env) {
	empty, err := e.Snapshot(e.ctx)
	e.ok(err)
	if l := empty.Load(); l != (Load{}) || len(empty.Queues) != 0 || empty.Leader != "" {
		e.t.Errorf("of nothing: %+v, %+v", empty, l)
	}
	for range 3 {
		e.submit(func(s *Submission) { s.Queue = "a" })
	}
	e.submit(func(s *Submission) { s.Queue = "b" })
	e.submit(func(s *Submission) { s.Queue, s.Delay = "b", time.Hour })
	e.ok(e.Beat(e.ctx, Worker{ID: "w1", Queues: map[string]int{"a": 1, "c": 1}, Concurrency: 4, Active: 1}))
	e.ok(e.Beat(e.ctx, Worker{ID: "w2", Queues: map[string]int{"a": 1}, Concurrency: 2, Active: 3})) // overrun
	_, err = e.Lead(e.ctx, "s1")
	e.ok(err)
	got, err := e.Snapshot(e.ctx)
	e.ok(err)
	if len(got.Queues) != 3 || got.Leader != "s1" || got.Redis.LatencySeconds <= 0 || got.At.IsZero() {
		e.t.Errorf("got %+v", got)
	}
	for _, tt := range []struct {
		queues    []string
		want      Load
		perWorker float64
	}{
		{nil, Load{Pending: 4, Workers: 2, SlotsUsed: 4, SlotsFree: 3}, 2},
		{[]string{"a"}, Load{Pending: 3, Workers: 2, SlotsUsed: 4, SlotsFree: 3}, 1.5},
		{[]string{"b"}, Load{Pending: 1}, 1},
		{[]string{"b", "c"}, Load{Pending: 1, Workers: 1, SlotsUsed: 1, SlotsFree: 3}, 1},
		{[]string{"never"}, Load{}, 0},
	} {
		l := got.Load(tt.queues...)
		l.Oldest = 0 // see below
		if l != tt.want || l.PerWorker() != tt.perWorker {
			e.t.Errorf("%v: got %+v, %v", tt.queues, l, l.PerWorker())
		}
	}
	// What more workers would help with: the queue b has none, unless there is none at all.
	if s := got.Served(); s.Pending != 3 || s.Workers != 2 {
		e.t.Errorf("served: %+v", s)
	}
	got.Crew = nil
	if s := got.Served(); s.Pending != 4 || s.Oldest != got.Load("a", "b").Oldest {
		e.t.Errorf("without a worker: %+v", s)
	}
	later := e.with(Options{})
	later.skew.Store(time.Minute.Milliseconds())
	if got, err := later.Snapshot(e.ctx); err != nil || got.Load("a").Oldest < time.Minute || got.Load("a").Oldest > 2*time.Minute || got.Load("c").Oldest != 0 {
		e.t.Errorf("after a minute: %+v, %v", got.Oldest, err)
	}
}

func testPeriods(e *env) {
	const length = time.Hour
	due := func(number int64) (time.Time, bool) {
		e.t.Helper()
		start, due, err := e.DuePeriod(e.ctx, number, length)
		e.ok(err)
		return start, due
	}
	first, err := e.Lead(e.ctx, "s1")
	e.ok(err)
	start, yes := due(first.Number)
	if age := e.Now().Sub(start); !yes || start.UnixMilli()%length.Milliseconds() != 0 || age < -time.Second || age > length+time.Minute {
		e.t.Fatalf("got %s, %v", start, yes)
	}
	if again, yes := due(first.Number); !yes || again.Before(start) {
		e.t.Error("it was not published, and is not due any more")
	}
	e.ok(e.GiveUpLead(e.ctx, "s1"))
	second, err := e.Lead(e.ctx, "s2")
	e.ok(err)
	start, yes = due(second.Number)
	if !yes {
		e.t.Error("the first leader did not publish it, and the second should not")
	}
	if _, yes := due(first.Number); yes {
		e.t.Error("a leader of the past may publish")
	}
	e.ok(e.PublishedPeriod(e.ctx, second.Number, start))
	e.ok(e.PublishedPeriod(e.ctx, first.Number, start.Add(-length))) // too late to be heard
	if again, yes := due(second.Number); yes && again.Equal(start) {
		e.t.Error("it is due twice")
	}
	e.ok(e.GiveUpLead(e.ctx, "s2"))
	third, err := e.Lead(e.ctx, "s3")
	e.ok(err)
	if again, yes := due(third.Number); yes && again.Equal(start) {
		e.t.Error("a change of the lead makes it due again")
	}
	if next, yes, err := e.DuePeriod(e.ctx, third.Number, time.Millisecond); err != nil || !yes || next.Before(start) {
		e.t.Errorf("the next period: %s, %v, %v", next, yes, err)
	}
}

func TestMemoryShare(t *testing.T) {
	t.Parallel()
	for info, want := range map[string]float64{
		"used_memory:50\r\nmaxmemory:200\r\ntotal_system_memory:1000\r\n": .25,
		"used_memory:50\r\nmaxmemory:0\r\ntotal_system_memory:1000\r\n":   .05,
		"used_memory:50\r\nmaxmemory:0\r\n":                               -1,
		"# Memory\r\n":                                                    -1,
	} {
		if got, ok := memoryShare(info); ok != (want >= 0) || ok && got != want {
			t.Errorf("%q: %v, %v", info, got, ok)
		}
	}
}
