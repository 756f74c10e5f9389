package api

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"windlass/internal/store"
	"windlass/internal/task"
)

// visible reads a task without input and result, if the caller sees it. One that
// the caller does not see is not there. Errors: store.ErrNotFound.
func (a *API) visible(ctx context.Context, id string) (*task.Task, error) {
	tasks, err := a.store.Peek(ctx, 0, id)
	if err != nil {
		return nil, err
	}
	if tasks[0] == nil || !CallerOf(ctx).sees(tasks[0].Kind, tasks[0].Queue) {
		return nil, store.ErrNotFound
	}
	return tasks[0], nil
}

// reach is visible for callers who may see all but some tasks; it asks nothing for others.
func (a *API) reach(ctx context.Context, id string) error {
	if !CallerOf(ctx).bound() {
		return nil
	}
	_, err := a.visible(ctx, id)
	return err
}

// mayCancel checks that the caller may call the task off: as an operator, or as
// the one who handed it in.
func (a *API) mayCancel(ctx context.Context, id string) error {
	c := CallerOf(ctx)
	if c.may(ActionCancel) {
		return a.reach(ctx, id)
	}
	t, err := a.visible(ctx, id)
	if err != nil {
		return err
	}
	if c.ID == "" || t.SubmittedBy != c.ID {
		return problem(codeForbidden, "This task is somebody else's. A submitter may cancel its own; others take the role operator.")
	}
	return nil
}

// outside is the problem of a submission that the caller's bounds forbid.
func outside(c *Caller) *Problem {
	var bounds []string
	if len(c.Kinds) > 0 {
		bounds = append(bounds, "the kinds "+strings.Join(c.Kinds, ", "))
	}
	if len(c.Queues) > 0 {
		bounds = append(bounds, "the queues "+strings.Join(c.Queues, ", "))
	}
	return problem(codeForbidden, fmt.Sprintf("This token is bound to %s.", strings.Join(bounds, " and ")))
}

// unseen is the problem of a submission that is answered by a task outside the
// caller's bounds: unique keys are a queue's, whatever the kind.
func unseen(c *Caller, t *task.Task) *Problem {
	if c.sees(t.Kind, t.Queue) {
		return nil
	}
	return problem(codeHeld, "A task of a kind that this token is not bound to holds the unique key.")
}

// within gives what of asked the bounds allow. Nothing asked means all; nothing
// bound means no bounds. It is false when nothing is left, which must not be
// taken for all.
func within(bounds, asked []string) ([]string, bool) {
	if len(bounds) == 0 {
		return asked, true
	}
	if len(asked) == 0 {
		return bounds, true
	}
	var left []string
	for _, name := range asked {
		if slices.Contains(bounds, name) {
			left = append(left, name)
		}
	}
	return left, len(left) > 0
}

// seen gives the counts of what the caller sees.
func (c *Caller) seen(counts []store.Count) []store.Count {
	if !c.bound() {
		return counts
	}
	left := []store.Count{}
	for _, n := range counts {
		if c.sees(n.Kind, n.Queue) {
			left = append(left, n)
		}
	}
	return left
}

// seenOf gives the part of a snapshot that the caller sees.
func (c *Caller) seenOf(s store.Snapshot) store.Snapshot {
	if !c.bound() {
		return s
	}
	hidden := func(queue string) bool { return len(c.Queues) > 0 && !slices.Contains(c.Queues, queue) }
	s.Counts = c.seen(s.Counts)
	s.Queues = slices.DeleteFunc(s.Queues, hidden)
	s.Crew = c.seenCrew(s.Crew)
	maps.DeleteFunc(s.Oldest, func(queue string, _ time.Duration) bool { return hidden(queue) })
	return s
}

// seenCrew gives the workers that serve a queue that the caller sees, with those of their queues alone.
func (c *Caller) seenCrew(crew []store.Worker) []store.Worker {
	if len(c.Queues) == 0 {
		return crew
	}
	left := []store.Worker{}
	for _, w := range crew {
		w.Queues = maps.Clone(w.Queues) // crew is everybody's
		maps.DeleteFunc(w.Queues, func(queue string, _ int) bool { return !slices.Contains(c.Queues, queue) })
		if len(w.Queues) > 0 {
			left = append(left, w)
		}
	}
	return left
}
