package siteaudit

import (
	"cmp"
	"log/slog"
	"net/http"
	"net/url"
	"time"
)

// receive takes an answer in.
func (c *crawl) receive(a arrival) {
	a.lane.active--
	delete(c.flying, a.target)
	if a.lane != c.home {
		c.elsewhere--
	}
	if a.read {
		c.reading--
	}
	if c.askAgain(&a) {
		return
	}
	var doc *document
	if a.read && a.html() {
		// Here, and not where the answer came in: whoever runs the task can
		// recover from a panic in this goroutine only.
		doc = a.document(c.Targets[a.target].URL)
	}
	c.settle(a.target, a.answer, doc)
}

// askAgain lets a target wait for another request when this answer does not
// tell enough about it.
func (c *crawl) askAgain(a *arrival) bool {
	if a.status == http.StatusTooManyRequests || a.status == http.StatusServiceUnavailable && a.retryAfter > 0 {
		if c.putOffs[a.target] < maxPutOffs {
			c.wait(a)
			return true
		}
		if a.status == http.StatusTooManyRequests {
			a.fault = leftLimited
			return false
		}
	}
	if a.method != http.MethodHead {
		return false
	}
	// Many servers handle HEAD badly, so that nothing is called broken by it.
	switch a.fault {
	case faultStatus, faultTimeout, faultClosed, faultNetwork, faultRedirect:
		c.again(a.lane, job{target: a.target, method: http.MethodGet})
		return true
	default:
		return false
	}
}

// wait gives the host the time that it asks for before the same request is made
// again.
func (c *crawl) wait(a *arrival) {
	c.putOffs[a.target]++
	until := time.Now().Add(cmp.Or(a.retryAfter, putOff))
	if until.After(a.lane.next) {
		a.lane.next = until
	}
	if a.read {
		c.enqueue(a.target)
	} else {
		c.again(a.lane, a.job)
	}
}

// settle writes down what is known of target i now that it was asked for. doc is
// nil unless it was read as a page.
func (c *crawl) settle(i int, a answer, doc *document) {
	t := c.Targets[i]
	c.forget(t)
	t.Done, t.Status, t.Fault, t.HTML = true, a.status, a.fault, a.html()
	switch {
	case a.location != "":
		c.redirect(i, a.location)
	case doc != nil:
		c.absorb(i, a, doc)
	case t.Wish == wishRead && t.HTML:
		// It turned out to be a page to read while it was asked for as an image
		// or the like.
		c.reopen(i)
	}
	if t.Done && t.Next == 0 && t.Page == nil {
		t.Frags = nil // no page, no places on it
	}
	if t.fine() {
		t.Refs = nil
	}
	c.logBroken(t)
}

// forget takes t out of the count of those that wait for an answer.
func (c *crawl) forget(t *target) {
	if t.waits {
		t.waits = false
		c.open--
	}
}

// reopen lets a target that was only checked wait to be read.
func (c *crawl) reopen(i int) {
	c.Targets[i].Done = false
	c.enqueue(i)
}

// redirect writes down where target i leads.
func (c *crawl) redirect(i int, location string) {
	t := c.Targets[i]
	base, err := parse(t.URL)
	if err != nil {
		t.Fault = faultRedirect
		return
	}
	u, fragment, err := resolve(base, location)
	if err != nil {
		t.Fault = faultRedirect
		return
	}
	if u == nil {
		return // leads to a program, as mailto: does
	}
	next, ok := c.target(u.String())
	if !ok {
		return
	}
	t.Next, t.OwnFragment = next+1, fragment != ""
	c.admit(next, t.Depth, t.Hops+1, t.Link)
}

// absorb takes over what a page says.
func (c *crawl) absorb(i int, a answer, doc *document) {
	t := c.Targets[i]
	c.pages++
	p := &page{
		Title: doc.title, Anchors: doc.anchors, Partial: doc.partial,
		Copy:      doc.canonical != "" && doc.canonical != t.URL,
		FirstByte: a.firstByte, Bytes: int64(len(a.body)),
	}
	c.keepAnchors(p)
	t.Page = p
	for f := range t.Frags {
		if p.Partial || hasAnchor(doc.anchors, f) {
			delete(t.Frags, f)
		}
	}
	seen, loaded := map[int]bool{}, map[int]bool{}
	for _, l := range doc.links {
		j, ok := c.place(l)
		if !ok {
			continue
		}
		to := c.Targets[j]
		if !seen[j] {
			seen[j] = true
			c.name(j, i, l)
		}
		if l.bad != "" {
			continue
		}
		if l.kind.loads() && !loaded[j] && c.site.Scheme == "https" && isPlain(l.target) {
			loaded[j] = true
			to.Loads = c.note(to.Loads, i, l)
		}
		c.admit(j, t.Depth+1, 0, l.kind == kindLink)
		if l.kind == kindLink && l.fragment != "" {
			c.noteFragment(i, j, l)
		}
	}
	if doc.linksCut {
		c.task.Logf(slog.LevelWarn, "%s has more than %d links; the others are not checked", t.URL, maxLinks)
	}
}

// keepAnchors counts the page's anchors against the bound for all of them.
func (c *crawl) keepAnchors(p *page) {
	n := 0
	for _, a := range p.Anchors {
		n += len(a)
	}
	if c.anchorBytes+n > maxAnchorBytes {
		p.Anchors, p.Partial = nil, true
		return
	}
	c.anchorBytes += n
}

// place gives the target that a link names. What is no URL is one as well, and
// known to be broken.
func (c *crawl) place(l link) (int, bool) {
	if l.bad == "" {
		return c.target(l.target)
	}
	i, ok := c.target(l.bad)
	if ok {
		t := c.Targets[i]
		t.known, t.Done, t.Fault = true, true, faultURL
	}
	return i, ok
}

// noteFragment writes down that page i links to a place on target j, unless the
// place is known to be there or there can be none.
func (c *crawl) noteFragment(i, j int, l link) {
	to := c.Targets[j]
	switch {
	case !c.ours(to.URL):
		return
	case to.Page != nil && (to.Page.Partial || hasAnchor(to.Page.Anchors, l.fragment)):
		return
	case to.Done && to.Next == 0 && to.Page == nil:
		return
	}
	if to.Frags == nil {
		to.Frags = map[string]*refs{}
	}
	l.kind = kindFragment
	to.Frags[l.fragment] = c.note(to.Frags[l.fragment], i, l)
}

// ours reports whether address is on the site that is audited.
func (c *crawl) ours(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Host == c.site.Host && u.Scheme == c.site.Scheme
}

// logBroken tells the task's log about a broken target, if a page names it.
func (c *crawl) logBroken(t *target) {
	if t.Fault == "" || t.Fault.unchecked() || t.Refs == nil || c.brokenLogged == maxBrokenLogged {
		return
	}
	c.brokenLogged++
	c.task.Logf(slog.LevelWarn, "broken: %s: %s Linked from %s", t.URL, t.Fault.sentence(t.Status), c.Targets[t.Refs.Places[0]].URL)
}
