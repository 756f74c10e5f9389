package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// drain fills a line with nobody there, lets workers start, and looks on until all is done.
type drain struct {
	tasks int
	fill  func() error
	start func() error
	done  func() (int, error) // how many are finished
}

// drained is what came out of it.
type drained struct {
	rate     float64 // tasks a second
	waiting  float64 // bytes in Redis per waiting task
	finished float64 // and per finished one
	redis    float64 // part of the time that Redis was busy
	machine  float64 // part of all cores' time that was busy
}

// look is how far things were at a time.
type look struct {
	at      time.Time
	done    int
	redis   float64 // seconds that Redis has been busy
	machine float64 // part of all cores' time that was busy, since the start of the machine, and
	whole   float64 // that time itself, in the kernel's ticks
}

// run does it on the stage's Redis.
func (d drain) run(ctx context.Context, s *stage) (out drained, err error) {
	empty, err := s.redisMemory(ctx)
	if err != nil {
		return out, err
	}
	if err := d.fill(); err != nil {
		return out, fmt.Errorf("hand in the tasks: %w", err)
	}
	waiting, err := s.redisMemory(ctx)
	if err != nil {
		return out, err
	}
	if err := d.start(); err != nil {
		return out, err
	}
	first, err := d.wait(ctx, s, int(firstPart*float64(d.tasks)))
	if err != nil {
		return out, err
	}
	last, err := d.wait(ctx, s, d.tasks)
	if err != nil {
		return out, err
	}
	finished, err := s.redisMemory(ctx)
	if err != nil {
		return out, err
	}
	took, n := last.at.Sub(first.at).Seconds(), float64(d.tasks)
	return drained{
		rate:     float64(last.done-first.done) / took,
		waiting:  (waiting - empty) / n,
		finished: (finished - empty) / n,
		redis:    (last.redis - first.redis) / took,
		machine:  (last.machine - first.machine) / (last.whole - first.whole),
	}, nil
}

// wait returns when so many tasks are finished.
func (d drain) wait(ctx context.Context, s *stage, n int) (l look, err error) {
	err = poll(ctx, countPause, func() (bool, error) {
		l.done, err = d.done()
		l.at = time.Now()
		return l.done >= n, err
	})
	if err != nil {
		return l, fmt.Errorf("wait until %d of %d tasks are finished; %d are: %w", n, d.tasks, l.done, err)
	}
	if l.redis, err = s.redisTime(ctx); err != nil {
		return l, err
	}
	l.machine, l.whole, err = machineTime()
	return l, err
}

// machineTime is how long the cores were busy, and how long there were, since the machine
// started, in ticks: see /proc/stat in proc(5).
func machineTime() (busy, whole float64, err error) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, 0, err
	}
	line, _, _ := strings.Cut(string(text), "\n")
	const idle, ioWait, guest = 3, 4, 8 // guest's time is in user's already
	for i, field := range strings.Fields(line)[1:] {
		ticks, err := strconv.ParseFloat(field, 64)
		if err != nil {
			return 0, 0, fmt.Errorf("read /proc/stat: %w", err)
		}
		if i >= guest {
			break
		}
		whole += ticks
		if i != idle && i != ioWait {
			busy += ticks
		}
	}
	return busy, whole, nil
}
