package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/hibiken/asynq"

	"windlass/internal/store"
	"windlass/internal/task"
	"windlass/internal/tracing"
)

// handle runs one claimed attempt to its end. It always succeeds for asynq:
// what follows is decided here and written by the store.
func (w *Worker) handle(_ context.Context, t *asynq.Task) error {
	claim := w.front.take(string(t.Payload()))
	if claim == nil {
		return fmt.Errorf("task %s came without a claim", t.Payload())
	}
	h := w.holding(claim)
	defer w.letGo(h)

	log := w.Log.With("task_id", h.ID, "attempt", h.Attempt, "kind", claim.Task.Kind, "queue", claim.Task.Queue)
	ctx, span := w.Tracer.Attempt(h.ctx, claim.Task, h.Attempt, claim.StartedAt)
	if id := tracing.ID(ctx); id != "" {
		log = log.With("trace_id", id)
	}
	begun := time.Now()
	w.Metrics.started(claim)
	r := newReporter(w.Store, h, log)
	done, err := w.attempt(ctx, claim, h, r)
	took := time.Since(begun)
	cause := context.Cause(h.ctx)
	h.returned.Store(true)
	r.close()
	// A success whose lease ran out is written all the same: it counts while no other attempt has begun.
	// Redis's clock told when it began, and this machine's how long it took: what o'clock it is here does not matter.
	end := decide(claim, done, err, cause, claim.StartedAt.Add(took))
	w.Metrics.finished(claim, end.Outcome, took)
	span.Ended(end.Outcome, end.Error)
	if state, ok := w.write(h, end, log); ok {
		log.Info("attempt ended", endFields(end, state, took, err)...)
	}
	return nil
}

// endFields is what the log line of an attempt's end tells, beside which attempt it is.
func endFields(end store.End, state task.State, took time.Duration, err error) []any {
	fields := []any{"outcome", string(end.Outcome), "state", string(state), "duration_seconds", took.Seconds()}
	if end.Error != nil {
		fields = append(fields, "code", end.Error.Code)
	}
	if err != nil {
		fields = append(fields, "error", err.Error())
	}
	return fields
}

// attempt runs the kind with its timeout and turns a panic into an error. ctx is the holding's,
// with the span of the attempt.
func (w *Worker) attempt(ctx context.Context, c *store.Claim, h *holding, r *reporter) (done task.Done, err error) {
	kind, ok := w.kinds[c.Task.Kind]
	if !ok {
		// A worker of another release may know it: the task is tried again.
		return task.Done{}, &task.Error{Code: "unknown_kind", Message: "This worker does not know the kind " + c.Task.Kind + "."}
	}
	limit := min(c.Task.Policy.Timeout.Std(), c.Deadline.Sub(c.StartedAt))
	if limit <= 0 {
		return task.Done{}, task.Permanent(&task.Error{Code: "deadline", Message: "Its total deadline passed before this attempt could start."})
	}
	input, err := w.input(c.Task)
	if err != nil {
		return task.Done{}, err
	}
	run := task.NewRun(c.Task, c.Attempt, c.Checkpoint, r)
	run.Secrets = w.secret
	over := time.AfterFunc(limit, func() { h.end(errTimeout) })
	defer over.Stop()
	defer func() {
		if p := recover(); p != nil {
			r.log.Error("kind panicked", "panic", run.Scrub(fmt.Sprint(p)), "stack", run.Scrub(string(debug.Stack())))
			done, err = task.Done{}, &task.Error{Code: "panic", Message: "The kind's code crashed. The worker's log tells where."}
		}
	}()
	done, err = kind.Run(ctx, input, run)
	if err != nil && errors.Is(context.Cause(h.ctx), errTimeout) {
		err = &task.Error{Code: "timeout", Message: fmt.Sprintf("The attempt took longer than %s.", limit.Round(time.Millisecond)), Err: err}
	}
	return done, err
}

// decide says how the attempt ended and what follows by the task's policy.
func decide(c *store.Claim, done task.Done, err, cause error, now time.Time) store.End {
	if err == nil {
		return store.End{Outcome: task.OutcomeSucceeded, Result: done.Result, Summary: done.Summary}
	}
	switch {
	case errors.Is(cause, errCanceled):
		return store.End{Outcome: task.OutcomeCanceled}
	case errors.Is(cause, errShutdown):
		return released()
	case errors.Is(cause, errLost):
		return store.End{Outcome: task.OutcomeReleased, Error: &task.Failure{Code: "worker_cut_off", Message: "The worker could not reach the store for longer than its lease; the task was handed back."}}
	}
	e := task.AsError(err)
	end := store.End{Outcome: task.OutcomeFailed, Error: e.Failure()}
	used := c.Task.AttemptsUsed + 1
	if e.Final || used >= c.Task.Policy.MaxAttempts {
		return end
	}
	end.Delay = c.Task.Policy.Backoff(used)
	if e.After > 0 {
		end.Delay = e.After
	}
	end.Again = now.Add(end.Delay).Before(c.Deadline)
	if !end.Again {
		e.Message += " Its total deadline comes before the next attempt could."
		end.Error = e.Failure()
	}
	return end
}

func released() store.End {
	return store.End{Outcome: task.OutcomeReleased, Error: &task.Failure{Code: "worker_shutdown", Message: "The worker shut down; the task was handed back."}}
}

// write keeps trying to write the end while Redis cannot be asked; at shutdown
// it gives up after a while, and the task runs again when its lease is over, as
// promised.
func (w *Worker) write(h *holding, end store.End, log *slog.Logger) (task.State, bool) {
	const most = time.Second // below the grace that upkeep gives after an outage
	var since time.Time      // of the shutdown, as far as this loop saw it
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, most) {
		state, err := w.Store.End(context.Background(), h.Held, end)
		if err == nil {
			return state, true
		}
		if fenced(err) {
			log.Warn("end came too late", "outcome", string(end.Outcome), "state", string(state))
			return state, false
		}
		log.Error("end not written; trying again", "error", err, "in", wait.String())
		if w.front.closed() {
			if since.IsZero() {
				since = time.Now()
			}
			if time.Since(since) > endPatience {
				return "", false
			}
		}
		<-time.After(wait)
	}
}
