package api

import (
	"bufio"
	"fmt"
	"net"
	"runtime"
	"strings"
	"testing"
)

// What an idle stream takes is what thousands of them are bounded by: 10,000 may
// take 400 MB, garbage and all else of a process included. On a connection of
// net/http's own a stream takes 40 KB; under the race detector all takes more.
func TestIdleStreamsAreSmall(t *testing.T) {
	const streams, most = 400, 20 << 10
	s := newSite(t, limited("0", 0))
	id := s.submit(`{"kind":"test.report","input":{"name":"ab"},"delay":"1h"}`).ID
	memory := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapInuse + m.StackInuse
	}
	s.dial("GET /api/v1/tasks/" + id + "/events") // what the first one starts
	before := memory()
	for range streams {
		s.dial("GET /api/v1/tasks/" + id + "/events")
	}
	if each := (memory() - before) / streams; each > most {
		t.Errorf("a stream takes %d bytes", each)
	} else {
		t.Logf("a stream takes %d bytes", each)
	}
}

// dial sends a request on a connection of its own, which stays open until the test
// ends, and reads what comes up to the first blank line.
func (s *site) dial(line string) (net.Conn, *bufio.Reader, string) {
	s.t.Helper()
	c, err := net.Dial("tcp", s.server.Listener.Addr().String())
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = c.Close() })
	fmt.Fprintf(c, "%s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", line)
	r := bufio.NewReaderSize(c, 16)
	var head strings.Builder
	for {
		text, err := r.ReadString('\n')
		if err != nil {
			s.t.Fatalf("%v after %q", err, head.String())
		}
		if head.WriteString(text); text == "\r\n" {
			return c, r, head.String()
		}
	}
}

// The bytes of a stream are those of an answer in chunks, which ends well.
func TestStreamOnItsConnection(t *testing.T) {
	t.Parallel()
	s := newSite(t, limited("0", 0))
	task := s.submit(oneReport)
	_, r, head := s.dial("GET /api/v1/tasks/" + task.ID + "/events")
	for _, want := range []string{
		"HTTP/1.1 200 OK\r\n", "Content-Type: text/event-stream", "Transfer-Encoding: chunked\r\n", "Connection: close\r\n", "Date: ",
		"X-Request-Id: ", "X-Content-Type-Options: nosniff\r\n", "Content-Security-Policy: ",
	} {
		if !strings.Contains(head, want) {
			t.Errorf("%q lacks %q", head, want)
		}
	}
	s.end(s.claim("reports"), done(`{"rows":[]}`))
	var body strings.Builder
	if _, err := r.WriteTo(&body); err != nil {
		t.Fatal(err)
	}
	if text := body.String(); !strings.HasPrefix(text, "d\r\nretry: 3000\n\n\r\n") || !strings.HasSuffix(text, "\r\n0\r\n\r\n") || !strings.Contains(text, "event: end\n") {
		t.Errorf("got %q", text)
	}
}

// A client that goes, or says something in the middle of a stream, is out at once.
func TestStreamWhoseClientGoes(t *testing.T) {
	t.Parallel()
	s := newSite(t, limited("0", 0))
	gone := func() {
		for s.api.streams.Load() > 0 {
			runtime.Gosched()
		}
	}
	c, _, _ := s.dial("GET /api/v1/events")
	_ = c.Close()
	gone()
	c, r, _ := s.dial("GET /api/v1/events")
	fmt.Fprint(c, "GET / HTTP/1.1\r\n\r\n")
	gone()
	if _, err := r.Discard(1 << 20); err == nil {
		t.Error("the connection goes on")
	}
	// Those who came by an older protocol are served as well, by net/http itself.
	c, err := net.Dial("tcp", s.server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(c, "GET /api/v1/events HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n")
	old := bufio.NewReader(c)
	for {
		text, err := old.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if text == "retry: 3000\n" {
			break
		}
	}
	_ = c.Close()
	gone()
}
