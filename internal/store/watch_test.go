package store

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"windlass/internal/redistest"
	"windlass/internal/task"
)

func (e *env) watchAll(id, after string) (*Watcher, bool) {
	e.t.Helper()
	w, missed, err := e.Watch(e.ctx, id, after)
	e.ok(err)
	e.t.Cleanup(w.Close)
	return w, missed
}

// heardOf waits until the watcher has told of the task in this state, and gives
// everything that it told.
func (e *env) heardOf(w *Watcher, id string, state task.State) (all []Change, position string) {
	e.t.Helper()
	deadline := time.After(15 * time.Second)
	for {
		select {
		case <-w.C:
		case <-deadline:
			e.t.Fatalf("waited 15 s to hear that %s is %s; heard %v", id, state, all)
		}
		changes, at, _ := w.Take()
		all, position = append(all, changes...), at
		if slices.ContainsFunc(changes, func(c Change) bool { return c.ID == id && c.State == state && c.Record }) {
			return all, position
		}
	}
}

// anywhere passes over the places of changes.
var anywhere = cmpopts.IgnoreFields(Change{}, "At")

func testWatch(e *env) {
	before := e.submit(nil)
	w, _ := e.watchAll("", "")
	one, _ := e.watchAll(before.ID, "")
	c := e.claim("default")
	all, _ := e.heardOf(w, before.ID, task.Active)
	if want := []Change{{ID: before.ID, Kind: "demo.echo", Queue: "default", State: task.Active, Record: true}}; !cmp.Equal(all, want, anywhere) {
		e.t.Errorf("heard %v, want %v: what was before is not told", all, want)
	}
	e.ok(e.Report(e.ctx, c.held(), Report{Lines: []Line{{Message: "x"}}}))
	var log []Change
	e.eventually("the log line to be told", func() bool { log, _, _ = w.Take(); return len(log) > 0 })
	if len(log) != 1 || !log[0].Log || log[0].ID != before.ID {
		e.t.Errorf("a log line: heard %v", log)
	}
	other := e.submit(nil)
	e.end(c, succeed())
	e.ok(e.Delete(e.ctx, before.ID))
	all, _ = e.heardOf(w, before.ID, "deleted")
	if !slices.ContainsFunc(all, func(c Change) bool { return c.ID == other.ID }) {
		e.t.Errorf("heard %v, and not of %s", all, other.ID)
	}
	only, _ := e.heardOf(one, before.ID, "deleted")
	if slices.ContainsFunc(only, func(c Change) bool { return c.ID != before.ID }) {
		e.t.Errorf("the watcher of %s heard %v", before.ID, only)
	}
	w.Close()
	one.Close()
	again, _ := e.watchAll("", "") // the readers start again
	e.claim("default")
	e.heardOf(again, other.ID, task.Active)
}

func testWatchCoalesces(e *env) {
	w, _ := e.watchAll("", "")
	c := e.start(nil)
	for range 50 {
		e.ok(e.Report(e.ctx, c.held(), Report{Progress: &task.Progress{Done: 1}, Lines: []Line{{Message: "x"}}}))
	}
	e.end(c, succeed())
	last := e.reach("default", task.Succeeded, nil)
	e.eventually("all changes to arrive", func() bool {
		w.hub.telling.Lock()
		defer w.hub.telling.Unlock()
		item := w.of.news.byTask[last.ID]
		return item != nil && item.State == task.Succeeded
	})
	got, position, missed := w.Take()
	want := []Change{
		{ID: c.Task.ID, Kind: "demo.echo", Queue: "default", State: task.Succeeded, Record: true, Log: true},
		{ID: last.ID, Kind: "demo.echo", Queue: "default", State: task.Succeeded, Record: true},
	}
	if diff := cmp.Diff(want, got, anywhere); diff != "" || missed || position == "" {
		e.t.Errorf("position %q, missed %v, changes (-want +got):\n%s", position, missed, diff)
	}
	if got, again, _ := w.Take(); len(got) != 0 || again != position {
		e.t.Errorf("taken twice: %v, position %s then %s", got, position, again)
	}
}

