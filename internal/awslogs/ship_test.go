package awslogs

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

func both(t *testing.T, f func(t *testing.T, mode func(*Config))) {
	for name, inMemory := range map[string]bool{"durable": false, "memory": true} {
		t.Run(name, func(t *testing.T) { f(t, func(c *Config) { c.InMemory = inMemory }) })
	}
}

func TestEveryLineOnceInOrder(t *testing.T) {
	both(t, func(t *testing.T, mode func(*Config)) {
		f := newFake(t)
		toFake(t, f.server.URL)
		s, log, _ := ship(t, quick(), mode, func(c *Config) { c.RetentionDays = 30 })
		write(log, 1, 12_000)
		flush(t, s)
		wantOnce(t, f.lines(group, "s"), 12_000)
		if f.retention[group] != 30 {
			t.Errorf("the retention is %d days", f.retention[group])
		}
		h := s.Health()
		if h.Shipped != 12_000 || h.Queued != 0 || h.OldestUnshipped != 0 || h.LastSuccess.IsZero() {
			t.Errorf("%+v", h)
		}
		if left := shut(t, s, time.Second); left.String() != "" {
			t.Error(left)
		}
		if entries, err := os.ReadDir(s.spool.root); err != nil || len(entries) != 0 {
			t.Errorf("the spool folder is left with %v, %v", entries, err)
		}
	})
}

func TestBatchesAreFewAndFull(t *testing.T) {
	f := newFake(t)
	toFake(t, f.server.URL)
	f.groups[group] = map[string][]stored{"s": {}}
	b := quick()
	b.gather = time.Minute // Only what is full goes.
	s, log, _ := ship(t, b)
	write(log, 1, 30_000)
	flush(t, s)
	wantOnce(t, f.lines(group, "s"), 30_000)
	if most := 30_000*210/maxBatch + 3; f.puts > most {
		t.Errorf("%d calls of %v events for 30,000 lines, want at most %d", f.puts, f.sizes, most)
	}
}

func TestOneLineWaitsAMomentForOthers(t *testing.T) {
	f := newFake(t)
	toFake(t, f.server.URL)
	b := quick()
	b.gather = 200 * time.Millisecond
	s, log, _ := ship(t, b)
	begin := time.Now()
	write(log, 1, 1)
	until(t, "the line is shipped", func() bool { return s.Health().Shipped == 1 })
	if took := time.Since(begin); took < b.gather-time.Millisecond {
		t.Errorf("a line alone was sent after %v", took)
	}
}

func TestManyWriters(t *testing.T) {
	both(t, func(t *testing.T, mode func(*Config)) {
		f := newFake(t)
		toFake(t, f.server.URL)
		s, log, _ := ship(t, quick(), mode)
		var writers sync.WaitGroup
		for range 8 {
			writers.Go(func() { write(log.With("who", "one of many").WithGroup("g"), 1, 1000) })
		}
		writers.Wait()
		flush(t, s)
		lines := f.lines(group, "s")
		if len(lines) != 8000 {
			t.Fatalf("%d lines", len(lines))
		}
		for i, l := range lines {
			if l.Seq != i+1 {
				t.Fatalf("place %d has number %d", i+1, l.Seq)
			}
		}
	})
}

// trouble makes the fake do something else for a while, then work.
func trouble(calls int, r reply) func(int, putInput) reply {
	return func(call int, _ putInput) reply {
		if call <= calls {
			return r
		}
		return reply{}
	}
}

func TestTroublesOfTheService(t *testing.T) {
	for name, tt := range map[string]struct {
		r    reply
		said string
	}{
		"throttled":   {reply{code: "ThrottlingException"}, ""},
		"unavailable": {down, "ServiceUnavailable"},
		"internal":    {reply{code: "InternalFailure", status: 500}, "InternalFailure"},
		"hung":        {reply{hang: true}, "exceeded"},
		"denied":      {reply{code: "AccessDeniedException"}, "AccessDenied"},
		"unknown key": {reply{code: "UnrecognizedClientException"}, "UnrecognizedClient"},
		"expired":     {reply{code: "ExpiredTokenException"}, "ExpiredToken"},
		"new word":    {reply{code: "NobodyKnowsException"}, "NobodyKnows"},
		"missing":     {reply{code: "ResourceNotFoundException"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			both(t, func(t *testing.T, mode func(*Config)) {
				f := newFake(t)
				toFake(t, f.server.URL)
				f.behave(trouble(7, tt.r))
				b := quick()
				if tt.r.hang {
					b.put = time.Second // far above what a busy machine takes over a call that is answered
				}
				s, log, said := ship(t, b, mode)
				write(log, 1, 500)
				flush(t, s)
				wantOnce(t, f.lines(group, "s"), 500)
				if h := s.Health(); h.Rejected+h.Dropped+h.Damaged != 0 || f.puts < 8 {
					t.Errorf("after %d calls: %+v", f.puts, h)
				}
				if !strings.Contains(said.String(), tt.said) {
					t.Errorf("said %q", said)
				}
			})
		})
	}
}

