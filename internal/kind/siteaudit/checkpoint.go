package siteaudit

import (
	"context"
	"log/slog"
	"net/url"
	"time"
)

const (
	// saveEvery and savePages are how much work a worker's death may cost.
	saveEvery = 2 * time.Second
	savePages = 25
	// saveShare is how small a part of the time goes into checkpoints, which
	// take longer the more is known.
	saveShare = 20
)

// savings is what the crawl knows about its checkpoints.
type savings struct {
	at     time.Time     // of the last one
	took   time.Duration // the last one
	pages  int           // that it held
	failed bool          // one did, and the log says so
}

// save keeps a checkpoint when one is due. One that cannot be kept costs nothing
// but a longer way back, so the crawl goes on.
func (c *crawl) save(ctx context.Context) {
	since := time.Since(c.saved.at)
	if since < saveEvery && c.pages-c.saved.pages < savePages || since < saveShare*c.saved.took {
		return
	}
	began := time.Now()
	err := c.task.Checkpoint(c.state)
	c.saved.at = time.Now()
	c.saved.took, c.saved.pages = c.saved.at.Sub(began), c.pages
	if err != nil && !c.saved.failed && ctx.Err() == nil {
		c.saved.failed = true
		c.task.Logf(slog.LevelWarn, "no checkpoint could be kept; another attempt would start further back")
	}
}

// resume takes up what an earlier attempt left and reports whether there was
// anything.
func (c *crawl) resume(ctx context.Context) (bool, error) {
	s, site := c.earlier()
	if s == nil {
		return false, nil
	}
	if err := c.enter(ctx, site); err != nil {
		return false, err
	}
	c.state = s
	for i, t := range s.Targets {
		c.resumeTarget(i, t)
	}
	c.task.Logf(slog.LevelInfo, "resumed: %d pages are read, %d links to go", c.pages, c.open)
	return true, nil
}

// earlier reads the checkpoint and the site that it is about; nil when there is
// none that can be used.
func (c *crawl) earlier() (*state, *url.URL) {
	s := newState()
	found, err := c.task.Resume(s)
	if err == nil && !found {
		return nil, nil
	}
	if err != nil || s.Version != stateVersion || s.Site >= len(s.Targets) {
		c.task.Logf(slog.LevelWarn, "the checkpoint of an earlier attempt cannot be read; starting over")
		return nil, nil
	}
	site, err := parse(s.Targets[s.Site].URL)
	if err != nil {
		return nil, nil
	}
	s.restore()
	return s, site
}

// resumeTarget counts t, and lets it wait if it did.
func (c *crawl) resumeTarget(i int, t *target) {
	if t.Page != nil {
		c.pages++
		for _, a := range t.Page.Anchors {
			c.anchorBytes += len(a)
		}
	}
	if t.Wish == wishRead {
		if u, err := url.Parse(t.URL); err == nil && u.RawQuery != "" {
			c.similar[u.Path]++
		}
	}
	if !t.Done && t.Wish != wishNone && t.Hops <= maxHops && t.Depth < farAway {
		c.enqueue(i)
	}
}
