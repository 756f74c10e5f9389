package worker

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"windlass/internal/store"
)

const (
	// pollInterval is how long an idle worker waits for a signal before it asks
	// by itself. Upkeep, which looks every second, tells it sooner when a signal was lost.
	pollInterval = 5 * time.Second
	// errorPause is how long it waits after Redis could not be asked: asynq asks
	// again without a pause (its PR 1058).
	errorPause = 500 * time.Millisecond
)

// transport stands between asynq's Server and what it takes for Redis: a client
// of an embedded one, so that no fault of asynq's own writes (done, retry,
// archive, heartbeat, recovery) and none of the network's reaches the other. Its
// dequeue becomes store.Claim on the real Redis, which begins the attempts in
// the same step, as many as there are free slots; when nothing waits it holds
// asynq until a signal comes, instead of polling.
type transport struct {
	worker *Worker
	queues int
	quit   chan struct{}
	once   sync.Once
	wake   chan struct{}
	claims sync.Map // task id -> *store.Claim, from dequeue to the handler

	mu    sync.Mutex
	maybe map[string]bool // queues in whose line something may stand

	// What follows belongs to asynq's one goroutine that dequeues.
	ready []*store.Claim    // begun, and not given to asynq yet
	empty int               // dequeues that found nothing in a row
	asked map[string]string // queue -> token of a claim whose answer did not come
}

var _ redis.Hook = (*transport)(nil)

func newTransport(w *Worker, queues []string) *transport {
	t := &transport{
		worker: w, queues: len(queues), wake: make(chan struct{}, 1), quit: make(chan struct{}),
		maybe: map[string]bool{}, asked: map[string]string{},
	}
	for _, q := range queues {
		t.maybe[q] = true
	}
	return t
}

// signal says that something may stand in the line of a queue.
func (t *transport) signal(queue string) {
	t.mu.Lock()
	t.maybe[queue] = true
	t.mu.Unlock()
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// takeSign reports whether something may stand in the queue's line, and forgets
// it: a signal that comes while Redis is asked counts again.
func (t *transport) takeSign(queue string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	maybe := t.maybe[queue]
	t.maybe[queue] = false
	return maybe
}

// close makes every dequeue find nothing from now on, at once.
func (t *transport) close() { t.once.Do(func() { close(t.quit) }) }

func (t *transport) closed() bool {
	select {
	case <-t.quit:
		return true
	default:
		return false
	}
}

// take gives the claim that a dequeue made for the task.
func (t *transport) take(id string) *store.Claim {
	c, _ := t.claims.LoadAndDelete(id)
	claim, _ := c.(*store.Claim)
	return claim
}

// ProcessHook looks at the keys of a script to tell what asynq is about (asynq
// 0.26 internal/rdb/rdb.go: dequeueCmd, and all others that name an active list:
// doneCmd, retryCmd, archiveCmd, requeueCmd). asynq's own idea of a task's end
// goes nowhere.
func (t *transport) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		reply, isReply := cmd.(*redis.Cmd)
		keys := scriptKeys(cmd)
		if !isReply || len(keys) == 0 {
			return next(ctx, cmd)
		}
		switch {
		case strings.HasSuffix(keys[0], ":pending") && len(keys) == 4:
			return t.dequeue(ctx, queueOf(keys[0]), reply)
		case hasActive(keys):
			reply.SetVal("OK")
			return nil
		}
		return next(ctx, cmd)
	}
}

// DialHook changes nothing.
func (t *transport) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

// ProcessPipelineHook changes nothing: asynq's writes of a task are single scripts.
func (t *transport) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (t *transport) dequeue(ctx context.Context, queue string, reply *redis.Cmd) error {
	if len(t.ready) == 0 && !t.closed() && t.takeSign(queue) {
		if err := t.claim(ctx, queue); err != nil {
			t.worker.Log.Error("cannot take tasks", "queue", queue, "error", err)
			t.signal(queue) // there may be more than the answer that is missing
			t.wait(errorPause, false)
			return nothing(reply)
		}
	}
	if len(t.ready) == 0 {
		if t.empty++; t.empty >= t.queues && !t.closed() {
			t.empty = 0
			t.wait(pollInterval, true)
		}
		return nothing(reply)
	}
	t.empty = 0
	c := t.ready[0]
	t.ready = t.ready[1:]
	t.claims.Store(c.Task.ID, c)
	reply.SetVal(string(c.Message()))
	return nil
}

