package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"

	"windlass/internal/task"
)

func testClaim(e *env) {
	if c, err := e.claimOne("default"); c != nil || err != nil {
		e.t.Fatalf("claim from an empty queue: got %v, %v", c, err)
	}
	first := e.submit(nil)
	second := e.submit(nil)
	c := e.claim("default")
	if c.Task.ID != first.ID || c.Attempt != 1 || c.Checkpoint != nil {
		e.t.Errorf("claimed %s, attempt %d, checkpoint %q; want %s, 1, none", c.Task.ID, c.Attempt, c.Checkpoint, first.ID)
	}
	if want := c.Task.RunAt.Add(time.Hour); !c.Deadline.Equal(want) {
		e.t.Errorf("deadline: got %s, want %s", c.Deadline, want)
	}
	want := []task.Attempt{{Number: 1, Worker: "w1", StartedAt: c.StartedAt}}
	got := e.wantState(first.ID, task.Active)
	if diff := cmp.Diff(want, got.Attempts); diff != "" {
		e.t.Errorf("attempts (-want +got):\n%s", diff)
	}
	if got.StartedAt == nil || !got.StartedAt.Equal(c.StartedAt) || got.Version != 2 {
		e.t.Errorf("started at %v, version %d; want %v, 2", got.StartedAt, got.Version, c.StartedAt)
	}
	if diff := cmp.Diff(got, c.Task); diff != "" {
		e.t.Errorf("record and what the claim says (-record +claim):\n%s", diff)
	}
	if c := e.claim("default"); c.Task.ID != second.ID {
		e.t.Errorf("claimed %s, want %s", c.Task.ID, second.ID)
	}
}

// More stale ids than one script passes over stand before the one that waits.
func testClaimStale(e *env) {
	for range 250 {
		made := e.submit(nil)
		_, err := e.Cancel(e.ctx, made.ID)
		e.ok(err)
	}
	deleted := e.submit(nil)
	_, err := e.Cancel(e.ctx, deleted.ID)
	e.ok(err)
	e.ok(e.Delete(e.ctx, deleted.ID))
	e.start(nil)
	if c, err := e.claimOne("default"); c != nil || err != nil {
		e.t.Errorf("then: got %v, %v, want nothing", c, err)
	}
	if left := e.keys("asynq:{default}:*"); len(left) != 0 {
		e.t.Errorf("asynq still keeps %v", left)
	}
}

func testClaimPaused(e *env) {
	e.submit(nil)
	e.ok(e.rdb.Set(e.ctx, "asynq:{default}:paused", 1, 0).Err())
	if c, err := e.claimOne("default"); c != nil || err != nil {
		e.t.Errorf("claim from a paused queue: got %v, %v", c, err)
	}
	e.ok(e.rdb.Del(e.ctx, "asynq:{default}:paused").Err())
	e.claim("default")
}

func testExtend(e *env) {
	fine, lost, canceled, released := e.start(nil), e.start(nil), e.start(nil), e.start(nil)
	for _, c := range []*Claim{fine, lost, canceled} {
		e.lapse("lease", c.Task.ID)
	}
	e.end(released, End{Outcome: task.OutcomeReleased})
	e.claim("default") // attempt 2 of the released one
	_, err := e.Cancel(e.ctx, canceled.Task.ID)
	e.ok(err)
	gone := "tsk_" + strings.Repeat("0", idLength) + "_default"
	wrong := lost.held()
	wrong.Attempt++
	got, err := e.Extend(e.ctx, "default", []Sign{
		{Held: fine.held()}, {Held: wrong}, {Held: canceled.held()}, {Held: released.held()}, {Held: Held{ID: gone, Attempt: 1}},
	})
	e.ok(err)
	want := Extended{Lost: []string{lost.Task.ID, released.Task.ID, gone}, Canceled: []string{canceled.Task.ID}}
	if diff := cmp.Diff(want, got); diff != "" {
		e.t.Errorf("extended (-want +got):\n%s", diff)
	}
	if n := e.upkeep("default").Lost; n != 1 {
		e.t.Errorf("%d attempts lost, want the one that was not extended", n)
	}
	if got, err := e.Extend(e.ctx, "default", nil); err != nil || len(got.Lost)+len(got.Canceled) != 0 {
		e.t.Errorf("extend nothing: got %v, %v", got, err)
	}
}

