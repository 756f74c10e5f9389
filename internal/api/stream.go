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

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"

	"windlass/internal/store"
)

const (
	// maxStreams is how many event streams one process serves at once.
	maxStreams = 10_000
	// reconnectAfter is what clients are told, in ms.
	reconnectAfter = 3000
)

// stream writes server-sent events (WHATWG HTML section 9.2). Its first error
// sticks: after that it writes nothing.
type stream struct {
	wire
	waiting *bytes.Buffer // nil: nothing
	buffers *buffers
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
		s.waiting = s.buffers.take()
	}
	fmt.Fprintf(s.waiting, "event: %s\n", event)
	if id != "" {
		fmt.Fprintf(s.waiting, "id: %s\n", id)
	}
	fmt.Fprintf(s.waiting, "data: %s\n\n", body)
}

// flush sends what waits, and lets go of its memory.
func (s *stream) flush() {
	if s.waiting == nil {
		return
	}
	s.write(s.waiting.Bytes())
	s.buffers.give(s.waiting)
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

// enter counts one more stream of the process and of the client. The caller leaves.
func (a *API) enter(ctx context.Context) (leave func(), p *Problem) {
	client, _ := a.clientOf(ctx)
	if !a.limits.streams.begin(client) {
		return nil, problem(codeOwnStreams, "").with("Retry-After", "30")
	}
	leave = func() {
		a.streams.Add(-1)
		a.limits.streams.end(client)
	}
	if a.streams.Add(1) > maxStreams {
		leave()
		return nil, problem(codeStreams, "").with("Retry-After", "30")
	}
	return leave, nil
}

// serveStream runs an event stream until its client goes, the API closes, or
// run ends. Errors before the first byte become problems; later ones end the
// stream, and the client comes back.
func (a *API) serveStream(ctx context.Context, open func(context.Context) (run func(context.Context, *stream) error, w *store.Watcher, err error)) (*huma.StreamResponse, error) {
	if a.closed.Err() != nil {
		return nil, problem(codeShutdown, "").with("Retry-After", "1")
	}
	leave, p := a.enter(ctx)
	if p != nil {
		return nil, p
	}
	run, watcher, err := open(ctx)
	if err != nil {
		leave()
		return nil, err
	}
	follow := func(ctx context.Context, out wire) {
		defer leave()
		defer watcher.Close()
		watcher.Call(out.wake)
		a.metrics.streams.Add(1)
		defer a.metrics.streams.Add(-1)
		s := &stream{wire: out, buffers: &a.buffers, turn: a.turns.next()}
		// A client knows that it is connected before anything happens.
		s.act(func() { s.write(fmt.Appendf(nil, "retry: %d\n\n", reconnectAfter)) })
		if err := run(ctx, s); err != nil && ctx.Err() == nil {
			a.log.WarnContext(ctx, "event stream ended early", "error", err, "request_id", requestID(ctx))
		}
	}
	return &huma.StreamResponse{Body: func(hctx huma.Context) {
		r, w := humachi.Unwrap(hctx)
		streamHeader(w.Header())
		if r.Method == http.MethodHead {
			w.WriteHeader(http.StatusOK)
			watcher.Close()
			leave()
			return
		}
		l, err := a.takeOver(r, w)
		if err != nil {
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			defer context.AfterFunc(a.closed, cancel)()
			w.WriteHeader(http.StatusOK)
			follow(ctx, &answerLine{w, http.NewResponseController(w)})
			return
		}
		// What the request and its context hold besides is not needed any more.
		e := *exchangeOf(ctx)
		e.request = nil
		ctx := context.WithValue(a.closed, exchangeKey, &e)
		go func() {
			defer context.AfterFunc(ctx, l.wake)()
			defer l.end()
			defer a.logPanic(ctx) // recoverer is not above this
			follow(ctx, l)
		}()
	}}, nil
}
