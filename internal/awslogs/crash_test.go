package awslogs

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// writerVariable makes the test binary a program that logs, to be killed.
const writerVariable = "WINDLASS_TEST_WRITER"

func TestMain(m *testing.M) {
	if dir := os.Getenv(writerVariable); dir != "" {
		if err := beWriter(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		return
	}
	m.Run()
}

// beWriter writes lines without end, and to standard output how many Handle has returned for,
// how much is in memory, and now and then how many are acknowledged, which the spool knows too.
func beWriter(dir string) error {
	b := quick()
	b.fileSegment = 64 << 10
	s, err := open(Config{Group: group, SpoolDir: dir, Role: "writer", InMemory: os.Getenv("WINDLASS_TEST_MEMORY") != ""}, b)
	if err != nil {
		return err
	}
	log := slog.New(s.Handler(slog.LevelInfo))
	fmt.Println(s.spool.boot)
	out := make([]byte, 0, 64)
	shipped := int64(0)
	for n := 1; ; n++ {
		if n%100 == 0 {
			s.spool.disk.Lock() // An acknowledgement is written down while it is held.
			shipped = s.Health().Shipped
			s.spool.disk.Unlock()
		}
		log.Info("a line under load, of the length that is usual", "n", n, "queue", "default")
		out = append(strconv.AppendInt(out[:0], int64(n), 10), ' ')
		out = append(strconv.AppendInt(out, s.Health().MemoryBytes, 10), ' ')
		out = append(strconv.AppendInt(out, shipped, 10), '\n')
		if _, err := os.Stdout.Write(out); err != nil { // One write a line: what was read was written.
			return err
		}
	}
}

// writer is a program that logs.
type writer struct {
	cmd     *exec.Cmd
	lines   *bufio.Scanner
	boot    string
	last    int   // Handle has returned for so many lines
	bytes   int   // in memory at that time
	shipped int64 // were acknowledged at that time, at least
}

// hear reads one line of what the writer says.
func (w *writer) hear() bool {
	if !w.lines.Scan() {
		return false
	}
	var n, bytes int
	var shipped int64
	if _, err := fmt.Sscan(w.lines.Text(), &n, &bytes, &shipped); err == nil {
		w.last, w.bytes, w.shipped = n, bytes, shipped
	}
	return true
}

func startWriter(t *testing.T, dir string, env ...string) *writer {
	t.Helper()
	w := &writer{cmd: exec.Command(os.Args[0])}
	w.cmd.Env = append(append(os.Environ(), writerVariable+"="+dir), env...)
	w.cmd.Stderr = os.Stderr
	out, err := w.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := w.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.cmd.Process.Kill(); _ = w.cmd.Wait() })
	w.lines = bufio.NewScanner(out)
	if !w.lines.Scan() {
		t.Fatal("the writer does not write")
	}
	w.boot = w.lines.Text()
	return w
}

// run reads until the writer has written n lines.
func (w *writer) run(t *testing.T, n int) {
	t.Helper()
	for w.last < n {
		if !w.hear() {
			t.Fatal("the writer has ended by itself")
		}
	}
}

// kill ends it with SIGKILL, and reads what it had still said.
func (w *writer) kill(t *testing.T) {
	t.Helper()
	if err := w.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for w.hear() {
	}
	_ = w.cmd.Wait()
}

func TestKilledTenTimesUnderLoad(t *testing.T) {
	f := newFake(t)
	toFake(t, f.server.URL)
	f.behave(func(call int, _ putInput) reply {
		switch call % 4 { // It is not well either.
		case 1:
			return down
		case 2:
			return reply{code: "ThrottlingException"}
		}
		return reply{}
	})
	dir := t.TempDir()
	written := map[string]int{}
	for i := range 10 {
		w := startWriter(t, dir)
		w.run(t, 500+i*150)
		w.kill(t)
		written[w.boot] = w.last
	}
	s, _, _ := ship(t, quick(), func(c *Config) { c.SpoolDir = dir })
	flush(t, s)
	total, doubled := 0, 0
	for _, name := range f.streams(group) {
		_, boot, _ := strings.Cut(strings.TrimPrefix(name, "writer/"), "/")
		n, twice := checkRun(t, f.lines(group, name), written[boot])
		total, doubled = total+n, doubled+twice
		delete(written, boot)
	}
	if len(written) > 0 {
		t.Errorf("nothing was shipped of %v", written)
	}
	t.Logf("%d lines of 10 killed processes are there, %d of them doubled by acknowledgements that died with the process", total, doubled)
	if shut(t, s, time.Second); len(segmentsIn(t, dir)) > 0 {
		t.Errorf("left: %v", segmentsIn(t, dir))
	}
}

