package chaos

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"windlass/internal/task"
)

// mostShown is how many faults of a scenario are told with all that is known about them.
const mostShown = 8

// tally is what a scenario adds up.
type tally struct {
	faults, accepted, refused, unanswered int
	succeeded, failed, canceled           int
	lost                                  int // accepted, and not there any more
	forgotten                             int // there, and no longer as a client was told
	twice                                 int // further tasks of one Idempotency-Key
	lostAttempts                          int
	calls, called                         int // what the target counted, and for how many tasks
}

// stats is what GET /api/v1/stats answers.
type stats struct {
	Totals map[task.State]int `json:"totals"`
}

// waitEnded returns when every task is final. If that takes too long, check tells which.
func (r *run) waitEnded() {
	ended := r.until(settle, func() bool {
		s, ok := r.stats()
		return ok && s.Totals[task.Scheduled]+s.Totals[task.Pending]+s.Totals[task.Active]+s.Totals[task.Retrying] == 0
	})
	r.timeline.note("all tasks have ended: %v", ended)
}

func (r *run) stats() (stats, bool) {
	var s stats
	_, err := ask(r.t.Context(), http.MethodGet, r.fleet.front(0)+"/api/v1/stats", nil, nil, &s)
	return s, err == nil
}

// check compares what the clients were told with what is stored.
func (r *run) check(orders []*order) {
	v := &verdict{run: r}
	tasks := map[string]*task.Task{} // by the order's key
	for _, o := range orders {
		if t := v.order(o); t != nil {
			tasks[o.key] = t
		}
	}
	v.list(orders)
	v.replay(orders, tasks)
	v.times(orders, tasks)
	v.print()
}

// verdict is the outcome of a scenario as far as it is known.
type verdict struct {
	run   *run
	tally tally
	waits waits
}

// fault fails the test, and tells what is known about the order.
func (v *verdict) fault(o *order, t *task.Task, format string, args ...any) {
	v.run.t.Helper()
	if v.tally.faults++; v.tally.faults > mostShown {
		return
	}
	v.run.t.Errorf(format, args...)
	if o != nil {
		v.run.t.Logf("   the client: %s", o)
	}
	if t != nil {
		record, err := json.MarshalIndent(t, "      ", "  ")
		v.run.t.Logf("   the record: %.5000s (%v)", record, err)
	}
}

// gone counts what is not there any more. It is a fault unless the scenario may lose such.
func (v *verdict) gone(may bool, count *int, o *order, t *task.Task, what string) {
	v.run.t.Helper()
	if *count++; !may {
		v.fault(o, t, "%s", what)
	}
}

// order judges one order, and gives its task when there is one.
func (v *verdict) order(o *order) *task.Task {
	for _, heard := range o.told {
		switch heard.status {
		case 0:
			v.tally.unanswered++
		case http.StatusServiceUnavailable:
			v.tally.refused++
		}
	}
	if o.fault != "" {
		v.fault(o, nil, "%s", o.fault)
	}
	if o.id == "" {
		if o.fault == "" {
			v.fault(o, nil, "no API took the task, long after the trouble")
		}
		return nil
	}
	v.tally.accepted++
	var t task.Task
	status, err := ask(v.run.t.Context(), http.MethodGet, v.run.fleet.front(0)+"/api/v1/tasks/"+o.id, nil, nil, &t)
	switch {
	case status == http.StatusNotFound:
		v.gone(v.run.loses, &v.tally.lost, o, nil, "an accepted task is lost")
		return nil
	case err != nil:
		v.fault(o, nil, "read after the trouble: %d %v", status, err)
		return nil
	}
	v.record(o, &t)
	v.promise(o, &t)
	return &t
}

// record judges what is stored, whatever the clients know.
func (v *verdict) record(o *order, t *task.Task) {
	switch t.State {
	case task.Succeeded:
		v.tally.succeeded++
	case task.Failed:
		v.tally.failed++
	case task.Canceled:
		v.tally.canceled++
	}
	want := o.want
	if want == nil {
		want = []task.State{task.Succeeded}
	}
	if !slices.Contains(want, t.State) {
		v.fault(o, t, "the task is %s, want one of %v", t.State, want)
		return
	}
	outcomes := map[task.Outcome]int{}
	for i, a := range t.Attempts {
		outcomes[a.Outcome]++
		if a.Number != i+1 {
			v.fault(o, t, "attempt %d has number %d", i+1, a.Number)
		}
		if a.Outcome == "" || a.FinishedAt == nil {
			v.fault(o, t, "the task is %s and its attempt %d has no end", t.State, a.Number)
			continue
		}
		// The end of another attempt would come too early. Redis's clock counts milliseconds. Where
		// an attempt was forgotten, the next one has its number and cannot be told from it.
		took := a.FinishedAt.Sub(a.StartedAt)
		if a.Outcome == task.OutcomeSucceeded && took < o.sleep-10*time.Millisecond && !v.run.forgets {
			v.fault(o, t, "attempt %d succeeded after %s, and it takes %s", a.Number, took, o.sleep)
		}
	}
	// A cancel that comes while the attempt ends well cancels the task all the same.
	most, least := 0, 0
	switch t.State {
	case task.Succeeded:
		most, least = 1, 1
	case task.Canceled:
		most = 1
	}
	if n := outcomes[task.OutcomeSucceeded]; n > most || n < least {
		v.fault(o, t, "the task is %s with %d attempts that succeeded", t.State, n)
	}
	if n := outcomes[task.OutcomeFailed]; n != t.AttemptsUsed {
		v.fault(o, t, "%d attempts failed and %d are charged", n, t.AttemptsUsed)
	}
	v.tally.lostAttempts += outcomes[task.OutcomeLost]
	v.result(o, t)
}

