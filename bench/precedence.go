package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
)

// separate keeps the crowd's work from taking part in what is measured: the servers get a core
// before it whenever they want one, Redis and this program, the client, before the servers
// (SCHED_FIFO, see sched(7)). So it is where each has a machine of its own. The caller calls
// join when the measurement is over.
func (s *stage) separate(ctx context.Context, c *crowd) (join func(), err error) {
	if s.shared {
		return func() {}, nil
	}
	priority := map[int]string{os.Getpid(): "2", s.redisServer.cmd.Process.Pid: "2"}
	for _, p := range s.ran {
		if c == nil || p != c.process {
			priority[p.cmd.Process.Pid] = "1"
		}
	}
	for pid, priority := range priority {
		if err := schedule(ctx, pid, "--fifo", priority); err != nil {
			return nil, fmt.Errorf("%w: needs root, or -rude-shared", err)
		}
	}
	return func() {
		if err := schedule(context.WithoutCancel(ctx), os.Getpid(), "--other", "0"); err != nil {
			fmt.Fprintln(s.progress, err)
		}
	}, nil
}

// schedule gives all threads of a process another policy and priority.
func schedule(ctx context.Context, pid int, policy, priority string) error {
	out, err := exec.CommandContext(ctx, "chrt", "--all-tasks", policy, "--pid", priority, strconv.Itoa(pid)).CombinedOutput()
	if err != nil {
		return fmt.Errorf("chrt: %w: %s", err, strings.TrimSpace(string(out)))
	}
	return nil
}
