// Package awslogs ships the program's own log lines to CloudWatch Logs. Nobody who writes a
// line waits for the network, and a line that was written is not lost because CloudWatch is
// away or the process is killed.
//
// # The way of a line
//
// slog.JSONHandler writes the line; the spool takes it under one mutex, gives it the next
// number and the time, puts "boot" and "seq" in front (together they name the line for good)
// and appends it as a record to the newest segment:
//
//	Handle ─► spool.Write ─► segment … segment ─► collect ─► window of 3 puts ─► acknowledge
//	                          ▲ keeper: spills, thins, tells gaps
//
// The spool is one list of segments, oldest first. A segment is the same bytes whether it lies
// in memory or in a file, so there is one order and one kind of offset, and a line that goes
// from memory to the disk keeps its place among the others.
//
//   - Durable: the newest segment is a file, and each line is a write to it before Handle
//     returns. A kill -9 loses nothing, because what was written belongs to the kernel. There
//     is no fsync: the death of the machine is not survived.
//   - In memory: the newest segment is in memory. When CloudWatch is slow (a line has waited
//     5 s) or more than 4 MiB have gathered, the keeper writes segments to files, and while it
//     is slow new ones are files, as in durable mode.
//   - Where the disk fails, lines stay in memory, and the disk is tried again every 5 s.
//
// # Who does what
//
// Writers hold mu for one append. The sender alone reads at the cursor and makes batches; up to
// three are on their way, each in a goroutine that tries until CloudWatch takes it. It keeps
// offsets, not lines, while it waits. The keeper does what takes longer: files are rewritten
// and deleted only under the mutex disk, which is taken before mu, and never by a writer.
//
// Acknowledgements come in any order. A segment remembers the spans, moves its acknowledged
// offset over what is without a hole, notes that offset in its file, and is deleted when all of
// it is acknowledged. So a process that is killed repeats at most the three batches that were
// on their way; everything else is shipped once.
//
// CloudWatch shows events by millisecond and then as they arrived. A batch therefore ends
// between two milliseconds where it can, and where it cannot the next one waits for it.
//
// # After a death
//
// Each process has a folder in the spool folder, and holds a lock on a file in it that the
// kernel frees when the process ends. At its start a process takes over the folders whose lock
// it can get, ships what is in them into the streams they were for, before its own lines, and
// removes them. Two processes never ship the same one.
//
// # What is dropped, and how that is known
//
// At the bounds (1 GiB on the disk, 10 MiB in memory while there is no disk) the keeper drops
// the oldest lines below WARN, then the oldest. Each loss is counted in Health, and a line in
// the stream tells of what was dropped; numbers that are missing from "seq" tell of everything.
package awslogs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Config says what is shipped where.
type Config struct {
	// Group is the log group, made when it is missing. See CheckGroup.
	Group string
	// Stream is the log stream; {role}, {host} and {boot} stand for this process. Empty means
	// DefaultStream.
	Stream string
	// Role is what stands for {role}.
	Role string
	// Boot is what stands for {boot}: it names this start of the process. Empty means a new one.
	Boot string
	// Sort sets a second shipper of one process apart, such as "metrics": it stands behind the boot
	// in lines and in the spool, and in place of "log lines" in what Log is told. Empty for log lines.
	Sort string
	// RetentionDays is set on a group that we make. 0 means for ever. See CheckRetention.
	RetentionDays int
	// InMemory leaves lines in memory while CloudWatch takes them; a kill -9 loses those of the
	// last moments. Else each is on the disk before the caller goes on.
	InMemory bool
	// SpoolDir is the folder for what is not shipped yet. Empty means DefaultSpoolDir. Processes
	// may share it.
	SpoolDir string
	// Log gets the shipper's own troubles, each sort at most once a minute. It must not lead
	// back to the shipper. Nil means nobody wants to know.
	Log *slog.Logger
}

// Shipper ships lines until Close.
type Shipper struct {
	spool  *spool
	sender *sender
	stop   context.CancelFunc
	done   sync.WaitGroup
	boot   string
}

