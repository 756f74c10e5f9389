package siteaudit

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"windlass/internal/egress"
	"windlass/internal/task"
)

const testAgent = "WindlassTest/1.0 (+https://windlass.test/)"

// notebook is a task.Recorder that keeps everything.
type notebook struct {
	mu          sync.Mutex
	progress    []task.Progress
	lines       []string
	checkpoints [][]byte
	saveErr     error
	onSave      func(n int) // called with the number of checkpoints
}

func (n *notebook) Progress(p task.Progress) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.progress = append(n.progress, p)
}

func (n *notebook) Log(level slog.Level, line string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.lines = append(n.lines, level.String()+" "+line)
}

func (n *notebook) Checkpoint(state []byte) error {
	n.mu.Lock()
	n.checkpoints = append(n.checkpoints, append([]byte(nil), state...))
	count, err := len(n.checkpoints), n.saveErr
	n.mu.Unlock()
	if n.onSave != nil {
		n.onSave(count)
	}
	return err
}

func (n *notebook) last() []byte {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.checkpoints) == 0 {
		return nil
	}
	return n.checkpoints[len(n.checkpoints)-1]
}

// audit runs the kind as a worker does, from JSON to JSON.
func audit(ctx context.Context, transport http.RoundTripper, in Input, book *notebook, checkpoint []byte) (Report, task.Done, error) {
	raw, err := json.Marshal(in)
	if err != nil {
		return Report{}, task.Done{}, err
	}
	run := task.NewRun(&task.Task{ID: "tsk_test"}, 1, checkpoint, book)
	done, err := auditor{transport, testAgent}.kind().Run(ctx, raw, run)
	if err != nil {
		return Report{}, done, err
	}
	var r Report
	return r, done, json.Unmarshal(done.Result, &r)
}

// handlers answers requests without a network, which testing/synctest needs:
// each host is a handler.
type handlers map[string]http.Handler

func (h handlers) RoundTrip(r *http.Request) (*http.Response, error) {
	handler := h[r.URL.Host]
	if handler == nil {
		return nil, &net.DNSError{Err: "no such host", Name: r.URL.Hostname(), IsNotFound: true}
	}
	answered := make(chan *http.Response, 1)
	go func() {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		answered <- w.Result()
	}()
	select {
	case resp := <-answered:
		return resp, nil
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
}

// pages serves HTML by path and query, and 404 for everything else.
type pages map[string]string

func (p pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, ok := p[r.URL.RequestURI()]
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	fmt.Fprint(w, body)
}

func titled(title, body string) string {
	return "<!doctype html><title>" + title + "</title>" + body
}

func TestKind(t *testing.T) {
	k := New(egress.New(egress.Policy{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}), testAgent)
	if k.Name != "site.audit" || !k.HasCSV || k.Queue != "default" {
		t.Errorf("kind is %+v", k)
	}
	if got, err := k.Check(k.Example); err != nil || got.Faults != nil || got.CacheFor != 10*time.Minute {
		t.Errorf("the example is checked as %+v, %v", got, err)
	}
	server := httptest.NewServer(pages{"/": titled("Home", "")})
	defer server.Close()
	in, err := json.Marshal(Input{URL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	done, err := k.Run(t.Context(), in, task.NewRun(&task.Task{}, 1, nil, &notebook{}))
	if err != nil || done.Summary != "no faults on 1 page" {
		t.Errorf("got %q, %v", done.Summary, err)
	}
}

func TestInputDefaults(t *testing.T) {
	zero, no := 0, false
	got := []settings{
		Input{}.settings(),
		Input{MaxPages: 7, MaxDepth: &zero, External: &no, Pause: task.Duration(time.Second), SlowAfter: task.Duration(3 * time.Second), HeavyBytes: 4096}.settings(),
	}
	want := []settings{
		{100, 10, true, 50 * time.Millisecond, 2 * time.Second, 2 << 20},
		{7, 0, false, time.Second, 3 * time.Second, 4096},
	}
	if d := cmp.Diff(want, got, cmp.AllowUnexported(settings{})); d != "" {
		t.Error(d)
	}
}

func TestInputCheck(t *testing.T) {
	tests := []struct {
		name string
		in   Input
		want []string
	}{
		{"plain", Input{URL: "https://example.com"}, nil},
		{"with login", Input{URL: "https://bob:secret@example.com/"}, nil},
		{"relative", Input{URL: "/docs"}, []string{"url"}},
		{"no scheme", Input{URL: "example.com/docs"}, []string{"url"}},
		{"other scheme", Input{URL: "ftp://example.com/"}, []string{"url"}},
		{"no host", Input{URL: "https:///docs"}, []string{"url"}},
		{"port", Input{URL: "https://example.com:99999/"}, []string{"url"}},
		{"durations", Input{URL: "https://example.com", Pause: task.Duration(time.Minute), SlowAfter: -1}, []string{"pause", "slow_after"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, f := range tt.in.check() {
				got = append(got, f.Field)
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestInputKeepsSecret(t *testing.T) {
	for _, raw := range []string{
		"https://bob:secret@example.com/docs", "https://bob:secret@[bad/docs", "https://bob:sec/secret@example.com:99999", "//bob:secret@example.com/",
	} {
		in := Input{URL: raw}
		if s := in.subject(); strings.Contains(s, "secret") || strings.Contains(s, "bob") {
			t.Errorf("subject of %q is %q", raw, s)
		}
		if s := in.redact().URL; strings.Contains(s, "secret") {
			t.Errorf("%q is redacted to %q", raw, s)
		}
	}
	if s := (Input{URL: "https://bob:secret@Example.com:443"}).subject(); s != "https://example.com/" {
		t.Errorf("subject is %q", s)
	}
}

// refusing is a transport whose guard lets nothing inside through.
type refusing struct{}

func (refusing) RoundTrip(r *http.Request) (*http.Response, error) {
	return egress.New(egress.Policy{}).Transport().RoundTrip(r)
}
