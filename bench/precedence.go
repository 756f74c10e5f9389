package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
)

// takePrecedence lets this program, the client, and Redis have a core as soon as they want one
// (SCHED_FIFO, see sched(7)), as they would on machines of their own: else they wait until the
// server that is measured, which has all cores then, lets go of one, and its time is measured
// twice. The caller calls yield when the measurement is over.
func (s *stage) takePrecedence(ctx context.Context) (yield func(), err error) {
	if s.shared {
		return func() {}, nil
	}
	self := strconv.Itoa(os.Getpid())
	for _, pid := range []string{self, strconv.Itoa(s.server.cmd.Process.Pid)} {
		if err := schedule(ctx, pid, "--fifo", "1"); err != nil {
			return nil, fmt.Errorf("%w: needs root, or -rude-shared", err)
		}
	}
	return func() {
		if err := schedule(context.WithoutCancel(ctx), self, "--other", "0"); err != nil {
			fmt.Fprintln(s.progress, err)
		}
	}, nil
}

// schedule gives all threads of a process another policy and priority.
func schedule(ctx context.Context, pid, policy, priority string) error {
	out, err := exec.CommandContext(ctx, "chrt", "--all-tasks", policy, "--pid", priority, pid).CombinedOutput()
	if err != nil {
		return fmt.Errorf("chrt: %w: %s", err, strings.TrimSpace(string(out)))
	}
	return nil
}
