package awslogs

import (
	"bytes"
	"log/slog"
	"os"
	signals "os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// leave writes lines to a spool folder whose owner then dies, and gives the only segment.
func leave(t *testing.T, dir string, n int) string {
	t.Helper()
	s := newSpool(quick(), Config{SpoolDir: dir}, newBoot(time.Now()), "s")
	if err := s.open(); err != nil {
		t.Fatal(err)
	}
	write(slog.New(slog.NewJSONHandler(s, nil)), 1, n)
	_ = s.own.lock.Close()
	_ = s.tail.file.Close()
	names := segmentsIn(t, dir)
	if len(names) != 1 {
		t.Fatalf("segments %v", names)
	}
	return names[0]
}

func change(t *testing.T, path string, f func([]byte) []byte) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, f(b), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestDamagedSegments(t *testing.T) {
	third := func(b []byte) int { // where the third record begins
		at := 0
		for range 3 {
			at += 1 + bytes.Index(b[at+1:], []byte(recordMark))
		}
		return at
	}
	for name, tt := range map[string]struct {
		damage func([]byte) []byte
		lost   []int
	}{
		"torn last record":     {func(b []byte) []byte { return b[:len(b)-20] }, []int{100}},
		"torn in its head":     {func(b []byte) []byte { return b[:bytes.LastIndex(b, []byte(recordMark))+7] }, []int{100}},
		"a flipped byte":       {func(b []byte) []byte { b[third(b)+recordHead+60] ^= 4; return b }, []int{3}},
		"a flipped length":     {func(b []byte) []byte { b[third(b)+5] ^= 0x40; return b }, []int{3}},
		"a flipped mark":       {func(b []byte) []byte { b[third(b)] ^= 1; return b }, []int{3}},
		"a flipped stream":     {func(b []byte) []byte { b[nameAt] ^= 1; return b }, nil},
		"a flipped magic word": {func(b []byte) []byte { b[0] ^= 1; return b }, nil},
		"a flipped offset":     {func(b []byte) []byte { b[ackedAt+7] ^= 0xff; return b }, nil},
		"zeros at the end":     {func(b []byte) []byte { return append(b, make([]byte, 4096)...) }, nil},
		"nothing in it":        {func([]byte) []byte { return nil }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			toFake(t, f.server.URL)
			dir := t.TempDir()
			change(t, leave(t, dir, 100), tt.damage)
			s, _, _ := ship(t, quick(), func(c *Config) { c.SpoolDir = dir })
			flush(t, s)
			missing := map[int]bool{}
			for n := 1; n <= 100; n++ {
				missing[n] = true
			}
			for _, l := range f.lines(group, "s") {
				delete(missing, l.N)
			}
			if name == "nothing in it" {
				return
			}
			if len(missing) != len(tt.lost) || len(tt.lost) == 1 && !missing[tt.lost[0]] {
				t.Errorf("lost %v, want %v", missing, tt.lost)
			}
			if h := s.Health(); h.Shipped != int64(100-len(tt.lost)) || h.Damaged < int64(len(tt.lost)) || h.Damaged > 1 || h.Queued != 0 {
				t.Errorf("%+v", h)
			}
			shut(t, s, time.Second)
			if names := segmentsIn(t, dir); len(names) != 0 {
				t.Errorf("left %v", names)
			}
		})
	}
}

// Of this process's own lines it is known how many a hole has swallowed.
func TestDamageIsCountedByNumbers(t *testing.T) {
	f := newFake(t)
	toFake(t, f.server.URL)
	f.behave(always(reply{code: "ThrottlingException"}))
	b := quick()
	b.gather = time.Minute
	s, log, _ := ship(t, b)
	write(log, 1, 100)
	change(t, segmentsIn(t, s.spool.root)[0], func(b []byte) []byte { copy(b[2000:], make([]byte, 1000)); return b })
	f.behave(nil)
	flush(t, s)
	h := s.Health()
	if got := len(f.lines(group, "s")); h.Damaged < 5 || int64(got)+h.Damaged != 100 || h.Queued != 0 {
		t.Errorf("%d lines, %+v", got, h)
	}
}

