package api

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/iotest"
	"time"
)

// A body that says itself that it is too large is refused before any of it has come.
func TestAnnouncedBodyIsRefusedUnread(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	for path, length := range map[string]string{"/api/v1/tasks": "1048577", "/api/v1/tasks/bulk": "8388609"} {
		c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", s.server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		_ = c.SetDeadline(time.Now().Add(time.Minute))
		if _, err := io.WriteString(c, "POST "+path+" HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: "+length+"\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		response, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = response.Body.Close() }()
		if response.StatusCode != http.StatusRequestEntityTooLarge || !response.Close {
			t.Errorf("%s: got %d, to be closed: %v", path, response.StatusCode, response.Close)
		}
	}
}

func TestReadAll(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 1, 60, 16<<10 - 1, 16 << 10, 16<<10 + 1, 64 << 10, 1 << 20, 1<<20 + 1} {
		text := bytes.Repeat([]byte("x"), size)
		for name, announced := range map[string]int{"announced": size, "unknown": -1, "more than announced": size / 2} {
			for _, from := range []io.Reader{bytes.NewReader(text), iotest.HalfReader(bytes.NewReader(text)), iotest.DataErrReader(bytes.NewReader(text))} {
				got, err := readAll(from, int64(announced))
				if err != nil || !bytes.Equal(got, text) {
					t.Fatalf("%d bytes, %s: got %d, %v", size, name, len(got), err)
				}
				if announced == size && cap(got) > size+size/4+1024 { // the heap's own steps
					t.Errorf("%d bytes take %d", size, cap(got))
				}
			}
		}
	}
	want := errors.New("gone")
	if _, err := readAll(io.MultiReader(bytes.NewReader([]byte("x")), iotest.ErrReader(want)), 100); !errors.Is(err, want) {
		t.Errorf("got %v", err)
	}
}

// A body costs little more than its size: a crowd that sends large ones would else keep
// the collector of garbage busy, and everybody waiting for it.
func TestReadAllLeavesLittleBehind(t *testing.T) {
	text := bytes.Repeat([]byte("x"), 1<<20)
	r := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for range b.N {
			if _, err := readAll(bytes.NewReader(text), int64(len(text))); err != nil {
				b.Fatal(err)
			}
		}
	})
	if got, most := r.AllocedBytesPerOp(), int64(len(text)*3/2); got > most {
		t.Errorf("%d bytes were taken for %d, want at most %d", got, len(text), most)
	}
}