// checkRun checks that the lines of a killed process are there, in order, and says how many
// are there twice. One more than was heard of may be: it was written, and its writer killed before
// it could say so.
func checkRun(t *testing.T, lines []line, written int) (total, doubled int) {
	t.Helper()
	highest := 0
	for _, l := range lines {
		switch {
		case l.N == highest+1:
			highest++
		case l.N <= highest:
			doubled++
		default:
			t.Fatalf("line %d comes after %d", l.N, highest)
		}
	}
	if highest < written || highest > written+1 {
		t.Errorf("%d lines, but %d were written", highest, written)
	}
	if doubled > window*maxEvents {
		t.Errorf("%d lines are doubled, more than were on their way", doubled)
	}
	return highest, doubled
}

func segmentsIn(t *testing.T, dir string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*", "*"+segmentSuffix))
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// A process that is killed while CloudWatch works does not ship again what was acknowledged.
func TestKilledAfterAcknowledgementsDoublesNothing(t *testing.T) {
	f := newFake(t)
	toFake(t, f.server.URL)
	dir := t.TempDir()
	w := startWriter(t, dir)
	w.run(t, 3000)
	until(t, "some is acknowledged", func() bool { f.mu.Lock(); defer f.mu.Unlock(); return f.taken > 0 })
	f.behave(always(reply{code: "ThrottlingException"})) // From here on nothing more is taken.
	until(t, "all that was taken is acknowledged", func() bool { w.run(t, w.last+1000); return w.shipped == f.taken })
	w.kill(t)
	lines := append(f.ofWriter(), recoverTo(t, dir).ofWriter()...)
	slices.SortStableFunc(lines, func(a, b line) int { return a.N - b.N })
	if _, doubled := checkRun(t, lines, w.last); doubled != 0 {
		t.Errorf("%d lines are doubled", doubled)
	}
}

// recoverTo ships what a killed process left, and gives where to. It is another CloudWatch: the
// old one may yet work on what the process had sent when it was killed.
func recoverTo(t *testing.T, dir string) *fake {
	t.Helper()
	f := newFake(t)
	toFake(t, f.server.URL)
	s, _, _ := ship(t, quick(), func(c *Config) { c.SpoolDir = dir })
	flush(t, s)
	return f
}

// ofWriter gives the lines of the one writer that there was.
func (f *fake) ofWriter() []line {
	return f.lines(group, slices.DeleteFunc(f.streams(group), func(n string) bool { return n == "s" })[0])
}

func TestLongOutage(t *testing.T) {
	both(t, func(t *testing.T, mode func(*Config)) {
		f := newFake(t)
		toFake(t, f.server.URL)
		f.behave(always(down))
		s, log, _ := ship(t, quick(), mode)
		write(log, 1, 4000)
		until(t, "CloudWatch counts as slow", func() bool { s.spool.judge(); return s.Health().OldestUnshipped > s.spool.slow })
		write(log, 4001, 8000)
		until(t, "memory is moved to the disk", func() bool { signal(s.spool.kick); return s.Health().MemoryBytes == 0 })
		until(t, "a call has failed", func() bool { h := s.Health(); return h.FailedCalls > 0 && h.LastError != "" })
		if h := s.Health(); h.Queued != 8000 || h.SpooledBytes < 8000*150 {
			t.Errorf("%+v", h)
		}
		f.behave(nil)
		flush(t, s)
		until(t, "it counts as quick again", func() bool { s.spool.judge(); s.spool.mu.Lock(); defer s.spool.mu.Unlock(); return !s.spool.slowNow })
		write(log, 8001, 9000)
		flush(t, s)
		wantOnce(t, f.lines(group, "s"), 9000)
	})
}

// In memory mode, too, an outage outlives the process.
func TestMemoryModeKilledDuringOutage(t *testing.T) {
	f := newFake(t)
	toFake(t, f.server.URL)
	f.behave(always(down))
	dir := t.TempDir()
	w := startWriter(t, dir, "WINDLASS_TEST_MEMORY=1")
	until(t, "the disk has all", func() bool { w.run(t, w.last+10); return w.bytes == 0 })
	at := w.last
	w.kill(t)
	if lines := recoverTo(t, dir).ofWriter(); inOrder(lines, len(lines)) != nil || len(lines) < at {
		t.Errorf("%d lines, and %d were written when it used the disk: %v", len(lines), at, inOrder(lines, len(lines)))
	}
}

func TestTwoProcessesNeverShipTheSame(t *testing.T) {
	f := newFake(t)
	toFake(t, f.server.URL)
	dir := t.TempDir()
	f.behave(always(down))
	w := startWriter(t, dir)
	w.run(t, 2000)
	// The writer lives: its folder is not touched.
	other, _, _ := ship(t, quick(), func(c *Config) { c.SpoolDir = dir })
	if h := other.Health(); h.SpooledBytes > 1000 {
		t.Errorf("took over from the living: %+v", h)
	}
	w.kill(t)
	// It is dead: of many that start now one takes over. What it sent goes nowhere: see recoverTo.
	working := newFake(t)
	toFake(t, working.server.URL)
	for range 5 {
		ship(t, quick(), func(c *Config) { c.SpoolDir = dir })
	}
	until(t, "all is shipped", func() bool { return len(segmentsIn(t, dir)) <= 6 }) // the newest of each
	if _, doubled := checkRun(t, working.ofWriter(), w.last); doubled != 0 {
		t.Errorf("%d lines are doubled", doubled)
	}
}

func TestCloseKeepsWhatIsLeft(t *testing.T) {
	both(t, func(t *testing.T, mode func(*Config)) {
		f := newFake(t)
		toFake(t, f.server.URL)
		f.behave(always(reply{hang: true}))
		s, log, _ := ship(t, quick(), mode)
		dir := s.spool.root
		write(log, 1, 300)
		begin := time.Now()
		left := shut(t, s, 100*time.Millisecond)
		if left.Kept == 0 || left.Lost != 0 || !strings.Contains(left.String(), dir) || time.Since(begin) > 5*time.Second {
			t.Errorf("left %+v after %v", left, time.Since(begin))
		}
		log.Info("after the end") // Must not do harm.
		// f may yet be given a call that was cut off, and must not take it: see recoverTo.
		working := newFake(t)
		toFake(t, working.server.URL)
		next, _, _ := ship(t, quick(), mode, func(c *Config) { c.SpoolDir = dir })
		flush(t, next)
		wantOnce(t, working.lines(group, "s"), 300)
	})
}

func TestInstanceRole(t *testing.T) {
	f := newFake(t)
	toFake(t, f.server.URL)
	used := make(chan string, 100)
	f.behave(func(_ int, in putInput) reply { used <- in.key; return reply{} })
	imds := newMetadata(t)
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_REGION": "", "AWS_DEFAULT_REGION": "",
		"AWS_EC2_METADATA_DISABLED": "", "AWS_EC2_METADATA_SERVICE_ENDPOINT": imds,
	} {
		t.Setenv(name, value)
	}
	s, log, _ := ship(t, quick())
	write(log, 1, 10)
	flush(t, s)
	if key := <-used; key != "ASIAROLE" {
		t.Errorf("signed as %s", key)
	}
	if region := s.sender.client.api.Options().Region; region != "eu-west-3" {
		t.Errorf("region %s", region)
	}
	wantOnce(t, f.lines(group, "s"), 10)
}

func TestConfigFaults(t *testing.T) {
	for _, c := range []Config{
		{Group: ""}, {Group: "a b"}, {Group: group, Stream: "a:b"}, {Group: group, Stream: "*"},
		{Group: group, Stream: strings.Repeat("x", 513)}, {Group: group, RetentionDays: 2},
	} {
		if s, err := Open(c); err == nil {
			_, _ = s.Close(context.Background())
			t.Errorf("%+v is taken", c)
		}
	}
}
