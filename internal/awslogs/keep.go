package awslogs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"
)

const (
	keepEvery = time.Second
	// A gap is told when nothing more was dropped for gapQuiet, at the latest after gapLong.
	gapQuiet = 2 * time.Second
	gapLong  = time.Minute
)

// keep does what callers must not wait for: it moves lines from memory to the disk, makes room
// where the bounds are near, and tells of gaps. It returns when ctx ends.
func (s *spool) keep(ctx context.Context, told *notices) {
	tick := time.NewTicker(keepEvery)
	defer tick.Stop()
	var teller gapTeller
	var lost lossTeller
	defer lost.tell(s, told, " at the end") // whatever was said within the last minute
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.kick:
		case <-tick.C:
		}
		s.settle()
		s.judge()
		if err := s.makeRoom(); err != nil {
			told.say("disk", err)
		}
		teller.tell(s, time.Now())
		lost.tell(s, told, "")
	}
}

// judge decides whether CloudWatch is slow, so that memory mode writes to the disk.
func (s *spool) judge() {
	s.mu.Lock()
	defer s.mu.Unlock()
	oldest, some := s.oldest()
	age := time.Since(oldest)
	if some && age > s.slow {
		s.slowNow = true
	} else if !some || age < s.gather+s.slow/4 {
		s.slowNow = false
	}
	if t := s.tail; t.file == nil && t.size > t.start() && s.wantsFile() {
		s.push(s.begun())
	}
}

// settle makes this process's folder, if it could not be made before.
func (s *spool) settle() {
	s.mu.Lock()
	due := s.own == nil && !time.Now().Before(s.retryDisk)
	s.mu.Unlock()
	if !due {
		return
	}
	own, err := newFolder(s.root, s.boot)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.diskFailed(err)
		return
	}
	s.own, s.diskErr = own, nil
}

// makeRoom spills and drops as the bounds demand.
func (s *spool) makeRoom() error {
	var faults []error
	for s.shouldSpill() {
		if err := s.spill(); err != nil {
			s.mu.Lock()
			s.diskFailed(err)
			s.mu.Unlock()
			break
		}
	}
	for more := true; more; {
		var err error
		switch fileFull, memFull := s.tooFull(); {
		case fileFull:
			more, err = s.thin(false)
		case memFull:
			more, err = s.thin(true)
		default:
			more = false
		}
		faults = append(faults, err)
	}
	s.mu.Lock()
	faults = append(faults, s.diskErr)
	s.mu.Unlock()
	return errors.Join(faults...)
}

// tooFull says where lines must be dropped. Memory is only full while there is no disk.
func (s *spool) tooFull() (files, memory bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	noDisk := s.own == nil || s.diskErr != nil
	return s.fileBytes > s.diskHigh, noDisk && s.memBytes > s.memoryFull
}

// shouldSpill says whether there are lines in memory that belong on the disk.
func (s *spool) shouldSpill() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.own == nil || s.diskErr != nil && time.Now().Before(s.retryDisk) || s.inMemory() == nil {
		return false
	}
	return s.durable || s.slowNow || s.memBytes > s.memoryHigh/2
}

// inMemory gives the oldest sealed segment in memory.
func (s *spool) inMemory() *segment {
	for seg := s.head; seg != nil; seg = seg.next {
		if seg.path == "" && seg.sealed && !seg.complete() {
			return seg
		}
	}
	return nil
}

// spill writes the oldest segment in memory to a file. Offsets in it stay what they are.
func (s *spool) spill() error {
	s.disk.Lock()
	defer s.disk.Unlock()
	s.mu.Lock()
	seg := s.inMemory()
	if seg == nil || s.own == nil {
		s.mu.Unlock()
		return nil
	}
	path, data := s.own.file(seg.number), seg.mem
	s.mu.Unlock()
	if err := writeNew(path, data); err != nil {
		return err
	}
	s.mu.Lock()
	s.hold(seg, -seg.size)
	seg.path, seg.mem = path, nil
	s.hold(seg, seg.size)
	if seg.folder == nil {
		seg.folder = s.own
		seg.folder.left++
	}
	s.diskErr = nil
	acked, done := seg.acked, slices.Clone(seg.done) // Acknowledging takes disk, so nothing was popped meanwhile.
	s.mu.Unlock()
	return writeAcked(path, acked, done)
}

// writeNew writes a file that is there whole or not at all after a kill.
func writeNew(path string, data []byte) error {
	draft := path + ".new"
	if err := os.WriteFile(draft, data, 0o600); err != nil {
		return errors.Join(fmt.Errorf("move log lines to the disk: %w", err), remove(draft))
	}
	if err := os.Rename(draft, path); err != nil {
		return fmt.Errorf("move log lines to the disk: %w", err)
	}
	return nil
}

func remove(path string) error {
	if err := os.Remove(path); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// gapTeller writes into the stream what was dropped, when it is over.
type gapTeller struct {
	seen  int64
	since time.Time // when seen last changed
	told  time.Time
}

func (t *gapTeller) tell(s *spool, now time.Time) {
	s.mu.Lock()
	gap := s.gap
	s.mu.Unlock()
	if gap.lines != t.seen {
		t.seen, t.since = gap.lines, now
	}
	if gap.lines > 0 && (now.Sub(t.since) >= gapQuiet || now.Sub(t.told) >= gapLong) {
		t.told, t.seen = now, 0
		s.tellGap()
	}
}

// tellGap writes a line about what was dropped since the last one.
func (s *spool) tellGap() {
	s.mu.Lock()
	gap := s.gap
	s.gap.lines, s.gap.from, s.gap.to = 0, 0, 0
	s.mu.Unlock()
	if gap.lines == 0 {
		return
	}
	stamp := func(ms int64) string { return time.UnixMilli(ms).UTC().Format(time.RFC3339Nano) }
	_, _ = fmt.Fprintf(s, `{"time":%q,"level":"WARN","msg":"log lines were dropped for want of room","dropped":%d,"from":%q,"to":%q}`,
		time.Now().Format(time.RFC3339Nano), gap.lines, stamp(gap.from), stamp(gap.to))
}

// lossTeller tells the operator how many lines were lost since it last did.
type lossTeller struct{ dropped, damaged int64 }

func (t *lossTeller) tell(s *spool, told *notices, when string) {
	s.mu.Lock()
	now := s.count
	s.mu.Unlock()
	if n := now.dropped - t.dropped; n > 0 && told.say("dropped"+when, fmt.Errorf("lines that were dropped for want of room: %d", n)) {
		t.dropped = now.dropped
	}
	if n := now.damaged - t.damaged; n > 0 && told.say("damaged"+when, fmt.Errorf("lines that could not be read from the disk any more: %d", n)) {
		t.damaged = now.damaged
	}
}
