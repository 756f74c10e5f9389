package chaos

import (
	"context"
	"flag"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9/logging"
)

var form = flag.String("chaos", "short", "short: some seconds a scenario; long: minutes")

// scenario is one sort of trouble.
type scenario struct {
	name    string
	redis   func(*testing.T) *backend
	args    []string   // further options of every process
	sorts   []sort     // what clients hand in beside the usual
	trouble func(*run) // makes trouble in the test's goroutine while the load goes on
	// loses: accepted tasks may be gone afterwards. They are counted, and no fault.
	loses bool
	// forgets: a task may be in an earlier state than a client was told. The same.
	forgets bool
	// rerun is the longest that a task of a killed worker may wait for the next one; zero: no bound.
	rerun time.Duration
}

// scenarios is the one list of them.
func scenarios() []scenario {
	// As many as there are: a failover makes any one of them the master, also one that came back
	// from the dead, and several in a row when Sentinels are slow to hear of each other.
	waits := func(replicas string) []string { return []string{"-wait-replicas", replicas} }
	return []scenario{
		{name: "workers killed", redis: single("always"), trouble: killWorkers, rerun: 10 * time.Second},
		{name: "api killed", redis: distant, trouble: killFronts},
		{name: "redis killed, fsync always", redis: single("always"), trouble: killRedis},
		{name: "redis killed, fsync everysec", redis: single("everysec"), trouble: killRedis, loses: true, forgets: true},
		{name: "redis paused", redis: single("always"), trouble: pauseRedis},
		{name: "connections cut", redis: distant, trouble: cutConnections},
		{name: "connections slow", redis: distant, trouble: slowConnections},
		{name: "connections half open", redis: distant, trouble: halfOpenConnections},
		{name: "one of each half open", redis: distant, trouble: isolate, sorts: []sort{lasting()}},
		{name: "sentinel master killed", redis: watched, trouble: killMasters, loses: true, forgets: true},
		{name: "sentinel master killed, replicas behind", redis: watched, trouble: killMasterAhead, loses: true, forgets: true, sorts: slices.Repeat([]sort{large()}, 9)},
		{name: "sentinel master killed, replicas waited for", redis: watched, args: waits("2"), trouble: killMasterAhead, forgets: true, sorts: slices.Repeat([]sort{large()}, 9)},
		{name: "cluster master killed, replicas waited for", redis: sharded, args: waits("1"), trouble: killMasters, forgets: true},
		{name: "cluster master killed", redis: sharded, trouble: killMasters, loses: true, forgets: true},
	}
}

func TestChaos(t *testing.T) {
	long := *form == "long"
	if !long && *form != "short" {
		t.Fatalf("-chaos=%s: want short or long", *form)
	}
	logging.Disable() // The clients of the tests meet dead servers, and say so.
	bin := build(t)
	for _, s := range scenarios() {
		t.Run(s.name, func(t *testing.T) {
			if !long {
				t.Parallel() // They mostly wait.
			}
			play(t, bin, s, long)
		})
	}
}

// build makes the program as it is delivered: without the race detector, which would slow
// the processes down where time matters.
func build(t *testing.T) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "windlass")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", bin, "windlass/cmd/server").CombinedOutput()
	if err != nil {
		t.Fatalf("build windlass: %v\n%s", err, out)
	}
	return bin
}

// Bounds of one scenario.
const (
	fronts    = 2
	workers   = 3
	clients   = 12
	mostTasks = 2000 // a client
	// pace is how long a client rests between two tasks.
	pace = 100 * time.Millisecond
	// settle is how long clients may take to get an answer, and then tasks to end, once
	// the trouble is over. A half-open connection may eat 15 s of it: three timeouts.
	settle = 90 * time.Second
)

// run is a scenario under way.
type run struct {
	scenario
	t        *testing.T
	long     bool
	backend  *backend
	fleet    *fleet
	target   *target
	timeline *timeline
}

// play runs one scenario from its first process to its verdict.
func play(t *testing.T, bin string, s scenario, long bool) {
	r := &run{scenario: s, t: t, long: long, backend: s.redis(t), target: startTarget(t), timeline: &timeline{start: time.Now()}}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(r.timeline.String())
		}
	})
	r.fleet = startFleet(t, bin, r.backend, s.args, r.timeline)

	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	l := startLoad(ctx, r)
	r.waitAccepted(l, clients) // The trouble must meet a running load.
	s.trouble(r)
	// What comes after the trouble must be as good as what came before.
	r.rest(time.Second)
	stop()
	orders := l.wait(t)
	r.timeline.note("load over")
	r.backend.mend()
	r.waitEnded()
	r.check(orders)
	r.fleet.check(t)
}

// pick gives the size of something in the short and the long form.
func pick[T any](r *run, short, long T) T {
	if r.long {
		return long
	}
	return short
}

// rest lets time pass while the load goes on.
func (r *run) rest(d time.Duration) { rest(r.t.Context(), d) }

// rest returns after d or at the end of ctx.
func rest(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// until polls until the condition holds. It is false when it does not within most.
func (r *run) until(most time.Duration, holds func() bool) bool {
	for end := time.Now().Add(most); !holds(); r.rest(50 * time.Millisecond) {
		if time.Now().After(end) || r.t.Context().Err() != nil {
			return false
		}
	}
	return true
}

func (r *run) waitAccepted(l *load, n int64) {
	r.t.Helper()
	if !r.until(settle, func() bool { return l.accepted.Load() >= n }) {
		r.t.Fatalf("after %s %d tasks are accepted, want %d", settle, l.accepted.Load(), n)
	}
}
