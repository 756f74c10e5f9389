package worker

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"windlass/internal/store"
	"windlass/internal/task"
)

const (
	// reportInterval is how often an attempt's reports are written at most.
	reportInterval = 250 * time.Millisecond
	// reportTimeout bounds one write.
	reportTimeout = 5 * time.Second
)

// reporter writes what one attempt reports, several reports in one step.
type reporter struct {
	store *store.Store
	h     *holding
	log   *slog.Logger

	mu      sync.Mutex
	pending store.Report
	timer   *time.Timer // nil while nothing is pending
	last    time.Time   // of the last write
	closed  bool

	writing sync.Mutex // keeps writes in order
	number  int        // of the last report that was sent
}

var _ task.Recorder = (*reporter)(nil)

func newReporter(s *store.Store, h *holding, log *slog.Logger) *reporter {
	return &reporter{store: s, h: h, log: log}
}

// Progress keeps p for the next write; an older one that waits is dropped.
func (r *reporter) Progress(p task.Progress) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pending.Progress = &p
	r.schedule()
}

// Log keeps the line for the next write; when more wait than a task may have
// lines, the oldest go.
func (r *reporter) Log(level slog.Level, message string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pending.Lines = append(r.pending.Lines, store.Line{At: r.store.Now(), Level: level, Message: message})
	if over := len(r.pending.Lines) - task.MaxLogLines; over > 0 {
		r.pending.Lines = r.pending.Lines[over:]
	}
	r.schedule()
}

// schedule is called with r.mu held.
func (r *reporter) schedule() {
	if r.timer == nil && !r.closed {
		r.timer = time.AfterFunc(time.Until(r.last.Add(reportInterval)), func() { _ = r.flush(nil) })
	}
}

// Checkpoint writes state at once, with all that waits.
func (r *reporter) Checkpoint(state []byte) error {
	err := r.flush(state)
	switch {
	case err == nil:
		return nil
	case fenced(err):
		return errLost
	}
	return errors.New("the checkpoint could not be stored") // the cause is in the log and not for strangers
}

func (r *reporter) flush(checkpoint []byte) error {
	r.writing.Lock()
	defer r.writing.Unlock()
	r.mu.Lock()
	report := r.pending
	report.Checkpoint = checkpoint
	r.pending, r.timer, r.last = store.Report{}, nil, time.Now()
	r.mu.Unlock()
	if report.Progress == nil && report.Lines == nil && checkpoint == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), reportTimeout)
	defer cancel()
	r.number++
	report.Number = r.number
	err := r.store.Report(ctx, r.h.Held, report)
	switch {
	case fenced(err):
		r.h.end(errLost)
	case err != nil:
		r.log.Warn("report not written", "error", err)
	}
	return err
}

// close writes what waits. Reports that come later are dropped.
func (r *reporter) close() {
	r.mu.Lock()
	r.closed = true
	if r.timer != nil {
		r.timer.Stop()
	}
	r.mu.Unlock()
	_ = r.flush(nil) // flush logged it; the end of the attempt counts more
}