func testWatchNewQueue(e *env) {
	w, _ := e.watchAll("", "")
	e.heardOf(w, e.submit(func(s *Submission) { s.Queue = "ours" }).ID, task.Pending)
	other := e.with(Options{})
	e.heardOf(w, other.submit(func(s *Submission) { s.Queue = "theirs" }).ID, task.Pending)
}

func testWatchReplay(e *env) {
	w, _ := e.watchAll("", "")
	first := e.submit(nil)
	_, position := e.heardOf(w, first.ID, task.Pending)
	w.Close()
	c := e.claim("default")
	e.end(c, succeed())
	second := e.submit(func(s *Submission) { s.Queue = "other" })
	again, missed := e.watchAll("", position)
	changes, _, _ := again.Take()
	state := map[string]task.State{}
	for _, c := range changes {
		state[c.ID] = c.State
	}
	if missed || state[first.ID] != task.Succeeded || state[second.ID] != task.Pending {
		e.t.Errorf("replayed %v, missed %v", changes, missed)
	}
	one, _ := e.watchAll(second.ID, position)
	if changes, _, _ := one.Take(); len(changes) != 1 || changes[0].ID != second.ID {
		e.t.Errorf("replayed to the watcher of %s: %v", second.ID, changes)
	}
	if _, missed := e.watchAll("", "nonsense"); !missed {
		e.t.Error("a position that is none of ours: nothing missed")
	}
}

func testWatchMissed(e *env) {
	w, _ := e.watchAll("", "")
	subs := slices.Repeat([]Submission{sub(nil)}, newsKept+100)
	results := e.SubmitAll(e.ctx, subs)
	e.ok(results[len(subs)-1].Err)
	e.eventually("the watcher to be full", func() bool {
		w.hub.telling.Lock()
		defer w.hub.telling.Unlock()
		return w.of.news.count == int64(len(subs))
	})
	changes, position, missed := w.Take()
	if len(changes) != newsKept || !missed {
		e.t.Errorf("%d changes, missed %v; want %d, true", len(changes), missed, newsKept)
	}
	if _, missed := e.watchAll("", "0-1"); !missed {
		e.t.Errorf("more than %d changes since 0-1 were not missed (at %s)", newsKept, position)
	}
	if _, _, missed := w.Take(); missed {
		e.t.Error("missed is told twice")
	}
}

func TestNewsKeepTheLatest(t *testing.T) {
	n := newNews()
	n.add(Change{ID: "a", State: task.Succeeded, Record: true, At: "1700000000000-10"})
	n.add(Change{ID: "b", State: task.Active, Record: true, At: "1700000000000-11"})
	n.add(Change{ID: "a", State: task.Active, Log: true, At: "1700000000000-9"}) // a replay
	a := Change{ID: "a", State: task.Succeeded, Record: true, Log: true, At: "1700000000000-10"}
	b := Change{ID: "b", State: task.Active, Record: true, At: "1700000000000-11"}
	if got, missed := n.since(0); !cmp.Equal(got, []Change{b, a}) || missed || n.last != b.At {
		t.Errorf("got %v at %s, missed %v", got, n.last, missed)
	}
	a.Record = false
	if got, _ := n.since(2); !cmp.Equal(got, []Change{a}) {
		t.Errorf("after two: got %v, want %v", got, a)
	}
	if got, _ := n.since(3); len(got) != 0 {
		t.Errorf("after all: got %v", got)
	}
	for i := range newsKept {
		n.add(Change{ID: fmt.Sprint(i), At: fmt.Sprint("1700000000001-", i)})
	}
	if _, missed := n.since(2); !missed {
		t.Error("the oldest were dropped and not missed")
	}
	if got, missed := n.since(3); missed || len(got) != newsKept {
		t.Errorf("%d changes, missed %v", len(got), missed)
	}
}

