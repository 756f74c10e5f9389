package chaos

import (
	"fmt"
	"strings"
	"sync"
	"time"
)

// timeline is what was done to a fleet, and when.
type timeline struct {
	start time.Time

	mu     sync.Mutex
	events []event
}

type event struct {
	at   time.Time
	what string
	over bool // the trouble ended with it: what had to wait for that may go on
}

// note adds something that happened.
func (l *timeline) note(format string, args ...any) { l.add(fmt.Sprintf(format, args...), false) }

// over adds the end of a trouble.
func (l *timeline) over(format string, args ...any) { l.add(fmt.Sprintf(format, args...), true) }

func (l *timeline) add(what string, over bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = append(l.events, event{time.Now(), what, over})
}

// lastOver gives when the last trouble ended before t. The zero time means never.
func (l *timeline) lastOver(t time.Time) time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	var last time.Time
	for _, e := range l.events {
		if e.over && e.at.Before(t) {
			last = e.at
		}
	}
	return last
}

// String gives one line an event, with the seconds since the start.
func (l *timeline) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var b strings.Builder
	fmt.Fprintf(&b, "timeline, seconds from %s:\n", l.start.UTC().Format("15:04:05.000"))
	for _, e := range l.events {
		fmt.Fprintf(&b, "%8.3f  %s\n", e.at.Sub(l.start).Seconds(), e.what)
	}
	return b.String()
}
