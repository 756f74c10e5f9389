package api

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"windlass/internal/redistest"
	"windlass/internal/store"
)

// slowReads holds back what reads a record until it is told to let go.
type slowReads struct {
	redis.Hook
	reading chan struct{} // gets one for each
	letGo   chan struct{}
}

func (s slowReads) DialHook(next redis.DialHook) redis.DialHook { return next }

func (s slowReads) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (s slowReads) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if cmd.Name() == "hgetall" {
			s.reading <- struct{}{}
			select {
			case <-s.letGo:
			case <-ctx.Done():
			}
		}
		return next(ctx, cmd)
	}
}

// Somebody who reads a hundred times at the same moment does not keep anybody else from
// being served, and is served as well.
func TestBurstOfOneAddress(t *testing.T) {
	t.Parallel()
	const many = 100
	server := redistest.Start(t)
	client := redis.NewClient(&redis.Options{Addr: server.Addr(), PoolSize: 2 * many})
	slow := slowReads{reading: make(chan struct{}, 2*many), letGo: make(chan struct{})}
	client.AddHook(slow)
	s := newSiteOn(t, server, client, limited("0", 0))
	s.api.fair.inLine, s.api.fair.stays = time.Hour, time.Hour
	// Nobody else asks by this client: a task that waits for its time needs no look at workers.
	id := newSiteOn(t, server, redis.NewClient(&redis.Options{Addr: server.Addr()}), nil).submit(`{"kind":"test.report","input":{"name":"ab"},"delay":"1h"}`).ID
	s.do("GET", "/api/v1/kinds", "", "X-Forwarded-For", "198.51.100.7").want(http.StatusOK)
	answers := make(chan int, many+1)
	read := func(from string) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.server.URL+"/api/v1/tasks/"+id, nil)
		if err != nil {
			t.Error(err)
			return
		}
		r.Header.Set("X-Forwarded-For", from)
		response, err := s.server.Client().Do(r)
		if err != nil {
			t.Error(err)
			answers <- 0
			return
		}
		defer func() { _ = response.Body.Close() }()
		answers <- response.StatusCode
	}
	for range many {
		go read("192.0.2.1")
	}
	most := s.api.fair.most
	for range most {
		<-slow.reading
	}
	eventually(t, func() bool { _, waiting := s.api.fair.count("192.0.2.1:1"); return waiting == many-most })
	go read("198.51.100.7")
	<-slow.reading // that one: nobody has let go
	if working, _ := s.api.fair.count("192.0.2.1:1"); working != most || len(slow.reading) != 0 {
		t.Errorf("%d of one address are worked on, and %d more read, want %d and none", working, len(slow.reading), most)
	}
	close(slow.letGo)
	for range many + 1 {
		if got := <-answers; got != http.StatusOK {
			t.Errorf("a read is answered with %d", got)
		}
	}
	eventually(t, s.api.fair.empty)
}

