package siteaudit

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"windlass/internal/task"
)

// visit is one request that a host saw.
type visit struct {
	method, uri string
	at          time.Time
}

// gauge counts the requests that a host sees, in all and at once, and takes its
// time over each.
type gauge struct {
	http.Handler
	takes time.Duration

	mu           sync.Mutex
	active, most int
	visits       []visit
}

func (g *gauge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	g.active++
	g.most = max(g.most, g.active)
	g.visits = append(g.visits, visit{r.Method, r.URL.RequestURI(), time.Now()})
	g.mu.Unlock()
	if g.takes > 0 {
		select {
		case <-time.After(g.takes):
		case <-r.Context().Done():
		}
	}
	g.Handler.ServeHTTP(w, r)
	g.mu.Lock()
	g.active--
	g.mu.Unlock()
}

// asked gives how often each method and URI came.
func (g *gauge) asked() map[string]int {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := map[string]int{}
	for _, v := range g.visits {
		n[v.method+" "+v.uri]++
	}
	return n
}

// shortestGap gives the time between the two visits that follow each other fastest.
func (g *gauge) shortestGap() time.Duration {
	gap := time.Hour
	for i := range len(g.visits) - 1 {
		gap = min(gap, g.visits[i+1].at.Sub(g.visits[i].at))
	}
	return gap
}

// star is a site of n pages around the start page; each links to all of extra.
func star(n int, extra string) pages {
	p := pages{}
	var links strings.Builder
	for i := range n {
		address := fmt.Sprintf("/p%d", i)
		fmt.Fprintf(&links, "<a href=%q>%d</a>", address, i)
		p[address] = titled(address, "")
	}
	p["/"] = titled("Home", links.String()+extra)
	return p
}

const siteURL = "http://site.test/"

func TestCrawlIsPolite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		site := &gauge{takes: 300 * time.Millisecond}
		hosts := handlers{"site.test": site}
		var links strings.Builder
		everywhere := &gauge{Handler: pages{}, takes: time.Second}
		for i := range 20 {
			hosts[fmt.Sprintf("host%d.test", i)] = everywhere
			fmt.Fprintf(&links, "<a href='http://host%d.test/'>x</a>", i)
		}
		one := &gauge{Handler: pages{}, takes: time.Second}
		hosts["one.test"] = one
		for i := range 10 {
			fmt.Fprintf(&links, "<a href='http://one.test/%d'>x</a>", i)
		}
		site.Handler = star(30, links.String())
		r, _, err := audit(t.Context(), hosts, Input{URL: siteURL, Pause: task.Duration(50 * time.Millisecond)}, &notebook{}, nil)
		if err != nil || r.Totals.Pages != 31 || r.Totals.External != 30 {
			t.Fatalf("%v, %+v", err, r.Totals)
		}
		if site.most != 2 || one.most != 2 {
			t.Errorf("the site saw %d at once, another host %d; want 2", site.most, one.most)
		}
		if everywhere.most > maxElsewhere || everywhere.most < maxElsewhere-2 {
			t.Errorf("%d requests at once to all other hosts; want about %d", everywhere.most, maxElsewhere)
		}
		if gap := site.shortestGap(); gap < 50*time.Millisecond {
			t.Errorf("two requests came %s after one another", gap)
		}
	})
}

func TestCrawlObeysRobots(t *testing.T) {
	robots := func(delay string) string {
		return "User-agent: *\nDisallow: /\n\nUser-agent: windlasstest\nCrawl-delay: " + delay + "\nDisallow: /p1\nAllow: /p11\nDisallow: /*.png$\n"
	}
	for delay, want := range map[string]time.Duration{"5": 5 * time.Second, "0.5": 500 * time.Millisecond, "86400": 30 * time.Second} {
		t.Run(delay, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := star(20, "<img src=/a.png>")
				p["/robots.txt"] = robots(delay)
				site := &gauge{Handler: p, takes: 7 * time.Second}
				r, _, err := audit(t.Context(), handlers{"site.test": site}, Input{URL: siteURL}, &notebook{}, nil)
				if err != nil {
					t.Fatal(err)
				}
				if gap := site.shortestGap(); gap < want || site.most != 1 {
					t.Errorf("visits %s after one another, %d at once", gap, site.most)
				}
				if r.Totals.Pages != 11 || r.Totals.SkippedByRobots != 11 || r.Totals.Broken != 0 {
					t.Errorf("got %+v", r.Totals)
				}
				for what := range site.asked() {
					if strings.HasPrefix(what, "GET /p1") && what != "GET /p11" || strings.Contains(what, ".png") {
						t.Errorf("asked: %s", what)
					}
				}
			})
		})
	}
}

