package siteaudit

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"windlass/internal/egress"
	"windlass/internal/task"
)

// maxRobotsHops is how many redirects a robots.txt may be behind (RFC 9309,
// 2.3.1.2 asks for at least as many).
const maxRobotsHops = 5

// farAway is the depth of the files that name pages without being any, so that a
// page which links to the same target is named before them.
const farAway = 1 << 20

// begin opens the site, or takes up what an earlier attempt left.
func (c *crawl) begin(ctx context.Context) error {
	resumed, err := c.resume(ctx)
	if err != nil {
		return err
	}
	if !resumed {
		c.task.Logf(slog.LevelInfo, "audit of %s: up to %d pages, %d links deep", c.startURL(), c.maxPages, c.maxDepth)
		if err := c.openSite(ctx); err != nil {
			return err
		}
	}
	if c.Mapped || c.maxDepth == 0 {
		return nil
	}
	if err := c.readSitemaps(ctx); err != nil {
		return err
	}
	c.Mapped = true
	return nil
}

// startURL is the start without user and password.
func (c *crawl) startURL() *url.URL {
	u := *c.client.start
	u.User = nil
	return &u
}

// openSite reads the start page. The site is where its redirects end.
func (c *crawl) openSite(ctx context.Context) error {
	at := c.startURL()
	c.task.Progress(0, 1, at.String())
	for hops := 0; hops <= maxHops; hops++ {
		if err := c.enter(ctx, at); err != nil {
			return err
		}
		if !c.robots.allows(pathAndQuery(at)) {
			return failure(leftRobots, "The site's robots.txt does not allow reading the start page.", nil)
		}
		i, _ := c.target(at.String())
		t := c.Targets[i]
		if t.Done {
			return failure(faultLoop, faultLoop.sentence(0), nil)
		}
		t.known, t.Wish, t.Link, t.Hops = true, wishRead, true, hops
		if err := c.home.turn(ctx); err != nil {
			return err
		}
		a := c.client.do(ctx, http.MethodGet, t.URL, isPage)
		if err := ctx.Err(); err != nil {
			return err
		}
		if a.location == "" {
			c.Site = i
			return c.openPage(i, a)
		}
		t.Done, t.Status = true, a.status
		next, fragment, err := resolve(at, a.location)
		if err != nil || next == nil {
			return failure(faultRedirect, "The start page's redirect does not say where it leads.", err)
		}
		j, _ := c.target(next.String())
		t.Next, t.OwnFragment = j+1, fragment != ""
		at = next
	}
	return failure(faultHops, faultHops.sentence(0), nil)
}

// openPage takes in the start page, or says why it is none.
func (c *crawl) openPage(i int, a answer) error {
	switch {
	case a.fault == faultStatus:
		return &task.Error{
			Code:    string(faultStatus),
			Message: "The start page cannot be read. " + statusSentence(a.status),
			Final:   !passing(a.status),
			After:   a.retryAfter,
		}
	case a.fault != "":
		return startFailure(a)
	case !a.html():
		return failure("not_html", "The start URL leads to something that is no HTML page.", nil)
	}
	c.settle(i, a, a.document(c.Targets[i].URL))
	return nil
}

// passing reports whether the same request may go better later.
func passing(status int) bool {
	return status >= 500 || status == http.StatusRequestTimeout ||
		status == http.StatusTooEarly || status == http.StatusTooManyRequests
}

func startFailure(a answer) error {
	if refused, ok := errors.AsType[*egress.RefusedError](a.err); ok {
		return failure(leftAddress, refused.Error(), nil)
	}
	return failure(a.fault, "The site cannot be read. "+a.fault.sentence(a.status), a.err)
}

// enter makes the host of u the site that is audited and reads its robots.txt.
func (c *crawl) enter(ctx context.Context, u *url.URL) error {
	if c.site != nil && c.site.Host == u.Host && c.site.Scheme == u.Scheme {
		c.site = u
		return nil
	}
	c.site, c.home = u, c.lane(u.Host)
	c.robots = robots{}
	at := &url.URL{Scheme: u.Scheme, Host: u.Host, Path: "/robots.txt"}
	a, err := c.fetch(ctx, at, maxRobotsHops)
	if err != nil {
		return err
	}
	switch {
	case a.fault != "" && a.fault != faultStatus && a.fault != faultRedirect:
		return startFailure(a)
	case a.status == http.StatusTooManyRequests || a.status >= 500:
		// RFC 9309, 2.3.1.4: what cannot be read counts as forbidding everything.
		return &task.Error{
			Code:    "robots_unavailable",
			Message: "Nothing may be read while the site's robots.txt cannot be. " + statusSentence(a.status),
			After:   a.retryAfter,
		}
	case isOK(a):
		c.robots = parseRobots(a.body, c.product)
		c.task.Logf(slog.LevelInfo, "robots.txt: %d rules for us", len(c.robots.rules))
	default:
		c.task.Logf(slog.LevelInfo, "robots.txt: none, everything may be read")
	}
	c.home.pause = c.pause
	if c.robots.delay > 0 {
		c.home.pause, c.home.most = max(c.pause, c.robots.delay), 1
		c.home.next = time.Now().Add(c.home.pause)
		c.task.Logf(slog.LevelInfo, "robots.txt asks for %s between requests", c.robots.delay)
	}
	return nil
}

// fetch reads the whole of at, over at most hops redirects, by itself. A chain
// that is longer or leads nowhere gives its last redirect as the answer.
func (c *crawl) fetch(ctx context.Context, at *url.URL, hops int) (answer, error) {
	for ; ; hops-- {
		if err := c.lane(at.Host).turn(ctx); err != nil {
			return answer{}, err
		}
		a := c.client.do(ctx, http.MethodGet, at.String(), isOK)
		if err := ctx.Err(); err != nil {
			return answer{}, err
		}
		next := a.leadsTo(at)
		if next == nil || hops == 0 {
			return a, nil
		}
		at = next
	}
}
