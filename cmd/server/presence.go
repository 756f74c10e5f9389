package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"time"

	"windlass/internal/awslogs"
	"windlass/internal/store"
	"windlass/internal/task"
)

// processID names this start of the process.
func processID(host string) string {
	return fmt.Sprintf("%s-%d-%s", host, os.Getpid(), rand.Text()[:8])
}

// describe says what this process is and how it fares.
func (p *process) describe() store.Process {
	return store.Process{
		ID: p.id, Host: p.host, PID: os.Getpid(), Version: version, Roles: p.roleNames,
		StartedAt: p.started, Logs: p.shipping(p.shipper), Metrics: p.shipping(p.publisher.ships()),
	}
}

// shipping is how a shipper of the process fares, nil where there is none. Times are by the clock of
// Redis, as all others are that other machines see.
func (p *process) shipping(s *awslogs.Shipper) *store.LogShipping {
	if s == nil {
		return nil
	}
	h, now, here := s.Health(), p.store.Now().UTC().Truncate(time.Millisecond), time.Now()
	at := func(t time.Time) *time.Time {
		if t.IsZero() {
			return nil
		}
		t = now.Add(t.Sub(here).Truncate(time.Millisecond))
		return &t
	}
	l := &store.LogShipping{
		Group: p.ship.Group, Stream: s.Stream(),
		QueuedLines: h.Queued, MemoryBytes: h.MemoryBytes, SpooledBytes: h.SpooledBytes,
		ShippedLines: h.Shipped, RejectedLines: h.Rejected, DroppedLines: h.Dropped, DamagedLines: h.Damaged,
		FailedCalls: h.FailedCalls, LastSuccessAt: at(h.LastSuccess), LastError: h.LastFault, LastErrorAt: at(h.LastErrorAt),
		DiskFailing: h.DiskError != "",
	}
	if h.Queued > 0 {
		l.OldestUnshippedAt = at(here.Add(-h.OldestUnshipped))
	}
	return l
}

// present gives signs of life until ctx ends and every role but the front has ended.
func (p *process) present(ctx context.Context) error {
	alive, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	context.AfterFunc(ctx, func() { p.working.Wait(); stop() })
	tick := time.NewTicker(store.ProcessBeat)
	defer tick.Stop()
	for silent := false; alive.Err() == nil; {
		asked, cancel := context.WithTimeout(alive, store.ProcessBeat)
		err := p.store.Present(asked, p.describe())
		cancel()
		if err != nil && !silent && alive.Err() == nil { // it is said once that nobody hears it
			p.log.Warn("this process cannot tell others that it lives", "error", err)
		}
		silent = err != nil
		select {
		case <-alive.Done():
		case <-tick.C:
		}
	}
	leave, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if err := p.store.Absent(leave, p.id); err != nil {
		p.log.Warn("this process stays listed for a while", "error", err)
	}
	return nil
}

// logsURL gives where the log lines about a task are, empty when that is not known.
func (p *process) logsURL(t *task.Task) string {
	if p.shipper == nil {
		return ""
	}
	const around = time.Minute // clocks differ
	until := t.RunAt.Add(t.Policy.Deadline.Std())
	if t.FinishedAt != nil {
		until = *t.FinishedAt
	}
	return p.shipper.ConsoleURL(taskQuery(t.ID), t.CreatedAt.Add(-around), until.Add(around))
}

// taskQuery is deploy/logs-insights/task.query for one task.
func taskQuery(id string) string {
	return fmt.Sprintf(`fields @timestamp, level, msg, attempt, outcome, duration_seconds, code, error
| filter task_id = %q
| sort @timestamp asc, seq asc
| dedup boot, seq`, id)
}
