package front

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"time"
)

const (
	// bodyGrace is how long a body may take, beside a second for each bodyRate
	// bytes of it that have come. A body that trickles ends when the grace is used up;
	// 8 MiB may take nine minutes.
	bodyGrace = 10 * time.Second
	bodyRate  = 16 << 10
	// leftover is how long the rest of a body that nobody wanted may take: net/http
	// reads it so that the connection can serve another request.
	leftover = 2 * time.Second
	// answerStall is how long a client may take to read a piece of an answer.
	answerStall = 10 * time.Second
	pieceSize   = 64 << 10
	// renewAfter keeps small answers from setting a deadline twice.
	renewAfter = time.Second
)

// pacedBody ends a body that comes too slowly: Read gives a timeout then.
type pacedBody struct {
	io.ReadCloser
	control  *http.ResponseController
	started  time.Time
	received int64
	over     bool
}

// Read is io.Reader's. The deadline must be gone once the body is there, or it
// would end a request that waits for its result.
func (b *pacedBody) Read(p []byte) (int, error) {
	_ = b.control.SetReadDeadline(b.started.Add(bodyGrace + time.Duration(b.received)*time.Second/bodyRate)) // a test's recorder has none
	n, err := b.ReadCloser.Read(p)
	b.received += int64(n)
	if errors.Is(err, io.EOF) {
		b.over = true
		_ = b.control.SetReadDeadline(time.Time{})
	}
	return n, err
}

// finish bounds what net/http does with a body that was not read to its end: it
// reads on, also after a timeout.
func (b *pacedBody) finish() {
	if !b.over {
		_ = b.control.SetReadDeadline(time.Now().Add(leftover))
	}
}

// pacedAnswer ends a connection whose client stops reading: Write gives a timeout
// then. It notes the status. Unwrap lets http.ResponseController through.
type pacedAnswer struct {
	http.ResponseWriter
	control *http.ResponseController
	renewed time.Time
	status  int  // zero: none was set
	taken   bool // whoever took the connection over paces it
}

// WriteHeader is http.ResponseWriter's.
func (a *pacedAnswer) WriteHeader(status int) {
	a.status = status
	a.ResponseWriter.WriteHeader(status)
}

// Write is io.Writer's. A large answer may take long in all, a piece of it may not.
func (a *pacedAnswer) Write(p []byte) (int, error) {
	written := 0
	for {
		a.renew()
		n, err := a.ResponseWriter.Write(p[written:min(written+pieceSize, len(p))])
		if written += n; err != nil || written == len(p) {
			return written, err
		}
	}
}

// Hijack is http.Hijacker's.
func (a *pacedAnswer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, b, err := a.control.Hijack()
	a.taken = a.taken || err == nil
	return conn, b, err
}

// Unwrap gives the writer below.
func (a *pacedAnswer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// finish bounds the sending of what net/http still holds.
func (a *pacedAnswer) finish() { a.renew() }

func (a *pacedAnswer) renew() {
	if now := time.Now(); !a.taken && now.Sub(a.renewed) > renewAfter {
		_ = a.control.SetWriteDeadline(now.Add(answerStall)) // a test's recorder has none
		a.renewed = now
	}
}
