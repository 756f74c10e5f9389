package chaos

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// logKept is how many of the last lines of a process are shown when its scenario fails.
const logKept = 40

// process is one Windlass.
type process struct {
	role   string
	cmd    *exec.Cmd
	url    string
	exited chan struct{}

	mu   sync.Mutex
	log  []string // the last lines that are not about a single request or attempt that went well
	dead time.Time
}

// startProcess runs Windlass and returns when it listens. It is killed when t ends, and
// when the test binary dies.
func startProcess(t *testing.T, bin, role string, args ...string) *process {
	t.Helper()
	p := &process{role: role, cmd: exec.Command(bin, args...), exited: make(chan struct{})}
	p.cmd.SysProcAttr = dieWithParent()
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	started, address := make(chan error), make(chan string, 1)
	go func() {
		// dieWithParent goes by the thread that forked: it must live as long as the child.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(p.exited)
		err := p.cmd.Start()
		started <- err
		if err == nil {
			p.read(stderr, address)
			_ = p.cmd.Wait() // How it ended is of interest to those who wait for exited.
		}
	}()
	if err := <-started; err != nil {
		t.Fatalf("start %s: %v", role, err)
	}
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("last lines of %s:\n%s", p, p.tail())
		}
	})
	timer := time.NewTimer(30 * time.Second)
	defer timer.Stop()
	select {
	case p.url = <-address:
	case <-p.exited:
		t.Fatalf("%s ended at once:\n%s", role, p.tail())
	case <-timer.C:
		t.Fatalf("%s does not listen:\n%s", role, p.tail())
	}
	return p
}

// String names it as the timeline does.
func (p *process) String() string { return fmt.Sprintf("%s %d", p.role, p.cmd.Process.Pid) }

func (p *process) read(r io.Reader, address chan<- string) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var line struct{ Level, Msg, Address string }
		_ = json.Unmarshal(lines.Bytes(), &line) // What is no JSON is kept as it is.
		if line.Msg == "listening" {
			address <- line.Address
		}
		if line.Level == "INFO" && (line.Msg == "request" || line.Msg == "attempt ended") {
			continue
		}
		p.mu.Lock()
		if p.log = append(p.log, lines.Text()); len(p.log) > logKept {
			p.log = p.log[1:]
		}
		p.mu.Unlock()
	}
}

func (p *process) tail() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.log, "\n")
}

// kill ends the process as a crash would, and returns when it is gone.
func (p *process) kill() {
	p.mu.Lock()
	if p.dead.IsZero() {
		p.dead = time.Now()
	}
	p.mu.Unlock()
	_ = p.cmd.Process.Kill() // Fails only when it has ended, and then all is well.
	<-p.exited
}

// died tells when it was killed. The zero time means that it was not.
func (p *process) died() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.dead
}

// ended reports whether the process is gone.
func (p *process) ended() bool {
	select {
	case <-p.exited:
		return true
	default:
		return false
	}
}
