package store

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"

	"windlass/internal/redistest/proxy"
)

// mixed gives n submissions into three queues, and their places in a request with gaps.
func mixed(n int) (subs []Submission, places []int) {
	for i := range n {
		subs = append(subs, sub(func(s *Submission) { s.Queue = fmt.Sprint("q", i%3) }))
		places = append(places, 2*i)
	}
	return subs, places
}

// wantOnce submits all under a key and gives the tasks' ids.
func (e *env) wantOnce(key string, subs []Submission, places []int, cause Cause) []string {
	e.t.Helper()
	results, err := e.SubmitAllOnce(e.ctx, "me", key, "p", subs, places)
	e.ok(err)
	ids := make([]string, len(results))
	for i, r := range results {
		e.ok(r.Err)
		if ids[i] = r.Task.ID; r.Cause != cause || r.Task.Queue != subs[i].Queue {
			e.t.Errorf("item %d: %s (cause %q), want cause %q in queue %s", i, ids[i], r.Cause, cause, subs[i].Queue)
		}
	}
	return ids
}

func (e *env) wantTasks(want int) {
	e.t.Helper()
	if n := len(e.keys("wl:{*}:t:*")); n != want {
		e.t.Errorf("%d records, want %d", n, want)
	}
}

func testIdempotencyOfMany(e *env) {
	const n = 1500 // more than one round trip carries
	subs, places := mixed(n)
	first := e.wantOnce("k", subs, places, CauseNew)
	again := e.wantOnce("k", subs, places, CauseIdempotent)
	for i := range first {
		if first[i] != again[i] {
			e.t.Fatalf("item %d: made %s, found %s", i, first[i], again[i])
		}
	}
	e.wantTasks(n)
	for _, tt := range []struct{ key, print string }{{"k", "other"}, {"single", "p"}} {
		if tt.key == "single" {
			_, err := e.SubmitOnce(e.ctx, "me", tt.key, "p1", sub(nil))
			e.ok(err)
		}
		if _, err := e.SubmitAllOnce(e.ctx, "me", tt.key, tt.print, subs, places); !errors.Is(err, ErrKeyReused) {
			e.t.Errorf("%s: got %v, want ErrKeyReused", tt.key, err)
		}
	}
	if _, err := e.SubmitOnce(e.ctx, "me", "k", "p1", sub(nil)); !errors.Is(err, ErrKeyReused) {
		e.t.Errorf("the key of many for one: got %v, want ErrKeyReused", err)
	}
	e.end(e.claim("q0"), succeed())
	e.ok(e.Delete(e.ctx, first[0]))
	results, err := e.SubmitAllOnce(e.ctx, "me", "k", "p", subs, places)
	e.ok(err)
	if !errors.Is(results[0].Err, ErrKeyGone) || results[1].Err != nil {
		e.t.Errorf("after a task was deleted: %v, %v", results[0].Err, results[1].Err)
	}
}

// A request that died on its way is finished by the next one, whose tasks have the ids that they would have had.
func testIdempotencyOfManyInterrupted(e *env) {
	subs, places := mixed(40)
	m := &manyOnce{first: e.ids.mint(e.Now()), fingerprint: "p"}
	e.ok(e.rdb.Set(e.ctx, onceKey("me", "k"), m.text("claimed"), e.opts.IdempotencyTTL).Err())
	for i, r := range e.submitAllAs(e.ctx, subs[:25], func(i int) string { return m.id(places[i], subs[i].Queue) }) {
		if r.Err != nil {
			e.t.Fatalf("item %d: %v", i, r.Err)
		}
	}
	results, err := e.SubmitAllOnce(e.ctx, "me", "k", "p", subs, places)
	e.ok(err)
	for i, r := range results {
		e.ok(r.Err)
		if r.Task.ID != m.id(places[i], subs[i].Queue) || (r.Cause == CauseIdempotent) != (i < 25) {
			e.t.Errorf("item %d is %s (%q)", i, r.Task.ID, r.Cause)
		}
	}
	e.wantTasks(40)
}