func testReport(e *env) {
	c := e.start(nil)
	at := time.UnixMilli(1_700_000_000_123).UTC()
	report := Report{
		Progress:   &task.Progress{Done: 1 << 60, Total: 1<<60 + 1, Message: "half | way"},
		Lines:      []Line{{At: at, Level: slog.LevelWarn, Message: "first\x00 \"line\""}, {At: at, Message: strings.Repeat("x", 5000)}},
		Checkpoint: []byte{0, 1, 255, '\n'},
	}
	e.ok(e.Report(e.ctx, c.held(), report))
	got := e.get(c.Task.ID)
	if diff := cmp.Diff(report.Progress, got.Progress); diff != "" {
		e.t.Errorf("progress (-want +got):\n%s", diff)
	}
	logs, err := e.Logs(e.ctx, c.Task.ID, 0, 10)
	e.ok(err)
	want := Logs{Written: 2, Lines: []task.LogLine{
		{Seq: 1, At: at, Attempt: 1, Level: "warn", Message: "first\x00 \"line\""},
		{Seq: 2, At: at, Attempt: 1, Level: "info", Message: task.Cut(strings.Repeat("x", 5000), task.MaxLogLine)},
	}}
	if diff := cmp.Diff(want, logs); diff != "" {
		e.t.Errorf("logs (-want +got):\n%s", diff)
	}

	e.end(c, End{Outcome: task.OutcomeReleased})
	next := e.claim("default")
	if string(next.Checkpoint) != string(report.Checkpoint) {
		e.t.Errorf("checkpoint: got %q, want %q", next.Checkpoint, report.Checkpoint)
	}
	if next.Task.Progress != nil {
		e.t.Errorf("a new attempt starts with progress %v", next.Task.Progress)
	}
	if err := e.Report(e.ctx, c.held(), report); !errors.Is(err, ErrFenced) {
		e.t.Errorf("report of the old attempt: got %v, want ErrFenced", err)
	}
	e.end(next, succeed())
	if err := e.Report(e.ctx, next.held(), report); !errors.Is(err, ErrFenced) {
		e.t.Errorf("report after the end: got %v, want ErrFenced", err)
	}
	if logs, err := e.Logs(e.ctx, c.Task.ID, 0, 10); err != nil || logs.Written != 2 {
		e.t.Errorf("log after the fenced reports: %d lines, %v; want 2", logs.Written, err)
	}
}

func testEndOutcomes(e *env) {
	boom := fail(false).Error
	stopped := &task.Failure{Code: "canceled", Message: "Stopped."}
	tests := []struct {
		name   string
		end    End
		state  task.State
		used   int
		failed *task.Failure
	}{
		{"succeeded", succeed(), task.Succeeded, 0, nil},
		{"succeeded without a result", End{Outcome: task.OutcomeSucceeded}, task.Succeeded, 0, nil},
		{"failed for good", fail(false), task.Failed, 1, boom},
		{"failed", fail(true), task.Retrying, 1, boom},
		{"canceled", End{Outcome: task.OutcomeCanceled, Error: stopped}, task.Canceled, 0, stopped},
		{"released", End{Outcome: task.OutcomeReleased}, task.Pending, 0, nil},
	}
	for i, tt := range tests {
		queue := fmt.Sprint("q", i)
		c := e.start(func(s *Submission) { s.Queue = queue })
		e.ok(e.Report(e.ctx, c.held(), Report{Checkpoint: []byte("here")}))
		for _, call := range []string{"first", "second, as after a lost reply"} {
			if got := e.end(c, tt.end); got != tt.state {
				e.t.Errorf("%s: %s call gave %s, want %s", tt.name, call, got, tt.state)
			}
		}
		got := e.wantState(c.Task.ID, tt.state)
		if got.AttemptsUsed != tt.used {
			e.t.Errorf("%s: %d attempts used, want %d", tt.name, got.AttemptsUsed, tt.used)
		}
		if diff := cmp.Diff(tt.failed, got.Error); diff != "" {
			e.t.Errorf("%s: error (-want +got):\n%s", tt.name, diff)
		}
		if string(got.Result) != string(tt.end.Result) || got.Summary != tt.end.Summary {
			e.t.Errorf("%s: result %s, summary %q", tt.name, got.Result, got.Summary)
		}
		if (got.FinishedAt != nil) != tt.state.Final() {
			e.t.Errorf("%s: finished at %v", tt.name, got.FinishedAt)
		}
		a := got.Attempts[0]
		if len(got.Attempts) != 1 || a.Outcome != tt.end.Outcome || a.FinishedAt == nil || !cmp.Equal(a.Error, tt.end.Error) {
			e.t.Errorf("%s: attempts %+v", tt.name, got.Attempts)
		}
		if got.Version != 3 {
			e.t.Errorf("%s: version %d, want 3: created, claimed, ended", tt.name, got.Version)
		}
	}
	retrying, err := e.List(e.ctx, Filter{States: []task.State{task.Retrying}}, 10, "")
	e.ok(err)
	if wait := retrying.Tasks[0].RunAt.Sub(e.Now()); wait < 55*time.Minute || wait > time.Hour {
		e.t.Errorf("tried again in %s, want about an hour", wait)
	}
}

