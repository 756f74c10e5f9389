package siteaudit

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"windlass/internal/egress"
	"windlass/internal/task"
)

// plantedSite is a site over TLS in which every sort of fault and every trap
// waits once. Its pages live in plantedPages; what is not a plain page is here.
type plantedSite struct {
	mu    sync.Mutex
	asked map[string]int // "METHOD host path?query"
}

func (s *plantedSite) count(r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked[r.Method+" "+r.Host+r.URL.RequestURI()]++
}

// silence is the log of servers whose faults are meant.
var silence = log.New(io.Discard, "", 0)

// linksAsked counts the URLs that some page, sitemap or robots.txt names, by the
// requests that came, and the three that nobody could answer.
func (s *plantedSite) linksAsked() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	links := map[string]bool{}
	for what := range s.asked {
		_, address, _ := strings.Cut(what, " ")
		switch {
		case address == "example.com/robots.txt", address == "example.com/sitemap.xml":
		case strings.HasPrefix(address, "example.com/endless/x"), address == "example.com/circle2", address == "other.test/hop":
		default:
			links[address] = true
		}
	}
	return len(links) + len([]string{"nohost.test", "shut.test", "wrong.test"})
}

func (s *plantedSite) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.count(r)
	switch r.URL.Path {
	case "/robots.txt":
		fmt.Fprint(w, "User-agent: *\nDisallow: /private/\nSitemap: /map.xml\nSitemap: /no-map.xml\n")
	case "/map.xml":
		fmt.Fprint(w, `<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">
			<url><loc>https://example.com/</loc></url><url><loc>https://example.com/only-in-map</loc></url>
			<url><loc>https://example.com/gone-from-map</loc></url><url><loc>https://elsewhere.test/x</loc></url></urlset>`)
	case "/ok.png", "/ok.css", "/ok.js", "/manual.pdf", "/poster.png":
		fmt.Fprint(w, "x")
	case "/download":
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Content-Disposition", `attachment; filename="x.html"`)
	case "/broken.css":
		w.WriteHeader(http.StatusInternalServerError)
	case "/closes":
		// Bytes that came already keep the client from trying again by itself.
		w.Header().Set("Content-Length", "100")
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, "<!doctype html>")
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	case "/slow":
		select {
		case <-time.After(2200 * time.Millisecond):
		case <-r.Context().Done():
		}
		fmt.Fprint(w, titled("Slow", ""))
	case "/heavy":
		fmt.Fprint(w, titled("Heavy", strings.Repeat("<p>much</p>", 1000)))
	case "/latin":
		w.Header().Set("Content-Type", "text/html; charset=iso-8859-1")
		fmt.Fprint(w, titled("Caf\xe9", "<a href='/latin-\xe9'>caf\xe9</a>"))
	case "/calendar":
		fmt.Fprint(w, titled("Calendar "+r.URL.RawQuery, fmt.Sprintf("<a href='/calendar?m=%s1'>next</a>", r.URL.Query().Get("m"))))
	case "/found", "/turn", "/moved", "/moved-gone", "/twice", "/circle", "/circle2", "/nowhere", "/to-anchor", "/to-mail":
		s.redirect(w, r)
	default:
		switch {
		case strings.HasPrefix(r.URL.Path, "/endless/"):
			http.Redirect(w, r, r.URL.Path+"x", http.StatusFound)
		case strings.HasPrefix(r.URL.Path, "/deep/"):
			fmt.Fprint(w, titled("Deep "+r.URL.Path, "<a href='deep/'>deeper</a>"))
		default:
			plantedPages.ServeHTTP(w, r)
		}
	}
}

func (s *plantedSite) redirect(w http.ResponseWriter, r *http.Request) {
	to := map[string]struct {
		status   int
		location string
	}{
		"/found":      {http.StatusFound, "/install"},
		"/turn":       {http.StatusSeeOther, "/moved"},
		"/moved":      {http.StatusMovedPermanently, "/install"},
		"/moved-gone": {http.StatusPermanentRedirect, "/gone"},
		"/twice":      {http.StatusFound, "http://other.test/hop"},
		"/circle":     {http.StatusFound, "/circle2"},
		"/circle2":    {http.StatusFound, "/circle"},
		"/nowhere":    {http.StatusFound, ""},
		"/to-anchor":  {http.StatusFound, "/install#linux"},
		"/to-mail":    {http.StatusFound, "mailto:crew@example.com"},
	}[r.URL.Path]
	if to.location != "" {
		w.Header().Set("Location", to.location)
	}
	w.WriteHeader(to.status)
}

