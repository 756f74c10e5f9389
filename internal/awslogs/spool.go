package awslogs

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"
	"unicode/utf8"
)

// bounds are the sizes and times that tests make smaller.
type bounds struct {
	fileSegment int64         // a segment in a file is sealed at this size
	diskHigh    int64         // above it the keeper drops the oldest lines below WARN
	diskHard    int64         // above it new lines are dropped
	memoryHigh  int64         // above it the keeper moves memory to the disk
	memoryFull  int64         // above it, and without a disk, it drops the oldest below WARN
	memoryHard  int64         // above it new lines are dropped
	gather      time.Duration // how long the first line of a batch waits for others
	slow        time.Duration // a line unshipped for so long means that CloudWatch is slow
	diskRetry   time.Duration // how long a faulty disk is left alone
	put         time.Duration // how long one call may take
	backoffMin  time.Duration
	backoffMax  time.Duration
}

// memorySegment is how much is moved from memory to the disk at a time.
const memorySegment = 1 << 20

func defaultBounds() bounds {
	return bounds{
		fileSegment: 8 << 20, diskHigh: 1<<30 - 32<<20, diskHard: 1 << 30,
		memoryHigh: 4 << 20, memoryFull: 8 << 20, memoryHard: 10 << 20,
		gather: time.Second, slow: 5 * time.Second, diskRetry: 5 * time.Second,
		put: 30 * time.Second, backoffMin: 200 * time.Millisecond, backoffMax: 30 * time.Second,
	}
}

// spool keeps lines in the order they were written until they are acknowledged: a list of
// segments, of which the newest is appended to, and the collector reads at the cursor.
type spool struct {
	bounds
	boot, stream string
	durable      bool
	root         string
	// wake tells the sender that there may be something to send, kick the keeper that
	// something is too full, drained whoever flushes to look again.
	wake, kick, drained chan struct{}

	// disk is held while a file is rewritten, moved or deleted. It is taken before mu.
	disk sync.Mutex

	mu                 sync.Mutex // never held over anything but a write to the newest segment
	own                *folder    // nil while there is none to be had
	head, tail, cursor *segment
	ahead              *segment // the last that the collector reads, and has not taken off yet; nil else
	seq                uint64
	segments           int    // begun so far
	prefix, buf        []byte // reused for each line
	slowNow            bool   // CloudWatch is slow: write to the disk in memory mode too
	retryDisk          time.Time
	closed, flushing   bool

	fileBytes, memBytes int64
	unreadBytes         int64 // after the cursor
	unreadLines         int   // of this process, after the cursor
	since               int64 // when the first of them was written, ms
	flying              []*batch
	gap                 gap
	count               counts
	diskErr             error // what ails the disk; nil when it is well
}

// counts are what Health tells.
type counts struct{ queued, shipped, rejected, dropped, damaged int64 }

// gap is what was dropped since it was last said in the stream.
type gap struct {
	lines    int64
	from, to int64 // ms
}

func (g *gap) add(ms int64) {
	if g.lines == 0 || ms < g.from {
		g.from = ms
	}
	g.to = max(g.to, ms)
	g.lines++
}

func newSpool(b bounds, c Config, boot, stream string) *spool {
	return &spool{
		bounds: b, boot: boot, stream: stream, durable: !c.InMemory, root: c.SpoolDir,
		prefix: []byte(`{"boot":"` + boot + `","seq":`),
		wake:   make(chan struct{}, 1), kick: make(chan struct{}, 1), drained: make(chan struct{}, 1),
	}
}

// Write takes one line as slog.JSONHandler writes it. It never fails: what cannot be kept
// is counted and said.
func (s *spool) Write(line []byte) (int, error) {
	n := len(line)
	line = bytes.TrimSuffix(line, []byte{'\n'})
	if !utf8.Valid(line) { // A json.Marshaler may have its own ideas.
		line = bytes.ToValidUTF8(line, []byte("\uFFFD"))
	}
	serious := isSerious(line)
	s.mu.Lock()
	defer s.mu.Unlock()
	ms := time.Now().UnixMilli()
	if len(line)+len(s.prefix)+maxSeqLen > maxMessage {
		s.storeParts(line, ms, serious)
		return n, nil
	}
	s.begin()
	s.buf = append(s.buf, line[1:]...) // after its brace
	s.store(ms, serious)
	return n, nil
}

// isSerious reads the level off the beginning of a line. A line without one is serious.
func isSerious(line []byte) bool {
	const key = `"level":"`
	head := line[:min(len(line), 80)]
	i := bytes.Index(head, []byte(key))
	if i < 0 || i+len(key) >= len(head) {
		return true
	}
	c := head[i+len(key)]
	return c != 'D' && c != 'I' // DEBUG and INFO, and what slog calls INFO+2
}

// begin starts the next line's record in buf, up to and with the comma after its number.
func (s *spool) begin() {
	s.seq++
	s.buf = append(beginRecord(s.buf[:0]), s.prefix...)
	s.buf = append(strconv.AppendUint(s.buf, s.seq, 10), ',')
}

// storeParts keeps a line that is too long for one event as several, each a JSON object
// with a part of its text.
func (s *spool) storeParts(line []byte, ms int64, serious bool) {
	whole := s.seq + 1
	parts := cutText(line, maxPart)
	for i, part := range parts {
		s.begin()
		s.buf = fmt.Appendf(s.buf, `"line":%d,"part":%d,"parts":%d,"text":`, whole, i+1, len(parts))
		s.buf = append(appendQuoted(s.buf, part), '}')
		s.store(ms, serious)
	}
	s.buf = nil // It has grown.
}