func TestLostAcknowledgementDoublesOnlyItsLines(t *testing.T) {
	f := newFake(t)
	toFake(t, f.server.URL)
	f.groups[group] = map[string][]stored{"s": {}}
	lost := map[int]int{} // by line, how often its acknowledgement was lost
	var mu sync.Mutex
	f.behave(func(call int, in putInput) reply {
		if call != 2 && call != 4 {
			return reply{}
		}
		mu.Lock()
		defer mu.Unlock()
		for _, e := range in.LogEvents {
			var l line
			_ = json.Unmarshal([]byte(e.Message), &l)
			lost[l.Seq]++
		}
		return reply{lose: true}
	})
	s, log, _ := ship(t, quick())
	write(log, 1, 20_000)
	flush(t, s)
	times, highest := map[int]int{}, 0
	for _, l := range f.lines(group, "s") {
		if times[l.Seq]++; times[l.Seq] == 1 {
			if l.Seq != highest+1 {
				t.Fatalf("line %d comes after %d", l.Seq, highest)
			}
			highest = l.Seq
		}
	}
	for n := 1; n <= 20_000; n++ {
		if want := 1 + lost[n]; times[n] != want {
			t.Fatalf("line %d is there %d times, want %d", n, times[n], want)
		}
	}
	if len(lost) == 0 {
		t.Error("no acknowledgement was lost")
	}
}

func TestStreamDeletedWhileRunning(t *testing.T) {
	f := newFake(t)
	toFake(t, f.server.URL)
	s, log, _ := ship(t, quick())
	write(log, 1, 10)
	flush(t, s)
	f.mu.Lock()
	delete(f.groups, group)
	f.mu.Unlock()
	write(log, 11, 20)
	flush(t, s)
	if lines := f.lines(group, "s"); len(lines) != 10 || lines[0].N != 11 {
		t.Errorf("%d lines", len(lines))
	}
}

func TestInvalidEventIsFoundAndCounted(t *testing.T) {
	f := newFake(t)
	toFake(t, f.server.URL)
	f.behave(func(_ int, in putInput) reply {
		for _, e := range in.LogEvents {
			if strings.Contains(e.Message, "poison") {
				return reply{code: "InvalidParameterException"}
			}
		}
		return reply{}
	})
	s, log, said := ship(t, quick())
	write(log, 1, 500)
	log.Info("poison")
	write(log, 502, 1000)
	flush(t, s)
	lines := f.lines(group, "s")
	if h := s.Health(); len(lines) != 999 || h.Rejected != 1 || h.Shipped != 999 || h.Queued != 0 {
		t.Errorf("%d lines, %+v", len(lines), h)
	}
	if !strings.Contains(said.String(), "InvalidParameter") {
		t.Errorf("said %q", said)
	}
}

func TestOldAndFutureLines(t *testing.T) {
	f := newFake(t)
	toFake(t, f.server.URL)
	f.behave(always(down))
	s, _, _ := ship(t, quick(), func(c *Config) { c.InMemory = true })
	now := time.Now()
	at := []time.Duration{
		-15 * 24 * time.Hour,                                   // not taken any more
		-14*24*time.Hour + 30*time.Second,                      // would be too old on arrival
		-13 * 24 * time.Hour, -26 * time.Hour, -25 * time.Hour, // two days
		3 * time.Hour, 300 * 24 * time.Hour, // a clock that was wrong
		-time.Minute,
	}
	s.spool.mu.Lock()
	for i, d := range at {
		s.spool.begin()
		s.spool.buf = append(s.spool.buf, `"n":`...)
		s.spool.buf = append(s.spool.buf, byte('1'+i), '}')
		s.spool.store(now.Add(d).UnixMilli(), false)
	}
	s.spool.mu.Unlock()
	f.behave(nil)
	flush(t, s)
	var got []int
	for _, l := range f.lines(group, "s") {
		got = append(got, l.N)
	}
	if h := s.Health(); len(got) != 6 || got[0] != 3 || h.Rejected != 2 || h.Shipped != 6 || h.Queued != 0 {
		t.Errorf("%v, %+v", got, h)
	}
}

