package egress_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"windlass/internal/egress"
	"windlass/internal/kind"
	"windlass/internal/task"
)

// canary listens where nothing may come.
type canary struct {
	t         *testing.T
	port      string
	listeners []net.Listener
}

// newCanary listens on the same port of every loopback address that the corpus
// leads to. It accepts nothing until it is asked.
func newCanary(t *testing.T) *canary {
	t.Helper()
	c := &canary{t: t}
	first, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, c.port, _ = net.SplitHostPort(first.Addr().String())
	c.listeners = []net.Listener{first}
	for _, host := range []string{"127.0.0.3", "127.127.127.127", "127.255.255.254", "::1"} {
		// Some machines have no IPv6, and some only one loopback address.
		if l, err := net.Listen("tcp", net.JoinHostPort(host, c.port)); err == nil {
			c.listeners = append(c.listeners, l)
		}
	}
	t.Cleanup(func() {
		for _, l := range c.listeners {
			l.Close()
		}
	})
	return c
}

// reached reports whether anybody has connected since the last time. A listener
// gives connections in the order in which they came, so the test's own comes
// first only when no other did.
func (c *canary) reached() bool {
	c.t.Helper()
	found := false
	for _, l := range c.listeners {
		own, err := new(net.Dialer).DialContext(c.t.Context(), "tcp", l.Addr().String())
		if err != nil {
			c.t.Fatal(err)
		}
		for {
			conn, err := l.Accept()
			if err != nil {
				c.t.Fatal(err)
			}
			from := conn.RemoteAddr().String()
			conn.Close()
			if from == own.LocalAddr().String() {
				break
			}
			found = true
		}
		own.Close()
	}
	return found
}

// zone is the names of the corpus. Those that change do so with each question.
func zone() func(name string, v6 bool) []netip.Addr {
	asked := 0
	return func(name string, v6 bool) []netip.Addr {
		four, six := []string{"127.0.0.1"}, []string(nil)
		switch name {
		case "aaaa.test.":
			four, six = nil, []string{"::1"}
		case "mapped.test.":
			four, six = nil, []string{"::ffff:127.0.0.1"}
		case "nat64.test.":
			four, six = nil, []string{"64:ff9b::7f00:1"}
		case "sixtofour.test.":
			four, six = nil, []string{"2002:7f00:1::1"}
		case "any.test.":
			four, six = []string{"0.0.0.0"}, []string{"::"}
		case "private.test.":
			four, six = []string{"10.0.0.1", "192.168.0.1"}, []string{"fd12::1"}
		case "metadata.test.", "metadata.google.internal.", "metadata.", "instance-data.":
			four, six = []string{"169.254.169.254"}, []string{"fd00:ec2::254"}
		case "both.test.": // 127.0.0.2 is allowed, and nobody listens there on the canary's port
			four = []string{"127.0.0.2", "127.0.0.1"}
		case "rebind.test.":
			if asked++; asked%2 == 1 {
				four = []string{"127.0.0.2"}
			}
		case "rebind6.test.":
			four, six = []string{"127.0.0.2"}, []string{"::1"}
		}
		if v6 {
			four = six
		}
		addrs := make([]netip.Addr, len(four))
		for i, text := range four {
			addrs[i] = netip.MustParseAddr(text)
		}
		return addrs
	}
}

func readCorpus(t *testing.T, port string) []string {
	t.Helper()
	f, err := os.Open("testdata/corpus.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var corpus []string
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		text := lines.Text()
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		if strings.HasPrefix(text, `"`) {
			if text, err = strconv.Unquote(text); err != nil {
				t.Fatalf("%s: %v", lines.Text(), err)
			}
		}
		corpus = append(corpus, strings.ReplaceAll(text, "PORT", port))
	}
	if len(corpus) < 150 || lines.Err() != nil {
		t.Fatalf("the corpus holds %d lines, %v", len(corpus), lines.Err())
	}
	return corpus
}

// silent takes a run's reports.
type silent struct{}

func (silent) Progress(task.Progress)  {}
func (silent) Log(slog.Level, string)  {}
func (silent) Checkpoint([]byte) error { return nil }

// corpusGuard allows 127.0.0.2 alone, where the test's own server redirects.
func corpusGuard(t *testing.T) *egress.Guard {
	g := egress.New(egress.Policy{
		Allow:    []netip.Prefix{netip.MustParsePrefix("127.0.0.2/32")},
		Resolver: egress.NameServer(t, zone()),
	})
	t.Cleanup(g.Transport().CloseIdleConnections)
	return g
}

// allowedServer runs h on the one address that the guard allows.
func allowedServer(t *testing.T, h http.Handler) *httptest.Server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.2:0")
	if err != nil {
		t.Fatalf("the corpus needs a second loopback address, as Linux has them: %v", err)
	}
	s := &httptest.Server{Listener: l, Config: &http.Server{Handler: h, ReadHeaderTimeout: 0}}
	s.Start()
	t.Cleanup(s.Close)
	return s
}

