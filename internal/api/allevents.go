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
	// gather is how long changes are collected before they are told, at most, while up to
	// gatherers streams do so; more take longer in proportion, up to gatherMost.
	gather     = 250 * time.Millisecond
	gatherMost = time.Second
	gatherers  = 250
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
	return a.serveStream(ctx, func(ctx context.Context) (source, *store.Watcher, error) {
		// A client that loses the stream before the first change still needs
		// something to go on from: the store's positions begin with the time.
		start := fmt.Sprintf("%d-0", a.store.Now().UnixMilli())
		w, missed, err := a.store.Watch(ctx, "", after)
		if err != nil {
			return nil, nil, err
		}
		if after != "" && !missed {
			start = "" // what is replayed names its own
		}
		return &ticker{api: a, caller: CallerOf(ctx), kinds: in.Kind, queues: in.Queue, missed: missed, start: start}, w, nil
	})
}

// ticker is the state of one stream over all tasks.
type ticker struct {
	api           *API
	caller        *Caller
	kinds, queues []string
	missed        bool   // not everything since the client's last position can be told
	start         string // the position to begin at; empty: what is replayed names its own
	told          []store.Count
	changed       time.Time // when the last change was told
	gathered      time.Time // when changes are told that were heard of; zero: none was
	counts        time.Time // when the counts are told; zero: those told are from after the last change
}

func (t *ticker) run(ctx context.Context, s *stream) error {
	t.api.followers.Add(1)
	defer t.api.followers.Add(-1)
	if t.missed {
		s.send("reset", t.start, empty{})
	}
	if err := t.tellCounts(ctx, s, t.start); err != nil {
		return err
	}
	beat := s.turn.next(t.api.heartbeat)
	for s.err == nil {
		c, until := s.watcher.C, earliest(beat, t.counts, t.gathered)
		if !t.gathered.IsZero() {
			c = nil
		}
		switch s.wait(ctx, c, until) {
		case clientGone:
			return nil
		case toldNews:
			t.gathered = s.turn.next(gatherOf(t.api.followers.Load()))
			continue
		}
		if err := t.api.still(ctx); err != nil {
			return err
		}
		var err error
		switch until {
		case t.gathered:
			t.gathered = time.Time{}
			err = t.tellChanges(ctx, s)
		case t.counts:
			err = t.tellCounts(ctx, s, "")
		default:
			beat = s.turn.next(t.api.heartbeat)
			s.act(s.beat)
		}
		if err != nil {
			return err
		}
	}
	return nil // the client went away
}

// earliest gives the first of the moments; those that are zero never come.
func earliest(first time.Time, others ...time.Time) time.Time {
	for _, t := range others {
		if !t.IsZero() && t.Before(first) {
			first = t
		}
	}
	return first
}

// gatherOf is how long changes are collected while so many streams tell all of them: what
// they cost together must not grow with their number.
func gatherOf(streams int64) time.Duration {
	return min(gather*time.Duration(max(streams, gatherers))/gatherers, gatherMost)
}

// Deleted names a task that is gone.
type Deleted struct {
	ID string `json:"id"`
}

func (t *ticker) tellChanges(ctx context.Context, s *stream) error {
	changes, position, missed := s.watcher.Take()
	t.changed = time.Now()
	if t.counts.IsZero() {
		t.counts = s.turn.next(countsEvery)
	}
	if missed {
		s.send("reset", position, empty{})
		return nil
	}
	changes = slices.DeleteFunc(changes, func(c store.Change) bool { return !c.Record || !t.wants(c) })
	bodies, err := t.api.tellings(ctx, changes)
	if err != nil {
		return err
	}
	s.act(func() {
		// Only the last event names the position: whoever loses the stream before
		// it gets all of them again.
		for i, c := range changes {
			id := ""
			if i == len(changes)-1 {
				id = position
			}
			if bodies[i] == nil {
				s.sendNow("deleted", id, Deleted{c.ID})
				continue
			}
			s.tell("task", id, bodies[i])
		}
		s.flush()
	})
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
	t.counts = time.Time{}
	if !at.After(t.changed) { // they may be from before the change
		t.counts = s.turn.next(countsEvery)
	}
	if t.told != nil && reflect.DeepEqual(counts, t.told) {
		return nil
	}
	t.told = counts
	s.send("counts", id, countsOf(t.api.store.Now(), counts))
	return nil
}