// unserved takes the attempts that were begun and that asynq was not given. asynq
// must have stopped dequeuing.
func (t *transport) unserved() []*holding {
	var left []*holding
	for _, c := range t.ready {
		h := t.worker.holding(c)
		t.worker.letGo(h)
		left = append(left, h)
	}
	t.ready = nil
	return left
}

// claim begins attempts at what stands in the queue's line, as many as there are
// free slots: none of them waits here for another to end. A claim whose answer
// got lost is asked for again by its token, so it leaves nothing behind.
func (t *transport) claim(ctx context.Context, queue string) error {
	want := store.Want{Queue: queue, Worker: t.worker.id, Token: t.asked[queue]}
	want.Many, want.Not = t.worker.room(queue)
	if want.Token == "" {
		want.Token = shortID()
		t.asked[queue] = want.Token
	}
	claims, more, err := t.worker.Store.Claim(ctx, want)
	if err != nil {
		return err
	}
	delete(t.asked, queue)
	var back []*holding
	for _, c := range claims {
		// Held from here on, so that its lease is renewed even before the handler runs.
		earlier := t.worker.hold(c)
		switch {
		case earlier == nil:
			t.ready = append(t.ready, c)
		case earlier.Attempt != c.Attempt: // it was lost before this worker could know
			earlier.end(errLost)
			back = append(back, &holding{Held: store.Held{ID: c.Task.ID, Attempt: c.Attempt}})
		} // else Redis forgot that it had begun, and now knows again
	}
	t.worker.handBack(back)
	if more {
		t.signal(queue)
	}
	return nil
}

// wait holds asynq for a while, or until a signal comes when one would help. A
// wait that ends by itself has every queue looked at.
func (t *transport) wait(most time.Duration, signals bool) {
	timer := time.NewTimer(most)
	defer timer.Stop()
	wake := t.wake
	if !signals {
		wake = nil
	}
	select {
	case <-wake:
	case <-t.quit:
	case <-timer.C:
		t.mu.Lock()
		defer t.mu.Unlock()
		for q := range t.maybe {
			t.maybe[q] = true
		}
	}
}

func nothing(reply *redis.Cmd) error {
	reply.SetErr(redis.Nil)
	return redis.Nil
}

// scriptKeys gives the keys of an EVAL or EVALSHA command, nil for others.
func scriptKeys(cmd redis.Cmder) []string {
	name := cmd.Name()
	args := cmd.Args()
	if (name != "evalsha" && name != "eval") || len(args) < 4 {
		return nil
	}
	n, ok := args[2].(int)
	if !ok || len(args) < 3+n {
		return nil
	}
	keys := make([]string, 0, n)
	for _, arg := range args[3 : 3+n] {
		key, _ := arg.(string)
		keys = append(keys, key)
	}
	return keys
}

func hasActive(keys []string) bool {
	for _, key := range keys {
		if strings.HasPrefix(key, "asynq:{") && strings.HasSuffix(key, "}:active") {
			return true
		}
	}
	return false
}

func queueOf(key string) string {
	_, rest, _ := strings.Cut(key, "{")
	queue, _, _ := strings.Cut(rest, "}")
	return queue
}

// asynqLog hands asynq's lines to slog.
type asynqLog struct{ log *slog.Logger }

func (l asynqLog) Debug(args ...any) { l.log.Debug("asynq: " + fmt.Sprint(args...)) }
func (l asynqLog) Info(args ...any)  { l.log.Debug("asynq: " + fmt.Sprint(args...)) }
func (l asynqLog) Warn(args ...any)  { l.log.Warn("asynq: " + fmt.Sprint(args...)) }
func (l asynqLog) Error(args ...any) { l.log.Error("asynq: " + fmt.Sprint(args...)) }
func (l asynqLog) Fatal(args ...any) { l.log.Error("asynq: " + fmt.Sprint(args...)) }

func shortID() string {
	var b [6]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand.Read crashes instead
	return hex.EncodeToString(b[:])
}

// fenced reports that the attempt is over for this worker.
func fenced(err error) bool {
	return errors.Is(err, store.ErrFenced) || errors.Is(err, store.ErrNotFound)
}