var plantedPages = pages{
	"/": titled("Home", `
		<link rel="stylesheet" href="/ok.css"><link rel="stylesheet" href="/broken.css"><link rel="preconnect" href="https://nowhere.test">
		<link rel="icon" href="/no.ico"><link rel="preload" href="/no-font.woff2"><script src="/ok.js"></script><script src="/no.js"></script>
		<svg><title>Logo</title></svg>
		<a href="/docs/">Docs</a> <a href="install#windows">On Windows</a> <a href="/gone">Gone</a>
		<a href="/titles">Titles</a> <a href="/redirects">Redirects</a> <a href="/anchors">Anchors</a> <a href="/outside">Outside</a>
		<a href="/quiet">Quiet</a> <a href="/calendar?m=1">Calendar</a> <a href="/deep/">Deep</a> <a href="/slow">Slow</a> <a href="/heavy">Heavy</a>
		<a href="/latin">Latin</a> <a href="/private/plan">Plan</a> <img src="/private/plan.png">
		<img src="/no.png" alt="A harbour"> <img src="/ok.png"><img srcset="/ok.png 1x, /no-2x.png 2x">
		<video poster="/poster.png"><source src="/no.webm"></video><iframe src="/no-frame"></iframe>`),
	"/docs/": titled("Docs", `<base href="/docs/v2/"><a href="guide">Guide</a><a href="../old"> Old
		<b>docs</b></a><a href="/gone">still gone</a><img src="http://plain.test/a.png"><img src="http://plain.test/a.png">`),
	"/docs/v2/guide": titled("Guide", `<a href="/gone">Gone</a><img src="http://plain.test/a.png"><a href="http://plain.test/b">plain</a>
		<a href="//example.com/install">Protocol-relative</a>`),
	"/install":   titled("Install", `<h2 id="linux">Linux</h2><h2 id="mac os">Mac</h2><a name="bsd">BSD</a>`),
	"/titles":    titled(" ", `<a href="/same-1">1</a><a href="/same-2">2</a><a href="/same-copy">copy</a>`),
	"/same-1":    titled("Same", ""),
	"/same-2":    titled("Same\n", ""),
	"/same-copy": titled("Same", `<link rel="canonical" href="/same-1">`),
	"/redirects": titled("Ways", `<a href="/found">found</a><a href="/turn">turn</a><a href="/moved">moved</a><a href="/moved-gone">moved and gone</a>
		<a href="/twice">twice</a><a href="/circle">circle</a><a href="/nowhere">nowhere</a><a href="/endless/">endless</a><a href="/to-mail">mail</a>`),
	"/anchors": titled("Anchors", `<a href="#">a</a><a href="#top">b</a><a href="#here">c</a><p id="here"></p><a href="#there">d</a>
		<a href="/install#linux">e</a><a href="/install#mac%20os">f</a><a href="/install#bsd">g</a><a href="/install#:~:text=Linux">h</a>
		<a href="/install#windows">i</a><a href="#/route">j</a><a href="/manual.pdf#page=3">k</a><a href="/found#plan9">l</a><a href="/to-anchor#plan9">m</a>`),
	"/outside": titled("Outside", `<a href="http://other.test/fine">fine</a><a href="http://other.test/gone">gone</a><a href="http://other.test/no-head">no head</a>
		<a href="http://other.test/lies">lies</a><a href="http://nohost.test/">no host</a><a href="http://shut.test/">shut</a><a href="https://wrong.test/">wrong</a>
		<a href="http://192.168.7.7/">inside</a><a href="http://other.test/inside">inside by redirect</a><a href="/closes">closes</a>
		<a href="http://[bad/">bad</a><a href="https://eve:secret@example.com/secret">secret</a>`),
	"/quiet": titled("Quiet", `<a href="">me</a><a>nothing</a><a href="mailto:a@b">m</a><a href="tel:1">t</a><a href="javascript:void(0)">j</a><a href="data:,x">d</a>
		<img src=""><img src="data:image/png;base64,x"><!-- <a href="/comment">c</a> --><template><a href="/template">t</a></template>
		<script>"<a href='/script'>"</script><noscript><a href="/noscript">n</a></noscript><a href="/manual.pdf">pdf</a><a href="/download">load</a>
		<a href="HTTPS://EXAMPLE.COM:443/docs/../docs/%76%32/guide?">same guide</a><meta http-equiv="refresh" content="9; url=/docs/">`),
	"/noscript":    titled("No script", ""),
	"/only-in-map": titled("Only in the map", `<a href="/gone">Gone</a>`),
}

