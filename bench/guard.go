package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// guardCommand is the argument that makes this program the guard of another one.
const guardCommand = "guard"

// guard ends what we have started if we ourselves are killed. It is a process of its own
// that reads from us which process groups there are; when its input ends, so have we.
type guard struct {
	cmd *exec.Cmd

	mu sync.Mutex
	to io.WriteCloser
}

// startGuard starts it from our own program. The caller ends it by close.
func startGuard() (*guard, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find our own program: %w", err)
	}
	//nolint:noctx // It must outlive what would stop it: it ends when its input does.
	g := &guard{cmd: exec.Command(self, guardCommand)}
	// A group of its own: Ctrl-C at a terminal goes to all of ours, and must not end it.
	g.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if g.to, err = g.cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("start the guard: %w", err)
	}
	if err := g.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the guard: %w", err)
	}
	return g, nil
}

// watch takes a process group into its care.
func (g *guard) watch(group int) error { return g.say("+", group) }

// forget is for a group that has ended: its number may be given to somebody else.
func (g *guard) forget(group int) error { return g.say("-", group) }

func (g *guard) say(sign string, group int) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, err := fmt.Fprintf(g.to, "%s%d\n", sign, group); err != nil {
		return fmt.Errorf("tell the guard of process group %d: %w", group, err)
	}
	return nil
}

// close ends the guard and all that is still in its care.
func (g *guard) close() error {
	if err := g.to.Close(); err != nil {
		return fmt.Errorf("end the guard: %w", err)
	}
	return g.cmd.Wait()
}

// standGuard is the guard's whole life.
func standGuard(in io.Reader) error {
	groups := map[int]bool{}
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		sign, number := lines.Text()[:min(1, len(lines.Text()))], strings.TrimLeft(lines.Text(), "+-")
		group, err := strconv.Atoi(number)
		if err != nil || group < 2 {
			return fmt.Errorf("not a process group: %q", lines.Text())
		}
		groups[group] = sign == "+"
	}
	for group, alive := range groups {
		if alive {
			_ = syscall.Kill(-group, syscall.SIGKILL) // It may have ended meanwhile.
		}
	}
	return lines.Err()
}
