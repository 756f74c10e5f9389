package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"windlass/internal/store"
)

// stream writes server-sent events (WHATWG HTML section 9.2). Its first error
// sticks: after that it writes nothing.
type stream struct {
	wire
	watcher *store.Watcher
	api     *API
	leave   func()        // see enter
	forget  func() bool   // has the end of the context not wake it any more
	waiting *bytes.Buffer // nil: nothing
	err     error
	turn    turn
}

// wire is what a stream goes over.
type wire interface {
	io.Writer // each write is sent at once; to be used in do
	// do does f, which writes and waits for nobody, and returns when that is sent.
	do(f func()) error
	// wait returns when c has an item, which it takes, when a moment has come, or when the
	// client is gone or ctx has ended. Whoever fills c calls wake.
	wait(ctx context.Context, c <-chan struct{}, until time.Time) woken
	wake()
	end(well bool) // nothing more is sent; not well: a message was not sent to its end
}

// woken is why a stream does not wait any more.
type woken int

const (
	clientGone woken = iota
	toldNews
	timeCame
)

// buffers are those of streams that have something to send: most have nothing most of
// the time, and a thousand that tell the same change need a few in turn.
type buffers struct{ pool sync.Pool }

// keptBuffer is the largest that is used again.
const keptBuffer = 64 << 10

func (b *buffers) take() *bytes.Buffer {
	if had, ok := b.pool.Get().(*bytes.Buffer); ok {
		return had
	}
	return &bytes.Buffer{}
}

func (b *buffers) give(used *bytes.Buffer) {
	if used.Cap() <= keptBuffer {
		used.Reset()
		b.pool.Put(used)
	}
}

// streamHeader sets the header fields of a stream.
func streamHeader(h http.Header) {
	h.Set("Content-Type", "text/event-stream; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // nginx would hold events back
}

// act does what writes to the client: see wire.do.
func (s *stream) act(f func()) {
	if err := s.do(f); s.err == nil {
		s.err = err
	}
}

// send writes one event. An empty id leaves the client's last one as it is.
func (s *stream) send(event, id string, data any) { s.act(func() { s.sendNow(event, id, data) }) }

// sendNow is send for act.
func (s *stream) sendNow(event, id string, data any) {
	body, err := json.Marshal(data)
	if err != nil {
		s.err = fmt.Errorf("write event %s: %w", event, err)
		return
	}
	s.tell(event, id, body)
	s.flush()
}

// tell adds one event to what flush sends. body is JSON as Go writes it, without line breaks.
func (s *stream) tell(event, id string, body []byte) {
	if s.waiting == nil {
		s.waiting = s.api.buffers.take()
	}
	// No Fprintf: it leaves something behind for each argument, a hundred thousand times a second.
	s.waiting.WriteString("event: ")
	s.waiting.WriteString(event)
	if id != "" {
		s.waiting.WriteString("\nid: ")
		s.waiting.WriteString(id)
	}
	s.waiting.WriteString("\ndata: ")
	s.waiting.Write(body)
	s.waiting.WriteString("\n\n")
}

// flush sends what waits, and lets go of its memory.
func (s *stream) flush() {
	if s.waiting == nil {
		return
	}
	s.write(s.waiting.Bytes())
	s.api.buffers.give(s.waiting)
	s.waiting = nil
}

// beat, for act, says that the stream lives. It is an event, not a comment, because browsers keep comments
// to themselves, and a connection that died without a word is found by its silence alone.
func (s *stream) beat() {
	s.tell("heartbeat", "", []byte("{}"))
	s.flush()
}

func (s *stream) write(b []byte) {
	if s.err != nil || len(b) == 0 {
		return
	}
	_, s.err = s.Write(b)
}