func (s *plantedSite) other(w http.ResponseWriter, r *http.Request) {
	s.count(r)
	switch {
	case r.URL.Path == "/hop":
		http.Redirect(w, r, "/fine", http.StatusFound)
	case r.URL.Path == "/inside":
		http.Redirect(w, r, "http://192.168.7.7/x", http.StatusFound)
	case r.URL.Path == "/no-head" && r.Method == http.MethodHead:
		w.WriteHeader(http.StatusMethodNotAllowed)
	case r.URL.Path == "/lies" && r.Method == http.MethodHead, r.URL.Path == "/gone":
		w.WriteHeader(http.StatusNotFound)
	}
}

// serve starts the site and its neighbours, and gives a transport that finds
// them by name and leaves everything else to the guard.
func (s *plantedSite) serve(t *testing.T) *http.Transport {
	site := httptest.NewUnstartedServer(s)
	site.Config.ErrorLog = silence
	site.StartTLS()
	t.Cleanup(site.Close)
	other := httptest.NewServer(http.HandlerFunc(s.other))
	t.Cleanup(other.Close)
	shut, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	shut.Close()
	addresses := map[string]string{
		"example.com:443": site.Listener.Addr().String(), "wrong.test:443": site.Listener.Addr().String(),
		"other.test:80": other.Listener.Addr().String(), "plain.test:80": other.Listener.Addr().String(),
		"shut.test:80": shut.Addr().String(),
	}
	guard := egress.New(egress.Policy{})
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: site.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs},
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			if strings.HasPrefix(address, "nohost.test:") {
				return nil, &net.DNSError{Err: "no such host", Name: "nohost.test", IsNotFound: true}
			}
			if to := addresses[address]; to != "" {
				return new(net.Dialer).DialContext(ctx, network, to)
			}
			return guard.DialContext(ctx, network, address)
		},
	}
	t.Cleanup(transport.CloseIdleConnections)
	return transport
}

func on(target string, k kind, text string, total int, pages ...string) Found {
	return Found{Target: target, Kind: k, Page: pages[0], Text: text, FoundOn: pages, FoundOnTotal: total}
}

const (
	home    = "https://example.com/"
	base    = "https://example.com"
	outside = base + "/outside"
	ways    = base + "/redirects"
	anchors = base + "/anchors"
)

func status(f Found, status int) Broken {
	return Broken{Found: f, Status: status, Code: faultStatus, Message: statusSentence(status)}
}

func fails(f Found, code fault) Broken {
	return Broken{Found: f, Code: code, Message: code.sentence(0)}
}

