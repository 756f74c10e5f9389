package store

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"

	"windlass/internal/task"
)

// reach brings a new task of the queue to the state. The queue must be empty.
func (e *env) reach(queue string, state task.State, change func(*Submission)) *task.Task {
	e.t.Helper()
	in := func(s *Submission) {
		s.Queue = queue
		switch state {
		case task.Scheduled:
			s.Delay = time.Hour
		case task.Expired:
			s.ExpiresAt = time.UnixMilli(1000)
		}
		if change != nil {
			change(s)
		}
	}
	switch state {
	case task.Scheduled, task.Pending:
		return e.submit(in)
	case task.Active:
		return e.start(in).Task
	case task.Retrying:
		c := e.start(in)
		e.end(c, fail(true))
		return c.Task
	case task.Succeeded:
		c := e.start(in)
		e.end(c, succeed())
		return c.Task
	case task.Failed:
		c := e.start(in)
		e.end(c, fail(false))
		return c.Task
	case task.Canceled:
		made := e.submit(in)
		_, err := e.Cancel(e.ctx, made.ID)
		e.ok(err)
		return made
	case task.Expired:
		made := e.submit(in)
		e.upkeep(queue)
		return made
	}
	e.t.Fatalf("no way to %s", state)
	return nil
}

func testCancelWaiting(e *env) {
	for i, state := range task.States() {
		queue := fmt.Sprint("q", i)
		made := e.reach(queue, state, nil)
		e.wantState(made.ID, state)
		want := state
		if !state.Final() && state != task.Active {
			want = task.Canceled
		}
		for range 2 { // also as after a lost reply
			if got, err := e.Cancel(e.ctx, made.ID); err != nil || got != want {
				e.t.Errorf("cancel while %s: got %s, %v, want %s", state, got, err, want)
			}
		}
		got := e.wantState(made.ID, want)
		if asked := state == task.Active; got.CancelRequested != asked {
			e.t.Errorf("cancel while %s: cancel requested is %v", state, got.CancelRequested)
		}
		if state != task.Active {
			if c, err := e.claimOne(queue); c != nil || err != nil {
				e.t.Errorf("cancel while %s: it was claimed: %v, %v", state, c, err)
			}
		}
	}
}

// However an attempt ends, a task that was asked to stop ends as canceled.
func testCancelActive(e *env) {
	ends := map[string]End{
		"succeeded": succeed(), "again": fail(true), "failed": fail(false),
		"released": {Outcome: task.OutcomeReleased}, "canceled": {Outcome: task.OutcomeCanceled},
	}
	for name, end := range ends {
		c := e.start(nil)
		before := e.get(c.Task.ID).Version
		for range 2 {
			if got, err := e.Cancel(e.ctx, c.Task.ID); err != nil || got != task.Active {
				e.t.Errorf("%s: cancel gave %s, %v, want active", name, got, err)
			}
		}
		if v := e.get(c.Task.ID).Version; v != before+1 {
			e.t.Errorf("%s: two cancels took the version from %d to %d", name, before, v)
		}
		if got := e.end(c, end); got != task.Canceled {
			e.t.Errorf("%s: ended as %s, want canceled", name, got)
		}
		got := e.wantState(c.Task.ID, task.Canceled)
		if got.CancelRequested || got.FinishedAt == nil || string(got.Result) != string(end.Result) {
			e.t.Errorf("%s: cancel requested %v, finished %v, result %s", name, got.CancelRequested, got.FinishedAt, got.Result)
		}
		if left, err := e.claimOne("default"); left != nil || err != nil {
			e.t.Errorf("%s: it was tried again: %v, %v", name, left, err)
		}
	}
}

// A canceled task's id stands in the line still when it is retried.
func testCancelRetryInLine(e *env) {
	first, second := e.submit(nil), e.submit(nil)
	for range 3 {
		_, err := e.Cancel(e.ctx, first.ID)
		e.ok(err)
		e.ok(e.Retry(e.ctx, first.ID))
		e.audit()
	}
	for _, want := range []string{first.ID, second.ID} {
		if c := e.claim("default"); c.Task.ID != want || c.Attempt != 1 {
			e.t.Errorf("claimed %s, attempt %d; want %s, 1", c.Task.ID, c.Attempt, want)
		}
	}
	if c, err := e.claimOne("default"); c != nil || err != nil {
		e.t.Errorf("carried twice: %v, %v", c, err)
	}
}

