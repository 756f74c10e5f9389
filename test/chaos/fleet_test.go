package chaos

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
)

const (
	roleAPI    = "api"
	roleWorker = "worker"
)

// fleet is the processes of one scenario.
type fleet struct {
	t        *testing.T
	bin      string
	backend  *backend
	args     []string
	timeline *timeline

	mu     sync.Mutex
	alive  map[string][]*process // by role, the oldest first; clients read it
	buried []*process            // killed by the scenario
	hired  map[string]int        // started so far, by role
}

func startFleet(t *testing.T, bin string, b *backend, args []string, l *timeline) *fleet {
	f := &fleet{t: t, bin: bin, backend: b, args: args, timeline: l, alive: map[string][]*process{}, hired: map[string]int{}}
	for role, n := range map[string]int{roleAPI: fronts, roleWorker: workers} {
		for range n {
			f.add(role)
		}
	}
	l.note("%d api and %d worker processes run", fronts, workers)
	return f
}

// add starts one process more.
func (f *fleet) add(role string) {
	f.t.Helper()
	urls := f.backend.urls[role]
	roles := role
	if role == roleAPI {
		roles += ",scheduler" // so that what troubles leave behind is mended, as in any fleet
	}
	args := []string{
		"-role", roles, "-listen", "127.0.0.1:0", "-log-format", "json",
		"-redis-url", urls[f.hired[role]%len(urls)], "-egress-allow", "127.0.0.0/8",
	}
	f.hired[role]++
	p := startProcess(f.t, f.bin, role, append(args, f.args...)...)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.alive[role] = append(f.alive[role], p)
}

// front gives the address of an API, another one for each n.
func (f *fleet) front(n int) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.alive[roleAPI][n%len(f.alive[roleAPI])].url
}

// ofWorker gives the process behind the name of a worker, nil when there is none.
func (f *fleet) ofWorker(id string) *process {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, p := range slices.Concat(f.alive[roleWorker], f.buried) {
		if strings.Contains(id, fmt.Sprintf("-%d-", p.cmd.Process.Pid)) {
			return p
		}
	}
	return nil
}

// replace kills a process and starts another of its role, as an orchestrator would.
func (f *fleet) replace(p *process) {
	f.t.Helper()
	f.timeline.note("kill -9 %s", p)
	p.kill()
	f.mu.Lock()
	f.alive[p.role] = slices.DeleteFunc(f.alive[p.role], func(q *process) bool { return q == p })
	f.buried = append(f.buried, p)
	f.mu.Unlock()
	f.add(p.role)
}

// oldest gives the process of a role that runs for the longest time.
func (f *fleet) oldest(role string) *process {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.alive[role][0]
}

// check fails the test when a process ended that nobody killed.
func (f *fleet) check(t *testing.T) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, p := range slices.Concat(f.alive[roleAPI], f.alive[roleWorker]) {
		if p.ended() {
			t.Errorf("%s ended by itself: %v", p, p.cmd.ProcessState)
		}
	}
}
