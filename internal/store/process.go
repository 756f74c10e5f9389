package store

import (
	"cmp"
	"context"
	"slices"
	"time"
)

const (
	// ProcessBeat is how often a process gives a sign of life.
	ProcessBeat = 5 * time.Second
	// ProcessTTL is how long it is listed without one.
	ProcessTTL = 3 * ProcessBeat
)

// processes is the roster of all processes.
const processes = roster(".processes")

// Process is a running Windlass of any role, as it describes itself.
type Process struct {
	ID        string       `json:"id" doc:"Names this start of the process."`
	Host      string       `json:"host"`
	PID       int          `json:"pid"`
	Version   string       `json:"version"`
	Roles     []string     `json:"roles" nullable:"false" example:"[\"api\",\"web\"]"`
	StartedAt time.Time    `json:"started_at"`
	SeenAt    time.Time    `json:"seen_at" doc:"Its last sign of life."`
	Logs      *LogShipping `json:"logs,omitempty" doc:"How it fares with shipping its log lines; left out when it ships none."`
	Metrics   *LogShipping `json:"metrics,omitempty" doc:"The same of its metrics, each document of which is a line."`
}

// LogShipping is how a process fares with shipping its log lines, or its metrics, to CloudWatch. Counts are since
// its start.
type LogShipping struct {
	Group             string     `json:"group" doc:"The log group."`
	Stream            string     `json:"stream" doc:"The log stream."`
	QueuedLines       int64      `json:"queued_lines" doc:"Lines that are not acknowledged yet."`
	MemoryBytes       int64      `json:"memory_bytes" doc:"What lines take in memory."`
	SpooledBytes      int64      `json:"spooled_bytes" doc:"What lines take on the disk."`
	ShippedLines      int64      `json:"shipped_lines" doc:"Lines that CloudWatch took."`
	RejectedLines     int64      `json:"rejected_lines" doc:"Lines that it did not take."`
	DroppedLines      int64      `json:"dropped_lines" doc:"Lines that had to make room."`
	DamagedLines      int64      `json:"damaged_lines" doc:"Lines that could not be read from the disk any more."`
	FailedCalls       int64      `json:"failed_calls" doc:"Calls to CloudWatch that failed."`
	OldestUnshippedAt *time.Time `json:"oldest_unshipped_at,omitempty" doc:"When the oldest line was written that is not shipped; left out when there is none."`
	LastSuccessAt     *time.Time `json:"last_success_at,omitempty" doc:"When CloudWatch last took lines."`
	LastError         string     `json:"last_error,omitempty" doc:"Why the last call that failed did, for people. The log of the process tells more."`
	LastErrorAt       *time.Time `json:"last_error_at,omitempty" doc:"When that was. It stays after a success."`
	DiskFailing       bool       `json:"disk_failing" doc:"Lines cannot be written to the disk, and stay in memory."`
}

// Present lists the process for another ProcessTTL.
func (s *Store) Present(ctx context.Context, p Process) error {
	p.SeenAt = s.Now().UTC().Truncate(time.Millisecond)
	return s.say(ctx, processes, p.ID, p)
}

// Absent takes a process off the list.
func (s *Store) Absent(ctx context.Context, id string) error {
	return s.strike(ctx, processes, []string{id})
}

// Processes lists the processes that gave a sign of life within ProcessTTL, by host and start.
func (s *Store) Processes(ctx context.Context) ([]Process, error) {
	all, err := readRoster[Process](ctx, s, processes)
	if err != nil {
		return nil, err
	}
	since := s.Now().Add(-ProcessTTL)
	all = slices.DeleteFunc(all, func(p Process) bool { return !p.SeenAt.After(since) })
	slices.SortFunc(all, func(a, b Process) int {
		return cmp.Or(cmp.Compare(a.Host, b.Host), a.StartedAt.Compare(b.StartedAt), cmp.Compare(a.ID, b.ID))
	})
	return all, nil
}
