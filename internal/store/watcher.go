package store

import (
	"cmp"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"

	"windlass/internal/task"
)

// Change says that a task's record or log changed.
type Change struct {
	ID, Kind, Queue string
	State           task.State // "deleted" when the record is gone
	Record, Log     bool       // which of them changed
	At              string     // its place among the changes of its queue: see Earlier
}

// Watcher tells of changes until it is closed. Close it.
type Watcher struct {
	C <-chan struct{} // has an item when there is something to take

	hub  *watch
	poke chan struct{}
	of   *audience

	// Guarded by hub.telling.
	call   func()
	count  int64 // the count of the news that were taken
	before *news // what was replayed; nil: nothing, or it was taken
	last   string
}

// audience is those who watch the same.
type audience struct {
	id       string // the task; empty: all
	news     *news
	watchers map[*Watcher]bool
}

// Take gives what changed since the last call, one Change a task, and whether
// some changes were missed because there were too many. position names the
// last of them for a later Watch.
func (w *Watcher) Take() (changes []Change, position string, missed bool) {
	w.hub.telling.Lock()
	defer w.hub.telling.Unlock()
	n := w.of.news
	changes, missed = n.since(w.count)
	if n.count > w.count && Earlier(w.last, n.last) {
		w.last = n.last
	}
	w.count = n.count
	if w.before != nil {
		for _, c := range changes {
			w.before.add(c)
		}
		before := w.before
		w.before = nil
		changes, _ = before.since(0)
		missed = missed || before.lost > 0
		if Earlier(w.last, before.last) {
			w.last = before.last
		}
	}
	return changes, w.last, missed
}

// Call has f called, too, when C gets an item. f must not wait, nor use the Watcher.
func (w *Watcher) Call(f func()) {
	w.hub.telling.Lock()
	defer w.hub.telling.Unlock()
	w.call = f
}

// Close ends the watch.
func (w *Watcher) Close() { w.hub.remove(w) }

// wake says that there is something to take. hub.telling is held.
func (w *Watcher) wake() {
	select {
	case w.poke <- struct{}{}:
		if w.call != nil {
			w.call()
		}
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
			ID: id, Kind: kind, Queue: queue, State: task.State(state), At: m.ID,
			Record: strings.Contains(what, "t"), Log: strings.Contains(what, "l"),
		})
	}
	slices.SortFunc(changes, func(a, b Change) int { return cmp.Compare(a.ID, b.ID) })
	return changes
}
