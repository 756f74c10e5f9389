package store

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"windlass/internal/task"
)

// moves is every change of a state that may be: see ARCHITECTURE.md. "" is no record.
func moves() map[task.State][]task.State {
	return map[task.State][]task.State{
		"":             {task.Pending, task.Scheduled},
		task.Scheduled: {task.Pending, task.Canceled, task.Expired},
		task.Pending:   {task.Active, task.Canceled, task.Expired, task.Succeeded}, // the last: a lost attempt that was not lost after all
		task.Active:    {task.Succeeded, task.Failed, task.Retrying, task.Canceled, task.Pending},
		task.Retrying:  {task.Pending, task.Canceled},
		task.Succeeded: {task.Pending, ""},
		task.Failed:    {task.Pending, ""},
		task.Canceled:  {task.Pending, ""},
		task.Expired:   {task.Pending, ""},
	}
}

// verifyMoves compares each record with what it was before the step.
func (m *model) verifyMoves(records map[string]fields) {
	m.t.Helper()
	for id := range m.tasks {
		m.verifyMove(id, m.was[id], records[id])
	}
	for id, was := range m.was {
		m.verifyMove(id, was, records[id])
	}
}

func (m *model) verifyMove(id string, was, is fields) {
	m.t.Helper()
	from, to := task.State(was["s"]), task.State(is["s"])
	moved := from != to
	if moved && !slices.Contains(moves()[from], to) {
		m.t.Errorf("%s went from %q to %q", id, from, to)
	}
	if to == "" {
		return
	}
	begun := is.int("n") - was.int("n")
	if want := int64(0); from == task.Pending && to == task.Active && begun != 1 || to != task.Active && begun != want {
		m.t.Errorf("%s went from %q to %q and from attempt %d to %d", id, from, to, was.int("n"), is.int("n"))
	}
	if grew := is.int("v") - was.int("v"); grew < 0 || moved && grew == 0 {
		m.t.Errorf("%s went from %q to %q and from version %d to %d", id, from, to, was.int("v"), is.int("v"))
	}
}

func (m *model) count(state task.State) (n int) {
	for _, t := range m.tasks {
		if t.state == state {
			n++
		}
	}
	return n
}

func (m *model) stepClaimMany() {
	m.t.Helper()
	want := Want{Queue: m.queue, Worker: []string{"w2", "w3"}[m.r.IntN(2)], Many: 3, Token: newToken()}
	waiting := m.count(task.Pending)
	claims, _, err := m.Claim(m.ctx, want)
	m.ok(err)
	if len(claims) != min(3, waiting) {
		m.t.Errorf("claimed %d of %d", len(claims), waiting)
	}
	for _, c := range claims {
		m.begun(c, want.Worker)
	}
	if len(claims) > 0 {
		m.taken[want.Worker] = taken{want, claims}
	}
}

// stepAskAgain is a claim whose answer did not come.
func (m *model) stepAskAgain() {
	m.t.Helper()
	worker := []string{"w2", "w3"}[m.r.IntN(2)]
	last, ok := m.taken[worker]
	if !ok {
		return
	}
	var want, got []string
	for _, c := range last.claims {
		if t := m.tasks[c.Task.ID]; t != nil && t.state == task.Active && t.worker == worker && t.claim.Attempt == c.Attempt {
			want = append(want, c.Task.ID+"#"+strconv.Itoa(c.Attempt))
		}
	}
	claims, _, err := m.Claim(m.ctx, last.want)
	m.ok(err)
	for _, c := range claims {
		got = append(got, c.Task.ID+"#"+strconv.Itoa(c.Attempt))
	}
	if !slices.Equal(got, want) {
		m.t.Errorf("asked again: got %v, want %v", got, want)
	}
}

// stepCrash lets every lease of a worker end.
func (m *model) stepCrash() {
	m.t.Helper()
	worker := []string{"w1", "w2", "w3"}[m.r.IntN(3)]
	var ids []string
	for id, t := range m.tasks {
		if t.state == task.Active && t.worker == worker {
			ids = append(ids, id)
		}
	}
	for _, id := range ids {
		m.lapse("lease", id)
	}
	if n := m.upkeep(m.queue).Lost; n != len(ids) {
		m.t.Errorf("%d lost, want %d", n, len(ids))
	}
	slices.Sort(ids) // the seed alone decides, not the map's order
	for _, id := range ids {
		m.lost(id)
	}
}

// stepRetryTwice sends one call of retry twice.
func (m *model) stepRetryTwice() {
	m.t.Helper()
	id := m.pick(func(t *modelTask) bool { return t.state.Final() && m.holder(t.unique) == "" })
	if id == "" {
		return
	}
	token := newToken()
	for range 2 {
		reply, err := m.run(m.ctx, m.scripts.retry, m.queue, id, policy().Deadline.Std().Milliseconds(), token).StringSlice()
		if m.ok(err); reply[0] != "retried" {
			m.t.Errorf("retry: %v", reply)
		}
	}
	t := m.tasks[id]
	t.state, t.used, t.lost, t.gone = task.Pending, 0, 0, nil
}

