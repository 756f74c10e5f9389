package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
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
	out     io.Writer // each write is sent at once
	waiting bytes.Buffer
	err     error
}

// streamHeader sets the header fields of a stream.
func streamHeader(h http.Header) {
	h.Set("Content-Type", "text/event-stream; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // nginx would hold events back
}

// send writes one event. An empty id leaves the client's last one as it is.
func (s *stream) send(event, id string, data any) {
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
	fmt.Fprintf(&s.waiting, "event: %s\n", event)
	if id != "" {
		fmt.Fprintf(&s.waiting, "id: %s\n", id)
	}
	fmt.Fprintf(&s.waiting, "data: %s\n\n", body)
}

// flush sends what waits, and lets go of its memory.
func (s *stream) flush() {
	s.write(s.waiting.Bytes())
	s.waiting = bytes.Buffer{}
}

// beat says that the stream lives. It is an event, not a comment, because browsers keep comments
// to themselves, and a connection that died without a word is found by its silence alone.
func (s *stream) beat() { s.send("heartbeat", "", empty{}) }

func (s *stream) write(b []byte) {
	if s.err != nil || len(b) == 0 {
		return
	}
	_, s.err = s.out.Write(b)
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
func (a *API) serveStream(ctx context.Context, open func(context.Context) (run func(context.Context, *stream) error, end func(), err error)) (*huma.StreamResponse, error) {
	if a.closed.Err() != nil {
		return nil, problem(codeShutdown, "").with("Retry-After", "1")
	}
	leave, p := a.enter(ctx)
	if p != nil {
		return nil, p
	}
	run, end, err := open(ctx)
	if err != nil {
		leave()
		return nil, err
	}
	follow := func(ctx context.Context, out io.Writer) {
		defer leave()
		defer end()
		a.metrics.streams.Add(1)
		defer a.metrics.streams.Add(-1)
		s := &stream{out: out}
		// A client knows that it is connected before anything happens.
		s.write(fmt.Appendf(nil, "retry: %d\n\n", reconnectAfter))
		if err := run(ctx, s); err != nil && ctx.Err() == nil {
			a.log.WarnContext(ctx, "event stream ended early", "error", err, "request_id", requestID(ctx))
		}
	}
	return &huma.StreamResponse{Body: func(hctx huma.Context) {
		r, w := humachi.Unwrap(hctx)
		streamHeader(w.Header())
		if r.Method == http.MethodHead {
			w.WriteHeader(http.StatusOK)
			end()
			leave()
			return
		}
		l, err := takeOver(r, w)
		if err != nil {
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			defer context.AfterFunc(a.closed, cancel)()
			w.WriteHeader(http.StatusOK)
			follow(ctx, &answerLine{w, http.NewResponseController(w)})
			return
		}
		// What the request's context holds besides is not needed any more.
		ctx, cancel := context.WithCancel(context.WithValue(a.closed, exchangeKey, exchangeOf(ctx)))
		go l.listen(cancel)
		go func() {
			defer cancel()
			defer l.end()
			defer a.logPanic(ctx) // recoverer is not above this
			follow(ctx, l)
		}()
	}}, nil
}
