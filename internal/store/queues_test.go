package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"windlass/internal/task"
)

func (e *env) wantListed(queue string, want bool) {
	e.t.Helper()
	all, err := e.Queues(e.ctx)
	e.ok(err)
	if slices.Contains(all, queue) != want {
		e.t.Errorf("queue %s: listed %v, want %v", queue, !want, want)
	}
}

func (e *env) forget(idle time.Duration) []string {
	e.t.Helper()
	names, err := e.forgetQueues(e.ctx, idle)
	e.ok(err)
	return names
}

func inQueue(queue string) func(*Submission) { return func(s *Submission) { s.Queue = queue } }

// leaveEmpty uses a queue and leaves nothing in it.
func (e *env) leaveEmpty(queue string) {
	e.t.Helper()
	c := e.start(inQueue(queue))
	e.end(c, succeed())
	e.ok(e.Delete(e.ctx, c.Task.ID))
}

func testForgetQueues(e *env) {
	other := e.with(Options{Lease: time.Hour})
	for i, state := range task.States() {
		e.reach(fmt.Sprint("in-", i), state, nil)
	}
	for _, q := range []string{"empty", "paused", "served"} {
		e.leaveEmpty(q)
	}
	other.deleteNow(other.submit(inQueue("empty")).ID)
	e.ok(e.rdb.Set(e.ctx, "asynq:{paused}:paused", 1, 0).Err())
	e.ok(e.Beat(e.ctx, Worker{ID: "w", Queues: map[string]int{"served": 1}}))
	e.ok(e.Register(e.ctx, []string{"never"}))
	if got := e.forget(time.Hour); len(got) != 0 {
		e.t.Errorf("forgot %v right after use", got)
	}
	if got := e.forget(0); !slices.Equal(got, []string{"empty", "never"}) {
		e.t.Errorf("forgot %v, want those that are empty", got)
	}
	e.wantListed("empty", false)
	for _, key := range e.keys(base("empty") + "*") {
		if ttl := e.rdb.PTTL(e.ctx, key).Val(); ttl <= 0 || ttl > queueClosed {
			e.t.Errorf("%s is left and lasts for %s", key, ttl)
		}
	}
	if got := e.forget(0); len(got) != 0 {
		e.t.Errorf("forgot %v once more", got)
	}
	// Both processes have known the queue a moment ago; one of them knows no better.
	made := other.submit(inQueue("empty"))
	e.wantListed("empty", true)
	e.wantState(made.ID, task.Pending)
	e.submit(inQueue("empty"))
	for i, r := range e.SubmitAll(e.ctx, []Submission{sub(inQueue("never")), sub(inQueue("empty"))}) {
		if r.Err != nil {
			e.t.Errorf("item %d: %v", i, r.Err)
		}
	}
	e.wantListed("never", true)
	e.ok(e.rdb.Del(e.ctx, "asynq:{paused}:paused").Err())
	e.ok(e.Leave(e.ctx, "w"))
}

func testForgottenMakeRoom(e *env) {
	for _, q := range names("q", MaxQueues) {
		e.leaveEmpty(q)
	}
	if _, err := e.Submit(e.ctx, sub(inQueue("one-more"))); err == nil {
		e.t.Fatal("there is room for one more")
	}
	if got := e.forget(0); len(got) != MaxQueues {
		e.t.Errorf("%d queues were forgotten", len(got))
	}
	e.submit(inQueue("one-more"))
	e.submit(inQueue("q7")) // which this process knew
	e.wantListed("q7", true)
	e.wantListed("q8", false)
}

