package siteaudit

import (
	"cmp"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"time"

	"windlass/internal/task"
)

// report puts together what the crawl found.
func (c *crawl) report() (Report, error) {
	r := Report{
		Site:   c.Targets[c.Site].URL,
		Broken: []Broken{}, Redirects: []Redirect{}, MixedContent: []Found{},
		Titles:    Titles{Missing: []string{}, Duplicate: []DuplicateTitle{}},
		SlowPages: []SlowPage{}, HeavyPages: []HeavyPage{}, NotChecked: []Unchecked{},
	}
	titles := map[string][]int{}
	for i, t := range c.Targets {
		c.reportTarget(&r, i)
		if t.Page != nil {
			c.reportPage(&r, t)
			if t.Page.Title != "" && !t.Page.Copy {
				titles[t.Page.Title] = append(titles[t.Page.Title], i)
			}
		}
	}
	c.reportTitles(&r, titles)
	c.count(&r)
	r.StoppedBy = c.stoppedBy()
	r.sort()
	c.task.Logf(slog.LevelInfo, "read %s, checked %s: %s", count(r.Totals.Pages, "page"), count(r.Totals.LinksChecked, "link"), count(r.Totals.Broken, "broken link"))
	return r.fit(task.MaxResult)
}

// reportTarget writes down what is wrong with target i in the one list where it
// belongs: what is broken is not worth a word about its redirects. That it is
// loaded over http stands for itself.
func (c *crawl) reportTarget(r *Report, i int) {
	t := c.Targets[i]
	if t.Loads != nil {
		r.MixedContent = append(r.MixedContent, c.found(t.URL, t.Loads))
	}
	e := c.follow(i)
	c.reportFragments(r, t, e)
	if t.Refs == nil {
		return
	}
	end := c.Targets[e.at]
	switch {
	case e.fault.unchecked() && len(e.chain) == 0:
		r.NotChecked = append(r.NotChecked, Unchecked{c.found(t.URL, t.Refs), e.fault, e.fault.sentence(0)})
	case e.fault == leftAddress:
		r.NotChecked = append(r.NotChecked, Unchecked{c.found(t.URL, t.Refs), e.fault, "Not checked: it redirects to a host that this server may not call."})
	case e.fault != "" && !e.fault.unchecked():
		r.Broken = append(r.Broken, c.broken(t, e))
	case len(e.chain) > 1 || len(e.chain) == 1 && permanent(t.Status):
		hops := make([]Hop, len(e.chain))
		for n, at := range e.chain {
			hops[n] = Hop{c.Targets[at].URL, c.Targets[at].Status}
		}
		r.Redirects = append(r.Redirects, Redirect{c.found(t.URL, t.Refs), hops, end.URL})
	}
}

// permanent reports whether a redirect tells those who link to it to change the
// link (RFC 9110, 15.4).
func permanent(status int) bool {
	return status == http.StatusMovedPermanently || status == http.StatusPermanentRedirect
}

func (c *crawl) broken(t *target, e ending) Broken {
	b := Broken{Found: c.found(t.URL, t.Refs), Code: e.fault}
	end := c.Targets[e.at]
	if e.fault == faultStatus || e.fault == faultRedirect {
		b.Status = end.Status
	}
	b.Message = e.fault.sentence(end.Status)
	if len(e.chain) > 0 && e.fault != faultLoop && e.fault != faultHops {
		b.Final = end.URL
		b.Message = "It redirects to " + end.URL + ". " + b.Message
	}
	return b
}

// reportFragments reports the links to places on t that are not on the page
// where t ends. A redirect with a fragment of its own replaces the link's.
func (c *crawl) reportFragments(r *Report, t *target, e ending) {
	page := c.Targets[e.at].Page
	if page == nil || page.Partial || e.fault != "" || e.moved {
		return
	}
	for fragment, refs := range t.Frags {
		if hasAnchor(page.Anchors, fragment) {
			continue
		}
		r.Broken = append(r.Broken, Broken{
			Found: c.found(t.URL+"#"+task.Cut(fragment, maxRaw), refs),
			Code:  faultAnchor, Message: faultAnchor.sentence(0),
		})
	}
}

// found says where a target is named.
func (c *crawl) found(address string, r *refs) Found {
	pages := make([]string, len(r.Places))
	for i, p := range r.Places {
		pages[i] = c.Targets[p].URL
	}
	return Found{Target: address, Kind: r.Kind, Page: pages[0], Text: r.Text, FoundOn: pages, FoundOnTotal: r.Total}
}

