package api

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"windlass/internal/store"
)

const (
	// gather is how long changes are collected before they are told.
	gather = 250 * time.Millisecond
	// countsEvery is how often the counts are told at most.
	countsEvery = time.Second
)

type eventsInput struct {
	Kind        []string `query:"kind" maxItems:"50" doc:"Tasks of any of these kinds, separated by commas."`
	Queue       []string `query:"queue" maxItems:"100" pattern:"^[a-z0-9_-]{1,40}$" doc:"Tasks of any of these queues, separated by commas."`
	LastEventID string   `header:"Last-Event-ID" doc:"Where an earlier stream ended."`
	Last        string   `query:"last_event_id" maxLength:"100" doc:"The same, for the first connection: browsers cannot set the header."`
}

// allEvents follows all tasks, or those of some kinds and queues.
func (a *API) allEvents(ctx context.Context, in *eventsInput) (*huma.StreamResponse, error) {
	after := in.LastEventID
	if after == "" {
		after = in.Last
	}
	return a.serveStream(ctx, func(ctx context.Context) (func(context.Context, *stream) error, func(), error) {
		// A client that loses the stream before the first change still needs
		// something to go on from: the store's positions begin with the time.
		start := fmt.Sprintf("%d-0", a.store.Now().UnixMilli())
		w, missed, err := a.store.Watch(ctx, "", after)
		if err != nil {
			return nil, nil, err
		}
		t := &ticker{api: a, caller: CallerOf(ctx), kinds: in.Kind, queues: in.Queue}
		return func(ctx context.Context, s *stream) error {
			if after != "" && missed {
				s.send("reset", start, empty{})
			}
			if after != "" && !missed {
				start = "" // what is replayed names its own
			}
			return t.run(ctx, s, w, start)
		}, w.Close, nil
	})
}

// ticker is the state of one stream over all tasks.
type ticker struct {
	api           *API
	caller        *Caller
	kinds, queues []string
	told          []store.Count
	changed       time.Time // when the last change was told; zero: the counts told are those after it
}

func (t *ticker) run(ctx context.Context, s *stream, w *store.Watcher, start string) error {
	beat := time.NewTicker(t.api.heartbeat)
	defer beat.Stop()
	counts := time.NewTicker(countsEvery)
	defer counts.Stop()
	gathered := time.NewTimer(gather)
	gathered.Stop()
	if err := t.tellCounts(ctx, s, start); err != nil {
		return err
	}
	waiting := w.C // nil while changes are gathered
	for s.err == nil {
		var err error
		select {
		case <-ctx.Done():
			return nil
		case <-beat.C:
			if err = t.api.still(ctx); err == nil {
				s.beat()
			}
		case <-counts.C:
			if t.changed.IsZero() {
				break
			}
			if err = t.api.still(ctx); err == nil {
				err = t.tellCounts(ctx, s, "")
			}
		case <-waiting:
			waiting = nil
			gathered.Reset(gather)
		case <-gathered.C:
			waiting = w.C
			if err = t.api.still(ctx); err == nil {
				err = t.tellChanges(ctx, s, w)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil // the client went away
}

// Deleted names a task that is gone.
type Deleted struct {
	ID string `json:"id"`
}

func (t *ticker) tellChanges(ctx context.Context, s *stream, w *store.Watcher) error {
	changes, position, missed := w.Take()
	t.changed = time.Now()
	if missed {
		s.send("reset", position, empty{})
		return nil
	}
	changes = slices.DeleteFunc(changes, func(c store.Change) bool { return !c.Record || !t.wants(c) })
	bodies, err := t.api.tellings(ctx, changes)
	if err != nil {
		return err
	}
	// Only the last event names the position: whoever loses the stream before
	// it gets all of them again.
	for i, c := range changes {
		id := ""
		if i == len(changes)-1 {
			id = position
		}
		if bodies[i] == nil {
			s.send("deleted", id, Deleted{c.ID})
			continue
		}
		s.tell("task", id, bodies[i])
	}
	s.flush()
	return nil
}

func (t *ticker) wants(c store.Change) bool {
	return t.caller.sees(c.Kind, c.Queue) &&
		(len(t.kinds) == 0 || slices.Contains(t.kinds, c.Kind)) &&
		(len(t.queues) == 0 || slices.Contains(t.queues, c.Queue))
}

// tellCounts tells the counts when they differ from what was told last.
func (t *ticker) tellCounts(ctx context.Context, s *stream, id string) error {
	counts, at, err := t.api.counts.getAt(ctx)
	if err != nil {
		return err
	}
	counts = t.caller.seen(counts)
	if at.After(t.changed) {
		t.changed = time.Time{} // else they may be from before the change: ask again at the next turn
	}
	if t.told != nil && reflect.DeepEqual(counts, t.told) {
		return nil
	}
	t.told = counts
	s.send("counts", id, countsOf(t.api.store.Now(), counts))
	return nil
}