// Somebody tidies the spool folder away while we run.
func TestSpoolFolderRemoved(t *testing.T) {
	f := newFake(t)
	toFake(t, f.server.URL)
	f.behave(always(reply{hang: true}))
	b := quick()
	b.gather, b.fileSegment = time.Minute, 4096
	s, log, said := ship(t, b)
	write(log, 1, 100)
	if err := os.RemoveAll(s.spool.own.path); err != nil {
		t.Fatal(err)
	}
	write(log, 101, 200)
	f.behave(nil)
	flush(t, s)
	h := s.Health()
	if got := len(f.lines(group, "s")); got < 80 || int64(got)+h.Damaged != 200 || h.Queued != 0 {
		t.Errorf("%d lines, %+v", got, h)
	}
	if !strings.Contains(said.String(), "no such file") {
		t.Errorf("said %q", said)
	}
}

func TestSpoolFolderReadOnly(t *testing.T) {
	f := newFake(t)
	toFake(t, f.server.URL)
	dir := filepath.Join(t.TempDir(), "file") // Root may write anywhere but below a file.
	if err := os.WriteFile(dir, nil, 0o400); err != nil {
		t.Fatal(err)
	}
	s, log, said := ship(t, quick(), func(c *Config) { c.SpoolDir = dir })
	write(log, 1, 1000)
	flush(t, s)
	wantOnce(t, f.lines(group, "s"), 1000)
	if h := s.Health(); h.DiskError == "" || h.Dropped != 0 {
		t.Errorf("%+v", h)
	}
	if !strings.Contains(said.String(), "spool folder") {
		t.Errorf("said %q", said)
	}
	// It can be written now: the next lines are on the disk.
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	until(t, "the disk is used", func() bool { signal(s.spool.kick); write(log, 1, 1); return s.Health().SpooledBytes > 0 })
	if h := s.Health(); h.DiskError != "" {
		t.Errorf("%+v", h)
	}
	// Nothing is left when it goes and there is no disk.
	f.behave(always(down))
}

func TestNothingToKeepItIn(t *testing.T) {
	f := newFake(t)
	toFake(t, f.server.URL)
	f.behave(always(down))
	dir := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(dir, nil, 0o400); err != nil {
		t.Fatal(err)
	}
	s, log, _ := ship(t, quick(), func(c *Config) { c.SpoolDir = dir })
	write(log, 1, 10)
	ctx, cancel := contextOf(20 * time.Millisecond)
	defer cancel()
	if left, _ := s.Close(ctx); left.Lost == 0 || left.Kept != 0 || !strings.Contains(left.String(), "neither") {
		t.Errorf("%+v: %s", left, left)
	}
}

// The kernel's own error of a full disk, from the device that is for it.
func TestDiskFull(t *testing.T) {
	f := newFake(t)
	toFake(t, f.server.URL)
	f.behave(always(down))
	b := quick()
	b.diskRetry, b.memoryFull, b.memoryHard = time.Hour, 16<<20, 16<<20
	s, log, said := ship(t, b)
	write(log, 1, 1000)
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	s.spool.mu.Lock()
	_ = s.spool.tail.file.Close()
	s.spool.tail.file = full
	s.spool.mu.Unlock()
	write(log, 1001, 15_000)
	if h := s.Health(); !strings.Contains(h.DiskError, "no space left") || h.Dropped != 0 || h.Queued != 15_000 || h.MemoryBytes < 1<<20 {
		t.Errorf("%+v", h)
	}
	until(t, "it is said", func() bool { return strings.Contains(said.String(), "no space left") })
	// There is room again.
	s.spool.mu.Lock()
	s.spool.retryDisk = time.Now()
	s.spool.mu.Unlock()
	write(log, 15_001, 15_001)
	until(t, "all is on the disk", func() bool { signal(s.spool.kick); return s.Health().MemoryBytes == 0 })
	f.behave(nil)
	flush(t, s)
	wantOnce(t, f.lines(group, "s"), 15_001)
}

// A write that the disk takes only a part of, as one that becomes full does.
func TestDiskTakesAPart(t *testing.T) {
	f := newFake(t)
	toFake(t, f.server.URL)
	f.behave(always(down))
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
		t.Fatal(err)
	}
	signals.Ignore(syscall.SIGXFSZ)
	t.Cleanup(func() { signals.Reset(syscall.SIGXFSZ) })
	b := quick()
	b.diskRetry = time.Hour
	dir := t.TempDir()
	s, log, _ := ship(t, b, func(c *Config) { c.SpoolDir = dir })
	write(log, 1, 10)
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 10_000, Max: before.Max}); err != nil {
		t.Fatal(err)
	}
	write(log, 11, 1000)
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
		t.Fatal(err)
	}
	if h := s.Health(); !strings.Contains(h.DiskError, "too large") || h.MemoryBytes == 0 || h.SpooledBytes < 9000 {
		t.Errorf("%+v", h)
	}
	s.spool.mu.Lock()
	s.spool.retryDisk = time.Now()
	s.spool.mu.Unlock()
	shut(t, s, 10*time.Millisecond) // What is on the disk is whole: the next process reads it.
	// f may yet be given a call that was cut off, and must not take it: see recoverTo.
	working := newFake(t)
	toFake(t, working.server.URL)
	next, _, _ := ship(t, quick(), func(c *Config) { c.SpoolDir = dir })
	flush(t, next)
	wantOnce(t, working.lines(group, "s"), 1000)
	if h := next.Health(); h.Damaged != 0 {
		t.Errorf("%+v", h)
	}
}