func plantedReport() Report {
	movedGone := Broken{
		Found: on(base+"/moved-gone", kindLink, "moved and gone", 1, ways), Status: 404, Code: faultStatus,
		Message: "It redirects to https://example.com/gone. Answered 404 Not Found.", Final: base + "/gone",
	}
	nowhere := fails(on(base+"/nowhere", kindLink, "nowhere", 1, ways), faultRedirect)
	nowhere.Status = 302
	return Report{
		Site: home, StoppedBy: stoppedSimilar,
		Broken: []Broken{
			status(on(base+"/gone", kindLink, "Gone", 4, home, base+"/docs/", base+"/only-in-map", base+"/docs/v2/guide"), 404),
			fails(on(base+"/install#windows", kindFragment, "On Windows", 2, home, anchors), faultAnchor),
			fails(on("http://[bad/", kindLink, "bad", 1, outside), faultURL),
			fails(on("http://nohost.test/", kindLink, "no host", 1, outside), faultDNS),
			status(on("http://other.test/gone", kindLink, "gone", 1, outside), 404),
			fails(on("http://shut.test/", kindLink, "shut", 1, outside), faultRefused),
			fails(on(anchors+"#there", kindFragment, "d", 1, anchors), faultAnchor),
			status(on(base+"/broken.css", kindStyle, "", 1, home), 500),
			fails(on(base+"/circle", kindLink, "circle", 1, ways), faultLoop),
			fails(on(base+"/closes", kindLink, "closes", 1, outside), faultClosed),
			status(on(base+"/docs/old", kindLink, "Old docs", 1, base+"/docs/"), 404),
			fails(on(base+"/endless/", kindLink, "endless", 1, ways), faultHops),
			fails(on(base+"/found#plan9", kindFragment, "l", 1, anchors), faultAnchor),
			status(on(base+"/gone-from-map", kindSitemap, "", 1, base+"/map.xml"), 404),
			status(on(base+"/latin-%C3%A9", kindLink, "café", 1, base+"/latin"), 404),
			movedGone,
			status(on(base+"/no-2x.png", kindImage, "", 1, home), 404),
			status(on(base+"/no-font.woff2", kindResource, "", 1, home), 404),
			status(on(base+"/no-frame", kindFrame, "", 1, home), 404),
			status(on(base+"/no-map.xml", kindSitemap, "", 1, base+"/robots.txt"), 404),
			status(on(base+"/no.ico", kindImage, "", 1, home), 404),
			status(on(base+"/no.js", kindScript, "", 1, home), 404),
			status(on(base+"/no.png", kindImage, "A harbour", 1, home), 404),
			status(on(base+"/no.webm", kindMedia, "", 1, home), 404),
			nowhere,
			status(on(base+"/secret", kindLink, "secret", 1, outside), 404),
			fails(on("https://wrong.test/", kindLink, "wrong", 1, outside), faultTLSHost),
		},
		Redirects: []Redirect{
			{on(base+"/moved", kindLink, "moved", 1, ways), []Hop{{base + "/moved", 301}}, base + "/install"},
			{on(base+"/turn", kindLink, "turn", 1, ways), []Hop{{base + "/turn", 303}, {base + "/moved", 301}}, base + "/install"},
			{on(base+"/twice", kindLink, "twice", 1, ways), []Hop{{base + "/twice", 302}, {"http://other.test/hop", 302}}, "http://other.test/fine"},
		},
		MixedContent: []Found{on("http://plain.test/a.png", kindImage, "", 2, base+"/docs/", base+"/docs/v2/guide")},
		Titles: Titles{
			Missing:   []string{base + "/titles"},
			Duplicate: []DuplicateTitle{{"Same", []string{base + "/same-1", base + "/same-2"}, 2}},
		},
		SlowPages:  []SlowPage{{Page: base + "/slow"}},
		HeavyPages: []HeavyPage{{base + "/heavy", 11035}},
		NotChecked: []Unchecked{
			{on("http://192.168.7.7/", kindLink, "inside", 1, outside), leftAddress, leftAddress.sentence(0)},
			{on("http://other.test/inside", kindLink, "inside by redirect", 1, outside), leftAddress, "Not checked: it redirects to a host that this server may not call."},
			{on(base+"/private/plan", kindLink, "Plan", 1, home), leftRobots, leftRobots.sentence(0)},
			{on(base+"/private/plan.png", kindImage, "", 1, home), leftRobots, leftRobots.sentence(0)},
		},
	}
}

// TestPlantedSite is the promise of this kind: every fault of the site is
// reported once, and nothing else is.
func TestPlantedSite(t *testing.T) {
	site := &plantedSite{asked: map[string]int{}}
	transport := site.serve(t)
	book := &notebook{}
	depth := 30
	in := Input{URL: "https://EXAMPLE.com", MaxPages: 60, MaxDepth: &depth, Pause: task.Duration(time.Millisecond), SlowAfter: task.Duration(2 * time.Second), HeavyBytes: 10_000}
	got, done, err := audit(t.Context(), transport, in, book, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := plantedReport()
	ignore := cmp.Options{cmpopts.IgnoreFields(SlowPage{}, "FirstByte"), cmpopts.IgnoreFields(Report{}, "Totals")}
	if d := cmp.Diff(want, got, ignore); d != "" {
		t.Errorf("report (-want +got):\n%s", d)
	}
	wantTotals := Totals{
		Pages: 35, LinksChecked: site.linksAsked(), External: 11, Broken: 27, Redirects: 3, MixedContent: 1, TitlesMissing: 1, TitlesDuplicate: 1,
		SlowPages: 1, HeavyPages: 1, SkippedByRobots: 2, RefusedByEgress: 2, NotChecked: 4, PagesUnread: 2,
	}
	if d := cmp.Diff(wantTotals, got.Totals); d != "" {
		t.Errorf("totals (-want +got):\n%s", d)
	}
	if done.Summary != "27 broken links on 35 pages" {
		t.Errorf("summary is %q", done.Summary)
	}
	if len(got.SlowPages) == 1 && got.SlowPages[0].FirstByte.Std() < 2*time.Second {
		t.Errorf("the slow page took %s", got.SlowPages[0].FirstByte.Std())
	}
	for what, n := range site.asked {
		if n != 1 {
			t.Errorf("%s was asked for %d times", what, n)
		}
		if strings.Contains(what, "/private/") {
			t.Errorf("%s was asked for", what)
		}
	}
	everything := strings.Join(book.lines, "\n") + string(done.Result)
	if strings.Contains(everything, "eve:") || strings.Contains(everything, ":secret") || bytes.Contains(book.last(), []byte("eve:")) {
		t.Error("a link's password came out")
	}
}
