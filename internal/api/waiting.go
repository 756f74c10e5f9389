package api

import (
	"context"
	"fmt"
	"slices"
	"time"

	"windlass/internal/store"
	"windlass/internal/task"
	"windlass/internal/tracing"
)

// settling is how long a task may wait beside an idle worker before the wait is
// worth a word: workers take what is new within milliseconds.
const settling = 2 * time.Second

// show makes a task from the store fit for the outside: secrets out of its
// input, why it waits, and where to read more.
func (a *API) show(ctx context.Context, t *task.Task) *task.Task {
	if len(t.Input) > 0 {
		if k, known := a.kinds[t.Kind]; known {
			if t.Sealed == "" { // else what is secret is not in it
				t.Input, _ = k.Conceal(t.Input)
			}
		} else {
			t.Input = nil // nobody here knows which part of it is secret
		}
		t.LogsURL = a.config.LogsURL(t) // not in lists, whose tasks have no input: it is long
	}
	t.Waiting = a.waiting(ctx, t)
	t.TraceID = tracing.IDOf(t.Traceparent)
	return t
}

// waiting says why a task does not run right now, nil when it does, never will,
// or just came. It leaves out what the store cannot tell at the moment.
func (a *API) waiting(ctx context.Context, t *task.Task) *task.Waiting {
	now := a.store.Now()
	if t.State != task.Pending && t.State != task.Scheduled && t.State != task.Retrying {
		return nil
	}
	if t.State != task.Pending && t.RunAt.After(now) {
		return timed(t)
	}
	crew, err := a.crew.get(ctx)
	if err != nil {
		return nil
	}
	serving, idle := 0, false
	for _, w := range crew {
		if _, serves := w.Queues[t.Queue]; serves {
			serving++
			idle = idle || w.Active < w.Concurrency
		}
	}
	if serving == 0 {
		return &task.Waiting{Reason: task.WaitNoWorker, Message: fmt.Sprintf(
			"No worker serves the queue %s. Start one with -queues %s=1.", t.Queue, t.Queue)}
	}
	if idle && now.Sub(t.RunAt) < settling {
		return nil
	}
	counts, err := a.counts.get(ctx)
	if err != nil {
		return nil
	}
	return &task.Waiting{Reason: task.WaitWorkerBusy, Message: busy(t.Queue, serving, inLine(counts, t.Queue))}
}

func timed(t *task.Task) *task.Waiting {
	until := t.RunAt
	if t.State == task.Scheduled {
		return &task.Waiting{Reason: task.WaitScheduled, Until: &until, Message: "Waits for its time."}
	}
	failed := fmt.Sprintf("Attempt %d of %d failed.", t.AttemptsUsed, t.MaxAttempts)
	if t.Error != nil {
		failed = fmt.Sprintf("Attempt %d of %d failed: %s", t.AttemptsUsed, t.MaxAttempts, t.Error.Message)
	}
	// The time itself, not "in 5 s": the sentence must stay true while it is on screen.
	return &task.Waiting{Reason: task.WaitRetry, Until: &until,
		Message: failed + " It is tried again at " + until.Format("15:04:05") + " UTC."}
}

func busy(queue string, workers int, waiting int64) string {
	who := "The worker of the queue " + queue + " is busy"
	if workers > 1 {
		who = fmt.Sprintf("All %d workers of the queue %s are busy", workers, queue)
	}
	if waiting <= 1 {
		return who + ". This task is the only one that waits."
	}
	return fmt.Sprintf("%s. %d tasks wait in it.", who, waiting)
}

func inLine(counts []store.Count, queue string) int64 {
	var n int64
	for _, c := range counts {
		if c.Queue == queue && c.State == task.Pending {
			n += c.Count
		}
	}
	return n
}

// showAll is show for a list. Tasks that are gone are left out.
func (a *API) showAll(ctx context.Context, tasks []*task.Task) []*task.Task {
	tasks = slices.DeleteFunc(tasks, func(t *task.Task) bool { return t == nil })
	for _, t := range tasks {
		a.show(ctx, t)
	}
	return tasks
}
