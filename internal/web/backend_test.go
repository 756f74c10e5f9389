package web

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"windlass/internal/front"
)

// inFront gives a page's server that hands everything on to handler.
func inFront(t *testing.T, handler http.HandlerFunc) (*httptest.Server, *Backend) {
	t.Helper()
	back := httptest.NewServer(handler)
	t.Cleanup(back.Close)
	return at(t, back.URL)
}

func at(t *testing.T, url string) (*httptest.Server, *Backend) {
	t.Helper()
	proxies, err := front.ParseProxies("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	return behind(t, url, proxies)
}

func behind(t *testing.T, url string, proxies front.Proxies) (*httptest.Server, *Backend) {
	t.Helper()
	b, err := NewBackend(url, proxies, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(front.NewServer(front.Config{Proxies: proxies}, b).Handler)
	t.Cleanup(server.Close)
	t.Cleanup(b.Close) // first
	return server, b
}

func TestBackendHearsWhatTheClientSaid(t *testing.T) {
	type heard struct {
		Host, Method, URI, Body string
		Header                  map[string][]string
	}
	server, _ := inFront(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Location", "/api/v1/tasks/1")
		w.Header().Set("Referrer-Policy", "same-origin")
		w.WriteHeader(http.StatusAccepted)
		_ = json.NewEncoder(w).Encode(heard{r.Host, r.Method, r.RequestURI, string(body), r.Header})
	})
	r, err := http.NewRequestWithContext(t.Context(), "POST", server.URL+"/api/v1/tasks?a=1&b=%2F;c", strings.NewReader("body"))
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "windlass.example"
	for name, value := range map[string]string{
		"Authorization": "Bearer secret", "Cookie": "windlass_session=1", "Origin": "https://windlass.example", "Idempotency-Key": `"k"`,
		"Prefer": "wait=1", "Traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "X-Request-Id": "mine",
		"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https", "Accept-Encoding": "br", "User-Agent": "test",
	} {
		r.Header.Set(name, value)
	}
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	var got heard
	if err := json.NewDecoder(response.Body).Decode(&got); err != nil {
		t.Fatal(err)
	}
	want := heard{"windlass.example", "POST", "/api/v1/tasks?a=1&b=%2F;c", "body", map[string][]string{
		"Authorization": {"Bearer secret"}, "Cookie": {"windlass_session=1"}, "Origin": {"https://windlass.example"}, "Idempotency-Key": {`"k"`},
		"Prefer": {"wait=1"}, "Traceparent": {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}, "X-Request-Id": {"mine"},
		"X-Forwarded-For": {"203.0.113.9"}, "X-Forwarded-Proto": {"https"}, "X-Forwarded-Host": {"windlass.example"},
		"Accept-Encoding": {"br"}, "User-Agent": {"test"}, "Content-Length": {"4"},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the backend heard (-want +got):\n%s", diff)
	}
	policies := response.Header.Values("Referrer-Policy")
	if response.StatusCode != 202 || response.Header.Get("Location") != "/api/v1/tasks/1" || len(policies) != 1 || policies[0] != "same-origin" {
		t.Errorf("the client got %s, %v", response.Status, response.Header)
	}
}

// Nobody but a trusted proxy says who a client is.
func TestBackendDoesNotHearHearsay(t *testing.T) {
	back := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.Header["X-Forwarded-For"], r.Header["X-Forwarded-Proto"])
	}))
	defer back.Close()
	server, _ := behind(t, back.URL, nil)
	r, err := http.NewRequestWithContext(t.Context(), "GET", server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Forwarded-For", "203.0.113.9")
	r.Header.Set("X-Forwarded-Proto", "https")
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if text, err := io.ReadAll(response.Body); err != nil || string(text) != "[127.0.0.1] [http]" {
		t.Errorf("the backend heard %s (%v)", text, err)
	}
}

// Each event must be read before the next is written: one that is held back
// stops the test.
func TestBackendsEventsAreNotHeldBack(t *testing.T) {
	read := make(chan int)
	server, b := inFront(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
		for i := range 3 {
			fmt.Fprintf(w, "data: %d\n\n", i)
			_ = http.NewResponseController(w).Flush()
			if got := <-read; got != i {
				t.Errorf("read %d, want %d", got, i)
			}
		}
		<-r.Context().Done()
	})
	response, err := http.Get(server.URL + "/api/v1/events")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		if text, found := strings.CutPrefix(lines.Text(), "data: "); found {
			read <- int(text[0] - '0')
			if text == "2" {
				b.Close() // as at a shutdown
			}
		}
	}
	if err := lines.Err(); err != nil {
		t.Errorf("the stream ended with %v", err)
	}
}

func TestBackendAway(t *testing.T) {
	hangUp := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			_ = conn.Close()
		}
	}))
	defer hangUp.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := "http://" + l.Addr().String()
	_ = l.Close()
	for name, tt := range map[string]struct {
		url, code string
		status    int
	}{
		"nothing was sent": {nobody, "backend_unavailable", 503},
		"answer lost":      {hangUp.URL, "backend_lost", 502},
	} {
		t.Run(name, func(t *testing.T) {
			server, b := at(t, tt.url)
			response, err := http.Post(server.URL+"/api/v1/tasks", "application/json", strings.NewReader("{}"))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = response.Body.Close() }()
			var p problem
			if err := json.NewDecoder(response.Body).Decode(&p); err != nil {
				t.Fatal(err)
			}
			h := response.Header
			if response.StatusCode != tt.status || p.Status != tt.status || p.Code != tt.code || p.Type != "/problems/"+strings.ReplaceAll(tt.code, "_", "-") ||
				h.Get("Content-Type") != "application/problem+json" || h.Get("Retry-After") != "2" || p.Instance == "" || h.Get("X-Request-Id") != p.Instance {
				t.Errorf("got %s %v %+v", response.Status, h, p)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			if _, err := b.Ready(ctx); err == nil {
				t.Error("it counts as ready")
			}
		})
	}
}

func TestBackendReady(t *testing.T) {
	ready := true
	_, b := inFront(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/readyz" || !ready {
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = io.WriteString(w, `{"code":"redis_full"}`)
		}
	})
	if code, err := b.Ready(t.Context()); err != nil || code != "" {
		t.Error(code, err)
	}
	ready = false
	if code, err := b.Ready(t.Context()); err == nil || code != "redis_full" {
		t.Errorf("it is not ready for want of room, and says %q, %v", code, err)
	}
}

func TestCheckBackend(t *testing.T) {
	for text, right := range map[string]bool{
		"http://backend:8000": true, "https://backend/": true, "backend:8000": false, "http://": false,
		"http://backend/api": false, "http://u:p@backend": false, "ftp://backend": false, "": false,
	} {
		if got := CheckBackend(text) == nil; got != right {
			t.Errorf("%q counts as right: %v", text, got)
		}
	}
}