func TestCrawlLimits(t *testing.T) {
	chain := pages{}
	for i := range 8 {
		chain[fmt.Sprintf("/%s", strings.Repeat("n", i))] = titled(fmt.Sprint(i), fmt.Sprintf("<a href='/%s'>next</a>", strings.Repeat("n", i+1)))
	}
	three, zero, no := 3, 0, false
	shop := pages{"/": titled("Shop", "")}
	for i := range 30 {
		shop["/"] += fmt.Sprintf("<a href='/item?id=%d'>x</a>", i)
		shop[fmt.Sprintf("/item?id=%d", i)] = titled(fmt.Sprint(i), "")
	}
	tests := []struct {
		name    string
		site    pages
		in      Input
		stopped stopped
		want    Totals
	}{
		{"pages", star(30, "<a href=/gone>gone</a>"), Input{MaxPages: 10}, stoppedPages, Totals{Pages: 10, LinksChecked: 31, Broken: 1, PagesUnread: 21}},
		{"one page", star(3, ""), Input{MaxPages: 1}, stoppedPages, Totals{Pages: 1, LinksChecked: 3, PagesUnread: 3}},
		{"broken links are no pages", star(3, "<a href=/gone>a</a><a href=/away>b</a>"), Input{MaxPages: 4}, stoppedNone, Totals{Pages: 4, LinksChecked: 5, Broken: 2}},
		{"nor take their place", pages{"/": titled("Home", "<a href=/gone>a</a><a href=/p>b</a>"), "/p": titled("P", "")}, Input{MaxPages: 2}, stoppedNone, Totals{Pages: 2, LinksChecked: 2, Broken: 1}},
		{"depth", chain, Input{MaxDepth: &three}, stoppedDepth, Totals{Pages: 4, LinksChecked: 4, PagesUnread: 1}},
		{"start alone", chain, Input{MaxDepth: &zero}, stoppedDepth, Totals{Pages: 1, LinksChecked: 1, PagesUnread: 1}},
		{"similar", shop, Input{MaxPages: 50}, stoppedSimilar, Totals{Pages: 13, LinksChecked: 30, PagesUnread: 18}},
		{"no external", star(1, "<a href=http://gone.test/>x</a><a href=/away>y</a>"), Input{External: &no}, stoppedNone, Totals{Pages: 2, LinksChecked: 2, External: 1, Broken: 1}},
		{"all", star(30, ""), Input{}, stoppedNone, Totals{Pages: 31, LinksChecked: 30}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tt.in.URL = siteURL
				book := &notebook{}
				site := &gauge{Handler: tt.site, takes: 200 * time.Millisecond}
				r, _, err := audit(t.Context(), handlers{"site.test": site}, tt.in, book, nil)
				if err != nil {
					t.Fatal(err)
				}
				if d := cmp.Diff(tt.want, r.Totals); d != "" || r.StoppedBy != tt.stopped {
					t.Errorf("stopped by %s (-want +got):\n%s", r.StoppedBy, d)
				}
				last := book.progress[len(book.progress)-1]
				if last.Done != int64(tt.want.Pages) || last.Total != last.Done {
					t.Errorf("progress ends with %+v", last)
				}
				for what, n := range site.asked() {
					if n > 1 {
						t.Errorf("%s: %d times", what, n)
					}
				}
			})
		})
	}
}

func TestCrawlRedirectsCountFromEachLink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mux := http.NewServeMux()
		for i := range 13 {
			mux.Handle(fmt.Sprintf("/r%d", i), http.RedirectHandler(fmt.Sprintf("/r%d", i+1), http.StatusMovedPermanently))
			mux.Handle(fmt.Sprintf("/i%d", i), http.RedirectHandler(fmt.Sprintf("/i%d", i+1), http.StatusMovedPermanently))
		}
		// The long ways are known to be too long when the shorter ones are found.
		mux.Handle("/later", &gauge{Handler: pages{"/later": titled("Later", "<a href=/r5>five</a><img src=/i5>")}, takes: 10 * time.Second})
		mux.Handle("/", pages{
			"/": titled("Home", "<a href=/r0>zero</a><a href=/next>next</a><img src=/i0>"), "/r13": titled("End", ""),
			"/next": titled("Next", "<a href=/later>later</a>"),
		})
		r, _, err := audit(t.Context(), handlers{"site.test": mux}, Input{URL: siteURL}, &notebook{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for _, b := range r.Broken {
			got[b.Target] = fmt.Sprintf("%s %s", b.Code, b.Final)
		}
		for _, f := range r.Redirects {
			got[f.Target] = fmt.Sprintf("%d to %s", len(f.Hops), f.Final)
		}
		want := map[string]string{
			siteURL + "r0": "too_many_redirects ", siteURL + "i0": "too_many_redirects ",
			siteURL + "r5": "8 to " + siteURL + "r13", siteURL + "i5": "http_status " + siteURL + "i13",
		}
		if d := cmp.Diff(want, got); d != "" || r.Totals.Pages != 4 {
			t.Errorf("%d pages\n%s", r.Totals.Pages, d)
		}
	})
}