// Open starts a shipper. It does not wait for CloudWatch, and a spool folder that cannot be used
// is no error: lines are kept in memory then, and Log says so. The error is a faulty Config.
func Open(c Config) (*Shipper, error) { return open(c, defaultBounds()) }

func open(c Config, limits bounds) (*Shipper, error) {
	if c.Stream == "" {
		c.Stream = DefaultStream
	}
	if c.SpoolDir == "" {
		c.SpoolDir = DefaultSpoolDir()
	}
	if err := errors.Join(CheckGroup(c.Group), CheckStream(c.Stream), CheckRetention(c.RetentionDays)); err != nil {
		return nil, err
	}
	if c.Boot == "" {
		c.Boot = newBoot(time.Now())
	}
	told := &notices{log: c.Log, what: cmp.Or(c.Sort, "log lines")}
	spool := newSpool(limits, c, ownBoot(c.Boot, c.Sort), streamName(c.Stream, c.Role, c.Boot))
	if err := spool.open(); err != nil {
		told.say("disk", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	s := &Shipper{spool: spool, stop: stop, boot: c.Boot, sender: &sender{
		spool: spool, told: told, recovered: make(chan struct{}),
		client: &client{group: c.Group, retention: int32(c.RetentionDays), told: told},
	}}
	s.done.Go(func() { s.sender.run(ctx) })
	s.done.Go(func() { spool.keep(ctx, told) })
	return s, nil
}

// Handler gives a handler of lines at the level and above. Its lines are those of
// slog.JSONHandler with "boot" and "seq" in front. It never waits for the network and never
// fails. Lines after Close are dropped.
func (s *Shipper) Handler(level slog.Leveler) slog.Handler {
	return slog.NewJSONHandler(s.spool, &slog.HandlerOptions{Level: level})
}

// Write takes one line that is a JSON object with a member or more, such as a document of metrics.
// It goes the way of a log line of level WARN.
func (s *Shipper) Write(line []byte) (int, error) { return s.spool.Write(line) }

// Stream gives the name of the log stream.
func (s *Shipper) Stream() string { return s.spool.stream }

// Boot gives what stands for {boot}, for another shipper of this process.
func (s *Shipper) Boot() string { return s.boot }

// Flush ships everything that was written before, without waiting for more. It returns when that
// is done, or ctx's error.
func (s *Shipper) Flush(ctx context.Context) error {
	s.spool.flush(true)
	defer s.spool.flush(false)
	s.sender.hurry()
	for !s.spool.empty() {
		select {
		case <-s.spool.drained:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// Left is what Close could not ship, in bytes.
type Left struct {
	// Kept waits in Folder for the next process with the same SpoolDir.
	Kept   int64
	Folder string
	// Lost had no place on the disk.
	Lost int64
	what string // that was to be shipped
}

// String says it in a sentence. It is empty if nothing is left.
func (l Left) String() string {
	var said []string
	if l.Kept > 0 {
		said = append(said, fmt.Sprintf("%d bytes of %s are not shipped yet: they wait in %s for the next start", l.Kept, l.what, l.Folder))
	}
	if l.Lost > 0 {
		said = append(said, fmt.Sprintf("%d bytes of %s could be neither shipped nor kept on the disk", l.Lost, l.what))
	}
	return strings.Join(said, "; ")
}

// Close ships what it can before ctx ends, moves the rest to the disk and says what that is.
// Nothing must be written to its handlers any more.
func (s *Shipper) Close(ctx context.Context) (Left, error) {
	s.spool.tellGap()
	_ = s.Flush(ctx) // What it did not ship is what is left.
	s.stop()
	s.done.Wait()
	left, err := s.spool.close()
	left.what = s.sender.told.what
	return left, err
}

// DefaultSpoolDir is windlass/log-spool in the user's folder for caches, or in the one for
// temporary files where there is none.
func DefaultSpoolDir() string {
	base, err := os.UserCacheDir()
	if err != nil {
		base = os.TempDir()
	}
	return filepath.Join(base, "windlass", "log-spool")
}
