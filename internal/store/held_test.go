package store

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"windlass/internal/task"
)

func (e *env) wantAnswer(s Submission, cause Cause, id string) *task.Task {
	e.t.Helper()
	got, err := e.Submit(e.ctx, s)
	e.ok(err)
	if got.Cause != cause || (id != "") != (cause != CauseNew) || id != "" && got.Task.ID != id {
		e.t.Fatalf("answered by %s (cause %q), want %s (cause %q)", got.Task.ID, got.Cause, id, cause)
	}
	return got.Task
}

func testUnique(e *env) {
	for i, state := range task.States() {
		queue := fmt.Sprint("q", i)
		unique := sub(func(s *Submission) { s.Queue, s.Unique = queue, "}{ key:with | all" })
		holder := e.reach(queue, state, func(s *Submission) { s.Unique = unique.Unique })
		if !state.Final() {
			e.wantAnswer(unique, CauseUnique, holder.ID)
			continue
		}
		next := e.wantAnswer(unique, CauseNew, "")
		err := e.Retry(e.ctx, holder.ID)
		if held, ok := errors.AsType[*HeldError](err); !ok || held.ID != next.ID {
			e.t.Errorf("retry of %s while another holds the key: got %v", state, err)
		}
		e.wantState(holder.ID, state)
		e.ok(e.Delete(e.ctx, holder.ID)) // must not take the key from its holder
		e.wantAnswer(unique, CauseUnique, next.ID)
		e.end(e.claim(queue), succeed())
		e.audit()
	}
}

// The key's holder is gone without having let go, as after an eviction.
func testUniqueStale(e *env) {
	unique := sub(func(s *Submission) { s.Unique = "u" })
	e.ok(e.rdb.Set(e.ctx, base("default")+"u:u", e.ids.next(e.Now(), "default"), 0).Err())
	made := e.wantAnswer(unique, CauseNew, "")
	e.wantAnswer(unique, CauseUnique, made.ID)
}

func cacheable(change func(*Submission)) Submission {
	return sub(func(s *Submission) {
		s.CacheKey, s.CacheFor = "hash", time.Hour
		if change != nil {
			change(s)
		}
	})
}

func testCache(e *env) {
	first := e.wantAnswer(cacheable(nil), CauseNew, "")
	e.wantAnswer(cacheable(nil), CauseJoined, first.ID)
	c := e.claim("default")
	e.wantAnswer(cacheable(nil), CauseJoined, first.ID)
	e.end(c, fail(true))
	e.wantAnswer(cacheable(nil), CauseJoined, first.ID)
	e.lapse("due", first.ID)
	e.upkeep("default")
	e.end(e.claim("default"), succeed())
	got := e.wantAnswer(cacheable(nil), CauseCached, first.ID)
	if string(got.Result) != string(succeed().Result) {
		e.t.Errorf("cached result: got %s", got.Result)
	}

	fresh := e.wantAnswer(cacheable(func(s *Submission) { s.Fresh = true }), CauseNew, "")
	e.wantAnswer(cacheable(nil), CauseJoined, fresh.ID)
	e.end(e.claim("default"), succeed())
	e.wantAnswer(cacheable(nil), CauseCached, fresh.ID)
	e.wantAnswer(cacheable(func(s *Submission) { s.CacheKey = "other" }), CauseNew, "")
	if ttl := e.rdb.PTTL(e.ctx, base("default")+"c:hash").Val(); ttl <= 0 || ttl > time.Hour {
		e.t.Errorf("the result may answer for %s more, want up to an hour", ttl)
	}

	// The same work retried by hand can be joined.
	e.ok(e.Delete(e.ctx, fresh.ID))
	e.ok(e.Retry(e.ctx, first.ID))
	e.wantAnswer(cacheable(nil), CauseJoined, first.ID)
}

func testCacheLetsGo(e *env) {
	for i, state := range []task.State{task.Failed, task.Canceled, task.Expired} {
		queue := fmt.Sprint("q", i)
		first := e.reach(queue, state, func(s *Submission) { s.CacheKey, s.CacheFor = "hash", time.Hour })
		e.wantState(first.ID, state)
		e.wantAnswer(cacheable(func(s *Submission) { s.Queue = queue }), CauseNew, "")
	}
	deleted := e.reach("q9", task.Succeeded, func(s *Submission) { s.CacheKey, s.CacheFor = "hash", time.Hour })
	e.ok(e.Delete(e.ctx, deleted.ID))
	e.wantAnswer(cacheable(func(s *Submission) { s.Queue = "q9" }), CauseNew, "")

	short := e.reach("q10", task.Succeeded, func(s *Submission) { s.CacheKey, s.CacheFor = "hash", 50*time.Millisecond })
	e.eventually("the cached result to expire", func() bool { return len(e.keys(base("q10")+"c:*")) == 0 })
	again := e.wantAnswer(cacheable(func(s *Submission) { s.Queue = "q10" }), CauseNew, "")
	if again.ID == short.ID {
		e.t.Errorf("the expired result answered")
	}
}