// An attempt that is not the current one changes nothing, whatever it says.
func testEndFenced(e *env) {
	first := e.start(nil)
	e.lapse("lease", first.Task.ID)
	e.upkeep("default")
	second := e.claim("default")
	if second.Attempt != 2 {
		e.t.Fatalf("attempt %d, want 2", second.Attempt)
	}
	before := e.rdb.HGetAll(e.ctx, recordKey("default", first.Task.ID)).Val()
	ends := []End{
		succeed(), fail(true), fail(false), {Outcome: task.OutcomeCanceled}, // released: TestWorkerCutOffIsNotCharged
	}
	for _, end := range ends {
		if state, err := e.End(e.ctx, first.held(), end); !errors.Is(err, ErrFenced) || state != task.Active {
			e.t.Errorf("late %s: got %s, %v, want active, ErrFenced", end.Outcome, state, err)
		}
	}
	if diff := cmp.Diff(before, e.rdb.HGetAll(e.ctx, recordKey("default", first.Task.ID)).Val()); diff != "" {
		e.t.Errorf("a late finisher changed the record:\n%s", diff)
	}
	e.end(second, succeed())
	if state, err := e.End(e.ctx, second.held(), fail(false)); !errors.Is(err, ErrFenced) || state != task.Succeeded {
		e.t.Errorf("another end after the end: got %s, %v, want succeeded, ErrFenced", state, err)
	}
	future := Held{ID: first.Task.ID, Attempt: 99}
	if _, err := e.End(e.ctx, future, succeed()); !errors.Is(err, ErrFenced) {
		e.t.Errorf("attempt that never was: got %v, want ErrFenced", err)
	}
	e.ok(e.Delete(e.ctx, first.Task.ID))
	if _, err := e.End(e.ctx, second.held(), succeed()); !errors.Is(err, ErrFenced) {
		e.t.Errorf("end of a deleted task: got %v, want ErrFenced", err)
	}
}

func testAttemptsKept(e *env) {
	made := e.submit(nil)
	const attempts = task.MaxAttemptsKept + 20
	for range attempts {
		e.end(e.claim("default"), End{Outcome: task.OutcomeReleased})
	}
	got := e.get(made.ID)
	if n := len(got.Attempts); n != task.MaxAttemptsKept {
		e.t.Fatalf("%d attempts kept, want %d", n, task.MaxAttemptsKept)
	}
	for i, a := range got.Attempts {
		if want := attempts - task.MaxAttemptsKept + 1 + i; a.Number != want || a.Outcome != task.OutcomeReleased {
			e.t.Fatalf("attempt in place %d: %+v, want number %d", i, a, want)
		}
	}
	if n := len(e.rdb.HKeys(e.ctx, recordKey("default", made.ID)).Val()); n > 2*task.MaxAttemptsKept+20 {
		e.t.Errorf("the record has %d fields", n)
	}
}

func testLogLinesKept(e *env) {
	c := e.start(nil)
	const written = task.MaxLogLines + 234
	var lines []Line
	for i := range written {
		lines = append(lines, Line{At: time.UnixMilli(int64(i)), Message: fmt.Sprint("line ", i+1)})
	}
	for part := range 3 {
		e.ok(e.Report(e.ctx, c.held(), Report{Lines: lines[part*written/3 : (part+1)*written/3]}))
	}
	tests := []struct {
		after int64
		limit int
		first int64
		n     int
	}{
		{0, 5, 235, 5}, {0, 5000, 235, 1000}, {-7, 3, 235, 3}, {234, 1, 235, 1}, {235, 1, 236, 1},
		{written - 2, 10, written - 1, 2}, {written, 10, written + 1, 0}, {1 << 62, 10, written + 1, 0}, {0, 0, 0, 0}, {500, 0, 0, 0},
	}
	for _, tt := range tests {
		got, err := e.Logs(e.ctx, c.Task.ID, tt.after, tt.limit)
		e.ok(err)
		if got.Written != written || len(got.Lines) != tt.n {
			e.t.Errorf("%d after %d: %d lines of %d, want %d of %d", tt.limit, tt.after, len(got.Lines), got.Written, tt.n, written)
			continue
		}
		for i, l := range got.Lines {
			if want := tt.first + int64(i); l.Seq != want || l.Message != fmt.Sprint("line ", want) {
				e.t.Fatalf("%d after %d: line %d is %d %q, want %d", tt.limit, tt.after, i, l.Seq, l.Message, want)
			}
		}
	}
	e.end(c, End{Outcome: task.OutcomeReleased})
	if raw := e.rdb.LLen(e.ctx, "wl:{default}:l:"+c.Task.ID).Val(); raw != task.MaxLogLines {
		e.t.Errorf("%d lines kept, want %d", raw, task.MaxLogLines)
	}
	quiet := e.submit(nil)
	if got, err := e.Logs(e.ctx, quiet.ID, 0, 10); err != nil || got.Written != 0 || len(got.Lines) != 0 {
		e.t.Errorf("log of a task that wrote none: got %v, %v", got, err)
	}
	if !json.Valid([]byte(e.rdb.LIndex(e.ctx, "wl:{default}:l:"+c.Task.ID, 0).Val())) {
		e.t.Error("a kept line is not JSON")
	}
}
