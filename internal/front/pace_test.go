package front

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// line is a listener whose connections are pipes, so that time can be a test's.
type line struct {
	calls  chan net.Conn
	closed chan struct{}
}

func (l *line) Accept() (net.Conn, error) {
	select {
	case c := <-l.calls:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *line) Close() error {
	select {
	case <-l.closed:
	default:
		close(l.closed)
	}
	return nil
}

func (l *line) Addr() net.Addr { return &net.TCPAddr{} }

// serve runs try with a server of h, in a time of their own.
func serve(t *testing.T, h http.HandlerFunc, try func(t *testing.T, dial func() net.Conn)) {
	t.Helper()
	serveAs(t, func() *http.Server { return NewServer(Config{}, h) }, func(t *testing.T, _ *http.Server, dial func() net.Conn) { try(t, dial) })
}

// serveAs is serve with the server that create gives.
func serveAs(t *testing.T, create func() *http.Server, try func(t *testing.T, server *http.Server, dial func() net.Conn)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l := &line{make(chan net.Conn), make(chan struct{})}
		server := create()
		server.ErrorLog = log.New(io.Discard, "", 0)
		go func() { _ = server.Serve(l) }()
		var all []net.Conn
		try(t, server, func() net.Conn {
			ours, theirs := net.Pipe()
			l.calls <- theirs
			all = append(all, ours)
			return ours
		})
		_ = server.Close()
		for _, c := range all {
			_ = c.Close()
		}
		<-time.After(time.Minute) // whoever trickles finds out
	})
}

// closesIn gives how long the server keeps the connection, and what it said.
func closesIn(t *testing.T, c net.Conn) (time.Duration, string) {
	t.Helper()
	start := time.Now()
	_ = c.SetReadDeadline(start.Add(time.Hour))
	said, err := io.ReadAll(c)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal("the connection stays open")
	}
	return time.Since(start), string(said)
}

func write(t *testing.T, c net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
}

