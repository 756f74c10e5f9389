package awslogs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

// await returns when a batch should be made: when one is full, a moment after the first line,
// or at once while somebody flushes. It gives false when ctx has ended.
func (s *spool) await(ctx context.Context) bool {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for ctx.Err() == nil {
		s.mu.Lock()
		wait := time.Duration(-1)
		if s.unreadBytes > 0 && s.cursor != nil {
			wait = time.Until(time.UnixMilli(s.since).Add(s.gather))
			if s.full() || s.flushing {
				wait = 0
			}
			if wait <= 0 {
				s.mu.Unlock()
				return true
			}
		}
		s.mu.Unlock()
		if wait <= 0 || wait > s.gather { // Nothing there, or a clock set back.
			wait = s.gather
		}
		timer.Reset(wait)
		select {
		case <-s.wake:
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	return false
}

// collect takes the next lines, at most a batch, off the cursor. It gives nil if there are
// none after all. Only the sender calls it.
func (s *spool) collect() (*batch, error) {
	defer func() {
		s.mu.Lock()
		s.ahead = nil
		s.mu.Unlock()
	}()
	b := &batch{taken: time.Now(), done: make(chan struct{})}
	next, err := s.gatherSpans(b)
	if len(b.spans) == 0 {
		return nil, err
	}
	loss, loadErr := s.inspect(b)
	if loadErr != nil {
		return nil, loadErr // Nothing has moved yet.
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, sp := range b.spans {
		sp.seg.read = sp.to
		sp.seg.lines -= sp.lines
		s.cursor = sp.seg
		s.unreadBytes -= sp.to - sp.from
	}
	s.unreadLines = max(0, s.unreadLines-loss.own)
	s.count.queued += int64(loss.replayed - loss.damagedOwn)
	s.count.damaged += int64(loss.damaged)
	b.rejected = int64(loss.old)
	s.since = next
	if next == 0 {
		s.since = b.taken.UnixMilli()
	}
	s.flying = append(s.flying, b)
	return b, err
}

// gatherSpans finds what makes the next batch. It gives the time of the first record after
// it, 0 if there is none.
func (s *spool) gatherSpans(b *batch) (next int64, err error) {
	for {
		seg, at, from, to := s.after(b)
		if seg == nil {
			return 0, nil
		}
		if b.lines > 0 && seg.stream != b.stream {
			return b.taken.UnixMilli(), nil
		}
		data, err := at.bytes(from, min(to, from+readChunk))
		if err != nil {
			return 0, s.unreadable(b, seg, from, to, err)
		}
		r := reader{b: data, last: from+int64(len(data)) >= to}
		for {
			rec, ok := r.next()
			if !ok {
				break
			}
			if !b.fits(rec) {
				b.cut(rec)
				return rec.ms, nil
			}
			b.add(seg, from, from+int64(r.off), rec)
		}
		switch {
		case r.last && len(data) < int(to-from): // Somebody cut the file.
			b.extend(seg, from, to)
		case r.off == 0:
			return 0, nil
		default:
			b.extend(seg, from, from+int64(r.off))
		}
	}
}

// after gives what may be read next after the batch: a part of a segment, and where it is.
func (s *spool) after(b *batch) (*segment, place, int64, int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	seg, from := s.cursor, int64(0)
	if n := len(b.spans); n > 0 {
		seg, from = b.spans[n-1].seg, b.spans[n-1].to
	} else if seg != nil {
		from = seg.read
	}
	for seg != nil {
		begin, end := seg.undone(from)
		if begin < end && !seg.busy {
			s.ahead = seg
			return seg, seg.place(), begin, end
		}
		if begin < end || seg.next == nil {
			break
		}
		seg = seg.next
		from = seg.read
	}
	return nil, place{}, 0, 0
}

// unreadable deals with a segment that cannot be read. If it is gone its lines are lost; any
// other fault may pass.
func (s *spool) unreadable(b *batch, seg *segment, from, to int64, err error) error {
	if errors.Is(err, os.ErrNotExist) {
		b.extend(seg, from, to)
	}
	return fmt.Errorf("read log lines from the disk: %w", err)
}

// loss is what a batch does not ship, and where its lines are from.
type loss struct{ own, replayed, old, damaged, damagedOwn int }

// load reads the batch's events into memory, the same ones each time, and shows what it read
// of each span.
func (s *spool) load(b *batch, show func(sp *span, data []byte)) error {
	b.events = make([]event, 0, b.lines)
	for i := range b.spans {
		data, err := s.bytes(b.spans[i])
		if err != nil {
			return fmt.Errorf("read log lines from the disk: %w", err)
		}
		show(&b.spans[i], data)
		b.appendEvents(data)
	}
	b.sort()
	return nil
}

// bytes reads a span. Of a file that is gone there is nothing to read.
func (s *spool) bytes(sp span) ([]byte, error) {
	s.mu.Lock()
	at := sp.seg.place()
	s.mu.Unlock()
	data, err := at.bytes(sp.from, sp.to)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	return data, err
}

// inspect loads the batch for the first time and counts what is missing in it.
func (s *spool) inspect(b *batch) (sum loss, err error) {
	err = s.load(b, func(sp *span, data []byte) {
		seen, lost := 0, 0
		r := reader{b: data, last: true}
		for rec, ok := r.next(); ok; rec, ok = r.next() {
			if r.hurt {
				r.hurt = false
				lost += sp.seg.missing(rec.seq)
			}
			seen++
			sp.seg.lastSeq = rec.seq
			if tooOld(rec, b.taken) {
				sum.old++
			}
		}
		if r.hurt || int64(len(data)) < sp.to-sp.from {
			lost += s.missingAtEnd(*sp, seen+lost)
		}
		sp.lines = seen + lost
		sum.add(sp.seg, seen, lost)
	})
	return sum, err
}

func (l *loss) add(seg *segment, seen, lost int) {
	l.damaged += lost
	if seg.adopted {
		l.replayed += seen
		return
	}
	l.own += seen + lost
	l.damagedOwn += lost
}

// missing counts the lines between the last one that was read and this one.
func (s *segment) missing(seq uint64) int {
	if s.thinned || s.lastSeq == 0 || seq <= s.lastSeq+1 {
		return 1
	}
	return int(min(seq-s.lastSeq-1, 1<<30))
}

// missingAtEnd counts the lines after the last one that could be read in a span.
func (s *spool) missingAtEnd(sp span, found int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if sp.seg.adopted || sp.to < sp.seg.size {
		return 1 // Nobody knows how many there were.
	}
	return max(1, sp.seg.lines-found)
}
