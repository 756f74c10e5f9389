package siteaudit

import (
	"context"
	"net/http"
	"time"
)

const (
	// maxPause is the longest pause between two requests to a host that a
	// robots.txt, a Retry-After or the input may ask for.
	maxPause = 30 * time.Second
	// maxPerHost is how many requests a host sees at once.
	maxPerHost = 2
	// maxElsewhere is how many requests run at once to all hosts but the site's.
	maxElsewhere = 8
)

// job is one request that waits or runs.
type job struct {
	target int
	method string
	read   bool // the answer is wanted as a page
}

// lane is the line of requests to one host.
type lane struct {
	pause  time.Duration // between the starts of two requests
	most   int           // requests at once
	active int
	next   time.Time // no request starts before
	busy   bool      // is in the crawl's list of those with work

	again  []job   // asked for once already, in another way or too early
	reads  [][]int // targets to read, by depth
	checks []int   // targets to ask for
}

// empty reports whether nothing waits in l.
func (l *lane) empty() bool {
	return len(l.again) == 0 && len(l.reads) == 0 && len(l.checks) == 0
}

// addRead lets target i wait at the end of those at its depth.
func (l *lane) addRead(i, depth int) {
	for len(l.reads) <= depth {
		l.reads = append(l.reads, nil)
	}
	l.reads[depth] = append(l.reads[depth], i)
}

// waitingReads counts what waits to be read.
func (l *lane) waitingReads() int {
	n := 0
	for _, waiting := range l.reads {
		n += len(waiting)
	}
	return n
}

// firstRead gives the place of the nearest waiting read, -1 when none waits,
// and forgets the empty ones before it.
func (l *lane) firstRead() int {
	for depth, waiting := range l.reads {
		if len(waiting) > 0 {
			return depth
		}
	}
	l.reads = nil
	return -1
}

// turn waits for the host's pause and takes one turn, for the requests that are
// made one after another before the crawl proper.
func (l *lane) turn(ctx context.Context) error {
	wait := time.NewTimer(time.Until(l.next))
	defer wait.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-wait.C:
	}
	l.next = time.Now().Add(l.pause)
	return nil
}

// head is the first way to ask whether something is there.
func head(i int) job { return job{target: i, method: http.MethodHead} }
