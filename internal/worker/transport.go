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

// pollInterval is how long an idle worker waits for a signal before it looks by
// itself: the most that a lost signal can cost.
const pollInterval = time.Second

// transport stands between asynq's Server and Redis. Its dequeue becomes
// store.Claim, which begins the attempt in the same step; when every queue is
// empty it waits for a signal instead of polling. What asynq would write at the
// end of a task (done, retry, archive, requeue) is left out: store.End did it.
type transport struct {
	worker *Worker
	queues int
	wake   chan struct{}
	quit   chan struct{}
	once   sync.Once

	claims sync.Map // task id -> *store.Claim, from dequeue to the handler
	empty  int      // queues found empty in a row; asynq dequeues in one goroutine
}

var _ redis.Hook = (*transport)(nil)

func newTransport(w *Worker, queues []string) *transport {
	return &transport{worker: w, queues: len(queues), wake: make(chan struct{}, 1), quit: make(chan struct{})}
}

// signal wakes an idle worker.
func (t *transport) signal() {
	select {
	case t.wake <- struct{}{}:
	default:
	}
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
// 0.26 internal/rdb/rdb.go: dequeueCmd, doneCmd, retryCmd, archiveCmd, requeueCmd).
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
	if t.closed() {
		return nothing(reply)
	}
	claim, err := t.worker.Store.Claim(ctx, queue, t.worker.id)
	if err != nil {
		// asynq asks again without a pause after an error (its PR 1058).
		t.worker.Log.Error("cannot take tasks", "queue", queue, "error", err)
		t.wait(pollInterval)
		reply.SetErr(err)
		return err
	}
	if claim == nil {
		if t.empty++; t.empty >= t.queues {
			t.empty = 0
			t.wait(pollInterval)
		}
		return nothing(reply)
	}
	t.empty = 0
	// Held from here on, so that its lease is renewed even before the handler runs.
	t.worker.hold(claim)
	t.claims.Store(claim.Task.ID, claim)
	reply.SetVal(string(claim.Message()))
	return nil
}

func (t *transport) wait(most time.Duration) {
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case <-t.wake:
	case <-t.quit:
	case <-timer.C:
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
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand.Read crashes instead
	return hex.EncodeToString(b[:])
}

// fenced reports that the attempt is over for this worker.
func fenced(err error) bool {
	return errors.Is(err, store.ErrFenced) || errors.Is(err, store.ErrNotFound)
}