// The disk is full and CloudWatch away for so long that memory does not suffice: the oldest
// lines below WARN go first, and the stream tells of it.
func TestMemoryFullDropsTheOldestBelowWarn(t *testing.T) {
	f := newFake(t)
	toFake(t, f.server.URL)
	f.behave(always(down))
	b := quick()
	b.memoryFull, b.memoryHard = 6<<20, 16<<20 // Three batches on their way and a segment begun take 4 MiB, and stay.
	dir := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(dir, nil, 0o400); err != nil {
		t.Fatal(err)
	}
	s, log, _ := ship(t, b, func(c *Config) { c.SpoolDir = dir })
	dropAndCheck(t, f, s, log)
}

func TestDiskBoundDropsTheOldestBelowWarn(t *testing.T) {
	f := newFake(t)
	toFake(t, f.server.URL)
	f.behave(always(down))
	b := quick()
	b.fileSegment, b.diskHigh, b.diskHard = 256<<10, 4<<20, 16<<20
	s, log, _ := ship(t, b)
	dropAndCheck(t, f, s, log)
}

// A batch that is being made keeps offsets into segments. To rewrite one of them lost its lines,
// and left others waiting until a restart.
func TestNothingIsDroppedFromUnderTheCollector(t *testing.T) {
	b := quick()
	b.fileSegment = 4 << 10
	s := newSpool(b, Config{SpoolDir: t.TempDir()}, newBoot(time.Now()), "s")
	if err := s.open(); err != nil {
		t.Fatal(err)
	}
	const n = 200
	write(slog.New(slog.NewJSONHandler(s, nil)), 1, n)
	if _, err := s.gatherSpans(&batch{taken: time.Now()}); err != nil {
		t.Fatal(err)
	}
	if dropped, err := s.thin(false); dropped || err != nil {
		t.Errorf("a segment is rewritten that is being read: %v", err)
	}
	got, err := s.collect()
	if err != nil || len(got.events) != n || s.count.damaged != 0 || s.unreadBytes != 0 {
		t.Errorf("%v; %d events, %+v, %d bytes unread", err, len(got.events), s.count, s.unreadBytes)
	}
	write(slog.New(slog.NewJSONHandler(s, nil)), n+1, 2*n)
	if dropped, err := s.thin(false); !dropped || err != nil {
		t.Errorf("nothing can be dropped any more: %v", err)
	}
}

func dropAndCheck(t *testing.T, f *fake, s *Shipper, log *slog.Logger) {
	t.Helper()
	const n = 40_000
	for i := 1; i <= n; i++ {
		level := slog.LevelInfo
		if i%100 == 0 {
			level = slog.LevelWarn
		}
		log.Log(t.Context(), level, "a line of the usual length, as programs write them all day", "n", i, "queue", "default", "task", "01JDXW2R")
	}
	until(t, "there is room again", func() bool {
		signal(s.spool.kick)
		h := s.Health()
		return h.Dropped > 0 && h.MemoryBytes+h.SpooledBytes < 7<<20
	})
	f.behave(nil)
	flush(t, s)
	s.spool.tellGap()
	flush(t, s)
	warned, told, got, last := 0, 0, 0, 0
	for _, l := range f.lines(group, "s") {
		told += l.Dropped
		if l.N == 0 {
			continue
		}
		got++
		if l.Level == "WARN" {
			warned++
		}
		if l.N <= last {
			t.Fatalf("line %d comes after %d", l.N, last)
		}
		last = l.N
	}
	h := s.Health()
	if warned != n/100 || last != n || int64(told) != h.Dropped || int64(got)+h.Dropped != n || h.Queued != 0 || h.Damaged != 0 {
		t.Errorf("%d lines, %d of %d warnings, the last is %d, told of %d dropped; %+v", got, warned, n/100, last, told, h)
	}
}
