package siteaudit

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
)

func TestCrawlReadsSitemaps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := star(2, "")
		p["/robots.txt"] = "Sitemap: /index.xml\nUser-agent: *\nDisallow: /hidden"
		p["/index.xml"] = `<sitemapindex><sitemap><loc>http://site.test/a.xml</loc></sitemap><sitemap><loc>http://site.test/index.xml</loc></sitemap></sitemapindex>`
		p["/a.xml"] = `<urlset><url><loc>/p0</loc></url><url><loc>/alone</loc></url><url><loc>/hidden/x</loc></url><url><loc>/gone</loc></url></urlset>`
		p["/sitemap.xml"] = `<urlset><url><loc>/usual</loc></url>`
		p["/alone"] = titled("Alone", "<a href=/child>child</a><a href=/gone>gone</a>")
		p["/child"], p["/usual"], p["/p2"] = titled("Child", ""), titled("Usual", ""), titled("Two", "")
		p["/p0"] = titled("Zero", "<a href=/p2>two</a>")
		site := &gauge{Handler: p}
		r, _, err := audit(t.Context(), handlers{"site.test": site}, Input{URL: siteURL}, &notebook{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if r.Totals.Pages != 7 || r.Totals.SkippedByRobots != 1 || r.Totals.Broken != 1 || r.Broken[0].Page != siteURL+"alone" || r.Broken[0].FoundOnTotal != 2 {
			t.Errorf("%+v\n%+v", r.Totals, r.Broken)
		}
		at := func(uri string) int {
			return slices.IndexFunc(site.visits, func(v visit) bool { return v.uri == uri })
		}
		if at("/alone") < at("/p1") || at("/alone") < at("/p2") {
			t.Errorf("what only a sitemap names should come last: %v", site.visits)
		}
	})
}

func TestCrawlTakesNoMoreOfASitemapThanItMayRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := star(0, "")
		p["/robots.txt"] = "Sitemap: /sitemap.xml\nSitemap: /second.xml"
		p["/sitemap.xml"] = "<urlset>"
		for i := range 100 {
			p["/sitemap.xml"] += fmt.Sprintf("<url><loc>/s%d</loc></url>", i)
			p[fmt.Sprintf("/s%d", i)] = titled(fmt.Sprint(i), "")
		}
		p["/sitemap.xml"] += "</urlset>"
		site := &gauge{Handler: p}
		r, _, err := audit(t.Context(), handlers{"site.test": site}, Input{URL: siteURL, MaxPages: 10}, &notebook{}, nil)
		if err != nil || r.Totals.Pages != 10 || r.StoppedBy != stoppedPages || r.Totals.LinksChecked != 10 || len(site.visits) != 12 {
			t.Errorf("%v: %d visits, stopped by %s, %+v", err, len(site.visits), r.StoppedBy, r.Totals)
		}
	})
}
