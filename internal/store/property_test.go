package store

import (
	"errors"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"time"

	"windlass/internal/task"
)

// modelTask is what must be true of one task: the contract, kept apart from the scripts.
type modelTask struct {
	id       string
	state    task.State
	attempts int
	used     int
	lost     int
	asked    bool // asked to stop
	unique   string
	claim    *Claim
	worker   string // of the claim
	gone     *Claim // its last attempt, when that was lost
}

// model is a queue's tasks as they must be, and the next random steps.
type model struct {
	*env
	r     *rand.Rand
	queue string
	tasks map[string]*modelTask
	old   []*Claim          // attempts that are over
	taken map[string]taken  // worker -> its last claim of several
	was   map[string]fields // the records before the step
	hurt  map[string]bool   // what a sabotage has touched
	sweep func(number int64) (Repairs, error)
	lead  int64
}

// taken is a claim of several that may be asked for again.
type taken struct {
	want   Want
	claims []*Claim
}

const interleavings = 250

// testInterleavings takes random steps; SEED repeats a run.
func testInterleavings(e *env) {
	seed := rand.Uint64()
	if text := os.Getenv("SEED"); text != "" {
		var err error
		seed, err = strconv.ParseUint(text, 10, 64)
		e.ok(err)
	}
	e.t.Logf("SEED=%d", seed)
	m := &model{env: e, r: rand.New(rand.NewPCG(seed, 0)), queue: "q", tasks: map[string]*modelTask{}, taken: map[string]taken{}}
	m.doubled = map[string]bool{}
	sweeper, number := e.sweeper()
	m.lead, m.sweep = number, func(number int64) (Repairs, error) { return sweeper.Sweep(e.ctx, m.queue, number, true) }
	steps := []func(){m.stepSubmit, m.stepSubmit, m.stepSubmit, m.stepClaim, m.stepClaim, m.stepClaimMany, m.stepClaimMany, m.stepAskAgain,
		m.stepEnd, m.stepEnd, m.stepEnd, m.stepEnd, m.stepCancel, m.stepRetry, m.stepRetryTwice, m.stepDelete, m.stepDeleteTwice,
		m.stepLose, m.stepCrash, m.stepDue, m.stepExpire, m.stepLate, m.stepSabotage, m.stepSabotage, m.stepDeposed}
	for i := range interleavings {
		steps[m.r.IntN(len(steps))]()
		m.verify()
		if e.t.Failed() {
			e.t.Fatalf("wrong after step %d; repeat with SEED=%d", i, seed)
		}
	}
}

// verify compares each record with the model, and everything else with the records.
func (m *model) verify() {
	m.t.Helper()
	records := m.records(m.queue)
	if len(records) != len(m.tasks) {
		m.t.Errorf("%d records, want %d", len(records), len(m.tasks))
	}
	for id, want := range m.tasks {
		got, err := records[id].task(id)
		if err != nil {
			m.t.Error(err)
			continue
		}
		if got.State != want.state || len(got.Attempts) != want.attempts || got.AttemptsUsed != want.used ||
			got.CancelRequested != want.asked || (got.FinishedAt != nil) != want.state.Final() {
			m.t.Errorf("%s: got %s, %d attempts, %d used, asked %v, finished %v; want %+v",
				id, got.State, len(got.Attempts), got.AttemptsUsed, got.CancelRequested, got.FinishedAt, want)
		}
		for _, a := range got.Attempts {
			if running := want.state == task.Active && a.Number == want.attempts; (a.Outcome == "") != running {
				m.t.Errorf("%s: attempt %d has outcome %q while the task is %s", id, a.Number, a.Outcome, want.state)
			}
		}
	}
	m.auditQueue(m.queue)
	m.verifyMoves(records)
	m.was = records
}

