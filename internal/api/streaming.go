package api

import (
	"context"
	"fmt"
	"net/http"

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

// source is what a stream tells of.
type source interface {
	// run tells until the client goes. An error ends the stream early.
	run(ctx context.Context, s *stream) error
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
// the source ends. Errors before the first byte become problems; later ones end the
// stream, and the client comes back.
func (a *API) serveStream(ctx context.Context, open func(context.Context) (source, *store.Watcher, error)) (*huma.StreamResponse, error) {
	if a.closed.Err() != nil {
		return nil, problem(codeShutdown, "").with("Retry-After", "1")
	}
	leave, p := a.enter(ctx)
	if p != nil {
		return nil, p
	}
	of, watcher, err := open(ctx)
	if err != nil {
		leave()
		return nil, err
	}
	s := &stream{watcher: watcher, api: a, leave: leave}
	return &huma.StreamResponse{Body: func(hctx huma.Context) { a.stream(ctx, hctx, s, of) }}, nil
}

// stream answers with the stream: here, or on a connection of its own.
func (a *API) stream(ctx context.Context, hctx huma.Context, s *stream, of source) {
	r, w := humachi.Unwrap(hctx)
	streamHeader(w.Header())
	if r.Method == http.MethodHead {
		w.WriteHeader(http.StatusOK)
		s.watcher.Close()
		s.leave()
		return
	}
	a.running.Add(1) // before the server's Shutdown forgets the connection
	l, err := a.takeOver(r, w)
	if err != nil {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(a.closed, cancel)()
		w.WriteHeader(http.StatusOK)
		s.wire = &answerLine{w, http.NewResponseController(w)}
		s.live(ctx, of)
		return
	}
	// What the request and its context hold besides is not needed any more.
	e := *exchangeOf(ctx)
	e.request, e.place = nil, place{} // the original gives it back
	s.wire = l
	go s.live(context.WithValue(a.closed, exchangeKey, &e), of)
}

// live is the stream's life. Thousands of goroutines wait below it, so what is deep is
// done in functions that return: Go keeps a stack small only while less than a quarter of it
// is in use, 800 bytes of which are the runtime's own (runtime/stack.go, shrinkstack).
func (s *stream) live(ctx context.Context, of source) {
	defer s.over(ctx)
	s.begin(ctx)
	if err := of.run(ctx, s); err != nil {
		s.endedEarly(ctx, err)
	}
}

func (s *stream) begin(ctx context.Context) {
	s.api.metrics.streams.Add(1)
	s.turn = s.api.turns.next()
	s.forget = context.AfterFunc(ctx, s.wake)
	s.watcher.Call(s.wake)
	// A client knows that it is connected before anything happens.
	s.act(func() { s.write(fmt.Appendf(nil, "retry: %d\n\n", reconnectAfter)) })
}

func (s *stream) endedEarly(ctx context.Context, err error) {
	if ctx.Err() == nil {
		s.api.log.WarnContext(ctx, "event stream ended early", "error", err, "request_id", requestID(ctx))
	}
}

// over ends the stream, and a panic of it: recoverer is not above this. To be deferred.
func (s *stream) over(ctx context.Context) {
	defer s.api.running.Done()
	if v := recover(); v != nil {
		s.api.panicked(ctx, v)
	}
	s.forget()
	s.watcher.Close()
	s.api.metrics.streams.Add(-1)
	s.leave()
	s.end(s.err == nil)
}
