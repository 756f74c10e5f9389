package store

import (
	"context"
	"log/slog"
	"time"

	"github.com/google/go-cmp/cmp"

	"windlass/internal/task"
)

func testPeek(e *env) {
	c := e.start(func(s *Submission) { s.Tags = []string{"a"} })
	for range 3 {
		e.end(c, End{Outcome: task.OutcomeReleased})
		c = e.claim("default")
	}
	e.end(c, fail(false))
	fresh := e.submit(func(s *Submission) { s.Queue = "other" })
	gone := e.ids.next(e.Now(), "default")
	for _, attempts := range []int{0, 1, 2, 9} {
		got, err := e.Peek(e.ctx, attempts, c.Task.ID, gone, "nonsense", fresh.ID)
		e.ok(err)
		old, young := e.get(c.Task.ID), e.get(fresh.ID)
		old.Input, old.Attempts, young.Input = nil, old.Attempts[max(0, len(old.Attempts)-attempts):], nil
		if diff := cmp.Diff([]*task.Task{old, nil, nil, young}, got); diff != "" {
			e.t.Errorf("with %d attempts (-want +got):\n%s", attempts, diff)
		}
	}
	if got, err := e.Peek(e.ctx, 1); err != nil || len(got) != 0 {
		e.t.Errorf("nothing asked: got %v, %v", got, err)
	}
}

// KeepUp lets waits, leases and start deadlines end by themselves.
func testKeepUp(e *env) {
	ctx, stop := context.WithCancel(e.ctx)
	ended, nudge := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		e.KeepUp(ctx, Keeping{Queues: e.Queues, Every: time.Second, Nudge: nudge, Log: slog.New(slog.DiscardHandler)})
	}()
	lost := e.start(nil)
	e.lapse("lease", lost.Task.ID)
	made := e.submit(func(s *Submission) { s.Delay = 30 * time.Millisecond })
	nudge <- struct{}{}
	e.eventually("the wait and the lease to end", func() bool {
		return e.get(made.ID).State == task.Pending && e.get(lost.Task.ID).State == task.Pending
	})
	stop()
	<-ended
}
