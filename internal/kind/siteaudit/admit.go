package siteaudit

import (
	"net/url"
	"path"
	"strings"
)

// admit sees to it that target i is asked for: as a page when it is one of the
// site's that may be read, else for whether it is there. It may be called again
// when a shorter way to the target is found.
func (c *crawl) admit(i, depth, hops int, link bool) {
	t := c.Targets[i]
	first := !t.known
	if !first && depth >= t.Depth && hops >= t.Hops && (t.Link || !link) && !t.Listed {
		return // nothing that is not known
	}
	moved := first || depth < t.Depth || t.Listed || t.Hops > maxHops
	if first {
		t.Depth, t.Hops = depth, hops
	}
	t.known, t.Listed = true, false
	t.Hops, t.Link = min(t.Hops, hops), t.Link || link
	if t.Page == nil { // else its place among those that name others is fixed
		t.Depth = min(t.Depth, depth)
	}
	c.decide(i, moved)
	if t.Next != 0 {
		c.admit(t.Next-1, t.Depth, t.Hops+1, t.Link)
	}
}

// admitListed lets a page that a sitemap names wait until all that is linked
// was read. A link that is found later moves it forward.
func (c *crawl) admitListed(i int) {
	t := c.Targets[i]
	if t.known {
		return
	}
	t.known, t.Listed, t.Link, t.Depth = true, true, true, 1
	c.decide(i, true)
}

// decide says what is to be done about target i and lets it wait for that. moved
// says that it does not wait yet, or too far back.
func (c *crawl) decide(i int, moved bool) {
	t := c.Targets[i]
	if t.Hops > maxHops {
		return
	}
	before := t.Wish
	if !t.Done || t.HTML && t.Page == nil {
		c.wish(t)
	}
	switch {
	case t.Done && t.Wish == wishRead && before != wishRead:
		c.reopen(i)
	case t.Done || t.Wish == wishNone:
	case moved || t.Wish != before:
		c.enqueue(i)
	}
}

// wish sets what is to be done about t, which was not read.
func (c *crawl) wish(t *target) {
	u, err := url.Parse(t.URL)
	if err != nil || t.Wish == wishRead {
		return
	}
	t.Wish = wishCheck
	if t.Left == leftPages {
		return // the limit will not go away
	}
	t.Left = ""
	switch {
	case u.Host != c.site.Host:
		if !c.external {
			t.Wish = wishNone
		}
	case !c.robots.allows(pathAndQuery(u)):
		t.Done, t.Fault = true, leftRobots
	case u.Scheme != c.site.Scheme || !t.Link || isFile(u.Path):
	case t.Depth > c.maxDepth:
		t.Left = leftDepth
	case repeats(u.Path) || u.RawQuery != "" && c.similar[u.Path] >= c.maxSimilar():
		t.Left = leftSimilar
	default:
		t.Wish = wishRead
		if u.RawQuery != "" {
			c.similar[u.Path]++
		}
	}
}

// maxSimilar is how many pages that differ by nothing but their query are read:
// a calendar without end may have a quarter of the audit and no more.
func (c *crawl) maxSimilar() int { return max(10, c.maxPages/4) }

// enqueue lets target i wait in its host's lane.
func (c *crawl) enqueue(i int) {
	t := c.Targets[i]
	u, err := url.Parse(t.URL)
	if err != nil {
		return // cannot be: it is in normal form
	}
	l := c.lane(u.Host)
	if t.Wish == wishRead {
		depth := t.Depth
		if t.Listed {
			depth = c.maxDepth + 1 // after all that is linked
		}
		l.addRead(i, depth)
	} else {
		l.checks = append(l.checks, i)
	}
	if !t.waits {
		t.waits = true
		c.open++
	}
	c.wakeLane(l)
}

// again lets a request of a target that was asked for before wait in l.
func (c *crawl) again(l *lane, j job) {
	l.again = append(l.again, j)
	c.wakeLane(l)
}

func (c *crawl) wakeLane(l *lane) {
	if l != c.home && !l.busy {
		l.busy = true
		c.others = append(c.others, l)
	}
}

// lane gives the line of a host.
func (c *crawl) lane(host string) *lane {
	l := c.lanes[host]
	if l == nil {
		l = &lane{pause: c.pause, most: maxPerHost}
		c.lanes[host] = l
	}
	return l
}

// isFile reports whether the path's ending says that it is no page. Such a link
// is checked by HEAD, which spares the site a download that nobody wants.
func isFile(p string) bool {
	switch strings.ToLower(path.Ext(p)) {
	case ".7z", ".avi", ".avif", ".bin", ".bz2", ".css", ".csv", ".deb", ".dmg", ".doc", ".docx", ".epub", ".exe",
		".flac", ".gif", ".gz", ".ico", ".iso", ".jar", ".jpeg", ".jpg", ".js", ".json", ".m4a", ".mkv", ".mov",
		".mp3", ".mp4", ".mpeg", ".msi", ".odt", ".ogg", ".pdf", ".pkg", ".png", ".ppt", ".pptx", ".rar", ".rpm",
		".svg", ".tar", ".tgz", ".tif", ".tiff", ".txt", ".wav", ".webm", ".webp", ".woff", ".woff2", ".xls",
		".xlsx", ".xml", ".xz", ".zip":
		return true
	default:
		return false
	}
}

// isPlain reports whether address is sent over a connection without TLS.
func isPlain(address string) bool { return strings.HasPrefix(address, "http:") }
