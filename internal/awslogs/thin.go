package awslogs

import (
	"cmp"
	"errors"
	"fmt"
)

// thin drops the oldest lines below WARN: those of one segment that nobody has begun to read.
// When only serious lines are left it drops the oldest of these. It says whether there was
// something to drop.
func (s *spool) thin(inMemory bool) (bool, error) {
	s.disk.Lock()
	defer s.disk.Unlock()
	s.mu.Lock()
	seg := s.thinnable(inMemory, false)
	keepSerious := seg != nil
	if seg == nil && s.ahead == nil { // Else there may be lesser lines in what the collector just reads.
		seg = s.thinnable(inMemory, true)
	}
	if seg == nil {
		s.mu.Unlock()
		return false, nil
	}
	seg.busy = true // The collector stops before it.
	at, from, size := seg.place(), seg.read, seg.size
	s.mu.Unlock()

	data, err := at.bytes(from, size)
	if err != nil {
		err = fmt.Errorf("drop old log lines: %w", err)
	}
	kept := keepRecords(seg.stream, data, keepSerious)
	var swapErr error
	if at.path != "" {
		swapErr = writeNew(at.path, kept.bytes)
	}
	if swapErr != nil { // There is no room for even the few: they stay in memory.
		swapErr = errors.Join(fmt.Errorf("drop old log lines: %w", swapErr), remove(at.path))
	}
	s.mu.Lock()
	s.swap(seg, kept, at.path != "" && swapErr != nil)
	s.mu.Unlock()
	signal(s.wake)
	return true, errors.Join(err, swapErr)
}

// thinnable gives the oldest sealed segment that has something to drop, after all that the collector
// has read: the offsets that it holds must stay true.
func (s *spool) thinnable(inMemory, serious bool) *segment {
	from := cmp.Or(s.ahead, s.cursor)
	if from == nil {
		return nil
	}
	for seg := from.next; seg != nil; seg = seg.next {
		if seg.sealed && seg.thinned == serious && (seg.path == "") == inMemory && seg.size > seg.read && len(seg.done) == 0 {
			return seg
		}
	}
	return nil
}

// remains is what thinning left of a segment, and what it dropped.
type remains struct {
	bytes       []byte
	lines       int
	dropped     int
	first, last int64 // ms of the dropped
}

func keepRecords(stream string, data []byte, serious bool) remains {
	k := remains{bytes: appendHead(nil, stream)}
	r := reader{b: data, last: true}
	for {
		rec, ok := r.next()
		switch {
		case !ok:
			return k
		case serious && rec.serious:
			k.bytes = append(k.bytes, data[r.off-recordHead-len(rec.message):r.off]...)
			k.lines++
		default:
			k.dropped++
			if k.first == 0 || rec.ms < k.first {
				k.first = rec.ms
			}
			k.last = max(k.last, rec.ms)
		}
	}
}

// swap puts what was kept in the place of the segment. The caller holds mu.
func (s *spool) swap(seg *segment, k remains, toMemory bool) {
	lost := seg.lines - k.lines - k.dropped // could not be read
	if seg.adopted {
		lost = 0
	}
	s.unreadBytes -= seg.size - seg.read
	s.hold(seg, -seg.size)
	if seg.path == "" || toMemory {
		seg.path, seg.mem = "", k.bytes
	}
	start := seg.start()
	seg.size, seg.read, seg.acked, seg.done = int64(len(k.bytes)), start, start, nil
	s.hold(seg, seg.size)
	s.unreadBytes += seg.size - seg.read
	if !seg.adopted {
		s.unreadLines = max(0, s.unreadLines-k.dropped-lost)
		s.count.queued -= int64(k.dropped + lost)
		s.count.damaged += int64(lost)
		seg.lines = k.lines
	}
	s.count.dropped += int64(k.dropped)
	if k.dropped > 0 {
		s.gap.add(k.first)
		s.gap.add(k.last)
		s.gap.lines += int64(k.dropped) - 2
	}
	seg.thinned, seg.busy = true, false
}
