package store

import (
	"cmp"
	"slices"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"

	"windlass/internal/task"
)

// watchKept is how many changed tasks a slow watcher may leave untaken.
const watchKept = 1000

// watchRoom is for how many changes a watcher keeps its room.
const watchRoom = 64

// Change says that a task's record or log changed.
type Change struct {
	ID, Kind, Queue string
	State           task.State // "deleted" when the record is gone
	Record, Log     bool       // which of them changed
	At              string     // its place among the changes of its queue: see Earlier
}

// Watcher collects changes until they are taken. Close it.
type Watcher struct {
	C <-chan struct{} // has an item when there is something to take

	hub     *watch
	id      string // empty: all
	poke    chan struct{}
	mu      sync.Mutex
	changes map[string]heard
	order   []string
	missed  bool
	last    string
}

// heard is a change and its place in its queue's stream.
type heard struct {
	Change
	at string
}

// Take gives what changed since the last call, one Change a task, and whether
// some changes were missed because there were too many. position names the
// last of them for a later Watch.
func (w *Watcher) Take() (changes []Change, position string, missed bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	changes = make([]Change, 0, len(w.order))
	for _, id := range w.order {
		h := w.changes[id]
		h.At = h.at
		changes = append(changes, h.Change)
	}
	missed, w.missed = w.missed, false
	if len(w.order) > watchRoom {
		w.order, w.changes = nil, map[string]heard{}
	} else { // a thousand watchers that make new ones each second keep the collector of garbage busy
		w.order = w.order[:0]
		clear(w.changes)
	}
	return changes, w.last, missed
}

// Close ends the watch.
func (w *Watcher) Close() { w.hub.remove(w) }

func (w *Watcher) add(c Change, position string) {
	w.mu.Lock()
	if Earlier(w.last, position) {
		w.last = position
	}
	old, known := w.changes[c.ID]
	switch {
	case known:
		if Earlier(position, old.at) { // a replay comes after what happened meanwhile
			c.State, position = old.State, old.at
		}
		c.Record, c.Log = c.Record || old.Record, c.Log || old.Log
		w.changes[c.ID] = heard{c, position}
	case len(w.order) >= watchKept:
		w.missed = true
	default:
		w.changes[c.ID] = heard{c, position}
		w.order = append(w.order, c.ID)
	}
	w.mu.Unlock()
	select {
	case w.poke <- struct{}{}:
	default:
	}
}

// Earlier compares places of changes of one queue, <ms>-<count> both as numbers: 9
// comes before 10.
func Earlier(a, b string) bool {
	aMs, aCount, _ := strings.Cut(a, "-")
	bMs, bCount, _ := strings.Cut(b, "-")
	return cmp.Or(
		cmp.Compare(len(aMs), len(bMs)), cmp.Compare(aMs, bMs),
		cmp.Compare(len(aCount), len(bCount)), cmp.Compare(aCount, bCount),
	) < 0
}

// changesOf reads an entry of the stream: see settle in lua/prelude.lua.
func changesOf(queue string, m redis.XMessage) []Change {
	changes := make([]Change, 0, len(m.Values))
	for id, value := range m.Values {
		text, _ := value.(string)
		kind, rest, _ := strings.Cut(text, ":")
		state, what, _ := strings.Cut(rest, ":")
		changes = append(changes, Change{
			ID: id, Kind: kind, Queue: queue, State: task.State(state),
			Record: strings.Contains(what, "t"), Log: strings.Contains(what, "l"),
		})
	}
	slices.SortFunc(changes, func(a, b Change) int { return cmp.Compare(a.ID, b.ID) })
	return changes
}
