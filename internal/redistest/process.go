package redistest

import (
	"bytes"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"sync"
	"time"
)

// startTimeout bounds the wait for a server to get ready. It takes 20 ms on a quiet
// machine; loading a big append-only file or a busy CI host takes longer.
const startTimeout = 30 * time.Second

// process is a redis-server that got ready once.
type process struct {
	cmd    *exec.Cmd
	exited chan struct{}
}

// startProcess returns when the server has written word, by which it says that it accepts
// connections. If it cannot, the error has what the server wrote.
func startProcess(bin string, args []string, word string) (*process, error) {
	out := &output{word: []byte(word), ready: make(chan struct{})}
	p := &process{cmd: exec.Command(bin, args...), exited: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = out, out
	p.cmd.SysProcAttr = dieWithParent()
	// A snapshot's child shares our pipe and may outlive a killed server: do not wait for it.
	p.cmd.WaitDelay = time.Second

	started := make(chan error)
	go func() {
		// The kernel ties dieWithParent to the thread that forked, not to the process. A
		// goroutine that keeps its thread until the server is gone makes them the same.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(p.exited)
		err := p.cmd.Start()
		started <- err
		if err == nil {
			_ = p.cmd.Wait() // A killed server is what tests ask for, not an error.
		}
	}()
	if err := <-started; err != nil {
		return nil, err
	}

	timeout := time.NewTimer(startTimeout)
	defer timeout.Stop()
	select {
	case <-out.ready:
		return p, nil
	case <-p.exited:
		return nil, errors.New("it exited, having written:\n" + out.String())
	case <-timeout.C:
		p.kill()
		return nil, fmt.Errorf("it was not ready after %v, having written:\n%s", startTimeout, out.String())
	}
}

// kill returns when the process is gone and reaped.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // Fails only if the process has ended, and then all is well.
	<-p.exited
}

// output collects what a server writes until it says that it is ready. The server's own
// word is better proof than a PING: that might be answered by somebody else on the port.
type output struct {
	word  []byte
	ready chan struct{}

	mu   sync.Mutex
	text bytes.Buffer
	done bool
}

// Write implements io.Writer. It never fails.
func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.done {
		return len(b), nil
	}
	o.text.Write(b)
	if bytes.Contains(o.text.Bytes(), o.word) {
		o.done = true
		close(o.ready)
	}
	return len(b), nil
}

// String returns what was written before the server was ready.
func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}
