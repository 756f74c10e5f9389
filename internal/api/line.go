package api

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"syscall"
	"time"
)

// messageTimeout is how long a client may take to read one message.
const messageTimeout = 10 * time.Second

// line carries an event stream on a connection that was taken over from net/http.
// Most streams are idle most of the time, and there may be thousands: what
// net/http and the layers above keep for a request, buffers and a deep stack, would
// be three quarters of what an idle stream takes.
type line struct {
	conn    net.Conn
	raw     syscall.RawConn // of conn; nil: it has none
	buffers *buffers
	teller  *teller
	errand  errand
	rest    []byte // what the connection did not take at once
	heard   [1]byte
}

// takeOver answers with the header fields in h and gives the connection, for a body
// in chunks (RFC 9112 section 7.1) that the caller ends with the line. The
// error means that it cannot be had, and nothing was sent.
func (a *API) takeOver(r *http.Request, w http.ResponseWriter) (*line, error) {
	if r.ProtoMajor != 1 || r.ProtoMinor != 1 {
		return nil, errors.New("only connections of HTTP/1.1 are taken over")
	}
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil, err
	}
	h := w.Header().Clone()
	h.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	h.Set("Transfer-Encoding", "chunked")
	h.Set("Connection", "close") // nobody would read a second request
	head := bytes.NewBufferString("HTTP/1.1 200 OK\r\n")
	_ = h.Write(head) // a buffer takes everything
	head.WriteString("\r\n")
	l := lineOf(conn, a.teller, &a.buffers)
	// A client that is gone already shows at the first message.
	_ = l.send(head.Bytes())
	return l, nil
}

func lineOf(conn net.Conn, t *teller, b *buffers) *line {
	l := &line{conn: conn, buffers: b, teller: t, errand: errand{done: make(chan struct{})}}
	if c, ok := conn.(syscall.Conn); ok {
		l.raw, _ = c.SyscallConn() // fails for a closed connection, on which nothing goes out at all
	}
	return l
}

// Write sends one chunk, or keeps what the connection does not take at once for do.
func (l *line) Write(p []byte) (int, error) {
	chunk := l.buffers.take()
	defer l.buffers.give(chunk)
	fmt.Fprintf(chunk, "%x\r\n%s\r\n", len(p), p)
	if err := l.send(chunk.Bytes()); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (l *line) send(b []byte) error {
	if l.raw != nil && len(l.rest) == 0 {
		n, err := writeNow(l.raw, b)
		if err != nil {
			return err
		}
		b = b[n:]
	}
	l.rest = append(l.rest, b...)
	return nil
}

// do lets the teller do f, and then sends what the client was too slow for.
func (l *line) do(f func()) error {
	l.errand.do = f
	l.teller.run(&l.errand)
	l.errand.do = nil
	return l.drain()
}

func (l *line) drain() error {
	if len(l.rest) == 0 {
		return nil
	}
	rest := l.rest
	l.rest = nil
	if err := l.conn.SetWriteDeadline(time.Now().Add(messageTimeout)); err != nil {
		return err
	}
	if _, err := l.conn.Write(rest); err != nil {
		return err
	}
	return l.conn.SetWriteDeadline(time.Time{}) // else nothing could be written at once later
}

// wait listens to the client meanwhile: once it has closed the connection, or says
// anything, there is nothing left to tell it. The stream's one goroutine waits in the
// read itself; whoever has something to tell wakes it by call.
func (l *line) wait(ctx context.Context, c <-chan struct{}, until time.Time) woken {
	for {
		if l.conn.SetReadDeadline(until) != nil {
			return clientGone
		}
		// What came before the deadline was set did not wake anybody.
		select {
		case <-c:
			return toldNews
		case <-ctx.Done():
			return clientGone
		default:
		}
		if _, err := l.conn.Read(l.heard[:]); !errors.Is(err, os.ErrDeadlineExceeded) {
			return clientGone
		}
		if !time.Now().Before(until) {
			return timeCame
		}
	}
}

// wake has wait look again.
func (l *line) wake() { _ = l.conn.SetReadDeadline(time.Unix(0, 0)) } // fails once nobody waits any more

// end finishes the body, if that is to be, and closes the connection.
func (l *line) end(well bool) {
	if well {
		_ = l.send([]byte("0\r\n\r\n")) // a client that is gone misses nothing
		_ = l.drain()
	}
	_ = l.conn.Close()
}

// answerLine carries a stream on an answer of net/http.
type answerLine struct {
	w       http.ResponseWriter
	control *http.ResponseController
}

func (l *answerLine) wait(ctx context.Context, c <-chan struct{}, until time.Time) woken {
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	select {
	case <-c:
		return toldNews
	case <-timer.C:
		return timeCame
	case <-ctx.Done():
		return clientGone
	}
}

// end does nothing: net/http ends the answer.
func (l *answerLine) end(bool) {}

// do does f.
func (l *answerLine) do(f func()) error {
	f()
	return nil
}

// wake does nothing: wait hears the channel itself.
func (l *answerLine) wake() {}

// Write sends p at once.
func (l *answerLine) Write(p []byte) (int, error) {
	n, err := l.w.Write(p)
	if err == nil {
		err = l.control.Flush()
	}
	return n, err
}

var (
	_ wire = (*line)(nil)
	_ wire = (*answerLine)(nil)
)