// A step of forgetting may come after a task has come, and the process that would have looked again may have died.
func testForgetLate(e *env) {
	other := e.with(Options{Lease: time.Hour})
	forgetLate := func() {
		e.t.Helper()
		e.ok(e.scripts.forget.Run(e.ctx, e.rdb, []string{queuesKey, goneKey}, "q").Err())
		e.wantListed("q", false)
	}
	for _, late := range []string{"opened", "half opened"} {
		e.leaveEmpty("q")
		other.ok(other.registerQueue(other.ctx, "q"))
		closed, err := e.run(e.ctx, e.scripts.close, "q", "", 0, queueClosed.Milliseconds()).Int()
		e.ok(err)
		if closed != 1 {
			e.t.Fatal("the queue was not closed")
		}
		if late == "opened" {
			e.submit(inQueue("q"))
			forgetLate()
		} else { // who opened it died before it registered the queue again
			forgetLate()
			e.ok(e.rdb.Del(e.ctx, base("q")+"closed").Err())
			other.submit(inQueue("q"))
			e.wantListed("q", false)
		}
		if got := e.forget(0); len(got) != 0 {
			e.t.Errorf("%s: forgot %v, which holds a task", late, got)
		}
		e.wantListed("q", true)
		c := e.claim("q")
		e.end(c, succeed())
		e.ok(e.Delete(e.ctx, c.Task.ID))
		e.forget(0)
	}
	// A queue that was looked at for long enough is not looked at for ever.
	e.ok(e.rdb.ZAdd(e.ctx, goneKey, redis.Z{Member: "old", Score: float64(e.Now().Add(-queueGone - time.Second).UnixMilli())}).Err())
	e.ok(e.lookAgain(e.ctx))
	if left := e.rdb.ZRange(e.ctx, goneKey, 0, -1).Val(); slices.Contains(left, "old") || !slices.Contains(left, "q") {
		e.t.Errorf("looked at again: %v", left)
	}
}

// Processes submit and delete while others forget, and die on the way. No task that was accepted stays in
// a queue that is not listed, and none is lost.
func testForgetRace(e *env) {
	queues := names("race", 3)
	over, stop := context.WithCancel(e.ctx)
	var forgetters sync.WaitGroup
	var forgot atomic.Int64
	for i := range 2 {
		forgetters.Go(func() {
			f := e.with(Options{Lease: time.Hour})
			for over.Err() == nil {
				ctx, die := context.WithCancel(over)
				if i == 1 {
					go func() {
						for range rand.IntN(12) {
							_ = e.rdb.Ping(ctx).Err() // about as long as a step
						}
						die()
					}()
				}
				gone, _ := f.forgetQueues(ctx, 0)
				die()
				forgot.Add(int64(len(gone)))
			}
		})
	}
	for range 8 {
		var users sync.WaitGroup
		left := make([]string, 3)
		for i := range left {
			users.Go(func() {
				user := e.with(Options{Lease: time.Hour})
				for range 15 {
					left[i] = user.submitAndDelete(left[i], queues[rand.IntN(len(queues))])
				}
			})
		}
		users.Wait()
		for _, id := range left {
			if id == "" {
				continue
			}
			e.wantState(id, task.Pending)
			queue, _, _ := parseID(id)
			e.eventually("the queue of "+id+" to be listed", func() bool {
				all, err := e.Queues(e.ctx)
				return err == nil && slices.Contains(all, queue)
			})
			e.deleteNow(id)
		}
	}
	stop()
	forgetters.Wait()
	if e.t.Logf("forgotten %d times", forgot.Load()); forgot.Load() == 0 {
		e.t.Error("no queue was ever forgotten: nothing was tried")
	}
}

// submitAndDelete deletes the task before, and gives a new one, empty when none was accepted.
func (e *env) submitAndDelete(before, queue string) string {
	if before != "" {
		e.deleteNow(before)
	}
	got, err := e.Submit(e.ctx, sub(inQueue(queue)))
	if errors.Is(err, errClosed) {
		return ""
	}
	if err != nil {
		e.t.Error(err)
		return ""
	}
	return got.Task.ID
}

func (e *env) deleteNow(id string) {
	if _, err := e.Cancel(e.ctx, id); err != nil {
		e.t.Error(err)
	}
	if err := e.Delete(e.ctx, id); err != nil {
		e.t.Error(err)
	}
}

// A submit that finds its queue closed each time says so, and keeps nothing.
func TestClosedQueueTakesNothing(t *testing.T) {
	t.Parallel()
	e := newEnv(t, openRedis(t), Options{})
	e.ok(e.Register(e.ctx, []string{"default"}))
	e.ok(e.rdb.Set(e.ctx, base("default")+"closed", "1", time.Hour).Err())
	keys, argv := scriptArgs("default", "", nil)
	entry, err := newEntry(e.ids.next(e.Now(), "default"), sub(nil))
	e.ok(err)
	reply, err := e.scripts.submit.Run(e.ctx, e.rdb, keys, append(argv, entry.args...)...).StringSlice()
	e.ok(err)
	if !slices.Equal(reply, []string{"closed"}) || len(e.records("default")) != 0 {
		t.Errorf("got %v and %d records", reply, len(e.records("default")))
	}
	e.submit(nil)
}