// store adds the record in buf to the newest segment, or drops it where nothing else is left.
func (s *spool) store(ms int64, serious bool) {
	endRecord(s.buf, 0, ms, s.seq, serious)
	n := int64(len(s.buf))
	if s.closed || s.memBytes+n > s.memoryHard || s.fileBytes+n > s.diskHard {
		s.drop(ms)
		return
	}
	seg := s.newest(n)
	if seg.file != nil {
		if _, err := seg.file.Write(s.buf); err != nil {
			_ = seg.file.Truncate(seg.size) // A part of it would be read as damage.
			s.diskFailed(fmt.Errorf("write log lines to the disk: %w", err))
			seg = s.newest(n)
		}
	}
	if seg.file == nil {
		seg.mem = append(seg.mem, s.buf...)
	}
	seg.size += n
	seg.lines++
	s.account(seg, n)
	s.count.queued++
	s.unreadLines++
	if s.unreadBytes == n {
		s.since = ms
		signal(s.wake)
	} else if s.full() && (s.unreadLines == maxEvents || s.unreadBytes-n < fullBytes) {
		signal(s.wake)
	}
	if s.memBytes > s.memoryHigh || s.fileBytes > s.diskHigh {
		signal(s.kick)
	}
}

// account adds n unread bytes of a segment to the sums.
func (s *spool) account(seg *segment, n int64) {
	s.unreadBytes += n
	s.hold(seg, n)
}

// hold adds n to what the segment's kind of place holds.
func (s *spool) hold(seg *segment, n int64) {
	if seg.path == "" {
		s.memBytes += n
	} else {
		s.fileBytes += n
	}
}

func (s *spool) full() bool {
	return s.unreadBytes >= fullBytes || s.unreadLines >= maxEvents || s.cursor != nil && s.cursor.adopted
}

func (s *spool) drop(ms int64) {
	s.count.dropped++
	s.gap.add(ms)
	signal(s.kick)
}

// newest gives the segment that takes n more bytes: of the kind that is wanted now.
func (s *spool) newest(n int64) *segment {
	t := s.tail
	if t == nil || t.sealed || s.wantsFile() != (t.file != nil) || t.size+n > s.limit(t) && t.size > t.start() {
		t = s.begun()
		s.push(t)
	}
	return t
}

func (s *spool) limit(t *segment) int64 {
	if t.file != nil {
		return s.fileSegment
	}
	return memorySegment
}

func (s *spool) wantsFile() bool {
	return s.own != nil && (s.durable || s.slowNow) && (s.diskErr == nil || time.Now().After(s.retryDisk))
}

// begun makes a new segment: in a file if that is wanted and can be had.
func (s *spool) begun() *segment {
	s.segments++
	if s.wantsFile() {
		seg, err := newFile(s.own, s.segments, s.stream)
		if err == nil {
			s.diskErr = nil
			return seg
		}
		s.diskFailed(err)
	}
	return newMemory(s.segments, s.stream)
}

// push puts a segment at the end and seals the one before.
func (s *spool) push(seg *segment) {
	if s.tail == nil {
		s.head, s.cursor = seg, seg
	} else {
		s.seal(s.tail)
		s.tail.next = seg
	}
	s.tail = seg
	if seg.folder != nil {
		seg.folder.left++
	}
	s.hold(seg, seg.size)
	s.unreadBytes += seg.unread()
}

func (s *spool) seal(seg *segment) {
	seg.sealed = true
	if seg.file != nil {
		_ = seg.file.Close() // Every write was checked, and nobody waits for the disk itself.
		seg.file = nil
	}
}

// diskFailed leaves the disk alone for a while. The keeper says why.
func (s *spool) diskFailed(err error) {
	s.diskErr, s.retryDisk = err, time.Now().Add(s.diskRetry)
	signal(s.kick)
}

// open makes this process's folder and takes over what dead processes left. The error says
// what did not go well; the spool works without.
func (s *spool) open() error {
	own, err := newFolder(s.root, s.boot)
	if err != nil {
		s.diskErr, s.retryDisk = err, time.Now().Add(s.diskRetry)
	}
	s.own = own
	adoptErr := s.adopt()
	s.mu.Lock()
	s.push(s.begun())
	s.mu.Unlock()
	return errors.Join(err, adoptErr)
}

// adopt puts what dead processes left before everything else.
func (s *spool) adopt() error {
	dead, err := deadFolders(s.root, s.boot)
	faults := []error{err}
	for _, f := range dead {
		segments, err := f.segments(s.stream)
		faults = append(faults, err)
		if len(segments) == 0 {
			faults = append(faults, f.release())
		}
		s.mu.Lock()
		for _, seg := range segments {
			if s.since == 0 {
				s.since = seg.since
			}
			s.push(seg)
		}
		s.mu.Unlock()
	}
	return errors.Join(faults...)
}

// pop takes the segments that have served off the beginning of the list and gives their files
// and the folders that are empty now. The caller holds mu.
func (s *spool) pop() (files []string, empty []*folder) {
	for s.head != nil && s.head.complete() && s.head != s.tail {
		seg := s.head
		if s.cursor == seg {
			s.cursor = seg.next
		}
		s.head = seg.next
		s.hold(seg, -seg.size)
		if seg.path != "" {
			files = append(files, seg.path)
		}
		if f := seg.folder; f != nil {
			if f.left--; f.left == 0 && f != s.own {
				empty = append(empty, f)
			}
		}
	}
	return files, empty
}

// clean deletes what pop gave. The caller holds disk.
func clean(files []string, empty []*folder) error {
	var faults []error
	for _, name := range files {
		faults = append(faults, remove(name))
	}
	for _, f := range empty {
		faults = append(faults, f.release())
	}
	return errors.Join(faults...)
}

// signal leaves a word for whoever listens, if there is none yet.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