func testRetryFinal(e *env) {
	for i, state := range task.States() {
		if !state.Final() {
			continue
		}
		queue := fmt.Sprint("q", i)
		made := e.reach(queue, state, func(s *Submission) { s.Unique = "u" })
		before := e.wantState(made.ID, state)
		e.ok(e.Retry(e.ctx, made.ID))
		got := e.wantState(made.ID, task.Pending)
		if diff := cmp.Diff(before.Attempts, got.Attempts); diff != "" {
			e.t.Errorf("%s: history (-before +after):\n%s", state, diff)
		}
		if got.AttemptsUsed != 0 || got.Error != nil || got.Result != nil || got.Summary != "" || got.FinishedAt != nil || got.ExpiresAt != nil {
			e.t.Errorf("%s: left over: %+v", state, got)
		}
		if !got.CreatedAt.Equal(before.CreatedAt) || got.RunAt.Before(before.RunAt) || got.Version != before.Version+1 {
			e.t.Errorf("%s: created %s, run at %s, version %d -> %d", state, got.CreatedAt, got.RunAt, before.Version, got.Version)
		}
		c := e.claim(queue)
		if c.Attempt != len(before.Attempts)+1 {
			e.t.Errorf("%s: attempt %d follows %d", state, c.Attempt, len(before.Attempts))
		}
		if want := got.RunAt.Add(time.Hour); !c.Deadline.Equal(want) {
			e.t.Errorf("%s: deadline %s, want %s", state, c.Deadline, want)
		}
		e.end(c, succeed())
	}
}

func testRetryEndsTheWait(e *env) {
	for i, state := range []task.State{task.Scheduled, task.Retrying} {
		queue := fmt.Sprint("q", i)
		made := e.reach(queue, state, nil)
		before := e.get(made.ID)
		e.ok(e.Retry(e.ctx, made.ID))
		now := e.get(made.ID)
		if now.State != task.Pending || now.AttemptsUsed != before.AttemptsUsed || !now.RunAt.Before(before.RunAt) {
			e.t.Errorf("%s: got %s, %d used, run at %s", state, now.State, now.AttemptsUsed, now.RunAt)
		}
		e.end(e.claim(queue), succeed())
	}
}

func testRetryRefused(e *env) {
	for i, state := range task.States() {
		if state.Final() {
			continue
		}
		made := e.reach(fmt.Sprint("q", i), state, nil)
		if state == task.Pending || state == task.Active {
			got, ok := errors.AsType[*StateError](e.Retry(e.ctx, made.ID))
			if !ok || got.State != state {
				e.t.Errorf("retry while %s: got %v", state, got)
			}
		}
		got, ok := errors.AsType[*StateError](e.Delete(e.ctx, made.ID))
		if !ok || got.State != state {
			e.t.Errorf("delete while %s: got %v", state, got)
		}
	}
}

func testDelete(e *env) {
	for i, state := range task.States() {
		if !state.Final() {
			continue
		}
		queue := fmt.Sprint("q", i)
		made := e.reach(queue, state, func(s *Submission) {
			s.Tags, s.Unique, s.CacheKey, s.CacheFor = []string{"a"}, "u", "c", time.Hour
		})
		e.ok(e.Delete(e.ctx, made.ID))
		if err := e.Delete(e.ctx, made.ID); !errors.Is(err, ErrNotFound) {
			e.t.Errorf("%s: second delete: got %v, want ErrNotFound", state, err)
		}
		if _, err := e.claimOne(queue); err != nil { // drops what asynq may carry
			e.t.Error(err)
		}
		left := slices.DeleteFunc(e.keys("*{"+queue+"}*"), func(key string) bool {
			short := strings.Contains(key, "}:gone:") || strings.Contains(key, "}:take:")        // they end by themselves
			return short && e.rdb.PTTL(e.ctx, key).Val() > 0 || strings.HasSuffix(key, "}:kept") // the queue's
		})
		want := []string{base(queue) + "ev", base(queue) + "n"}
		if diff := cmp.Diff(want, left); diff != "" {
			e.t.Errorf("%s: keys left (-want +got):\n%s", state, diff)
		}
	}
}

func testUnknownIDs(e *env) {
	ids := []string{
		"", "tsk_", "nonsense", "tsk_" + strings.Repeat("0", idLength) + "_default",
		"tsk_" + strings.Repeat("\n", idLength) + "_default", "tsk_" + strings.Repeat("0", idLength) + "_}x{",
	}
	for _, id := range ids {
		calls := map[string]error{}
		_, calls["get"] = e.Get(e.ctx, id)
		_, calls["cancel"] = e.Cancel(e.ctx, id)
		_, calls["logs"] = e.Logs(e.ctx, id, 0, 10)
		calls["retry"], calls["delete"] = e.Retry(e.ctx, id), e.Delete(e.ctx, id)
		for name, err := range calls {
			if !errors.Is(err, ErrNotFound) {
				e.t.Errorf("%s %q: got %v, want ErrNotFound", name, id, err)
			}
		}
		if _, err := e.End(e.ctx, Held{ID: id}, succeed()); !errors.Is(err, ErrNotFound) && !errors.Is(err, ErrFenced) {
			e.t.Errorf("end %q: got %v", id, err)
		}
		if err := e.Report(e.ctx, Held{ID: id}, Report{}); !errors.Is(err, ErrNotFound) && !errors.Is(err, ErrFenced) {
			e.t.Errorf("report %q: got %v", id, err)
		}
	}
	if left := e.keys("*"); len(left) != 0 {
		e.t.Errorf("asking left %v", left)
	}
}