func (c *crawl) reportPage(r *Report, t *target) {
	if t.Page.Title == "" {
		r.Titles.Missing = append(r.Titles.Missing, t.URL)
	}
	if t.Page.FirstByte > c.slowAfter {
		r.SlowPages = append(r.SlowPages, SlowPage{t.URL, task.Duration(t.Page.FirstByte.Round(time.Millisecond))})
	}
	if t.Page.Bytes > c.heavyBytes || t.Page.Bytes == maxBody {
		r.HeavyPages = append(r.HeavyPages, HeavyPage{t.URL, t.Page.Bytes})
	}
}

func (c *crawl) reportTitles(r *Report, titles map[string][]int) {
	for title, pages := range titles {
		if len(pages) < 2 {
			continue
		}
		slices.SortFunc(pages, c.nearer)
		d := DuplicateTitle{Title: title, PagesTotal: len(pages)}
		for _, i := range pages[:min(len(pages), maxPlaces)] {
			d.Pages = append(d.Pages, c.Targets[i].URL)
		}
		r.Titles.Duplicate = append(r.Titles.Duplicate, d)
	}
}

// count fills in the totals while the lists are whole.
func (c *crawl) count(r *Report) {
	n := &r.Totals
	n.Pages, n.Broken, n.Redirects, n.MixedContent = c.pages, len(r.Broken), len(r.Redirects), len(r.MixedContent)
	n.TitlesMissing, n.TitlesDuplicate = len(r.Titles.Missing), len(r.Titles.Duplicate)
	n.SlowPages, n.HeavyPages = len(r.SlowPages), len(r.HeavyPages)
	n.NotChecked = len(r.NotChecked)
	for _, u := range r.NotChecked {
		switch u.Code {
		case leftRobots:
			n.SkippedByRobots++
		case leftAddress:
			n.RefusedByEgress++
		}
	}
	for _, t := range c.Targets {
		if t.unread() {
			n.PagesUnread++
		}
		if !t.Named {
			continue
		}
		if t.Done && t.Fault != leftRobots && t.Fault != leftAddress && t.Fault != faultURL {
			n.LinksChecked++
		}
		if !t.Done && t.Wish != wishNone {
			n.NotChecked++
		}
		if u, err := url.Parse(t.URL); err == nil && t.Fault != faultURL && u.Host != c.site.Host {
			n.External++
		}
	}
}

// unread reports whether t is a page of the site that a limit kept from being read.
func (t *target) unread() bool {
	return t.Left != "" && t.Page == nil && (t.HTML || !t.Done)
}

// stoppedBy gives the gravest reason why pages were not read.
func (c *crawl) stoppedBy() stopped {
	reasons := map[left]bool{}
	for _, t := range c.Targets {
		if t.unread() {
			reasons[t.Left] = true
		}
	}
	switch {
	case c.timeUp:
		return stoppedTime
	case reasons[leftPages]:
		return stoppedPages
	case c.Full:
		return stoppedLinks
	case reasons[leftSimilar]:
		return stoppedSimilar
	case reasons[leftDepth]:
		return stoppedDepth
	default:
		return stoppedNone
	}
}

// sort puts the entries first that concern most pages, or most of a page.
func (r *Report) sort() {
	slices.SortFunc(r.Broken, func(a, b Broken) int { return a.Found.compare(b.Found) })
	slices.SortFunc(r.Redirects, func(a, b Redirect) int { return a.Found.compare(b.Found) })
	slices.SortFunc(r.MixedContent, Found.compare)
	slices.SortFunc(r.NotChecked, func(a, b Unchecked) int { return a.Found.compare(b.Found) })
	slices.Sort(r.Titles.Missing)
	slices.SortFunc(r.Titles.Duplicate, func(a, b DuplicateTitle) int {
		return cmp.Or(b.PagesTotal-a.PagesTotal, cmp.Compare(a.Title, b.Title))
	})
	slices.SortFunc(r.SlowPages, func(a, b SlowPage) int {
		return cmp.Or(cmp.Compare(b.FirstByte, a.FirstByte), cmp.Compare(a.Page, b.Page))
	})
	slices.SortFunc(r.HeavyPages, func(a, b HeavyPage) int {
		return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), cmp.Compare(a.Page, b.Page))
	})
}

// compare orders entries by how many pages name them, then by URL.
func (f Found) compare(o Found) int {
	return cmp.Or(o.FoundOnTotal-f.FoundOnTotal, cmp.Compare(f.Target, o.Target))
}
