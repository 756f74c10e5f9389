package awslogs

import "errors"

// flush says whether lines are sent without waiting for more.
func (s *spool) flush(on bool) {
	s.mu.Lock()
	s.flushing = on
	s.mu.Unlock()
	signal(s.wake)
}

// inHaste says whether somebody flushes.
func (s *spool) inHaste() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.flushing
}

// empty says whether everything was acknowledged.
func (s *spool) empty() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.unreadBytes == 0 && len(s.flying) == 0
}

// close moves what is left to the disk, and gives the locks back, so that the next process may
// ship it. Sender and keeper have ended.
func (s *spool) close() (Left, error) {
	s.mu.Lock()
	s.closed = true // Whoever still writes is counted, and shown no open file.
	s.seal(s.tail)
	s.mu.Unlock()
	var err error
	if s.inMemory() != nil {
		s.settle()
	}
	for err == nil && s.own != nil && s.inMemory() != nil {
		err = s.spill()
	}
	s.disk.Lock()
	defer s.disk.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	left := Left{Folder: s.root}
	folders := map[*folder]bool{}
	if s.own != nil {
		folders[s.own] = true
	}
	for seg := s.head; seg != nil; seg = seg.next {
		if seg.folder != nil {
			folders[seg.folder] = true
		}
		switch unshipped := seg.size - seg.acked; {
		case seg.path == "":
			left.Lost += unshipped
		case seg.complete():
			err = errors.Join(err, remove(seg.path))
		default:
			left.Kept += unshipped
		}
	}
	for f := range folders {
		err = errors.Join(err, f.release())
	}
	return left, err
}
