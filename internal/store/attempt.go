package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"windlass/internal/task"
)

// Claim is one attempt that a worker has begun and must end.
type Claim struct {
	Task       *task.Task
	Attempt    int       // its number
	StartedAt  time.Time // by Redis's clock
	Deadline   time.Time // when the task is no longer tried
	Checkpoint []byte    // what an earlier attempt left; nil when nothing
}

// Want says what a worker asks for.
type Want struct {
	Queue, Worker string
	// Many is how many tasks at most, 1 or more.
	Many int
	// Token names the call. A call that is repeated with the same token, because
	// its answer was lost, gives the same attempts. Empty: a new one.
	Token string
	// Not holds ids to leave in the line: the worker still runs an earlier attempt
	// of theirs. With more than MaxNot it gets nothing.
	Not []string
}

// MaxNot is how many ids a worker may have left in the line: a script takes so many arguments.
const MaxNot = 3000

// Claim takes the queue's next tasks and begins an attempt at each. It gives none
// and no error when nothing waits. more tells that the line may hold others.
func (s *Store) Claim(ctx context.Context, w Want) (claims []*Claim, more bool, err error) {
	if len(w.Not) > MaxNot {
		return nil, false, nil
	}
	if w.Token == "" {
		w.Token = newToken()
	}
	args := []any{w.Worker, s.opts.Lease.Milliseconds(), min(w.Many, scriptTasks), w.Token}
	for _, id := range w.Not {
		args = append(args, id)
	}
	reply, err := s.run(ctx, s.scripts.claim, w.Queue, "", args...).Slice()
	if err != nil {
		return nil, false, fmt.Errorf("claim from queue %s: %w", w.Queue, err)
	}
	now, _ := reply[0].(string)
	for _, row := range reply[2:] {
		flat, _ := row.([]any)
		c, err := readClaim(fields{"t": now}.time("t"), w.Worker, flat)
		if err != nil {
			return nil, false, err
		}
		claims = append(claims, c)
	}
	return claims, reply[1] == "1", nil
}

// readClaim reads a task as it was just before and begins the attempt in it, as
// the script did.
func readClaim(now time.Time, worker string, row []any) (*Claim, error) {
	if len(row) != 4 {
		return nil, fmt.Errorf("read claim: %d values", len(row))
	}
	id, _ := row[0].(string)
	number, _ := row[1].(int64)
	flat, _ := row[3].([]any)
	f, err := fieldsOf(flat)
	if err != nil {
		return nil, err
	}
	if f["s"] != string(task.Active) {
		f.begin(number, worker, now)
	}
	t, err := f.task(id)
	if err != nil {
		return nil, err
	}
	c := &Claim{Task: t, Attempt: int(number), StartedAt: now, Deadline: f.time("d")}
	if checkpoint, ok := row[2].(string); ok {
		c.Checkpoint = []byte(checkpoint)
	}
	return c, nil
}

// Held names an attempt that a worker holds.
type Held struct {
	ID      string
	Attempt int
}

// Sign is a sign of life of one attempt.
type Sign struct {
	Held
	// Overrunning tells that its handler goes on although it should have ended.
	Overrunning bool
}

// Extended is what a worker must know about the attempts whose leases it renewed.
type Extended struct {
	Lost     []string // ids whose attempt is no longer the current one
	Canceled []string // ids that were asked to stop
}

// Extend renews the leases of attempts of one queue.
func (s *Store) Extend(ctx context.Context, queue string, signs []Sign) (Extended, error) {
	args := []any{s.opts.Lease.Milliseconds()}
	for _, h := range signs {
		args = append(args, h.ID, h.Attempt, flag(h.Overrunning))
	}
	reply, err := s.run(ctx, s.scripts.extend, queue, "", args...).StringSlice()
	if err != nil {
		return Extended{}, fmt.Errorf("extend leases of queue %s: %w", queue, err)
	}
	var e Extended
	for i := 0; i+1 < len(reply); i += 2 {
		if reply[i+1] == "lost" {
			e.Lost = append(e.Lost, reply[i])
		} else {
			e.Canceled = append(e.Canceled, reply[i])
		}
	}
	return e, nil
}