// A key without a time joins work under way and serves no result.
func testCacheNoTime(e *env) {
	noTime := cacheable(func(s *Submission) { s.CacheFor = 0 })
	first := e.wantAnswer(noTime, CauseNew, "")
	e.wantAnswer(noTime, CauseJoined, first.ID)
	if state := e.end(e.claim("default"), succeed()); state != task.Succeeded {
		e.t.Errorf("ended as %s", state)
	}
	e.wantAnswer(noTime, CauseNew, "")
}

// An older run that ends later must not hide what a fresher one found.
func testCacheFresher(e *env) {
	e.wantAnswer(cacheable(nil), CauseNew, "")
	older := e.claim("default")
	fresh := e.wantAnswer(cacheable(func(s *Submission) { s.Fresh = true }), CauseNew, "")
	e.end(e.claim("default"), succeed())
	e.end(older, succeed())
	e.wantAnswer(cacheable(nil), CauseCached, fresh.ID)
}

func testIdempotency(e *env) {
	once := func(scope, key, print string) (Accepted, error) {
		return e.SubmitOnce(e.ctx, scope, key, print, sub(nil))
	}
	first, err := once("me", "k", "same words")
	e.ok(err)
	again, err := once("me", "k", "same words")
	e.ok(err)
	if first.Cause != CauseNew || again.Cause != CauseIdempotent || again.Task.ID != first.Task.ID {
		e.t.Errorf("first %s (%s), again %s (%s)", first.Task.ID, first.Cause, again.Task.ID, again.Cause)
	}
	if _, err := once("me", "k", "other words"); !errors.Is(err, ErrKeyReused) {
		e.t.Errorf("another request: got %v, want ErrKeyReused", err)
	}
	other, err := once("you", "k", "other words")
	if err != nil || other.Cause != CauseNew {
		e.t.Errorf("another principal: got %v, %v, want a new task", other.Cause, err)
	}
	e.end(e.claim("default"), succeed())
	e.ok(e.Delete(e.ctx, first.Task.ID))
	if _, err := once("me", "k", "same words"); !errors.Is(err, ErrKeyGone) {
		e.t.Errorf("after the task was deleted: got %v, want ErrKeyGone", err)
	}
	for _, key := range e.keys("wl:idem:*") {
		if ttl := e.rdb.PTTL(e.ctx, key).Val(); ttl <= 23*time.Hour || ttl > 24*time.Hour {
			e.t.Errorf("%s is remembered for %s", key, ttl)
		}
	}

	// Many at once make one task.
	var wg sync.WaitGroup
	ids := make([]string, 20)
	for i := range ids {
		wg.Go(func() {
			got, err := once("me", "race", "p")
			if err != nil {
				e.t.Error(err)
				return
			}
			ids[i] = got.Task.ID
		})
	}
	wg.Wait()
	for _, id := range ids {
		if id != ids[0] {
			e.t.Fatalf("one key made %s and %s", ids[0], id)
		}
	}
}

// The first request claimed the key and died: before or after it kept the task.
func testIdempotencyDeath(e *env) {
	id := e.ids.next(e.Now(), "default")
	e.ok(e.rdb.Set(e.ctx, "wl:idem:me:k", "claimed "+id+" p", time.Hour).Err())
	if _, err := e.SubmitOnce(e.ctx, "me", "k", "other", sub(nil)); !errors.Is(err, ErrKeyReused) {
		e.t.Errorf("another request: got %v, want ErrKeyReused", err)
	}
	for range 2 {
		got, err := e.SubmitOnce(e.ctx, "me", "k", "p", sub(nil))
		e.ok(err)
		if got.Task.ID != id {
			e.t.Errorf("made %s, want %s", got.Task.ID, id)
		}
	}
	late := e.ids.next(e.Now(), "default")
	_, err := e.submitAs(e.ctx, late, sub(nil))
	e.ok(err)
	e.ok(e.rdb.Set(e.ctx, "wl:idem:me:late", "claimed "+late+" p", time.Hour).Err())
	got, err := e.SubmitOnce(e.ctx, "me", "late", "p", sub(nil))
	e.ok(err)
	if got.Task.ID != late || got.Cause != CauseIdempotent {
		e.t.Errorf("got %s (%s), want %s", got.Task.ID, got.Cause, late)
	}
	if n := len(e.keys(recordKey("default", "*"))); n != 2 {
		e.t.Errorf("%d records, want 2", n)
	}
}
