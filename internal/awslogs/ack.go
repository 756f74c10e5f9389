package awslogs

import (
	"slices"
	"time"
)

// acknowledge notes that a batch needs no further care, forgets what has served and writes
// down how far the rest has come. The error is the disk's; the lines are safe.
func (s *spool) acknowledge(b *batch) error {
	s.disk.Lock()
	defer s.disk.Unlock()
	s.mu.Lock()
	s.count.shipped += b.shipped
	s.count.rejected += b.rejected
	s.count.queued -= b.shipped + b.rejected
	for _, sp := range b.spans {
		sp.seg.confirm(sp.from, sp.to)
	}
	s.flying = slices.DeleteFunc(s.flying, func(f *batch) bool { return f == b })
	files, empty := s.pop()
	type mark struct {
		path  string
		acked int64
		done  []span
	}
	var marks []mark
	for _, sp := range b.spans {
		if sp.seg.path != "" && !slices.Contains(files, sp.seg.path) {
			marks = append(marks, mark{sp.seg.path, sp.seg.acked, slices.Clone(sp.seg.done)})
		}
	}
	s.mu.Unlock()
	signal(s.drained)

	err := clean(files, empty)
	for _, m := range marks {
		if e := writeAcked(m.path, m.acked, m.done); e != nil && err == nil {
			err = e
		}
	}
	return err
}

// oldest gives the time of the oldest line that is not acknowledged. The caller holds mu.
func (s *spool) oldest() (time.Time, bool) {
	ms, found := s.since, s.unreadBytes > 0
	for _, b := range s.flying {
		if !found || b.first < ms {
			ms, found = b.first, true
		}
	}
	return time.UnixMilli(ms), found
}