// stepDeleteTwice sends one call of delete twice.
func (m *model) stepDeleteTwice() {
	m.t.Helper()
	id := m.pick(func(t *modelTask) bool { return t.state.Final() })
	if id == "" {
		return
	}
	token := newToken()
	for range 2 {
		if reply, err := m.run(m.ctx, m.scripts.delete, m.queue, id, token).Text(); err != nil || reply != "deleted" {
			m.t.Errorf("delete: %s, %v", reply, err)
		}
	}
	delete(m.tasks, id)
}

// stepSabotage breaks what stands beside the records, and has the sweeper mend it.
// It does not put one task into an index and take another out of the same: the
// numbers that the sweeper compares agree then.
func (m *model) stepSabotage() {
	m.t.Helper()
	m.hurt = map[string]bool{}
	reindex := []func(){m.unindex, m.misindex}[m.r.IntN(2)]
	sabotages := []func(){m.unline, m.unclock, reindex, m.archive, m.double, m.miscount}
	for range 1 + m.r.IntN(3) {
		sabotages[m.r.IntN(len(sabotages))]()
	}
	for range 2 { // counts are mended last, and what they hid is found then
		_, err := m.sweep(m.lead)
		m.ok(err)
	}
}

// stepDeposed has an earlier leader sweep.
func (m *model) stepDeposed() {
	m.t.Helper()
	if len(m.was) == 0 {
		return
	}
	m.ok(m.GiveUpLead(m.ctx, "sweeper"))
	l, err := m.Lead(m.ctx, "sweeper")
	m.ok(err)
	before := m.lead
	m.hurt = map[string]bool{}
	m.lead = l.Number
	m.miscount()
	_, err = m.sweep(m.lead)
	m.ok(err)
	m.hurt = map[string]bool{}
	m.miscount()
	wrong := m.counts(m.queue)
	if done, err := m.sweep(before); !errors.Is(err, ErrDeposed) || done.Total() != 0 {
		m.t.Errorf("sweep %d after %d: %+v, %v", before, m.lead, done, err)
	}
	if got := m.counts(m.queue); jsonOf(got) != jsonOf(wrong) {
		m.t.Errorf("the deposed one changed %v to %v", wrong, got)
	}
	_, err = m.sweep(m.lead)
	m.ok(err)
}

// victim picks a task that was not touched yet: one that is neither in the index
// nor in the line or on a clock cannot be found.
func (m *model) victim(fits func(*modelTask) bool) string {
	id := m.pick(func(t *modelTask) bool { return fits(t) && !m.hurt[t.id] })
	m.hurt[id] = true
	return id
}

func (m *model) unline() {
	if id := m.victim(in(task.Pending)); id != "" {
		m.ok(m.rdb.LRem(m.ctx, asynqKey(m.queue, "pending"), 0, id).Err())
		if m.r.IntN(2) == 0 {
			m.ok(m.rdb.Del(m.ctx, asynqKey(m.queue, "t:"+id)).Err())
		}
	}
}

func (m *model) unclock() {
	if id := m.victim(func(t *modelTask) bool { return t.state != task.Pending }); id != "" {
		for _, name := range []string{"due", "lease", "done"} {
			m.ok(m.rdb.ZRem(m.ctx, base(m.queue)+name, id).Err())
		}
	}
}

func (m *model) indexOf(id string) string { return base(m.queue) + "i:" + m.kindState(id) }

func (m *model) kindState(id string) string {
	f := m.rdb.HMGet(m.ctx, recordKey(m.queue, id), "k", "s").Val()
	return f[0].(string) + ":" + f[1].(string)
}

func (m *model) unindex() {
	if id := m.victim(func(*modelTask) bool { return true }); id != "" {
		m.ok(m.rdb.ZRem(m.ctx, m.indexOf(id), id).Err())
	}
}

func (m *model) misindex() {
	if id := m.victim(func(*modelTask) bool { return true }); id != "" {
		kind, _, _ := strings.Cut(m.kindState(id), ":")
		states := task.States()
		m.ok(m.rdb.ZAdd(m.ctx, base(m.queue)+"i:"+kind+":"+string(states[m.r.IntN(len(states))]), redis.Z{Member: id}).Err())
	}
}

// archive does what asynq's Inspector does.
func (m *model) archive() {
	if id := m.victim(in(task.Pending)); id != "" {
		m.ok(m.rdb.LRem(m.ctx, asynqKey(m.queue, "pending"), 0, id).Err())
		m.ok(m.rdb.ZAdd(m.ctx, asynqKey(m.queue, "archived"), redis.Z{Score: 1, Member: id}).Err())
		m.ok(m.rdb.HSet(m.ctx, asynqKey(m.queue, "t:"+id), "state", "archived").Err())
	}
}

func (m *model) double() {
	if id := m.victim(in(task.Pending)); id != "" {
		m.doubled[id] = true
		m.ok(m.rdb.LPush(m.ctx, asynqKey(m.queue, "pending"), id).Err())
	}
}

func (m *model) miscount() {
	if id := m.victim(func(*modelTask) bool { return true }); id != "" {
		m.ok(m.rdb.HSet(m.ctx, countsKey(m.queue), m.kindState(id), 1000+m.r.IntN(1000)).Err())
	}
}