func TestRejectedRangesAreCounted(t *testing.T) {
	f := newFake(t)
	toFake(t, f.server.URL)
	s, _, said := ship(t, quick())
	// Our own clock says that all is well; the service's does not.
	ctx := context.Background()
	events := []event{{time.Now().Add(-15 * 24 * time.Hour).UnixMilli(), "old"}, {time.Now().Add(-15 * 24 * time.Hour).UnixMilli(), "old"}}
	if err := s.sender.client.create(ctx, "s"); err != nil {
		t.Fatal(err)
	}
	b := &batch{stream: "s", events: events}
	if !s.sender.push(ctx, b, 0, 2) || b.rejected != 2 || b.shipped != 0 {
		t.Errorf("%+v", b)
	}
	b = &batch{stream: "s", events: []event{{time.Now().UnixMilli(), "now"}, {time.Now().Add(3 * time.Hour).UnixMilli(), "new"}}}
	if !s.sender.push(ctx, b, 0, 2) || b.rejected != 1 || b.shipped != 1 {
		t.Errorf("%+v", b)
	}
	if !strings.Contains(said.String(), "too old or too new") {
		t.Errorf("said %q", said)
	}
}

func TestLongLines(t *testing.T) {
	f := newFake(t)
	toFake(t, f.server.URL)
	s, log, _ := ship(t, quick())
	long := strings.Repeat(`"ä\`, 600_000)
	log.Warn("long", "text", long)
	log.Info("just below", "text", strings.Repeat("x", maxMessage-400))
	log.Info("after", "raw", json.RawMessage("\"\xff\""))
	flush(t, s)
	lines := f.lines(group, "s")
	var whole strings.Builder
	for _, l := range lines {
		if l.Part > 0 {
			whole.WriteString(l.Text)
		}
	}
	var got struct{ Msg, Text string }
	if err := json.Unmarshal([]byte(whole.String()), &got); err != nil || got.Text != long {
		t.Errorf("the parts do not make the line again: %v", err)
	}
	if n := len(lines); n < 4 || lines[n-2].Msg != "just below" || lines[n-1].Msg != "after" {
		t.Errorf("%d lines", len(lines))
	}
}

func TestLinesLookLikeJSONHandlers(t *testing.T) {
	f := newFake(t)
	toFake(t, f.server.URL)
	s, log, _ := ship(t, quick())
	log.WithGroup("g").With("a", 1).Error("said \"so\"", "b", time.Second)
	flush(t, s)
	f.mu.Lock()
	defer f.mu.Unlock()
	got := f.groups[group]["s"][0].msg
	if !strings.HasPrefix(got, `{"boot":"`+s.spool.boot+`","seq":1,"time":"`) || !strings.HasSuffix(got, `"level":"ERROR","msg":"said \"so\"","g":{"a":1,"b":1000000000}}`) {
		t.Error(got)
	}
	if s.Handler(slog.LevelWarn).Enabled(context.Background(), slog.LevelInfo) {
		t.Error("a line below the level is wanted")
	}
}

func TestSharedMillisecondIsNotSplitBetweenCalls(t *testing.T) {
	f := newFake(t)
	toFake(t, f.server.URL)
	var mu sync.Mutex
	on := map[int64]int{} // milliseconds on their way
	f.behave(func(_ int, in putInput) reply {
		mu.Lock()
		defer mu.Unlock()
		for _, e := range in.LogEvents {
			on[e.Timestamp]++
		}
		return reply{}
	})
	s, _, _ := ship(t, quick())
	now := time.Now().UnixMilli()
	s.spool.mu.Lock()
	for i := range 30_000 {
		s.spool.begin()
		s.spool.buf = append(s.spool.buf, `"n":1}`...)
		s.spool.store(now+int64(i/7000), false)
	}
	s.spool.mu.Unlock()
	flush(t, s)
	for i, l := range f.lines(group, "s") {
		if l.Seq != i+1 {
			t.Fatalf("place %d has number %d", i+1, l.Seq)
		}
	}
	if f.sizes[0] != 7000 {
		t.Errorf("batches of %v events, want whole milliseconds of 7000", f.sizes)
	}
}

// A document of metrics stays one: CloudWatch looks for its member "_aws".
func TestDocumentsAreShippedAsTheyAre(t *testing.T) {
	f := newFake(t)
	toFake(t, f.server.URL)
	s, _, _ := ship(t, quick(), func(c *Config) { c.InMemory = true })
	const document = `{"Environment":"test","Backlog":3,"_aws":{"Timestamp":1,"CloudWatchMetrics":[]}}`
	if n, err := s.Write([]byte(document)); n != len(document) || err != nil {
		t.Fatalf("wrote %d, %v", n, err)
	}
	flush(t, s)
	f.mu.Lock()
	defer f.mu.Unlock()
	got := f.groups[group]["s"]
	if len(got) != 1 || !strings.HasPrefix(got[0].msg, `{"boot":"`) || !strings.HasSuffix(got[0].msg, `,"seq":1,`+document[1:]) {
		t.Errorf("shipped %v", got)
	}
}
