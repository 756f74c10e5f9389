package task

import (
	"errors"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"
)

// notes keeps what a run reports.
type notes struct {
	progress   Progress
	level      slog.Level
	line       string
	checkpoint []byte
	err        error
}

func (n *notes) Progress(p Progress)               { n.progress = p }
func (n *notes) Log(level slog.Level, line string) { n.level, n.line = level, line }
func (n *notes) Checkpoint(state []byte) error     { n.checkpoint = state; return n.err }

type place struct {
	Next  []string
	Count int64
}

func TestCheckpointRoundTrip(t *testing.T) {
	n := &notes{}
	made := &Task{ID: "tsk_x", Traceparent: "00-ab"}
	first := NewRun(made, 1, nil, n)
	if first.TaskID != "tsk_x" || first.Attempt != 1 || first.Traceparent != "00-ab" {
		t.Errorf("run: %+v", first)
	}
	var got place
	if found, err := first.Resume(&got); found || err != nil {
		t.Errorf("resume of a first attempt: got %v, %v", found, err)
	}
	want := place{Next: []string{strings.Repeat("https://example.com/", 10_000), "<&>"}, Count: 1<<62 + 1}
	if err := first.Checkpoint(want); err != nil {
		t.Fatal(err)
	}
	if len(n.checkpoint) > 10_000 {
		t.Errorf("%d bytes kept: not compressed", len(n.checkpoint))
	}
	found, err := NewRun(made, 2, n.checkpoint, n).Resume(&got)
	if !found || err != nil || got.Count != want.Count || len(got.Next) != 2 || got.Next[0] != want.Next[0] || got.Next[1] != want.Next[1] {
		t.Errorf("resume: got %v, %v, count %d", found, err, got.Count)
	}
}

func TestCheckpointBounds(t *testing.T) {
	n := &notes{}
	run := NewRun(&Task{}, 1, nil, n)
	noise := make([]byte, MaxCheckpoint) // random: it does not compress
	_, _ = rand.NewChaCha8([32]byte{1}).Read(noise)
	if err := run.Checkpoint(noise); err == nil || !strings.Contains(err.Error(), "are allowed") || n.checkpoint != nil {
		t.Errorf("too large: got %v, %d bytes kept", err, len(n.checkpoint))
	}
	if err := run.Checkpoint(func() {}); err == nil || n.checkpoint != nil {
		t.Errorf("not JSON: got %v", err)
	}
	n.err = errors.New("away")
	if err := run.Checkpoint(1); !errors.Is(err, n.err) {
		t.Errorf("the recorder's error: got %v", err)
	}
	kept := n.checkpoint
	for name, broken := range map[string][]byte{"not gzip": []byte("{}"), "cut short": kept[:12]} {
		var got int
		if _, err := NewRun(&Task{}, 2, broken, n).Resume(&got); err == nil {
			t.Errorf("%s: no error, got %d", name, got)
		}
	}
}

func TestRunReportsAreCut(t *testing.T) {
	n := &notes{}
	run := NewRun(&Task{}, 1, nil, n)
	run.Progress(1, 2, strings.Repeat("x", 1000))
	if n.progress.Done != 1 || n.progress.Total != 2 || len(n.progress.Message) > MaxLine {
		t.Errorf("progress: %+v", n.progress)
	}
	run.Logf(slog.LevelWarn, "a\n%s", strings.Repeat("x", 5000))
	if n.level != slog.LevelWarn || len(n.line) > MaxLogLine || !strings.HasPrefix(n.line, "a x") {
		t.Errorf("line: %s %.20q (%d bytes)", n.level, n.line, len(n.line))
	}
}

func TestStates(t *testing.T) {
	final := map[State]bool{Succeeded: true, Failed: true, Canceled: true, Expired: true}
	if len(States()) != 8 {
		t.Errorf("%d states", len(States()))
	}
	for _, s := range States() {
		if s.Final() != final[s] {
			t.Errorf("%s: final is %v", s, s.Final())
		}
	}
}