func TestCrawlReadsWhatWasOnlyChecked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// The frame is checked while the slow page, which links to it, is read.
		slow := &gauge{Handler: pages{"/slow": titled("Slow", "<a href=/frame>frame</a><a href=/faulty>faulty</a>")}, takes: 5 * time.Second}
		mux := http.NewServeMux()
		mux.Handle("/slow", slow)
		mux.HandleFunc("/faulty", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			if r.Method == http.MethodGet {
				w.WriteHeader(http.StatusInternalServerError)
			}
		})
		mux.Handle("/", pages{"/": titled("Home", "<a href=/slow>slow</a><iframe src=/frame></iframe><iframe src=/faulty></iframe>"), "/frame": titled("Frame", "<a href=/gone>gone</a>")})
		site := &gauge{Handler: mux}
		r, _, err := audit(t.Context(), handlers{"site.test": site}, Input{URL: siteURL}, &notebook{}, nil)
		if err != nil || r.Totals.Pages != 3 || r.Totals.Broken != 2 || r.Broken[0].Target != siteURL+"faulty" || r.Broken[0].FoundOnTotal != 2 {
			t.Errorf("%v, %+v", err, r)
		}
		if n := site.asked(); n["HEAD /frame"] != 1 || n["GET /frame"] != 1 {
			t.Errorf("asked: %v", n)
		}
	})
}

func TestCrawlWaitsWhenAskedTo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		visits := map[string]int{}
		var mu sync.Mutex
		other := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			defer mu.Unlock()
			visits[r.URL.Path]++
			switch {
			case r.URL.Path == "/never":
				w.WriteHeader(http.StatusTooManyRequests)
			case r.URL.Path == "/down":
				w.WriteHeader(http.StatusServiceUnavailable)
			case visits[r.URL.Path] < 3:
				w.Header().Set("Retry-After", "20")
				w.WriteHeader(http.StatusServiceUnavailable)
			}
		})
		site := pages{"/": titled("Home", "<a href=http://a.test/never>a</a><a href=http://b.test/soon>b</a><a href=http://c.test/down>c</a>")}
		began := time.Now()
		r, _, err := audit(t.Context(), handlers{"site.test": site, "a.test": other, "b.test": other, "c.test": other}, Input{URL: siteURL}, &notebook{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Broken) != 1 || r.Broken[0].Target != "http://c.test/down" || r.Broken[0].Status != 503 {
			t.Errorf("broken: %+v", r.Broken)
		}
		if len(r.NotChecked) != 1 || r.NotChecked[0].Target != "http://a.test/never" || r.NotChecked[0].Code != leftLimited {
			t.Errorf("not checked: %+v", r.NotChecked)
		}
		want := map[string]int{"/never": 3, "/soon": 3, "/down": 2}
		if d := cmp.Diff(want, visits); d != "" || time.Since(began) < 40*time.Second {
			t.Errorf("after %s:\n%s", time.Since(began), d)
		}
	})
}

func TestCrawlReportsBeforeItsTimeIsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		site := &gauge{Handler: star(90, "<a href=http://gone.test/>x</a>"), takes: 3 * time.Second}
		r, done, err := audit(ctx, handlers{"site.test": site}, Input{URL: siteURL}, &notebook{}, nil)
		if err != nil || ctx.Err() != nil {
			t.Fatal(err, ctx.Err())
		}
		if r.StoppedBy != stoppedTime || r.Totals.Pages < 20 || r.Totals.Broken != 1 || r.Totals.NotChecked != 91-r.Totals.LinksChecked {
			t.Errorf("stopped by %s: %+v", r.StoppedBy, r.Totals)
		}
		if want := fmt.Sprintf("1 broken link on %d pages, time was up", r.Totals.Pages); done.Summary != want {
			t.Errorf("summary is %q, want %q", done.Summary, want)
		}
	})
}

func TestCrawlEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		site := &gauge{Handler: star(50, ""), takes: time.Second}
		time.AfterFunc(10*time.Second+time.Millisecond, func() { cancel(errors.New("called off")) })
		began := time.Now()
		_, _, err := audit(ctx, handlers{"site.test": site}, Input{URL: siteURL}, &notebook{}, nil)
		if !errors.Is(err, context.Canceled) || time.Since(began) > 10*time.Second+2*time.Millisecond {
			t.Errorf("got %v after %s", err, time.Since(began))
		}
	})
}

func TestCrawlLooksAtSoManyURLs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := star(12, "")
		for i := range 12 {
			var b strings.Builder
			for n := range maxLinks {
				fmt.Fprintf(&b, "<a href=//h.test/%d-%d>x</a>", i, n)
			}
			p[fmt.Sprintf("/p%d", i)] += b.String()
		}
		no := false
		r, _, err := audit(t.Context(), handlers{"site.test": p}, Input{URL: siteURL, External: &no}, &notebook{}, nil)
		if err != nil || r.StoppedBy != stoppedLinks || r.Totals.External > maxTargets || r.Totals.Pages != 13 {
			t.Errorf("%v: stopped by %s, %+v", err, r.StoppedBy, r.Totals)
		}
	})
}
