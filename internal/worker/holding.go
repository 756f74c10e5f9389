package worker

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"windlass/internal/store"
)

// holding is one attempt that this process runs.
type holding struct {
	store.Held
	queue  string
	ctx    context.Context
	cancel context.CancelCauseFunc
	// lease ends the handler when the hold is no longer sure, by this machine's
	// monotonic clock: another worker may begin the task then.
	lease    *time.Timer
	returned atomic.Bool // the handler is done

	mu   sync.Mutex
	over time.Time // since when the handler should have ended; zero: it may go on
}

// end tells the handler to end.
func (h *holding) end(cause error) {
	h.mu.Lock()
	if h.over.IsZero() {
		h.over = time.Now()
	}
	h.mu.Unlock()
	h.cancel(cause)
}

// endGrace is how long a handler that was told to end may take before it counts as overrunning.
const endGrace = 2 * time.Second

// overrunning reports whether the handler goes on although it was told to end.
func (h *holding) overrunning() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return !h.over.IsZero() && time.Since(h.over) > endGrace && !h.returned.Load()
}

// books are the attempts that this process runs, by task id: one a task, because
// a second attempt never begins while an earlier one still runs here.
type books struct {
	mu   sync.Mutex
	held map[string]*holding
	busy sync.WaitGroup // one for each in held
}

// hold takes the claimed attempt into the books. letGo takes it out. It gives the
// earlier attempt instead when one still runs here.
func (w *Worker) hold(c *store.Claim) (earlier *holding) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if earlier = w.held[c.Task.ID]; earlier != nil {
		return earlier
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	h := &holding{
		Held: store.Held{ID: c.Task.ID, Attempt: c.Attempt}, queue: c.Task.Queue, ctx: ctx, cancel: cancel,
	}
	h.lease = time.AfterFunc(w.Store.Lease(), func() { h.end(errLost) })
	w.busy.Add(1)
	w.held[h.ID] = h
	return nil
}

func (w *Worker) letGo(h *holding) {
	w.mu.Lock()
	delete(w.held, h.ID)
	w.mu.Unlock()
	h.lease.Stop()
	h.cancel(nil)
	w.busy.Done()
}

// holding gives the holding of a claim.
func (w *Worker) holding(c *store.Claim) *holding {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.held[c.Task.ID]
}

// room gives how many attempts more this process may run, one or more, and which
// of the queue's tasks it must not take because an attempt of theirs that is over
// still runs here.
func (w *Worker) room(queue string) (free int, not []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for id, h := range w.held {
		if h.queue == queue && h.ctx.Err() != nil {
			not = append(not, id)
		}
	}
	return max(1, w.Concurrency-len(w.held)), not
}

func (w *Worker) active() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.held)
}

func (w *Worker) overrunning() int {
	n := 0
	for _, h := range w.holdings() {
		if h.overrunning() {
			n++
		}
	}
	return n
}

func (w *Worker) holdings() []*holding {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := make([]*holding, 0, len(w.held))
	for _, h := range w.held {
		all = append(all, h)
	}
	return all
}
