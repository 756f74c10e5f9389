package api

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"windlass/internal/store"
	"windlass/internal/task"
)

type taskEventsInput struct {
	SharedRef
	LastEventID string `header:"Last-Event-ID" doc:"Where an earlier stream ended."`
	Last        string `query:"last_event_id" maxLength:"100" doc:"The same, for the first connection: browsers cannot set the header."`
}

// taskEvents follows one task: it as it is now, each change of it, each line of
// its log, and its end.
func (a *API) taskEvents(ctx context.Context, in *taskEventsInput) (*huma.StreamResponse, error) {
	last := in.LastEventID
	if last == "" {
		last = in.Last
	}
	return a.serveStream(ctx, func(ctx context.Context) (source, *store.Watcher, error) {
		w, _, err := a.store.Watch(ctx, in.ID, "")
		if err != nil {
			return nil, nil, err
		}
		f := &follower{api: a, id: in.ID}
		f.version, f.line = parsePosition(last)
		f.now, err = a.peek(ctx, in.ID)
		if err == nil && !CallerOf(ctx).sees(f.now.Kind, f.now.Queue) {
			err = store.ErrNotFound
		}
		if err != nil {
			w.Close()
			return nil, nil, err
		}
		return f, w, nil
	})
}

// parsePosition reads "<version>.<sequence number of the last log line>". What
// is not one means the beginning.
func parsePosition(text string) (version, line int64) {
	v, l, _ := strings.Cut(text, ".")
	version, err1 := strconv.ParseInt(v, 10, 64)
	line, err2 := strconv.ParseInt(l, 10, 64)
	if err1 != nil || err2 != nil || version < 0 || line < 0 {
		return 0, 0
	}
	return version, line
}

// peek reads a task without input and result, with all its attempts.
func (a *API) peek(ctx context.Context, id string) (*task.Task, error) {
	tasks, err := a.store.Peek(ctx, task.MaxAttemptsKept, id)
	if err != nil {
		return nil, err
	}
	if tasks[0] == nil {
		return nil, store.ErrNotFound
	}
	return a.show(ctx, tasks[0]), nil
}

// follower is the state of one task's stream: what its client has.
type follower struct {
	api           *API
	id            string
	version, line int64
	now           *task.Task // nil once it was told
}

func (f *follower) position() string { return fmt.Sprintf("%d.%d", f.version, f.line) }

func (f *follower) run(ctx context.Context, s *stream) error {
	if err := f.tell(ctx, s, true, true); err != nil || f.over(s) {
		return err
	}
	beat := s.turn.next(f.api.heartbeat)
	for s.err == nil {
		why := s.wait(ctx, s.watcher.C, beat)
		if why == clientGone {
			return nil
		}
		if err := f.api.still(ctx); err != nil {
			return err
		}
		if why == timeCame {
			beat = s.turn.next(f.api.heartbeat)
			s.act(s.beat)
			continue
		}
		again, err := f.catchUp(ctx, s)
		if err != nil || !again || f.over(s) {
			return err
		}
	}
	return nil // the client went away
}

// catchUp tells what changed since the last time. It is false when the task is gone.
func (f *follower) catchUp(ctx context.Context, s *stream) (bool, error) {
	changes, _, missed := s.watcher.Take()
	record, log := missed, missed
	for _, c := range changes {
		if c.State == "deleted" {
			return false, nil
		}
		record = record || c.Record
		log = log || c.Log || c.State.Final()
	}
	if record {
		var err error
		if f.now, err = f.api.peek(ctx, f.id); err != nil {
			return false, err
		}
		// The record may be newer than the changes: its last lines come before its end.
		log = log || f.now.State.Final()
	}
	return true, f.tell(ctx, s, record, log)
}

func (f *follower) tell(ctx context.Context, s *stream, record, log bool) error {
	if record && f.now.Version != f.version {
		f.version = f.now.Version
		s.send("task", f.position(), f.now)
	}
	if log {
		return f.tellLog(ctx, s)
	}
	return nil
}

func (f *follower) tellLog(ctx context.Context, s *stream) error {
	for s.err == nil {
		logs, err := f.api.store.Logs(ctx, f.id, f.line, task.MaxLogLines)
		if err != nil {
			return err
		}
		for _, l := range logs.Lines {
			f.line = l.Seq
			s.send("log", f.position(), l)
		}
		if len(logs.Lines) < task.MaxLogLines {
			return nil
		}
	}
	return nil
}

// over sends the end when the task is final. Else it lets go of the task: most streams wait long.
func (f *follower) over(s *stream) bool {
	if f.now == nil || !f.now.State.Final() {
		f.now = nil
		return false
	}
	s.send("end", f.position(), f.now)
	return true
}
