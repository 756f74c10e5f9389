package worker

import (
	"context"
	"errors"
	"time"

	"windlass/internal/store"
)

// beatsPerLease is how many signs of life fit into one lease.
const beatsPerLease = 3

// listen hands signals on: cancels to the handler, the rest to whoever waits.
func (w *Worker) listen(signals <-chan store.Signal, nudge chan<- struct{}) {
	for s := range signals {
		if s.Cancel != "" {
			w.end(s.Cancel, errCanceled)
			continue
		}
		w.front.signal(s.Queue)
		select {
		case nudge <- struct{}{}:
		default:
		}
	}
}

// end ends the context of the task's handler, when it runs here.
func (w *Worker) end(id string, cause error) {
	w.mu.Lock()
	h := w.held[id]
	w.mu.Unlock()
	if h != nil {
		h.end(cause)
	}
}

// beat gives signs of life until ctx ends: for the attempts held, and for the
// worker itself.
func (w *Worker) beat(ctx context.Context) {
	tick := time.NewTicker(w.Store.Lease() / beatsPerLease)
	defer tick.Stop()
	for {
		w.Metrics.over.Set(float64(w.overrunning()))
		err := errors.Join(w.extend(ctx), w.Store.Beat(ctx, w.describe()))
		if err != nil && ctx.Err() == nil {
			w.Log.Error("sign of life failed", "worker", w.id, "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (w *Worker) describe() store.Worker {
	host, pid := hostPID()
	return store.Worker{
		ID: w.id, Host: host, PID: pid, Version: w.Version, StartedAt: w.started.UTC().Truncate(time.Millisecond),
		Queues: w.Queues, Concurrency: w.Concurrency, Active: w.active(), Overrunning: w.overrunning(),
	}
}

// extendStep is how many leases one script renews.
const extendStep = 500

func (w *Worker) extend(ctx context.Context) error {
	byQueue := map[string][]*holding{}
	for _, h := range w.holdings() {
		byQueue[h.queue] = append(byQueue[h.queue], h)
	}
	var failed error
	for queue, all := range byQueue {
		for len(all) > 0 {
			n := min(len(all), extendStep)
			failed = errors.Join(failed, w.extendSome(ctx, queue, all[:n]))
			all = all[n:]
		}
	}
	return failed
}

func (w *Worker) extendSome(ctx context.Context, queue string, some []*holding) error {
	ctx, cancel := context.WithTimeout(ctx, w.Store.Lease()/beatsPerLease)
	defer cancel()
	asked := time.Now()
	signs := make([]store.Sign, len(some))
	for i, h := range some {
		signs[i] = store.Sign{Held: h.Held, Overrunning: h.overrunning()}
	}
	got, err := w.Store.Extend(ctx, queue, signs)
	if err != nil {
		return err
	}
	for _, h := range some {
		if h.lease.Stop() { // else the handler was told to end already
			h.lease.Reset(time.Until(asked.Add(w.Store.Lease())))
		}
	}
	for _, id := range got.Lost {
		w.end(id, errLost)
	}
	for _, id := range got.Canceled {
		w.end(id, errCanceled)
	}
	return nil
}
