package main

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// alarm waits for less than a millisecond and means it: Go's own timers end up to a
// millisecond late when a process has nothing else to do.
type alarm struct {
	file *os.File // a timerfd, see timerfd_create(2)
	fd   int
	buf  [8]byte
}

func newAlarm() (*alarm, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("make a timer: %w", err)
	}
	return &alarm{file: os.NewFile(uintptr(fd), "timerfd"), fd: fd}, nil
}

// wait returns after d; at once when that is not above zero, or the alarm is closed.
func (a *alarm) wait(d time.Duration) {
	if d <= 0 {
		return
	}
	after := &unix.ItimerSpec{Value: unix.NsecToTimespec(d.Nanoseconds())}
	if unix.TimerfdSettime(a.fd, 0, after, nil) == nil {
		_, _ = a.file.Read(a.buf[:]) // It can fail by being closed only.
	}
}

func (a *alarm) close() { a.file.Close() }
