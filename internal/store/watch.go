package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/singleflight"
)

const (
	// watchBlock is how long one read of a stream waits; it bounds how long a
	// reader outlives its last watcher.
	watchBlock = 2 * time.Second
	// watchLinger is how long readers go on without a watcher: the next one, such
	// as a submit that waits for its result, need not start them.
	watchLinger = 30 * time.Second
	// watchBatch is how many changes one read takes.
	watchBatch = 500
	// watchOverlap covers the clocks of a cluster's nodes when changes are replayed.
	watchOverlap = 2 * time.Second
)

// watch reads the queues' streams while anybody watches.
type watch struct {
	store    *Store
	newQueue chan struct{} // this process registered one

	ends singleflight.Group // of askEnds: all who wait for it while Redis is stuck are refused together

	mu       sync.Mutex // never held over a call to Redis
	watchers int
	stop     context.CancelFunc // nil while no reader runs
	linger   *time.Timer        // stops the readers; nil while somebody watches
	readers  map[string]bool

	telling   sync.Mutex           // never held over a call to Redis; taken after mu
	audiences map[string]*audience // by the task that they watch; empty: all
}

func (h *watch) init(s *Store) {
	h.store = s
	h.newQueue = make(chan struct{}, 1)
	h.audiences = map[string]*audience{}
}

// Watch collects the changes of one task, or of all when id is empty, that
// happen from now on. after, when not empty, is a position from Take: what
// happened since then comes first, and missed is true when that is no longer known.
func (s *Store) Watch(ctx context.Context, id, after string) (w *Watcher, missed bool, err error) {
	poke := make(chan struct{}, 1)
	w = &Watcher{C: poke, hub: &s.watch, poke: poke}
	if err := s.watch.addWatcher(ctx, w, id); err != nil {
		return nil, false, err
	}
	if after == "" {
		return w, false, nil
	}
	missed, err = s.watch.replay(ctx, w, after)
	if err != nil {
		w.Close()
		return nil, false, err
	}
	return w, missed, nil
}

func (h *watch) addWatcher(ctx context.Context, w *Watcher, id string) error {
	// The readers live as long as there are watchers, not as long as the first one's request.
	ctx = context.WithoutCancel(ctx)
	h.mu.Lock()
	defer h.mu.Unlock()
	for h.stop == nil {
		h.mu.Unlock()
		ends, err, _ := h.ends.Do("", func() (any, error) { return h.askEnds(ctx) })
		h.mu.Lock()
		if err != nil {
			return err
		}
		if h.stop == nil { // else somebody was faster
			h.start(ctx, ends.(map[string]string)) //nolint:forcetypeassert // askEnds gives it
		}
	}
	if h.linger != nil {
		h.linger.Stop()
		h.linger = nil
	}
	h.watchers++
	h.telling.Lock()
	defer h.telling.Unlock()
	of := h.audiences[id]
	if of == nil {
		of = &audience{id, newNews(), map[*Watcher]bool{}}
		h.audiences[id] = of
	}
	of.watchers[w] = true
	w.of, w.count = of, of.news.count
	return nil
}

func (h *watch) remove(w *Watcher) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.telling.Lock()
	there := w.of.watchers[w]
	if delete(w.of.watchers, w); there && len(w.of.watchers) == 0 {
		delete(h.audiences, w.of.id)
	}
	h.telling.Unlock()
	if !there { // closed before
		return
	}
	if h.watchers--; h.watchers == 0 {
		var linger *time.Timer
		linger = time.AfterFunc(watchLinger, func() {
			h.mu.Lock()
			defer h.mu.Unlock()
			if h.linger == linger { // nobody came meanwhile
				h.stop()
				h.stop, h.linger = nil, nil
			}
		})
		h.linger = linger
	}
}

// start begins to read, from positions that were asked for. h.mu is held.
func (h *watch) start(ctx context.Context, from map[string]string) {
	ctx, h.stop = context.WithCancel(ctx)
	h.readers = map[string]bool{}
	h.startReaders(ctx, from)
	go h.findQueues(ctx)
}

// startReaders starts a reader for those of the queues that have none, each from its
// position on. h.mu is held.
func (h *watch) startReaders(ctx context.Context, positions map[string]string) {
	from := map[string]string{}
	for q, position := range positions {
		if !h.readers[q] {
			h.readers[q], from[q] = true, position
		}
	}
	if _, cluster := h.store.rdb.(*redis.ClusterClient); !cluster {
		if len(from) > 0 {
			go h.read(ctx, from)
		}
		return
	}
	for q, position := range from { // each stream may be on another node
		go h.read(ctx, map[string]string{q: position})
	}
}

// askEnds gives the position of the last change of each queue.
func (h *watch) askEnds(ctx context.Context) (map[string]string, error) {
	queues, err := h.store.Queues(ctx)
	if err != nil {
		return nil, err
	}
	ends := map[string]string{}
	for _, q := range queues {
		if ends[q], err = h.end(ctx, q); err != nil {
			return nil, err
		}
	}
	return ends, nil
}

