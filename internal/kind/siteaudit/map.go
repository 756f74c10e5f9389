package siteaudit

import (
	"context"
	"log/slog"
	"net/url"
)

// sitemapFile is a sitemap that waits to be read.
type sitemapFile struct {
	at     *url.URL
	target int
}

// readSitemaps lets the site's pages that sitemaps name wait to be read. No more
// are taken than the audit may read: there is no link to check on the others.
func (c *crawl) readSitemaps(ctx context.Context) error {
	waiting := c.namedSitemaps()
	pages, files := 0, 0
	for ; len(waiting) > 0 && files < maxSitemaps && pages < c.maxPages; waiting = waiting[1:] {
		file := waiting[0]
		t := c.Targets[file.target]
		if t.Done || file.at.Host == c.site.Host && !c.robots.allows(pathAndQuery(file.at)) {
			continue
		}
		a, err := c.fetch(ctx, file.at, maxHops)
		if err != nil {
			return err
		}
		t.Done, t.Status, t.Fault = true, a.status, a.fault
		if !isOK(a) {
			c.logBroken(t)
			continue
		}
		files++
		listed, more, err := parseSitemap(a.body)
		if err != nil && !a.cut {
			t.Fault = faultSitemap
			c.logBroken(t)
		}
		pages += c.admitPages(file, listed, c.maxPages-pages)
		for _, raw := range more {
			waiting = c.addSitemap(waiting, file.target, file.at, raw)
		}
	}
	c.task.Logf(slog.LevelInfo, "sitemaps: %d pages of the site in %d files", pages, files)
	return nil
}

// namedSitemaps gives those that robots.txt names, and the one that stands where
// most do.
func (c *crawl) namedSitemaps() []sitemapFile {
	var waiting []sitemapFile
	if len(c.robots.sitemaps) > 0 {
		robots, ok := c.file(c.site.ResolveReference(&url.URL{Path: "/robots.txt"}))
		if !ok {
			return nil
		}
		for _, raw := range c.robots.sitemaps {
			waiting = c.addSitemap(waiting, robots, c.site, raw)
		}
		c.Targets[robots].Done = true
	}
	usual := c.site.ResolveReference(&url.URL{Path: "/sitemap.xml"})
	if i, ok := c.file(usual); ok {
		waiting = append(waiting, sitemapFile{usual, i})
	}
	return waiting
}

// addSitemap appends the sitemap that the file by names as raw.
func (c *crawl) addSitemap(waiting []sitemapFile, by int, base *url.URL, raw string) []sitemapFile {
	u, _, err := resolve(base, raw)
	if err != nil || u == nil || len(waiting) >= 2*maxSitemaps {
		return waiting
	}
	i, ok := c.file(u)
	if !ok {
		return waiting
	}
	if !c.Targets[i].Named {
		c.name(i, by, link{kind: kindSitemap})
	}
	return append(waiting, sitemapFile{u, i})
}

// file gives the target of a robots.txt or a sitemap, which are asked for before
// the crawl and not by it.
func (c *crawl) file(u *url.URL) (int, bool) {
	i, ok := c.target(u.String())
	if ok && !c.Targets[i].known {
		c.Targets[i].known, c.Targets[i].Depth = true, farAway
	}
	return i, ok
}

// admitPages lets up to most pages of the site wait to be read, and gives how
// many it were.
func (c *crawl) admitPages(file sitemapFile, listed []string, most int) int {
	seen := map[int]bool{}
	for _, raw := range listed {
		if len(seen) >= most {
			break
		}
		u, _, err := resolve(file.at, raw)
		if err != nil || u == nil || !c.ours(u.String()) {
			continue
		}
		i, ok := c.target(u.String())
		if !ok || seen[i] {
			continue
		}
		seen[i] = true
		c.name(i, file.target, link{kind: kindSitemap})
		c.admitListed(i)
	}
	return len(seen)
}