// Report is what an attempt says of itself while it runs. Zero fields say nothing.
type Report struct {
	Number     int // which report of the attempt this is, from 1: it is written once however often it is sent. Zero: each time
	Progress   *task.Progress
	Lines      []Line
	Checkpoint []byte
}

// Line is one log line before it has its number.
type Line struct {
	At      time.Time
	Level   slog.Level
	Message string
}

// Report writes what an attempt says of itself. Errors: ErrFenced.
func (s *Store) Report(ctx context.Context, h Held, r Report) error {
	queue, _, ok := parseID(h.ID)
	if !ok {
		return ErrNotFound
	}
	args := []any{h.Attempt, r.Number, "", 0, 0, "", r.Checkpoint}
	if p := r.Progress; p != nil {
		args = []any{h.Attempt, r.Number, "1", p.Done, p.Total, p.Message, r.Checkpoint}
	}
	for _, line := range r.Lines {
		text, err := encodeLine(h.Attempt, line)
		if err != nil {
			return err
		}
		args = append(args, text)
	}
	written, err := s.run(ctx, s.scripts.report, queue, h.ID, args...).Int()
	if err != nil {
		return fmt.Errorf("report of %s: %w", h.ID, err)
	}
	if written == 0 {
		return ErrFenced
	}
	return nil
}

// End is how an attempt ended and what follows.
type End struct {
	Outcome task.Outcome    // succeeded, failed, canceled or released
	Again   bool            // failed: try again after Delay; else the failure is final
	Delay   time.Duration   // below 1 ms means at once
	Error   *task.Failure   // nil unless it failed, was canceled or released
	Result  json.RawMessage // nil unless it succeeded
	Summary string
}

// ending is the end of an attempt as the script takes it.
type ending struct {
	queue string
	args  []any
	size  int
}

// ended is what the script answers for one ending.
type ended struct {
	written bool
	state   task.State
	err     error
}

// End writes the end of an attempt and gives the task's state after it. It may
// be called again when its reply was lost. Ends that come at the same time share
// round trips. An attempt that counts as lost is ended all the same while no
// other has begun. Errors: ErrFenced (with the state).
func (s *Store) End(ctx context.Context, h Held, e End) (task.State, error) {
	queue, _, ok := parseID(h.ID)
	if !ok {
		return "", ErrNotFound
	}
	follows := "final"
	switch {
	case e.Outcome == task.OutcomeReleased:
		follows = "release"
	case e.Outcome == task.OutcomeFailed && e.Again:
		follows = "retry"
	}
	failure := []byte{}
	if e.Error != nil {
		var err error
		if failure, err = json.Marshal(e.Error); err != nil {
			return "", fmt.Errorf("write error: %w", err)
		}
	}
	got, err := s.ends.do(ctx, ending{queue: queue, size: len(e.Result), args: []any{
		h.ID, h.Attempt, string(e.Outcome), follows, e.Delay.Milliseconds(), failure, []byte(e.Result), e.Summary,
	}})
	if err = errors.Join(err, got.err); err != nil {
		return "", fmt.Errorf("end attempt %d of %s: %w", h.Attempt, h.ID, err)
	}
	if !got.written {
		return got.state, ErrFenced
	}
	return got.state, nil
}

func (s *Store) flushEnds(endings []ending) []ended {
	ctx, cancel := context.WithTimeout(context.Background(), flushTimeout)
	defer cancel()
	results := make([]ended, len(endings))
	calls, places := groupCalls(len(endings), func(i int) (string, []any, int) {
		return endings[i].queue, endings[i].args, endings[i].size
	})
	for i, cmd := range s.runAll(ctx, s.scripts.end, calls) {
		reply, err := cmd.Slice()
		if err == nil && len(reply) != 2*len(places[i]) {
			err = fmt.Errorf("%d values for %d attempts", len(reply), len(places[i]))
		}
		for j, place := range places[i] {
			if err != nil {
				results[place].err = err
				continue
			}
			state, _ := reply[2*j+1].(string)
			results[place] = ended{written: reply[2*j] == int64(1), state: task.State(state)}
		}
	}
	return results
}