// Nothing of the corpus is reached by either kind, at the first attempt or the
// second, and each is answered in words.
func TestCorpus(t *testing.T) {
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"} {
		t.Setenv(name, "http://127.0.0.1:1")
	}
	birds := newCanary(t)
	redirects := allowedServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/robots.txt" {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Location", r.URL.Query().Get("to"))
		status, _ := strconv.Atoi(r.URL.Query().Get("status"))
		w.WriteHeader(status)
	}))
	kinds := kind.All(corpusGuard(t), "Windlass/test")
	statuses := []int{301, 302, 303, 307, 308}
	for i, target := range readCorpus(t, birds.port) {
		start := target
		if to, ok := strings.CutPrefix(target, "> "); ok {
			start = fmt.Sprintf("%s/?status=%d&to=%s", redirects.URL, statuses[i%len(statuses)], url.QueryEscape(to))
		}
		for _, k := range kinds {
			input, ok := corpusInput(k.Name, start)
			if !ok {
				continue
			}
			for number := 1; number <= 2; number++ {
				message := tryOnce(t.Context(), k, input, number)
				if fault := unclear(message); fault != "" {
					t.Errorf("%s of %q, attempt %d: %s: %q", k.Name, target, number, fault, message)
				}
				if birds.reached() {
					t.Errorf("%s of %q, attempt %d: it was reached", k.Name, target, number)
				}
			}
		}
	}
}

func corpusInput(name, target string) (json.RawMessage, bool) {
	members := map[string]any{"url": target}
	switch name {
	case "http.request":
		members["max_redirects"], members["timeout"] = 3, "5s"
		members["headers"] = map[string]string{"Authorization": "Bearer corpus"}
	case "site.audit":
		members["pause"] = "1ms"
	default:
		return nil, false
	}
	raw, err := json.Marshal(members)
	return raw, err == nil
}

// tryOnce hands the input in as the API would and does one attempt at it. It
// gives what the person reads, empty when the attempt succeeded.
func tryOnce(ctx context.Context, k task.Kind, input json.RawMessage, number int) string {
	checked, err := k.Check(input)
	if err != nil {
		return err.Error()
	}
	if checked.Faults != nil {
		return checked.Faults.Error()
	}
	_, err = k.Run(ctx, input, task.NewRun(&task.Task{ID: "tsk_01_default"}, number, nil, silent{}))
	if err == nil {
		return ""
	}
	e := task.AsError(err)
	return e.Message
}

// jargon is what only a Go programmer reads, and what the outside is not told.
var jargon = regexp.MustCompile(`dial |lookup |tcp|parse "|net/|0x[0-9a-f]{8}|goroutine|EOF|unsupported protocol|%!|no such host|127\.0\.0\.2`)

// unclear says why a person would not understand message, empty when one would.
func unclear(message string) string {
	switch {
	case message == "":
		return "no error"
	case !strings.Contains(message, " must ") && !strings.HasSuffix(message, "."):
		return "neither a sentence nor a field's rule"
	case len(message) > 400:
		return "too long"
	case jargon.MatchString(hostless(message)):
		return "words of a program"
	}
	return ""
}

// hostless drops what stands before "may not be called" and the like: the host as
// the person wrote it.
func hostless(message string) string {
	for _, verb := range []string{" may not be called", " refused the connection", " does not exist"} {
		if _, rest, ok := strings.Cut(message, verb); ok {
			return verb + rest
		}
	}
	return message
}

// A page that is allowed cannot lead an audit to what is not.
func TestCorpusOnAPage(t *testing.T) {
	birds := newCanary(t)
	var page strings.Builder
	page.WriteString("<!doctype html><title>Links</title>")
	for _, target := range readCorpus(t, birds.port) {
		target = html.EscapeString(strings.TrimPrefix(target, "> "))
		fmt.Fprintf(&page, `<p><a href="%s">a</a><img src="%s" alt=""><script src="%s"></script><iframe src="%s"></iframe></p>`, target, target, target, target)
	}
	site := allowedServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/":
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			io.WriteString(w, page.String())
		case "/robots.txt":
			fmt.Fprintf(w, "User-agent: *\nAllow: /\nSitemap: http://127.0.0.1:%s/sitemap.xml\nSitemap: http://a.test:%s/sitemap.xml\n", birds.port, birds.port)
		default:
			http.NotFound(w, r)
		}
	}))
	for _, k := range kind.All(corpusGuard(t), "Windlass/test") {
		if input, _ := corpusInput(k.Name, site.URL); k.Name == "site.audit" {
			done, err := k.Run(t.Context(), input, task.NewRun(&task.Task{ID: "tsk_01_default"}, 1, nil, silent{}))
			if err != nil {
				t.Fatal(err)
			}
			if n := strings.Count(string(done.Result), "address_not_allowed"); n < 50 {
				t.Errorf("%d targets are reported as not allowed, want at least 50", n)
			}
		}
	}
	if birds.reached() {
		t.Error("the canary was reached")
	}
}
