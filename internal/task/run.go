package task

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
)

// Recorder takes what a run reports. The worker's writes it to the store.
type Recorder interface {
	// Progress may drop a report that is followed by another at once.
	Progress(Progress)
	// Log takes one line of at most MaxLogLine bytes.
	Log(level slog.Level, message string)
	// Checkpoint keeps state until the task ends. The error says that the
	// attempt is over or that the store cannot be reached now.
	Checkpoint(state []byte) error
}

// Run is what a kind's function is handed while it executes. Its methods may
// be called from several goroutines.
type Run struct {
	TaskID      string
	Attempt     int    // this attempt's number, from 1
	Traceparent string // W3C trace context of the submit; empty when none was given

	// Secrets looks stored secrets up; nil when there are none.
	Secrets SecretSource

	checkpoint []byte
	recorder   Recorder
	hidden     hider
}

// NewRun gives the run of one attempt. checkpoint is what an earlier attempt
// left, nil when nothing.
func NewRun(t *Task, attempt int, checkpoint []byte, r Recorder) *Run {
	return &Run{TaskID: t.ID, Attempt: attempt, Traceparent: t.Traceparent, checkpoint: checkpoint, recorder: r}
}

// Progress tells how far the run is. total is 0 while it is unknown. It never
// blocks on the network, so call it as often as it changes.
func (r *Run) Progress(done, total int64, message string) {
	r.recorder.Progress(Progress{Done: done, Total: total, Message: Cut(r.Scrub(message), MaxLine)})
}

// Logf writes one line to the task's log. It must hold no secret but hidden ones.
func (r *Run) Logf(level slog.Level, format string, args ...any) {
	line := strings.ReplaceAll(r.Scrub(fmt.Sprintf(format, args...)), "\n", " ")
	r.recorder.Log(level, Cut(line, MaxLogLine))
}

// Checkpoint keeps v, as compressed JSON, for an attempt that follows this one.
func (r *Run) Checkpoint(v any) error {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if err := json.NewEncoder(z).Encode(v); err != nil {
		return fmt.Errorf("write checkpoint: %w", err)
	}
	if err := z.Close(); err != nil {
		return fmt.Errorf("write checkpoint: %w", err)
	}
	if b.Len() > MaxCheckpoint {
		return fmt.Errorf("checkpoint has %d bytes, %d are allowed", b.Len(), MaxCheckpoint)
	}
	return r.recorder.Checkpoint(b.Bytes())
}

// Resume reads the last checkpoint of an earlier attempt into v and reports
// whether there was one.
func (r *Run) Resume(v any) (bool, error) {
	if len(r.checkpoint) == 0 {
		return false, nil
	}
	z, err := gzip.NewReader(bytes.NewReader(r.checkpoint))
	if err != nil {
		return false, fmt.Errorf("read checkpoint: %w", err)
	}
	if err := json.NewDecoder(z).Decode(v); err != nil && !errors.Is(err, io.EOF) {
		return false, fmt.Errorf("read checkpoint: %w", err)
	}
	return true, nil
}