// result judges what came out against what went in and what the target saw.
func (v *verdict) result(o *order, t *task.Task) {
	if t.Kind == "http.request" {
		n := v.run.target.called(o.key)
		v.tally.calls, v.tally.called = v.tally.calls+n, v.tally.called+min(n, 1)
		if n == 0 || n > len(t.Attempts) && !v.run.forgets {
			v.fault(o, t, "the target was called %d times in %d attempts", n, len(t.Attempts))
		}
		return
	}
	want := "{\"message\":" + strconv.Quote(o.message(o.key)) + "}"
	if t.State == task.Succeeded && string(t.Result) != want {
		v.fault(o, t, "the result is %.300s, want %.300s", t.Result, want)
	}
}

// promise judges whether what the client was told still holds.
func (v *verdict) promise(o *order, t *task.Task) {
	if f := o.final; f != nil && (f.State != t.State || string(f.Result) != string(t.Result)) {
		v.gone(v.run.forgets, &v.tally.forgotten, o, t, fmt.Sprintf("the client was told %s %.300s, and that is not what is stored", f.State, f.Result))
	}
	if o.asked && t.State != task.Canceled {
		v.gone(v.run.forgets, &v.tally.forgotten, o, t, "the client was told that its cancel is on, and the task is "+string(t.State))
	}
	conflict := slices.ContainsFunc(o.told, func(h told) bool { return h.what == "cancel" && h.status == http.StatusConflict })
	if conflict && t.State == task.Canceled {
		v.gone(v.run.forgets, &v.tally.forgotten, o, t, "the client was told that a cancel is too late, and the task is canceled")
	}
}

// list judges the list of all tasks: one for each order, and the counts agree.
func (v *verdict) list(orders []*order) {
	listed := map[string][]string{} // ids by key
	states := map[task.State]int{}
	all, cursor := 0, ""
	for {
		var p page
		status, err := ask(v.run.t.Context(), http.MethodGet, v.run.fleet.front(0)+"/api/v1/tasks?limit=200&cursor="+cursor, nil, nil, &p)
		if err != nil {
			v.fault(nil, nil, "list after the trouble: %d %v", status, err)
			return
		}
		for i := range p.Items {
			t := &p.Items[i]
			all++
			states[t.State]++
			if len(t.Tags) != 1 {
				v.fault(nil, t, "a task has the tags %v", t.Tags)
				continue
			}
			listed[t.Tags[0]] = append(listed[t.Tags[0]], t.ID)
		}
		if p.Next == nil || all > clients*mostTasks*2 {
			break
		}
		cursor = *p.Next
	}
	for _, o := range orders {
		ids := listed[o.key]
		delete(listed, o.key)
		if len(ids) > 1 {
			v.gone(v.run.loses, &v.tally.twice, o, nil, "one Idempotency-Key made the tasks "+ids[0]+" and "+ids[1])
		}
		if o.id != "" && !slices.Contains(ids, o.id) && !v.run.loses {
			v.fault(o, nil, "the task is not in the list")
		}
	}
	for key, ids := range listed {
		v.fault(nil, nil, "the list has a task that nobody handed in: %s %v", key, ids)
	}
	v.counts(states)
}

// counts compares the counts with the list. A kill of Redis may leave them wrong: the sweeper
// mends them within seconds.
func (v *verdict) counts(states map[task.State]int) {
	var s stats
	agree := v.run.until(settle, func() bool {
		ok := false
		s, ok = v.run.stats()
		return ok && !slices.ContainsFunc(task.States(), func(state task.State) bool { return s.Totals[state] != states[state] })
	})
	if !agree {
		v.fault(nil, nil, "%v are counted, the list has %v", s.Totals, states)
	}
}

// replay sends every order once more: the same key must give the same task.
func (v *verdict) replay(orders []*order, tasks map[string]*task.Task) {
	ctx, cancel := context.WithTimeout(v.run.t.Context(), settle)
	defer cancel()
	for _, o := range orders {
		if tasks[o.key] == nil {
			continue
		}
		var t task.Task
		status, err := ask(ctx, http.MethodPost, v.run.fleet.front(0)+"/api/v1/tasks", o.json, map[string]string{"Idempotency-Key": o.key}, &t)
		if err != nil || t.ID != o.id {
			v.gone(v.run.loses, &v.tally.twice, o, tasks[o.key], "the same request again was answered with "+strconv.Itoa(status)+" "+t.ID)
		}
	}
}