// end gives the position of the queue's last change.
func (h *watch) end(ctx context.Context, queue string) (string, error) {
	last, err := h.store.rdb.XRevRangeN(ctx, eventsKey(queue), "+", "-", 1).Result()
	if err != nil {
		return "", fmt.Errorf("find the end of the changes of queue %s: %w", queue, err)
	}
	if len(last) == 0 {
		return "0", nil
	}
	return last[0].ID, nil
}

// findQueues starts readers for queues that come into being while somebody
// watches: at once for those of this process, within a second for others.
func (h *watch) findQueues(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-h.newQueue:
		}
		queues, err := h.store.Queues(ctx) // nobody waits for it who comes or goes
		if err != nil {
			continue // tried again at the next tick
		}
		beginnings := map[string]string{}
		for _, q := range queues {
			beginnings[q] = "0"
		}
		h.mu.Lock()
		if ctx.Err() == nil { // else the readers are those of a later watch
			h.startReaders(ctx, beginnings)
		}
		h.mu.Unlock()
	}
}

// read delivers the changes of queues from their positions on. It holds one
// connection while it waits.
func (h *watch) read(ctx context.Context, from map[string]string) {
	for ctx.Err() == nil {
		var keys, positions []string
		for queue, position := range from {
			keys, positions = append(keys, eventsKey(queue)), append(positions, position)
		}
		streams, err := h.store.rdb.XRead(ctx, &redis.XReadArgs{
			Streams: append(keys, positions...), Count: watchBatch, Block: watchBlock,
		}).Result()
		if errors.Is(err, redis.Nil) {
			continue
		}
		if err != nil {
			select { // nothing is missed: it goes on at the same place
			case <-ctx.Done():
			case <-time.After(time.Second):
			}
			continue
		}
		if ctx.Err() != nil {
			return // whoever watches now has readers of their own
		}
		for _, stream := range streams {
			queue := queueOfChannel(stream.Stream)
			for _, m := range stream.Messages {
				from[queue] = m.ID
				h.deliver(changesOf(queue, m))
			}
		}
	}
}

func (h *watch) deliver(changes []Change) {
	h.telling.Lock()
	defer h.telling.Unlock()
	for _, c := range changes {
		if of := h.audiences[c.ID]; of != nil {
			of.tell(c)
		}
	}
	if all := h.audiences[""]; all != nil {
		all.tell(changes...)
	}
}

// tell lets those who watch know. The hub's telling is held.
func (a *audience) tell(changes ...Change) {
	for _, c := range changes {
		a.news.add(c)
	}
	for w := range a.watchers {
		w.wake()
	}
}

// replay hands w what happened after a position. Each queue's stream has its
// own clock in a cluster, so it begins a little earlier; a Change told twice does no harm.
func (h *watch) replay(ctx context.Context, w *Watcher, after string) (missed bool, err error) {
	text, _, _ := strings.Cut(after, "-")
	at, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return true, nil // not a position of ours: as good as too old
	}
	queues, err := h.store.Queues(ctx)
	if err != nil {
		return false, err
	}
	from := max(at-watchOverlap.Milliseconds(), 0)
	before := newNews()
	for _, q := range queues {
		lost, err := h.trimmed(ctx, q, from)
		if err != nil || lost {
			return lost, err
		}
		messages, err := h.store.rdb.XRangeN(ctx, eventsKey(q), strconv.FormatInt(from, 10), "+", newsKept+1).Result()
		if err != nil {
			return false, fmt.Errorf("replay changes of queue %s: %w", q, err)
		}
		told := 0
		for _, m := range messages {
			changes := changesOf(q, m)
			if told += len(changes); told > newsKept {
				return true, nil
			}
			for _, c := range changes {
				if w.of.id == "" || w.of.id == c.ID {
					before.add(c)
				}
			}
		}
	}
	if before.count > 0 {
		h.telling.Lock()
		defer h.telling.Unlock()
		w.before = before
		w.wake()
	}
	return false, nil
}

// trimmed reports whether changes since the time are gone from the stream already.
func (h *watch) trimmed(ctx context.Context, queue string, since int64) (bool, error) {
	key := eventsKey(queue)
	length, err := h.store.rdb.XLen(ctx, key).Result()
	if err != nil {
		return false, fmt.Errorf("measure changes of queue %s: %w", queue, err)
	}
	if length < eventsKept {
		return false, nil
	}
	first, err := h.store.rdb.XRangeN(ctx, key, "-", "+", 1).Result()
	if err != nil || len(first) == 0 {
		return false, err
	}
	text, _, _ := strings.Cut(first[0].ID, "-")
	at, _ := strconv.ParseInt(text, 10, 64)
	return at > since, nil
}