// What was answered by another task still is when that has ended, and what failed is tried again.
func testIdempotencyOfManyMixed(e *env) {
	held := e.submit(func(s *Submission) { s.Unique = "u" })
	subs := []Submission{
		sub(func(s *Submission) { s.Unique = "u" }),
		sub(func(s *Submission) { s.Queue = "late" }),
		sub(func(s *Submission) { s.Unique = "v" }),
		sub(func(s *Submission) { s.Unique = "v" }), // the one before answers it
	}
	for _, q := range names("q", MaxQueues-1) { // with that of held no further one is taken
		e.ok(e.addQueue(e.ctx, q))
	}
	try := func() []SubmitResult {
		results, err := e.SubmitAllOnce(e.ctx, "me", "k", "p", subs, []int{0, 1, 2, 3})
		e.ok(err)
		return results
	}
	first := try()
	if _, ok := errors.AsType[*TooManyQueuesError](first[1].Err); !ok || first[0].Task.ID != held.ID || first[3].Task.ID != first[2].Task.ID {
		e.t.Fatalf("at first: %+v", first)
	}
	for range 2 { // held, then that of v
		e.end(e.claim("default"), succeed())
	}
	e.ok(e.rdb.SRem(e.ctx, queuesKey, "q1").Err())
	again := try()
	if again[1].Err != nil || again[1].Cause != CauseNew {
		e.t.Errorf("what failed was not tried again: %+v", again[1])
	}
	for _, i := range []int{0, 2, 3} {
		if got := again[i]; got.Err != nil || got.Task.ID != first[i].Task.ID || got.Cause != CauseIdempotent {
			e.t.Errorf("item %d: %+v", i, got)
		}
	}
	if last := try(); last[1].Cause != CauseIdempotent || last[1].Task.ID != again[1].Task.ID {
		e.t.Errorf("what succeeded later was not found: %+v", last[1])
	}
	e.wantTasks(3)
}

// Many at once, some of which go away in between, make each task once.
func testIdempotencyOfManyRace(e *env) {
	subs, places := mixed(300)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			ctx, leave := context.WithCancel(e.ctx)
			defer leave()
			if i%2 == 1 {
				go func() { // as soon as there is something to leave behind
					for ctx.Err() == nil && len(e.rdb.Keys(ctx, "wl:idem:*").Val()) == 0 {
						runtime.Gosched()
					}
					leave()
				}()
			}
			_, err := e.SubmitAllOnce(ctx, "me", "race", "p", subs, places)
			if err != nil && ctx.Err() == nil {
				e.t.Error(err)
			}
		})
	}
	wg.Wait()
	e.wantOnce("race", subs, places, CauseIdempotent)
	e.wantTasks(300)
}

// The key, the tasks or what the key stands for may be lost on the way.
func TestLostReplyOfSubmitAllOnce(t *testing.T) {
	onFates(t, "max_retries=-1", func(l *line, fate proxy.Fate) {
		subs, places := mixed(250)
		for i, want := range []struct {
			command string
			nth     int
		}{{"set", 1}, {"evalsha", 1}, {"evalsha", 3}, {"set", 2}} {
			seen := 0
			l.proxy.Judge(func(words []string) proxy.Fate {
				if words[0] == want.command {
					if seen++; seen == want.nth {
						return fate
					}
				}
				return proxy.Pass
			})
			key := fmt.Sprint("k", i)
			results, err := l.SubmitAllOnce(l.ctx, "me", key, "p", subs, places)
			for _, r := range results {
				err = errors.Join(err, r.Err)
			}
			if err == nil {
				l.t.Fatalf("%s %d: all answers came", want.command, want.nth)
			}
			l.proxy.Judge(nil)
			results, err = l.SubmitAllOnce(l.ctx, "me", key, "p", subs, places)
			l.ok(err)
			for _, r := range results {
				l.ok(r.Err)
			}
			l.wantTasks((i + 1) * len(subs))
		}
	})
}

// Tasks that no replica confirmed stand under their ids, and are confirmed by the repeat.
func TestReplicasOfMany(t *testing.T) {
	t.Parallel()
	e, replica := replicated(t)
	subs, places := mixed(9)
	ids := map[int]string{}
	replica.Pause()
	for range 2 {
		results, err := e.SubmitAllOnce(e.ctx, "me", "k", "p", subs, places)
		e.ok(err)
		for i, r := range results {
			id := e.wantUnconfirmed(r.Err).ID
			if ids[i] != "" && ids[i] != id {
				t.Errorf("item %d is %s and %s", i, ids[i], id)
			}
			ids[i] = id
		}
	}
	replica.Resume()
	e.awaitReplica()
	for i, id := range e.wantOnce("k", subs, places, CauseIdempotent) {
		if id != ids[i] {
			t.Errorf("item %d is %s and %s", i, ids[i], id)
		}
	}
	e.wantTasks(9)
}