func ok(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") }

func readBody(w http.ResponseWriter, r *http.Request) {
	n, err := io.Copy(io.Discard, r.Body)
	if err != nil {
		w.WriteHeader(http.StatusRequestTimeout)
	}
	fmt.Fprint(w, n)
}

// trickle writes b once in a while until it cannot.
func trickle(c net.Conn, b []byte, every time.Duration) {
	for {
		if _, err := c.Write(b); err != nil {
			return
		}
		time.Sleep(every) //nolint:forbidigo // the time of a synctest bubble
	}
}

func TestSlowHeader(t *testing.T) {
	serve(t, ok, func(t *testing.T, dial func() net.Conn) {
		c := dial()
		write(t, c, "GET / HTTP/1.1\r\nHost: x\r\n")
		go trickle(c, []byte("X-A: b\r\n"), time.Second)
		if took, _ := closesIn(t, c); took > headerTimeout+time.Second {
			t.Errorf("a header that trickles is borne for %s", took)
		}
	})
}

func TestNothingSaid(t *testing.T) {
	serve(t, ok, func(t *testing.T, dial func() net.Conn) {
		if took, _ := closesIn(t, dial()); took > headerTimeout+time.Second {
			t.Errorf("a connection without a word is borne for %s", took)
		}
	})
}

func TestLargeHeader(t *testing.T) {
	serve(t, ok, func(t *testing.T, dial func() net.Conn) {
		c := dial()
		go func() {
			_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\nX-A: "+strings.Repeat("a", 2*maxHeader)+"\r\n\r\n")
		}()
		if _, said := closesIn(t, c); !strings.HasPrefix(said, "HTTP/1.1 431 ") {
			t.Errorf("got %q", said)
		}
	})
}

func TestIdleOutlivesTheLoadBalancer(t *testing.T) {
	serve(t, ok, func(t *testing.T, dial func() net.Conn) {
		c := dial()
		write(t, c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		took, said := closesIn(t, c)
		if took <= 60*time.Second || took > idleTimeout+time.Second || !strings.Contains(said, "ok") {
			t.Errorf("kept for %s, said %q", took, said)
		}
	})
}

func TestBodyThatTrickles(t *testing.T) {
	serve(t, readBody, func(t *testing.T, dial func() net.Conn) {
		c := dial()
		write(t, c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n")
		go trickle(c, []byte("x"), time.Second)
		took, said := closesIn(t, c)
		if took > bodyGrace+leftover+2*time.Second || !strings.HasPrefix(said, "HTTP/1.1 408 ") {
			t.Errorf("borne for %s, said %q", took, said)
		}
	})
}

// A large body over a slow line is no attack.
func TestBodyOverASlowLine(t *testing.T) {
	const size, piece = 8 << 20, 32 << 10
	serve(t, readBody, func(t *testing.T, dial func() net.Conn) {
		c := dial()
		start := time.Now()
		write(t, c, fmt.Sprintf("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", size))
		go func() {
			for range size / piece {
				if _, err := c.Write(make([]byte, piece)); err != nil {
					return
				}
				time.Sleep(time.Second) //nolint:forbidigo // the time of a synctest bubble
			}
		}()
		_ = c.SetReadDeadline(start.Add(time.Hour))
		response, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); response.StatusCode != 200 || took < 200*time.Second {
			t.Errorf("got %d after %s", response.StatusCode, took)
		}
	})
}

// A request whose body is there may wait for its result for as long as it likes.
func TestWaitingAfterTheBody(t *testing.T) {
	h := func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		select {
		case <-r.Context().Done():
			t.Error("the request was given up")
		case <-time.After(time.Minute):
		}
		ok(w, r)
	}
	serve(t, h, func(t *testing.T, dial func() net.Conn) {
		c := dial()
		write(t, c, "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx")
		if took, said := closesIn(t, c); took < time.Minute || !strings.HasPrefix(said, "HTTP/1.1 200 ") {
			t.Errorf("after %s: %q", took, said)
		}
	})
}

// net/http reads the rest of a body that the handler did not want. That must end too.
func TestBodyThatNobodyWants(t *testing.T) {
	serve(t, ok, func(t *testing.T, dial func() net.Conn) {
		c := dial()
		write(t, c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n")
		if took, _ := closesIn(t, c); took > leftover+time.Second {
			t.Errorf("borne for %s", took)
		}
	})
}

func TestReaderThatStalls(t *testing.T) {
	var failed chan time.Duration
	h := func(w http.ResponseWriter, _ *http.Request) {
		start := time.Now()
		for {
			if _, err := w.Write(make([]byte, 10*pieceSize)); err != nil {
				failed <- time.Since(start)
				return
			}
		}
	}
	serve(t, h, func(t *testing.T, dial func() net.Conn) {
		failed = make(chan time.Duration, 1) // of the test's own time
		c := dial()
		write(t, c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		if took := <-failed; took > answerStall+time.Second {
			t.Errorf("borne for %s", took)
		}
	})
}

// An event stream writes a little now and then; its reader stalls once for good.
func TestStreamWhoseReaderStalls(t *testing.T) {
	var wrote chan int
	h := func(w http.ResponseWriter, _ *http.Request) {
		for n := 0; ; n++ {
			_, err := w.Write([]byte(": hb\n\n"))
			if err == nil {
				err = http.NewResponseController(w).Flush()
			}
			if err != nil {
				wrote <- n
				return
			}
			time.Sleep(15 * time.Second) //nolint:forbidigo // the time of a synctest bubble
		}
	}
	serve(t, h, func(t *testing.T, dial func() net.Conn) {
		wrote = make(chan int, 1) // of the test's own time
		c := dial()
		write(t, c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		r := bufio.NewReader(c)
		for beats := 0; beats < 8; {
			text, err := r.ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasPrefix(text, ":") {
				beats++
			}
		}
		if n := <-wrote; n < 8 || n > 10 {
			t.Errorf("%d beats were written", n)
		}
	})
}

func TestReaderOverASlowLine(t *testing.T) {
	const size = 4 << 20
	h := func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, size)) }
	serve(t, h, func(t *testing.T, dial func() net.Conn) {
		c := dial()
		write(t, c, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
		var got bytes.Buffer
		start := time.Now()
		for {
			if _, err := io.CopyN(&got, c, 16<<10); err != nil {
				break
			}
			time.Sleep(time.Second) //nolint:forbidigo // the time of a synctest bubble
		}
		if got.Len() < size {
			t.Errorf("only %d bytes came in %s", got.Len(), time.Since(start))
		}
	})
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	for proto, want := range map[string]string{"http": "", "https": hsts} {
		w := &plainWriter{header: http.Header{}}
		r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, "/", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.RemoteAddr = "10.0.0.1:1"
		r.Header.Set("X-Forwarded-Proto", proto)
		handler(proxies(t, "10.0.0.0/8"), newPatience(0), http.HandlerFunc(ok)).ServeHTTP(w, r)
		if got := w.header.Get("Strict-Transport-Security"); got != want {
			t.Errorf("%s: got %q", proto, got)
		}
		if w.header.Get("X-Content-Type-Options") != "nosniff" || w.header.Get("Server") != "" {
			t.Errorf("got %v", w.header)
		}
	}
}

// plainWriter is a writer without deadlines.
type plainWriter struct{ header http.Header }

func (w *plainWriter) Header() http.Header         { return w.header }
func (w *plainWriter) Write(b []byte) (int, error) { return len(b), nil }
func (w *plainWriter) WriteHeader(int)             {}

// Its deadline would end a stream while nobody is slow.
func TestConnectionThatWasTakenOverHasNoDeadline(t *testing.T) {
	t.Parallel()
	taken := make(chan net.Conn, 1)
	serve(t, func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		taken <- conn
	}, func(t *testing.T, dial func() net.Conn) {
		client := dial()
		fmt.Fprint(client, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		server := <-taken
		<-time.After(2 * answerStall)
		go func() {
			if _, err := server.Write([]byte("x")); err != nil {
				server.Close()
			}
		}()
		if _, err := io.ReadFull(client, make([]byte, 1)); err != nil {
			t.Error(err)
		}
		server.Close()
	})
}
