package awslogs

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestRetentionIsSetLaterIfItFailsAtFirst(t *testing.T) {
	f := newFake(t)
	toFake(t, f.server.URL)
	f.unsettled = 3
	s, log, said := ship(t, quick(), func(c *Config) { c.RetentionDays = 30 })
	for n := 1; n <= 5; n++ {
		write(log, n, n)
		flush(t, s)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.retention[group] != 30 {
		t.Errorf("the group keeps lines for %d days, 0 is for ever", f.retention[group])
	}
	if !strings.Contains(said.String(), "set the retention") {
		t.Errorf("said %q", said)
	}
}

func TestCloseDoesNotWaitForABackoff(t *testing.T) {
	f := newFake(t)
	toFake(t, f.server.URL)
	f.behave(always(down))
	b := quick()
	b.backoffMin, b.backoffMax = 24*time.Hour, 24*time.Hour
	s, log, _ := ship(t, b)
	write(log, 1, 10)
	until(t, "a call has failed", func() bool { return s.Health().FailedCalls > 0 })
	f.behave(nil)
	if left := shut(t, s, time.Minute); left.String() != "" {
		t.Error(left)
	}
	wantOnce(t, f.lines(group, "s"), 10)
}

func TestTheEndOfATroubleIsSaidOnce(t *testing.T) {
	f := newFake(t)
	toFake(t, f.server.URL)
	s, log, said := ship(t, quick())
	again := func() int { return strings.Count(said.String(), "it takes them again") }
	write(log, 1, 10)
	flush(t, s)
	if again() != 0 {
		t.Error("it is said that an outage is over, and there was none")
	}
	f.behave(always(down))
	write(log, 11, 20)
	until(t, "a call has failed", func() bool { return s.Health().FailedCalls > 0 })
	f.behave(nil)
	flush(t, s)
	until(t, "the end is said", func() bool { return again() == 1 })
	write(log, 21, 30)
	flush(t, s)
	if again() != 1 {
		t.Errorf("the end is said %d times", again())
	}
}

func TestLostLinesAreSaid(t *testing.T) {
	f := newFake(t)
	toFake(t, f.server.URL)
	dir := t.TempDir()
	change(t, leave(t, dir, 10), func(b []byte) []byte { return b[:len(b)-20] })
	s, _, said := ship(t, quick(), func(c *Config) { c.SpoolDir = dir })
	flush(t, s)
	until(t, "the damage is said", func() bool {
		return strings.Contains(said.String(), "could not be read from the disk any more: 1")
	})

	s.spool.mu.Lock()
	s.spool.drop(time.Now().UnixMilli())
	s.spool.mu.Unlock()
	until(t, "the loss is said", func() bool { return strings.Contains(said.String(), "dropped for want of room: 1") })
	s.spool.mu.Lock()
	s.spool.drop(time.Now().UnixMilli()) // Within the minute: it is kept for later.
	s.spool.drop(time.Now().UnixMilli())
	s.spool.mu.Unlock()
	shut(t, s, time.Minute)
	if !strings.Contains(said.String(), "dropped for want of room: 2") {
		t.Errorf("the last losses are not said: %s", said)
	}
}

func TestTwoShippersOfOneProcess(t *testing.T) {
	f := newFake(t)
	toFake(t, f.server.URL)
	dir := t.TempDir()
	lines, log, _ := ship(t, quick(), func(c *Config) { c.Stream, c.SpoolDir = "{boot}", dir })
	metrics, _, said := ship(t, quick(), func(c *Config) {
		c.Stream, c.SpoolDir, c.Boot, c.Sort = "{boot}/metrics", dir, lines.Boot(), "metrics"
	})
	if metrics.Stream() != lines.Stream()+"/metrics" {
		t.Errorf("streams %s and %s", lines.Stream(), metrics.Stream())
	}
	write(log, 1, 1)
	if _, err := metrics.Write([]byte(`{"n":1}`)); err != nil {
		t.Fatal(err)
	}
	flush(t, lines)
	f.behave(always(down))
	if _, err := metrics.Write([]byte(`{"n":2}`)); err != nil {
		t.Fatal(err)
	}
	until(t, "the trouble is that of metrics", func() bool { return strings.Contains(said.String(), "metrics to CloudWatch: trouble") })
	f.behave(nil)
	flush(t, metrics)
	a, b := f.lines(group, lines.Stream()), f.lines(group, metrics.Stream())
	if len(a) != 1 || len(b) != 2 || a[0].Boot == b[0].Boot {
		t.Errorf("a line is not named by boot and seq alone: %v, %v", a, b)
	}
}

func TestNoRegionSaysWhatToDo(t *testing.T) {
	toFake(t, "http://127.0.0.1:1")
	t.Setenv("AWS_REGION", "")
	t.Setenv("AWS_DEFAULT_REGION", "")
	_, err := (&client{group: group, told: &notices{}}).connect(t.Context())
	if !errors.Is(err, errNoRegion) || !strings.Contains(err.Error(), "AWS_REGION") {
		t.Errorf("got %v", err)
	}
}
