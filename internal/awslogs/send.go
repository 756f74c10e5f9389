package awslogs

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"
)

// window is how many batches may be on their way. The next one waits for the oldest, so a
// process that is killed doubles at most so many.
const window = 3

// sender ships what is in the spool.
type sender struct {
	spool  *spool
	client *client
	told   *notices

	mu        sync.Mutex
	recovered chan struct{} // closed and made anew when it may go better now
	failing   bool
	last      time.Time // of the last success
	lastErr   error
	lastClass class
	lastErrAt time.Time
	failed    int64 // calls
	calls     sync.WaitGroup
}

// run ships until ctx ends and then waits for the calls on their way.
func (s *sender) run(ctx context.Context) {
	defer s.calls.Wait()
	var flying [window]*batch
	var before *batch
	for n := 0; s.spool.await(ctx); {
		slot := &flying[n%window]
		if !landed(ctx, *slot) {
			return
		}
		b, err := s.spool.collect()
		if err != nil {
			s.told.say("read", err)
		}
		if b == nil {
			s.pause(ctx, err)
			continue
		}
		if before != nil && b.first <= before.last {
			// They share a millisecond: CloudWatch would show them as they arrive.
			for _, earlier := range flying {
				if !landed(ctx, earlier) {
					return
				}
			}
		}
		*slot, before = b, b
		n++
		s.calls.Go(func() { s.deliver(ctx, b) })
	}
}

// landed waits for a batch and gives false if ctx ends before.
func landed(ctx context.Context, b *batch) bool {
	if b == nil {
		return true
	}
	select {
	case <-b.done:
		return true
	case <-ctx.Done():
		return false
	}
}

// pause waits for another try at reading.
func (s *sender) pause(ctx context.Context, err error) {
	wait := 10 * time.Millisecond // The keeper is about to be done with the segment.
	if err != nil {
		wait = time.Second
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// deliver ships one batch, however long it takes, or until ctx ends.
func (s *sender) deliver(ctx context.Context, b *batch) {
	defer close(b.done)
	if !s.push(ctx, b, 0, len(b.events)) {
		b.events = nil
		return
	}
	b.events = nil
	if err := s.spool.acknowledge(b); err != nil {
		s.told.say("acknowledge", err)
	}
}

// push ships the events of a batch from one index to another and says whether it is done.
func (s *sender) push(ctx context.Context, b *batch, from, to int) bool {
	for try := 0; from < to; try++ {
		if b.events == nil {
			if err := s.spool.load(b, func(*span, []byte) {}); err != nil {
				s.told.say("read", err)
				s.pause(ctx, err)
				if ctx.Err() != nil {
					return false
				}
				continue
			}
		}
		to = min(to, len(b.events)) // Fewer, if the disk has lost some since.
		what, taken, err := s.call(ctx, b.stream, b.events[from:to])
		switch {
		case err == nil:
			b.shipped += int64(taken)
			b.rejected += int64(to - from - taken)
			return true
		case what == invalid && to-from == 1:
			s.told.say("invalid", err)
			b.rejected++
			return true
		case what == invalid:
			middle := from + (to-from)/2
			return s.push(ctx, b, from, middle) && s.push(ctx, b, middle, to)
		case what == missing && try == 0:
			continue // It is there now.
		}
		b.events = nil // They are in the spool; waiting shall cost no memory.
		if !s.backOff(ctx, try, what) {
			return false
		}
	}
	return true
}

// call makes one call, and what its failure asks for before the next one.
func (s *sender) call(ctx context.Context, stream string, events []event) (class, int, error) {
	ctx, cancel := context.WithTimeout(ctx, s.spool.put)
	defer cancel()
	taken, err := s.client.put(ctx, stream, events)
	if err == nil {
		s.succeeded(taken < len(events))
		return again, taken, nil
	}
	what := classify(err)
	switch what {
	case repeated:
		s.succeeded(false)
		return what, len(events), nil
	case missing:
		if createErr := s.client.create(ctx, stream); createErr != nil {
			if what = classify(createErr); what == invalid || what == missing {
				what = denied // The events are not to blame.
			}
			err = createErr
		} else {
			return missing, 0, err
		}
	case expired:
		s.client.renew()
	}
	s.didFail(what, err)
	return what, 0, err
}

var errRejected = errors.New("CloudWatch did not take lines that are too old or too new for it")

func (s *sender) succeeded(some bool) {
	if some {
		s.told.say("rejected", errRejected)
	}
	s.mu.Lock()
	s.last = time.Now()
	failed := s.failing
	s.failing = false
	s.mu.Unlock()
	if failed {
		s.hurry()
		s.told.over()
	}
}

// hurry ends the waiting of the calls that back off, but not of those that shall be fewer.
func (s *sender) hurry() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.recovered)
	s.recovered = make(chan struct{})
}

func (s *sender) didFail(what class, err error) {
	if !errors.Is(err, context.Canceled) && what != throttled {
		s.told.say(callTrouble, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failed++
	s.lastErr, s.lastClass, s.lastErrAt = err, what, time.Now()
	s.failing = true
}

// backOff waits a random time below a bound that doubles with each try (full jitter), so that
// a fleet does not come back all at once. When the service works for another call it is over,
// and while somebody flushes it is short: whoever ends cannot wait.
func (s *sender) backOff(ctx context.Context, try int, what class) bool {
	s.mu.Lock()
	recovered := s.recovered // before inHaste is asked, or the call to hurry could be missed
	s.mu.Unlock()
	bound := min(s.spool.backoffMin<<min(try, 20), s.spool.backoffMax)
	if what == throttled {
		recovered = nil
	} else if s.spool.inHaste() {
		bound = min(bound, time.Second)
	}
	timer := time.NewTimer(rand.N(bound) + time.Millisecond) //nolint:gosec // G404 is not needed for jitter.
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-recovered:
	case <-ctx.Done():
	}
	return ctx.Err() == nil
}
