package siteaudit

import (
	"fmt"

	"windlass/internal/task"
)

// Report is what an audit found. Each list holds the gravest entries first and
// may be cut so that the whole fits into a result; Totals are whole in any case.
type Report struct {
	Site      string  `json:"site" doc:"The page that the start URL led to." example:"https://example.com/"`
	StoppedBy stopped `json:"stopped_by" enum:"none,page_limit,depth,similar_pages,link_limit,time_limit" doc:"Why pages were left unread; none when all were read. page_limit, depth: the limits of the input. similar_pages: too many differ by their query alone, or repeat their own path. link_limit: 40,000 URLs were found. time_limit: the attempt's time was nearly up."`
	Truncated bool    `json:"truncated" doc:"Some list is shorter than its total says."`
	Totals    Totals  `json:"totals"`

	Broken       []Broken    `json:"broken" doc:"Links and assets that lead nowhere."`
	Redirects    []Redirect  `json:"redirects" doc:"Links over a permanent redirect or over more than one."`
	MixedContent []Found     `json:"mixed_content" doc:"What pages on https load over http."`
	Titles       Titles      `json:"titles"`
	SlowPages    []SlowPage  `json:"slow_pages" doc:"Pages with a late first byte."`
	HeavyPages   []HeavyPage `json:"heavy_pages" doc:"Pages with much HTML."`
	NotChecked   []Unchecked `json:"not_checked" doc:"Targets that may be fine or not."`
}

// stopped is why pages of the site were left unread.
type stopped string

const (
	stoppedNone    stopped = "none"
	stoppedPages   stopped = "page_limit"
	stoppedDepth   stopped = "depth"
	stoppedSimilar stopped = "similar_pages"
	stoppedLinks   stopped = "link_limit"
	stoppedTime    stopped = "time_limit"
)

// Totals counts what an audit met.
type Totals struct {
	Pages           int `json:"pages" doc:"Pages read."`
	LinksChecked    int `json:"links_checked" doc:"Different URLs that pages or sitemaps name and that were asked for."`
	External        int `json:"external" doc:"Different URLs on other hosts that pages name, checked or not."`
	Broken          int `json:"broken"`
	Redirects       int `json:"redirects"`
	MixedContent    int `json:"mixed_content"`
	TitlesMissing   int `json:"titles_missing" doc:"Pages without a title."`
	TitlesDuplicate int `json:"titles_duplicate" doc:"Titles that several pages share."`
	SlowPages       int `json:"slow_pages"`
	HeavyPages      int `json:"heavy_pages"`
	SkippedByRobots int `json:"skipped_by_robots" doc:"URLs that the site's robots.txt does not allow."`
	RefusedByEgress int `json:"refused_by_egress" doc:"URLs whose address may not be called from here."`
	NotChecked      int `json:"not_checked" doc:"URLs without a verdict, those of robots.txt and refused addresses among them."`
	PagesUnread     int `json:"pages_unread" doc:"Pages of the site that were found and not read because of a limit."`
}

// Found is a URL and where the site names it.
type Found struct {
	Target       string   `json:"target"`
	Kind         kind     `json:"kind" enum:"link,image,script,style,media,frame,resource,fragment,sitemap" doc:"What the first page does with it. fragment: a link to a place on the page that is not there. sitemap: a sitemap or robots.txt names it."`
	Page         string   `json:"page" doc:"The page nearest to the start that names it."`
	Text         string   `json:"text" doc:"The link's text there, or the image's alternative text."`
	FoundOn      []string `json:"found_on" doc:"The pages that name it, nearest to the start first; at most 20."`
	FoundOnTotal int      `json:"found_on_total" doc:"How many pages name it."`
}

// Broken is a target that leads nowhere.
type Broken struct {
	Found
	Status  int    `json:"status,omitempty" doc:"The status of the last answer; left out when there was none."`
	Code    fault  `json:"code" enum:"http_status,dns,connection_refused,timeout,tls_expired,tls_wrong_host,tls_untrusted,tls,connection_closed,network,bad_redirect,redirect_loop,too_many_redirects,bad_url,no_anchor,bad_sitemap" doc:"Stable word for the fault."`
	Message string `json:"message" doc:"The fault in a sentence."`
	Final   string `json:"final,omitempty" doc:"Where the target's redirects end; left out when it has none."`
}

// Redirect is a target that is reached by a way that a better link would spare.
type Redirect struct {
	Found
	Hops  []Hop  `json:"hops" doc:"The redirects in order, the target's own first."`
	Final string `json:"final" doc:"Where they end."`
}

// Hop is one redirect.
type Hop struct {
	URL    string `json:"url"`
	Status int    `json:"status" example:"301"`
}

// Titles is what is wrong with pages' titles.
type Titles struct {
	Missing   []string         `json:"missing" doc:"Pages without a title."`
	Duplicate []DuplicateTitle `json:"duplicate" doc:"Titles of several pages. A page that names another as its canonical one does not count."`
}

// DuplicateTitle is a title that several pages share.
type DuplicateTitle struct {
	Title      string   `json:"title"`
	Pages      []string `json:"pages" doc:"At most 20 of them."`
	PagesTotal int      `json:"pages_total"`
}

// SlowPage is a page with a late first byte.
type SlowPage struct {
	Page      string        `json:"page"`
	FirstByte task.Duration `json:"first_byte" doc:"From the request to the first byte of the answer, connecting included." example:"2.41s"`
}

// HeavyPage is a page with much HTML.
type HeavyPage struct {
	Page  string `json:"page"`
	Bytes int64  `json:"bytes" doc:"Of HTML, unpacked. Reading ends at 8388608."`
}

// Unchecked is a target that nothing is known about.
type Unchecked struct {
	Found
	Code    fault  `json:"code" enum:"robots,address_not_allowed,rate_limited" doc:"Why it was not checked."`
	Message string `json:"message"`
}

// summary says in one line how the audit came out.
func (r Report) summary() string {
	t := r.Totals
	rest := t.Redirects + t.MixedContent + t.TitlesMissing + t.TitlesDuplicate + t.SlowPages + t.HeavyPages
	what := "no faults"
	switch {
	case t.Broken > 0:
		what = count(t.Broken, "broken link")
	case rest == 1:
		what = "1 thing worth a look"
	case rest > 1:
		what = fmt.Sprintf("%d things worth a look", rest)
	}
	line := what + " on " + count(t.Pages, "page")
	switch r.StoppedBy {
	case stoppedPages:
		line += ", page limit reached"
	case stoppedLinks:
		line += ", link limit reached"
	case stoppedTime:
		line += ", time was up"
	}
	return line
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
