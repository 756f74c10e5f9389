package chaos

import (
	"slices"
	"time"

	"windlass/internal/task"
)

// waits is how long things took. Zero: it did not happen.
type waits struct {
	killed time.Duration // longest from the death of a worker to the next attempt at what it ran
	other  time.Duration // longest from the end of a trouble to the next attempt at what was lost in it
	gap    time.Duration // longest in which no client's task was accepted
}

// times finds out how long what was lost had to wait, and clients.
func (v *verdict) times(orders []*order, tasks map[string]*task.Task) {
	var accepted []time.Time
	for _, o := range orders {
		if !o.accepted.IsZero() {
			accepted = append(accepted, o.accepted)
		}
		if t := tasks[o.key]; t != nil {
			v.reruns(o, t)
		}
	}
	slices.SortFunc(accepted, time.Time.Compare)
	for i := 1; i < len(accepted); i++ {
		v.waits.gap = max(v.waits.gap, accepted[i].Sub(accepted[i-1]))
	}
	if v.run.rerun > 0 && v.waits.killed == 0 {
		v.fault(nil, nil, "no task was lost with its worker: the trouble came to nothing")
	}
}

func (v *verdict) reruns(o *order, t *task.Task) {
	for i, a := range t.Attempts {
		if a.Outcome != task.OutcomeLost || i+1 == len(t.Attempts) {
			continue
		}
		next := t.Attempts[i+1].StartedAt
		if p := v.run.fleet.ofWorker(a.Worker); p != nil && !p.died().IsZero() {
			took := next.Sub(p.died())
			v.waits.killed = max(v.waits.killed, took)
			if v.run.rerun > 0 && took > v.run.rerun {
				v.fault(o, t, "the task waited %s for another worker after %s was killed, want %s at most", took, p, v.run.rerun)
			}
			continue
		}
		// What others took over while the trouble went on did not have to wait for its end.
		if over := v.run.timeline.lastOver(next); over.After(a.StartedAt) {
			v.waits.other = max(v.waits.other, next.Sub(over))
		}
	}
}

// print says what came out, also when all went well.
func (v *verdict) print() {
	v.run.t.Helper()
	if hidden := v.tally.faults - mostShown; hidden > 0 {
		v.run.t.Errorf("and %d faults more", hidden)
	}
	n, round := v.tally, func(d time.Duration) time.Duration { return d.Round(10 * time.Millisecond) }
	v.run.t.Logf("%d accepted (%d succeeded, %d failed, %d canceled), %d answers of 503, %d requests without answer",
		n.accepted, n.succeeded, n.failed, n.canceled, n.refused, n.unanswered)
	v.run.t.Logf("%d accepted and lost, %d not as told, %d tasks too many", n.lost, n.forgotten, n.twice)
	v.run.t.Logf("%d attempts lost; the target saw %d calls of %d tasks: %d executions doubled",
		n.lostAttempts, n.calls, n.called, n.calls-n.called)
	v.run.t.Logf("longest from a worker's death to the re-run %s, from the end of another trouble %s; longest without an accepted task %s",
		round(v.waits.killed), round(v.waits.other), round(v.waits.gap))
}
