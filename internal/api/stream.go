package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
)

const (
	// maxStreams is how many event streams one process serves at once.
	maxStreams = 10_000
	// messageTimeout is how long a client may take to read one message.
	messageTimeout = 10 * time.Second
	// reconnectAfter is what clients are told, in ms.
	reconnectAfter = 3000
)

// stream writes server-sent events (WHATWG HTML section 9.2). Its first error
// sticks: after that it writes nothing.
type stream struct {
	w       http.ResponseWriter
	control *http.ResponseController
	err     error
}

// openStream answers with the stream's header fields at once, so that a client
// knows it is connected before anything happens.
func openStream(w http.ResponseWriter) *stream {
	h := w.Header()
	h.Set("Content-Type", "text/event-stream; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // nginx would hold events back
	s := &stream{w: w, control: http.NewResponseController(w)}
	w.WriteHeader(http.StatusOK)
	s.write(fmt.Appendf(nil, "retry: %d\n\n", reconnectAfter))
	return s
}

// send writes one event. An empty id leaves the client's last one as it is.
func (s *stream) send(event, id string, data any) {
	body, err := json.Marshal(data)
	if err != nil {
		s.err = fmt.Errorf("write event %s: %w", event, err)
		return
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "event: %s\n", event)
	if id != "" {
		fmt.Fprintf(&b, "id: %s\n", id)
	}
	fmt.Fprintf(&b, "data: %s\n\n", body) // JSON of Go has no line breaks
	s.write(b.Bytes())
}

func (s *stream) beat() { s.write([]byte(": hb\n\n")) }

func (s *stream) write(b []byte) {
	if s.err != nil {
		return
	}
	_ = s.control.SetWriteDeadline(time.Now().Add(messageTimeout)) // a test's recorder has none
	if _, s.err = s.w.Write(b); s.err == nil {
		s.err = s.control.Flush()
	}
}

// serveStream runs an event stream until its client goes, the API closes, or
// run ends. Errors before the first byte become problems; later ones end the
// stream, and the client comes back.
func (a *API) serveStream(ctx context.Context, open func(context.Context) (run func(context.Context, *stream) error, end func(), err error)) (*huma.StreamResponse, error) {
	if a.closed.Err() != nil {
		return nil, problem(codeShutdown, "").with("Retry-After", "1")
	}
	if a.streams.Add(1) > maxStreams {
		a.streams.Add(-1)
		return nil, problem(codeStreams, "").with("Retry-After", "30")
	}
	run, end, err := open(ctx)
	if err != nil {
		a.streams.Add(-1)
		return nil, err
	}
	return &huma.StreamResponse{Body: func(hctx huma.Context) {
		defer a.streams.Add(-1)
		defer end()
		a.metrics.streams.Add(1)
		defer a.metrics.streams.Add(-1)
		r, w := humachi.Unwrap(hctx)
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(a.closed, cancel)()
		s := openStream(w)
		if r.Method == http.MethodHead {
			return
		}
		if err := run(ctx, s); err != nil && ctx.Err() == nil {
			a.log.WarnContext(ctx, "event stream ended early", "error", err, "request_id", requestID(ctx))
		}
		_ = s.control.SetWriteDeadline(time.Time{}) // the connection may serve further requests
	}}, nil
}
