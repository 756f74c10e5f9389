package siteaudit

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"windlass/internal/task"
)

// faultySite is a tree of pages, three links deep, with a fault or two on each.
func faultySite() pages {
	p := pages{"/robots.txt": "User-agent: *\nDisallow: /secret"}
	var grow func(path string, depth int)
	grow = func(path string, depth int) {
		body := fmt.Sprintf("<h1 id=top-of-%d>x</h1><a href=/#nothing>a</a><a href=/gone%d>b</a><a href=/secret%d>c</a><img src=/no.png><a href=/#top-of-0>d</a><a href='/?page=%d'>e</a>", depth, len(path)%7, depth, len(p))
		for i := range 5 {
			if depth < 3 {
				child := fmt.Sprintf("%s%d/", path, i)
				body += fmt.Sprintf("<a href=%q>%d</a><a href='%s#top-of-9'>f</a>", child, i, child)
				grow(child, depth+1)
			}
		}
		p[path] = titled(fmt.Sprintf("Title %d", len(path)+len(p)%3), body)
	}
	grow("/", 0)
	return p
}

func TestResume(t *testing.T) {
	in := Input{URL: siteURL, MaxPages: 200, Pause: task.Duration(time.Millisecond)}
	synctest.Test(t, func(t *testing.T) {
		whole := &gauge{Handler: faultySite(), takes: 30 * time.Millisecond}
		want, _, err := audit(t.Context(), handlers{"site.test": whole}, in, &notebook{}, nil)
		if err != nil || want.Totals.Pages < 100 || want.Totals.Broken < 10 {
			t.Fatalf("%v, %+v", err, want.Totals)
		}
		// The attempt dies twice: at a checkpoint, and some time after one.
		site := &gauge{Handler: faultySite(), takes: 30 * time.Millisecond}
		hosts := handlers{"site.test": site}
		first := &notebook{}
		ctx, cancel := context.WithCancel(t.Context())
		first.onSave = func(n int) {
			if n == 2 {
				cancel()
			}
		}
		if _, _, err := audit(ctx, hosts, in, first, nil); !errors.Is(err, context.Canceled) {
			t.Fatalf("first attempt: %v", err)
		}
		second := &notebook{}
		ctx, cancel = context.WithCancel(t.Context())
		second.onSave = func(int) { time.AfterFunc(100*time.Millisecond, cancel) }
		if _, _, err := audit(ctx, hosts, in, second, first.last()); !errors.Is(err, context.Canceled) {
			t.Fatalf("second attempt: %v", err)
		}
		third := &notebook{}
		got, _, err := audit(t.Context(), hosts, in, third, second.last())
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("the report differs (-in one go +resumed):\n%s", d)
		}
		if a, b := whole.heads("/?page="), site.heads("/?page="); a != b || a == 0 {
			t.Errorf("in one go %d similar pages are left unread, resumed %d", a, b)
		}
		again := 0
		for what, n := range site.asked() {
			if n > 1 && what != "GET /robots.txt" {
				again += n - 1
			}
		}
		// Two in flight at each death, and what 100 ms hold at 30 ms a page.
		if again > 2+2+8 {
			t.Errorf("%d requests were made again", again)
		}
		if first.progress[0].Done != 0 || third.progress[0].Done < 50 {
			t.Errorf("progress began with %+v and went on with %+v", first.progress[0], third.progress[0])
		}
	})
}

// heads counts the URIs that begin so and were asked for by HEAD.
func (g *gauge) heads(prefix string) int {
	n := 0
	for what := range g.asked() {
		if strings.HasPrefix(what, "HEAD "+prefix) {
			n++
		}
	}
	return n
}

func TestResumeFromRubbish(t *testing.T) {
	for _, checkpoint := range [][]byte{[]byte("no gzip"), packed(t, map[string]any{"version": 99}), packed(t, state{Version: stateVersion, Site: 3})} {
		book := &notebook{}
		r, _, err := audit(t.Context(), handlers{"site.test": star(2, "")}, Input{URL: siteURL, Pause: 1}, book, checkpoint)
		if err != nil || r.Totals.Pages != 3 {
			t.Errorf("got %v, %+v", err, r.Totals)
		}
	}
}

// packed gives v as a checkpoint.
func packed(t *testing.T, v any) []byte {
	t.Helper()
	book := &notebook{}
	if err := task.NewRun(&task.Task{}, 1, nil, book).Checkpoint(v); err != nil {
		t.Fatal(err)
	}
	return book.last()
}

func TestCheckpointThatCannotBeKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		book := &notebook{saveErr: errors.New("redis is down")}
		r, _, err := audit(t.Context(), handlers{"site.test": star(90, "")}, Input{URL: siteURL}, book, nil)
		if err != nil || r.Totals.Pages != 91 || len(book.checkpoints) < 3 {
			t.Errorf("%v after %d checkpoints, %+v", err, len(book.checkpoints), r.Totals)
		}
		if n := strings.Count(strings.Join(book.lines, "\n"), "no checkpoint"); n != 1 {
			t.Errorf("the log says it %d times", n)
		}
	})
}

