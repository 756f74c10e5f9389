package store

import (
	"context"
	"sync"
)

const (
	// sharedMost is how many calls one round trip carries at most.
	sharedMost = 400
	// sharedLanes is how many round trips of one sort may be under way. With one,
	// most calls share it: a second was measured to be slower.
	sharedLanes = 1
)

// shared lets calls that come at the same time share round trips: the first one
// goes at once, those that come while it is under way go together after it.
type shared[I, O any] struct {
	flush func(items []I) []O // one outcome an item, in order

	mu      sync.Mutex
	waiting []*slip[I, O]
	lanes   int
}

// slip is one call that waits for its outcome.
type slip[I, O any] struct {
	item I
	out  O
	done chan struct{}
}

// do gives the outcome of one item. When ctx ends first, the item may still be
// carried out.
func (s *shared[I, O]) do(ctx context.Context, item I) (out O, err error) {
	p := &slip[I, O]{item: item, done: make(chan struct{})}
	s.mu.Lock()
	s.waiting = append(s.waiting, p)
	idle := s.lanes < sharedLanes
	if idle {
		s.lanes++
	}
	s.mu.Unlock()
	if idle {
		go s.work()
	}
	select {
	case <-p.done:
		return p.out, nil
	case <-ctx.Done():
		return out, context.Cause(ctx)
	}
}

// work flushes until nothing waits.
func (s *shared[I, O]) work() {
	for {
		s.mu.Lock()
		n := min(len(s.waiting), sharedMost)
		if n == 0 {
			s.lanes--
			s.mu.Unlock()
			return
		}
		slips := s.waiting[:n:n]
		s.waiting = s.waiting[n:]
		s.mu.Unlock()

		items := make([]I, n)
		for i, p := range slips {
			items[i] = p.item
		}
		for i, out := range s.flush(items) {
			slips[i].out = out
			close(slips[i].done)
		}
	}
}