// pick gives a random task that fits, or "".
func (m *model) pick(fits func(*modelTask) bool) string {
	var ids []string
	for id, t := range m.tasks {
		if fits(t) {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return ""
	}
	slices.Sort(ids) // the seed alone decides, not the map's order
	return ids[m.r.IntN(len(ids))]
}

func in(states ...task.State) func(*modelTask) bool {
	return func(t *modelTask) bool { return slices.Contains(states, t.state) }
}

func (m *model) holder(unique string) string {
	return m.pick(func(t *modelTask) bool { return unique != "" && t.unique == unique && !t.state.Final() })
}

func (m *model) stepSubmit() {
	m.t.Helper()
	t := &modelTask{state: task.Pending, unique: []string{"", "", "x", "y"}[m.r.IntN(4)]}
	s := sub(func(s *Submission) {
		s.Queue, s.Unique, s.Tags = m.queue, t.unique, [][]string{nil, {"a"}, {"a", "b"}}[m.r.IntN(3)]
		s.Kind = []string{"k.one", "k.two"}[m.r.IntN(2)]
		switch m.r.IntN(4) {
		case 0:
			s.Delay, t.state = time.Hour, task.Scheduled
		case 1:
			s.ExpiresAt = m.Now().Add(time.Hour)
		}
	})
	holder := m.holder(t.unique)
	got, err := m.Submit(m.ctx, s)
	m.ok(err)
	switch {
	case holder != "" && (got.Cause != CauseUnique || got.Task.ID != holder):
		m.t.Errorf("submit: answered by %s (%s), want %s", got.Task.ID, got.Cause, holder)
	case holder == "" && got.Cause != CauseNew:
		m.t.Errorf("submit: answered by %s (%s), want a new task", got.Task.ID, got.Cause)
	case holder == "":
		t.id, m.tasks[got.Task.ID] = got.Task.ID, t
	}
}

func (m *model) stepClaim() {
	m.t.Helper()
	waits := m.pick(in(task.Pending)) != ""
	c, err := m.claimOne(m.queue)
	m.ok(err)
	if (c != nil) != waits {
		m.t.Errorf("claim gave %v while a task waits is %v", c, waits)
	}
	if c == nil {
		return
	}
	m.begun(c, "w1")
}

// begun notes that a worker began an attempt.
func (m *model) begun(c *Claim, worker string) {
	m.t.Helper()
	t := m.tasks[c.Task.ID]
	if t == nil || t.state != task.Pending {
		m.t.Fatalf("claimed %s, which is %+v", c.Task.ID, t)
	}
	t.state, t.claim, t.worker = task.Active, c, worker
	if t.attempts++; c.Attempt != t.attempts {
		m.t.Errorf("attempt %d, want %d", c.Attempt, t.attempts)
	}
}

func (m *model) stepEnd() {
	m.t.Helper()
	id := m.pick(in(task.Active))
	if id == "" {
		return
	}
	t := m.tasks[id]
	ends := []struct {
		End
		state task.State
		used  int
	}{
		{succeed(), task.Succeeded, 0}, {fail(true), task.Retrying, 1}, {fail(false), task.Failed, 1},
		{End{Outcome: task.OutcomeCanceled}, task.Canceled, 0}, {End{Outcome: task.OutcomeReleased}, task.Pending, 0},
	}
	end := ends[m.r.IntN(len(ends))]
	t.state, t.used = end.state, t.used+end.used
	if t.asked {
		t.state, t.asked = task.Canceled, false
	}
	for range 1 + m.r.IntN(2) { // the reply may get lost
		if got := m.end(t.claim, end.End); got != t.state {
			m.t.Errorf("end as %s: got %s, want %s", end.Outcome, got, t.state)
		}
	}
	m.old = append(m.old, t.claim)
}

func (m *model) stepCancel() {
	m.t.Helper()
	id := m.pick(func(*modelTask) bool { return true })
	if id == "" {
		return
	}
	t := m.tasks[id]
	switch {
	case t.state == task.Active:
		t.asked = true
	case !t.state.Final():
		t.state = task.Canceled
	}
	if got, err := m.Cancel(m.ctx, id); err != nil || got != t.state {
		m.t.Errorf("cancel: got %s, %v, want %s", got, err, t.state)
	}
}

func (m *model) stepRetry() {
	m.t.Helper()
	id := m.pick(func(*modelTask) bool { return true })
	if id == "" {
		return
	}
	t := m.tasks[id]
	holder := m.holder(t.unique)
	err := m.Retry(m.ctx, id)
	if t.state == task.Scheduled || t.state == task.Retrying {
		m.ok(err)
		t.state = task.Pending
		return
	}
	if !t.state.Final() {
		if wrong, ok := errors.AsType[*StateError](err); !ok || wrong.State != t.state {
			m.t.Errorf("retry while %s: got %v", t.state, err)
		}
		return
	}
	if holder != "" {
		if held, ok := errors.AsType[*HeldError](err); !ok || held.ID != holder {
			m.t.Errorf("retry while %s holds the key: got %v", holder, err)
		}
		return
	}
	m.ok(err)
	t.state, t.used, t.lost, t.gone = task.Pending, 0, 0, nil
}

func (m *model) stepDelete() {
	m.t.Helper()
	id := m.pick(func(*modelTask) bool { return true })
	if id == "" {
		return
	}
	err := m.Delete(m.ctx, id)
	if state := m.tasks[id].state; !state.Final() {
		if wrong, ok := errors.AsType[*StateError](err); !ok || wrong.State != state {
			m.t.Errorf("delete while %s: got %v", state, err)
		}
		return
	}
	m.ok(err)
	delete(m.tasks, id)
}

// stepLose lets a lease end.
func (m *model) stepLose() {
	m.t.Helper()
	id := m.pick(in(task.Active))
	if id == "" {
		return
	}
	m.lapse("lease", id)
	if n := m.upkeep(m.queue).Lost; n != 1 {
		m.t.Errorf("%d lost, want 1", n)
	}
	m.lost(id)
}

// lost notes that a lease ended.
func (m *model) lost(id string) {
	t := m.tasks[id]
	m.old = append(m.old, t.claim)
	t.state, t.gone = task.Pending, t.claim
	if t.lost++; t.lost == MaxLost {
		t.state = task.Failed
	}
	if t.asked {
		t.state, t.asked = task.Canceled, false
	}
}

// stepDue lets a wait end.
func (m *model) stepDue() {
	m.t.Helper()
	id := m.pick(in(task.Scheduled, task.Retrying))
	if id == "" {
		return
	}
	m.lapse("due", id)
	m.ok(m.rdb.HSet(m.ctx, recordKey(m.queue, id), "r", 1).Err())
	if n := m.upkeep(m.queue).Released; n != 1 {
		m.t.Errorf("%d released, want 1", n)
	}
	m.tasks[id].state = task.Pending
}

// stepExpire lets a start deadline pass, where there is one.
func (m *model) stepExpire() {
	m.t.Helper()
	ids := m.rdb.ZRange(m.ctx, base(m.queue)+"expire", 0, -1).Val()
	if len(ids) == 0 {
		return
	}
	id := ids[m.r.IntN(len(ids))]
	m.lapse("expire", id)
	if n := m.upkeep(m.queue).Expired; n != 1 {
		m.t.Errorf("%d expired, want 1", n)
	}
	m.tasks[id].state = task.Expired
}

// stepLate lets the worker of an attempt that is over speak up.
func (m *model) stepLate() {
	m.t.Helper()
	if len(m.old) == 0 {
		return
	}
	c := m.old[m.r.IntN(len(m.old))]
	if err := m.Report(m.ctx, c.held(), Report{Progress: &task.Progress{Done: 9}}); !errors.Is(err, ErrFenced) {
		m.t.Errorf("late report: got %v, want ErrFenced", err)
	}
	got, err := m.Extend(m.ctx, m.queue, []Sign{{Held: c.held()}})
	if err != nil || !slices.Equal(got.Lost, []string{c.Task.ID}) {
		m.t.Errorf("late extend: got %v, %v", got, err)
	}
	// While no other attempt has begun, one that counts as lost may still succeed.
	if t := m.tasks[c.Task.ID]; t != nil && t.gone == c && t.state == task.Pending && t.attempts == c.Attempt {
		if state := m.end(c, succeed()); state != task.Succeeded {
			m.t.Errorf("late success: got %s", state)
		}
		t.state, t.gone, t.lost = task.Succeeded, nil, t.lost-1
		return
	}
	// Written already or fenced: either way the model does not change, and verify looks.
	if _, err := m.End(m.ctx, c.held(), succeed()); err != nil && !errors.Is(err, ErrFenced) {
		m.t.Errorf("late end: %v", err)
	}
}
