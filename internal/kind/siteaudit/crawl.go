package siteaudit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"

	"windlass/internal/task"
)

const (
	// maxTargets is how many URLs an audit looks at.
	maxTargets = 40_000
	// maxHops is how many redirects may follow one another.
	maxHops = 10
	// maxAnchorBytes bounds the anchors that are kept, all pages together.
	// Fragments of links to the pages beyond it are not judged.
	maxAnchorBytes = 4 << 20
	// maxPutOffs is how often a host that asks for patience is asked again.
	maxPutOffs = 2
	// putOff is the wait when it does not say how long.
	putOff = 5 * time.Second
	// maxBrokenLogged bounds the log lines about broken links.
	maxBrokenLogged = 200
)

// crawl is one attempt at an audit. One goroutine owns it; those that wait for
// answers touch nothing but the client.
type crawl struct {
	*state
	settings
	client  client
	task    *task.Run
	product string // our name in robots.txt files

	site    *url.URL // the page where the start URL ended
	robots  robots
	lanes   map[string]*lane // by host
	home    *lane            // the site's
	others  []*lane          // those with work but the site's, in turn
	answers chan arrival
	flying  map[int]bool // targets that are being asked for
	putOffs map[int]int

	pages, reading  int // read, and being read
	elsewhere, open int // requests to other hosts under way; targets without an answer
	similar         map[string]int
	anchorBytes     int
	brokenLogged    int
	opened, timeUp  bool
	saved           savings
}

// arrival is an answer on its way back to the crawl.
type arrival struct {
	job
	answer
	lane *lane
}

func newCrawl(a auditor, start *url.URL, s settings, run *task.Run) *crawl {
	c := &crawl{
		state: newState(), settings: s, task: run, product: productToken(a.userAgent),
		client:  client{transport: a.transport, userAgent: a.userAgent, login: start.User, start: start},
		lanes:   map[string]*lane{},
		flying:  map[int]bool{},
		putOffs: map[int]int{},
		similar: map[string]int{},
		answers: make(chan arrival, maxElsewhere+maxPerHost),
	}
	c.saved.at = time.Now()
	return c
}

// run crawls until nothing is left to do, the attempt's time is nearly up, or
// ctx ends, and gives an error when there is nothing to report on.
func (c *crawl) run(ctx context.Context) error {
	work, cancel := inTime(ctx)
	defer cancel()
	err := c.begin(work)
	if err == nil {
		c.opened = true
		err = c.crawl(work)
	}
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, context.DeadlineExceeded) && c.opened:
		c.timeUp = true
		c.task.Logf(slog.LevelWarn, "the attempt's time is nearly up: %d links stay unchecked", c.open)
		return nil
	case errors.Is(err, context.DeadlineExceeded):
		return failure(faultTimeout, "The site could not be opened within the attempt's time.", err)
	}
	return err
}

// inTime ends a little before ctx does, so that what was found by then can
// still be reported.
func inTime(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, deadline.Add(-min(30*time.Second, time.Until(deadline)/10)))
}

// crawl makes the requests that wait, and those that their answers lead to.
func (c *crawl) crawl(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	var asking sync.WaitGroup
	defer asking.Wait()
	defer cancel()
	for {
		wake := c.dispatch(ctx, &asking)
		c.progress("")
		if len(c.flying) == 0 && wake.IsZero() {
			return nil
		}
		pause := time.Hour // an answer comes sooner
		if !wake.IsZero() {
			pause = time.Until(wake)
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case a := <-c.answers:
			timer.Stop()
			// An answer that comes with the end may have been cut short by it.
			if ctx.Err() != nil {
				return ctx.Err()
			}
			c.receive(a)
			c.save(ctx)
		case <-timer.C:
		}
	}
}

// dispatch starts every request that may start now. It gives the time when
// another may for no more reason than that; zero when none does.
func (c *crawl) dispatch(ctx context.Context, asking *sync.WaitGroup) time.Time {
	wake := c.serve(ctx, c.home, asking)
	for n := len(c.others); n > 0 && c.elsewhere < maxElsewhere; n-- {
		l := c.others[0]
		c.others = c.others[1:]
		at := c.serve(ctx, l, asking)
		if wake.IsZero() || !at.IsZero() && at.Before(wake) {
			wake = at
		}
		if l.busy = !l.empty(); l.busy {
			c.others = append(c.others, l)
		}
	}
	return wake
}

// serve starts what l may start now. It gives the end of l's pause when nothing
// else keeps the next request back.
func (c *crawl) serve(ctx context.Context, l *lane, asking *sync.WaitGroup) time.Time {
	now := time.Now()
	for l.active < l.most && !now.Before(l.next) && (l == c.home || c.elsewhere < maxElsewhere) {
		j, ok := c.pick(l)
		if !ok {
			return time.Time{}
		}
		c.launch(ctx, l, j, asking)
		l.next = now.Add(l.pause)
	}
	if l.active < l.most && now.Before(l.next) && !l.empty() {
		return l.next
	}
	return time.Time{}
}

// pick gives the request that l makes next: pages first, the nearest first.
func (c *crawl) pick(l *lane) (job, bool) {
	if len(l.again) > 0 {
		j := l.again[0]
		l.again = l.again[1:]
		return j, true
	}
	for depth := l.firstRead(); depth >= 0; depth = l.firstRead() {
		i := l.reads[depth][0]
		t := c.Targets[i]
		stale := t.Done || t.Wish != wishRead || c.flying[i] // waited in two places
		room := c.pages+c.reading < c.maxPages
		if !stale && !room && c.reading > 0 {
			break // what is being read may turn out to be no page and make room
		}
		l.reads[depth] = l.reads[depth][1:]
		switch {
		case stale:
		case room:
			return job{target: i, method: http.MethodGet, read: true}, true
		case t.Listed:
			// No page links to it, so there is no link to check either.
			t.Wish, t.Left = wishNone, leftPages
			c.forget(t)
		default:
			t.Wish, t.Left = wishCheck, leftPages
			return head(i), true
		}
	}
	for len(l.checks) > 0 {
		i := l.checks[0]
		l.checks = l.checks[1:]
		if t := c.Targets[i]; t.Wish == wishCheck && !t.Done && !c.flying[i] {
			return head(i), true
		}
	}
	return job{}, false
}

// launch makes one request in a goroutine of its own.
func (c *crawl) launch(ctx context.Context, l *lane, j job, asking *sync.WaitGroup) {
	l.active++
	c.flying[j.target] = true
	if l != c.home {
		c.elsewhere++
	}
	address := c.Targets[j.target].URL
	var wanted func(answer) bool
	if j.read {
		c.reading++
		c.progress(address)
		wanted = isPage
	}
	asking.Go(func() {
		c.answers <- arrival{job: j, lane: l, answer: c.client.do(ctx, j.method, address, wanted)}
	})
}

// progress tells how many pages are read, of those known so far. reading is the
// page at hand; empty when it is links that are checked.
func (c *crawl) progress(reading string) {
	waiting := c.home.waitingReads()
	if reading == "" {
		if c.reading > 0 || waiting > 0 {
			return
		}
		reading = fmt.Sprintf("checking links, %d to go", c.open)
	}
	known := min(c.pages+c.reading+waiting, c.maxPages)
	c.task.Progress(int64(c.pages), int64(known), reading)
}