// What waits for its client, or for a task, has no place meanwhile.
func TestWhatWaitsHoldsNoPlace(t *testing.T) {
	t.Parallel()
	s := newSite(t, limited("0", 0))
	s.api.fair.inLine = time.Hour
	t.Run("a result", func(t *testing.T) {
		answered := make(chan int)
		go func() { answered <- s.do("POST", "/api/v1/tasks", oneReport, "Prefer", "wait=60").status }()
		var claims []*store.Claim
		eventually(t, func() bool {
			var err error
			claims, _, err = s.store.Claim(t.Context(), store.Want{Queue: "reports", Worker: "w1", Many: 1})
			return err == nil && len(claims) == 1
		})
		eventually(t, s.api.fair.empty)
		s.end(claims[0], done(`{"rows":[]}`))
		if got := <-answered; got != http.StatusOK {
			t.Errorf("got %d", got)
		}
	})
	id := s.submit(`{"kind":"test.report","input":{"name":"ab"},"delay":"1h"}`).ID
	for _, version := range []string{"1.0", "1.1"} { // the one is served by net/http, the other on a line of its own
		t.Run("a stream by HTTP/"+version, func(t *testing.T) {
			_, r := s.say("GET /api/v1/tasks/" + id + "/events HTTP/" + version + "\r\nHost: 127.0.0.1\r\n\r\n")
			for text := ""; !strings.HasPrefix(text, "event: "); {
				var err error
				if text, err = r.ReadString('\n'); err != nil {
					t.Fatal(err)
				}
			}
			eventually(t, s.api.fair.empty)
		})
	}
	t.Run("a body", func(t *testing.T) {
		c, r := s.say(fmt.Sprintf("POST /api/v1/tasks HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(oneReport), oneReport[:10]))
		eventually(t, func() bool { return s.api.bodies.Load() == 10 })
		if !s.api.fair.empty() {
			t.Error("there is one who has a place")
		}
		s.redis.Pause()
		if _, err := io.WriteString(c, oneReport[10:]); err != nil {
			t.Fatal(err)
		}
		eventually(t, func() bool { working, _ := s.api.fair.count("127.0.0.1:1"); return working == 1 })
		s.redis.Resume()
		response, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = response.Body.Close() }()
		if response.StatusCode != http.StatusAccepted {
			t.Errorf("got %d", response.StatusCode)
		}
	})
}

// say sends text on a connection of its own, which stays open until the test ends.
func (s *site) say(text string) (net.Conn, *bufio.Reader) {
	s.t.Helper()
	c, err := (&net.Dialer{}).DialContext(s.t.Context(), "tcp", s.server.Listener.Addr().String())
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	if _, err := io.WriteString(c, text); err != nil {
		s.t.Fatal(err)
	}
	return c, bufio.NewReader(c)
}

// An answer that is longer than what net/http takes unread waits for its reader.
func TestLongAnswerHoldsNoPlace(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		write func(*recorder)
		holds bool
	}{
		"short":   {func(r *recorder) { _, _ = r.Write(make([]byte, heldByHTTP)) }, true},
		"long":    {func(r *recorder) { _, _ = r.Write(make([]byte, heldByHTTP+1)) }, false},
		"by bits": {func(r *recorder) { _, _ = r.Write(make([]byte, heldByHTTP)); _, _ = r.Write([]byte{0}) }, false},
		"at once": {func(r *recorder) { r.Flush() }, false},
	} {
		f := newFair()
		p := &place{fair: f}
		p.take(t.Context())
		// The answer asks while it is written: later would be too late.
		w := &askingWriter{ResponseRecorder: httptest.NewRecorder(), ask: func() bool { return !f.empty() }}
		c.write(&recorder{ResponseWriter: w, place: p})
		if w.held != c.holds {
			t.Errorf("%s: there is a place: %v", name, w.held)
		}
		p.giveBack()
		if !f.empty() {
			t.Errorf("%s: there are %v", name, f.customers)
		}
	}
}

// askingWriter notes whether there was a place during the latest call.
type askingWriter struct {
	*httptest.ResponseRecorder
	ask  func() bool
	held bool
}

func (w *askingWriter) Write(b []byte) (int, error) {
	w.held = w.ask()
	return w.ResponseRecorder.Write(b)
}

func (w *askingWriter) Flush() { w.held = w.ask() }

func BenchmarkPlace(b *testing.B) {
	request := func(from string) *http.Request {
		r := httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/api/v1/tasks", nil)
		r.RemoteAddr = from
		return r
	}
	for name, from := range map[string][2]string{"alone": {crowd, crowd}, "company": {crowd, polite}} {
		b.Run(name, func(b *testing.B) {
			a := &API{fair: newFair()}
			h := a.takePlaces(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				var requests [2]*http.Request
				for i, address := range from {
					r := request(address)
					requests[i] = r.WithContext(context.WithValue(r.Context(), exchangeKey, &exchange{}))
				}
				for i := 0; pb.Next(); i++ {
					h.ServeHTTP(nil, requests[i%2])
				}
			})
		})
	}
}

// Who waits for nothing costs no memory.
func TestPlaceTakesNoMemory(t *testing.T) {
	f := newFair()
	places := []*place{{fair: f, of: customerOf(crowd)}, {fair: f, of: customerOf(polite)}}
	if n := testing.AllocsPerRun(1000, func() {
		for _, p := range places {
			p.take(t.Context())
			p.giveBack()
		}
	}); n != 0 {
		t.Errorf("it takes %v allocations", n)
	}
}

// A load balancer that asks for health every few seconds is nobody who wants to be served.
func TestHealthIsNoCompany(t *testing.T) {
	t.Parallel()
	s := newSite(t, limited("0", 0))
	s.do("GET", "/livez", "")
	if !s.api.fair.seen.IsZero() {
		t.Error("health counts as a request")
	}
	s.do("GET", "/api/v1/kinds", "").want(200)
	if s.api.fair.seen.IsZero() {
		t.Error("a request does not")
	}
}