// vocabulary gives words as a large site may use; made up, they compress worse
// than those of a language.
func vocabulary(r *rand.Rand) []string {
	const letters = "etaoinshrdlcumwfgypbvk"
	list := make([]string, 4000)
	for i := range list {
		for range 3 + r.IntN(8) {
			list[i] += string(letters[r.IntN(len(letters))])
		}
	}
	return list
}

// largeCrawl gives a crawl that has just read 5,000 pages with 150 links each
// to 40,000 URLs and has checked none of the others, which is when it knows most
// that a checkpoint must keep.
func largeCrawl(t *testing.T, book *notebook) *crawl {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	known := vocabulary(r)
	words := func(n int, between string) string {
		list := make([]string, n)
		for i := range list {
			list[i] = known[r.IntN(len(known))]
		}
		return strings.Join(list, between)
	}
	start, err := url.Parse("https://www.example.com/")
	if err != nil {
		t.Fatal(err)
	}
	c := newCrawl(auditor{nil, testAgent}, start, Input{MaxPages: 5000}.settings(), task.NewRun(&task.Task{}, 1, nil, book))
	c.site, c.home = start, c.lane(start.Host)
	addresses := make([]string, 39_000)
	for i := range addresses {
		host := "www.example.com"
		if i >= 30_000 {
			host = words(2, "-") + ".test"
		}
		addresses[i] = fmt.Sprintf("https://%s/%s/%s-%d", host, words(1, ""), words(4, "-"), r.IntN(100_000))
	}
	for _, address := range addresses[:5000] {
		c.target(address)
	}
	html := make([]byte, 3<<20)
	for p := range 5000 {
		doc := &document{title: words(2+r.IntN(8), " ")}
		if p%9 == 0 {
			doc.title = fmt.Sprintf("Title %d", p%900)
		}
		for range 20 {
			doc.anchors = append(doc.anchors, words(2, "-"))
		}
		for n := range 150 {
			l := link{kind: kindLink, text: words(3, " "), target: addresses[r.IntN(len(addresses))]}
			switch {
			case n < 60:
				l.target = addresses[5000+n] // the site's menu
			case n == 149:
				l.kind, l.target = kindImage, strings.Replace(l.target, "https:", "http:", 1)
			case n == 148:
				l.target, l.fragment = addresses[r.IntN(5000)], words(1, "")
			}
			doc.links = append(doc.links, l)
		}
		i, ok := c.target(addresses[p])
		if !ok {
			t.Fatal("no room for a page")
		}
		c.Targets[i].known, c.Targets[i].Wish = true, wishRead
		c.settle(i, answer{status: 200, contentType: "text/html", firstByte: time.Duration(r.IntN(4000)) * time.Millisecond, body: html[:r.IntN(len(html))]}, doc)
	}
	return c
}

func TestLargeCrawl(t *testing.T) {
	book := &notebook{}
	c := largeCrawl(t, book)
	if err := c.task.Checkpoint(c.state); err != nil {
		t.Fatal(err)
	}
	size := len(book.last())
	t.Logf("%d pages, %d URLs: %d bytes of checkpoint", c.pages, len(c.Targets), size)
	if size > task.MaxCheckpoint || len(c.Targets) != maxTargets {
		t.Errorf("%d URLs take %d bytes; %d are allowed", len(c.Targets), size, task.MaxCheckpoint)
	}

	next := newCrawl(auditor{handlers{c.site.Host: http.NotFoundHandler()}, testAgent}, c.site, c.settings, task.NewRun(&task.Task{}, 2, book.last(), &notebook{}))
	if ok, err := next.resume(t.Context()); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if next.pages != 5000 || next.open < 30_000 || len(next.Targets) != len(c.Targets) || next.anchorBytes != c.anchorBytes {
		t.Errorf("resumed with %d pages, %d open, %d URLs, %d bytes of anchors", next.pages, next.open, len(next.Targets), next.anchorBytes)
	}

	c = next
	random := rand.New(rand.NewPCG(3, 4))
	for i := range c.Targets {
		if c.Targets[i].Done {
			continue
		}
		a := answer{status: 200}
		switch random.IntN(20) {
		case 0:
			a = answer{status: 404, fault: faultStatus}
		case 1:
			a = answer{status: 301, location: c.Targets[random.IntN(len(c.Targets))].URL}
		}
		c.settle(i, a, nil)
	}
	r, err := c.report()
	if err != nil {
		t.Fatal(err)
	}
	n, err := encodedSize(r)
	if err != nil || n > task.MaxResult || n < task.MaxResult-64<<10 {
		t.Errorf("the report has %d bytes, %v; %d are allowed and should be used", n, err, task.MaxResult)
	}
	got := map[string]bool{
		"broken": len(r.Broken) < r.Totals.Broken, "redirects": len(r.Redirects) < r.Totals.Redirects,
		"mixed": len(r.MixedContent) < r.Totals.MixedContent, "duplicate": len(r.Titles.Duplicate) < r.Totals.TitlesDuplicate,
		"slow": len(r.SlowPages) < r.Totals.SlowPages, "heavy": len(r.HeavyPages) < r.Totals.HeavyPages, "truncated": r.Truncated,
	}
	want := map[string]bool{"broken": true, "redirects": true, "mixed": true, "duplicate": false, "slow": true, "heavy": false, "truncated": true}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("what is cut (-want +got):\n%s\n%+v", d, r.Totals)
	}
}