func TestEarlier(t *testing.T) {
	for _, pair := range [][2]string{{"", "1-0"}, {"9-1", "10-0"}, {"1-9", "1-10"}, {"1-1", "2-0"}} {
		if !Earlier(pair[0], pair[1]) || Earlier(pair[1], pair[0]) || Earlier(pair[0], pair[0]) {
			t.Errorf("%q does not come before %q alone", pair[0], pair[1])
		}
	}
}

func testSignals(e *env) {
	ctx, stop := context.WithCancel(e.ctx)
	signals, err := e.Signals(ctx, []string{"a", "b"})
	e.ok(err)
	next := func() Signal {
		select {
		case s := <-signals:
			return s
		case <-time.After(15 * time.Second):
			e.t.Fatal("waited 15 s for a signal")
			return Signal{}
		}
	}
	in := func(queue string) func(*Submission) { return func(s *Submission) { s.Queue = queue } }
	want := func(why string, s Signal) {
		e.t.Helper()
		if got := next(); got != s {
			e.t.Errorf("%s: got %+v, want %+v", why, got, s)
		}
	}
	e.submit(in("other"))
	e.submit(in("a"))
	want("the first of a line", Signal{Queue: "a"})
	e.submit(in("a")) // says nothing: whoever took the first looks again
	c := e.start(in("b"))
	want("the first of another line", Signal{Queue: "b"})
	_, err = e.Cancel(e.ctx, c.Task.ID)
	e.ok(err)
	want("a stop", Signal{Queue: "b", Cancel: c.Task.ID})
	e.submit(func(s *Submission) { s.Queue, s.Delay = "b", time.Hour })
	want("a new next time", Signal{Queue: "b"})
	e.submit(func(s *Submission) { s.Queue, s.Delay = "b", 2*time.Hour })
	e.lapse("lease", c.Task.ID)
	e.upkeep("b")
	e.start(in("b"))
	want("the line begins anew", Signal{Queue: "b"})
	stop()
	e.eventually("the channel to close", func() bool { _, open := <-signals; return !open })
}

// Readers hold connections while they wait; that must not keep anybody else
// waiting for one.
func testWatchStarvesNobody(e *env) {
	queues := make([]string, MaxQueues)
	for i := range queues {
		queues[i] = fmt.Sprint("q", i)
	}
	e.ok(e.Register(e.ctx, queues))
	e.watchAll("", "")
	begun := time.Now()
	e.submit(func(s *Submission) { s.Queue = "q0" })
	if took := time.Since(begun); took >= watchBlock {
		e.t.Errorf("a submit waited %s for the readers", took)
	}
}

// Whoever comes or goes while somebody watches asks Redis for nothing, and waits for nobody who does.
func TestWatchersComeAndGoWhileRedisIsStuck(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	e := newEnv(t, connect(t, server.URL()), Options{})
	e.watchAll("", "")
	server.Pause()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(1500 * time.Millisecond); time.Now().Before(end); <-tick.C { // queues are looked for each second
		begun := time.Now()
		w, _, err := e.Watch(e.ctx, "", "")
		e.ok(err)
		w.Close()
		w.Close() // counts once
		if took := time.Since(begun); took > time.Second {
			t.Fatalf("a watcher came and went in %s", took)
		}
		w.hub.mu.Lock()
		left := w.hub.watchers
		w.hub.mu.Unlock()
		if left != 1 {
			t.Fatalf("%d watchers are left, want the first", left)
		}
	}
}

// Those who are the first to watch, while Redis is stuck, are refused together, not one after the other.
func TestFirstWatchersWhileRedisIsStuck(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	e := newEnv(t, connect(t, server.URL()), Options{})
	server.Pause()
	begun := time.Now()
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			if _, _, err := e.Watch(e.ctx, "", ""); err == nil {
				t.Error("Redis is stuck, and there is a watcher")
			}
		})
	}
	all.Wait()
	if took := time.Since(begun); took > 2*answerTimeout {
		t.Errorf("the last one was refused after %s", took)
	}
}
