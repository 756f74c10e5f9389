package chaos

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

// fleet is the processes of one scenario.
type fleet struct {
	t        *testing.T
	bin      string
	backend  *backend
	args     []string
	timeline *timeline

	mu      sync.Mutex
	fronts  []*process // alive; clients read it
	workers []*process // alive
	buried  []*process // killed by the scenario
	hired   int        // workers started so far
}

func startFleet(t *testing.T, bin string, b *backend, args []string, l *timeline) *fleet {
	f := &fleet{t: t, bin: bin, backend: b, args: args, timeline: l}
	for range fronts {
		f.addFront()
	}
	for range workers {
		f.addWorker()
	}
	l.note("%d api and %d worker processes run", fronts, workers)
	return f
}

func (f *fleet) addFront() {
	f.t.Helper()
	p := f.start("api", "-redis-url", f.backend.frontURL)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fronts = append(f.fronts, p)
}

func (f *fleet) addWorker() {
	f.t.Helper()
	urls := f.backend.workerURLs
	p := f.start("worker", "-redis-url", urls[f.hired%len(urls)], "-egress-allow", "127.0.0.0/8")
	f.mu.Lock()
	defer f.mu.Unlock()
	f.hired++
	f.workers = append(f.workers, p)
}

func (f *fleet) start(role string, args ...string) *process {
	f.t.Helper()
	args = append([]string{"-role", role, "-listen", "127.0.0.1:0", "-log-format", "json"}, args...)
	p := startProcess(f.t, f.bin, role, append(args, f.args...)...)
	p.name = fmt.Sprintf("%s %d", role, p.cmd.Process.Pid)
	return p
}

// front gives the address of an API, another one for each n.
func (f *fleet) front(n int) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.fronts[n%len(f.fronts)].url
}

// ofWorker gives the process behind the name of a worker, nil when there is none.
func (f *fleet) ofWorker(id string) *process {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, p := range append(f.workers[:len(f.workers):len(f.workers)], f.buried...) {
		if strings.Contains(id, fmt.Sprintf("-%d-", p.cmd.Process.Pid)) {
			return p
		}
	}
	return nil
}

// replace kills one of the processes and starts another, as an orchestrator would.
func (f *fleet) replace(p *process) {
	f.t.Helper()
	f.timeline.note("kill -9 %s", p.name)
	p.kill()
	f.mu.Lock()
	wasFront := len(f.fronts)
	f.fronts, f.workers = without(f.fronts, p), without(f.workers, p)
	f.buried = append(f.buried, p)
	again := f.addWorker
	if len(f.fronts) < wasFront {
		again = f.addFront
	}
	f.mu.Unlock()
	again()
}

func without(all []*process, p *process) []*process {
	var rest []*process
	for _, q := range all {
		if q != p {
			rest = append(rest, q)
		}
	}
	return rest
}

// oldestFront gives the API that runs for the longest time.
func (f *fleet) oldestFront() *process {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.fronts[0]
}

// check fails the test when a process ended that nobody killed.
func (f *fleet) check(t *testing.T) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, p := range append(f.fronts[:len(f.fronts):len(f.fronts)], f.workers...) {
		if p.ended() {
			t.Errorf("%s ended by itself: %v, %s after its start", p.name, p.cmd.ProcessState, time.Since(f.timeline.start))
		}
	}
}
