package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// process is a program that runs beside us, with the processes that it starts itself: they
// share its group.
type process struct {
	name   string
	cmd    *exec.Cmd
	log    string // the file that has what it wrote
	guard  *guard
	exited chan struct{}
	once   sync.Once
}

// startProcess runs argv in dir, with env beside our own environment. The caller ends it by
// stop; should we be killed, the guard does.
func startProcess(g *guard, logs, name, dir string, env []string, argv ...string) (*process, error) {
	p := &process{name: name, guard: g, exited: make(chan struct{}), log: filepath.Join(logs, name+".log")}
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	defer log.Close() // The child has its own.
	fmt.Fprintf(log, "== %s\n", strings.Join(argv, " "))
	//nolint:noctx // It is ended with its whole group, by stop.
	p.cmd = exec.Command(argv[0], argv[1:]...)
	p.cmd.Dir, p.cmd.Env = dir, append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() {
		defer close(p.exited)
		_ = p.cmd.Wait() // How it ended is asked for where it matters.
	}()
	if err := g.watch(p.group()); err != nil {
		p.stop()
		return nil, err
	}
	return p, nil
}

func (p *process) group() int { return p.cmd.Process.Pid }

// stop kills the whole group and returns when its leader is gone. Nothing of a measurement
// is worth a farewell: its Redis goes with it.
func (p *process) stop() {
	p.once.Do(func() {
		_ = syscall.Kill(-p.group(), syscall.SIGKILL) // It may have ended by itself.
		<-p.exited
		_ = p.guard.forget(p.group()) // A guard that is gone has killed it.
	})
}

// alive is an error once the process has ended.
func (p *process) alive() error {
	select {
	case <-p.exited:
		return fmt.Errorf("%s has ended: see %s", p.name, p.log)
	default:
		return nil
	}
}

// output is what it has written so far, after the line that says how it was called.
func (p *process) output() (string, error) {
	text, err := os.ReadFile(p.log)
	_, rest, _ := strings.Cut(string(text), "\n")
	return rest, err
}

// wait returns when the process has ended by itself, with an error if that was not well.
func (p *process) wait(ctx context.Context) error {
	select {
	case <-p.exited:
	case <-ctx.Done():
		return fmt.Errorf("wait for %s: %w", p.name, ctx.Err())
	}
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		return fmt.Errorf("%s ended with code %d: see %s", p.name, code, p.log)
	}
	return nil
}

// memory is what the group takes of the machine, in bytes: what its processes share with each
// other is counted once, what they share with others in part (PSS, see proc(5)).
func (p *process) memory() (float64, error) {
	members, err := groupMembers(p.group())
	if err != nil {
		return 0, err
	}
	total := 0.0
	for _, pid := range members {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
			continue // It has just ended.
		}
		if err != nil {
			return 0, fmt.Errorf("read the memory of %s: %w", p.name, err)
		}
		kib, err := smapsPSS(string(text))
		if err != nil {
			return 0, fmt.Errorf("read the memory of %s: %w", p.name, err)
		}
		total += kib * 1024
	}
	if total == 0 {
		return 0, fmt.Errorf("read the memory of %s: no process of it is left: see %s", p.name, p.log)
	}
	return total, nil
}

// cpu is how long the group has been busy since it was started, in seconds: the members
// that there are.
func (p *process) cpu() (float64, error) {
	members, err := groupMembers(p.group())
	if err != nil {
		return 0, err
	}
	total := 0.0
	for _, pid := range members {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			continue // It has just ended.
		}
		ticks, err := statTicks(string(text))
		if err != nil {
			return 0, fmt.Errorf("read how busy %s was: %w", p.name, err)
		}
		total += ticks
	}
	return total / ticksPerSecond, nil
}

// ticksPerSecond is what Linux counts processes' time in (USER_HZ).
const ticksPerSecond = 100

// statTicks adds the time in user and in kernel mode: fields 14 and 15 of proc(5)'s stat.
func statTicks(text string) (float64, error) {
	fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	if len(fields) < 13 {
		return 0, errors.New("no times in stat")
	}
	user, err := strconv.ParseFloat(fields[11], 64)
	if err != nil {
		return 0, err
	}
	system, err := strconv.ParseFloat(fields[12], 64)
	return user + system, err
}

func smapsPSS(text string) (float64, error) {
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) == 3 && fields[0] == "Pss:" {
			return strconv.ParseFloat(fields[1], 64)
		}
	}
	return 0, errors.New("no Pss in smaps_rollup")
}

// groupMembers lists the processes of a group.
func groupMembers(group int) ([]int, error) {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	var members []int
	for _, name := range stats {
		text, err := os.ReadFile(name)
		if err != nil {
			continue // It has just ended.
		}
		// The name in parentheses may hold anything; state, parent and group follow it.
		_, rest, _ := strings.Cut(string(text[strings.LastIndexByte(string(text), ')'):]), " ")
		fields := strings.Fields(rest)
		if len(fields) > 2 && fields[0] != "Z" && fields[2] == strconv.Itoa(group) {
			pid, err := strconv.Atoi(filepath.Base(filepath.Dir(name)))
			if err != nil {
				return nil, err
			}
			members = append(members, pid)
		}
	}
	return members, nil
}

// poll asks until the answer is yes, an error, or ctx ends. It asks at least every pause.
func poll(ctx context.Context, pause time.Duration, ask func() (bool, error)) error {
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for {
		if done, err := ask(); done || err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
