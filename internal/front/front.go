// Package front is what every request passes before a role sees it: who sent it
// when proxies stand between (forwarded.go), how slowly it may come and go (pace.go),
// how much of one address is held (door.go), and how soon it hears that it is refused
// (patience.go). It knows no role and no store.
package front

import (
	"net/http"
	"time"
)

const (
	// hsts tells browsers to come by TLS only, for a year (RFC 6797), to names
	// below this one too.
	hsts = "max-age=31536000; includeSubDomains"

	headerTimeout = 10 * time.Second
	// idleTimeout is above the 60 s of a load balancer, which must be the one to
	// close a connection: else it meets closed ones and answers 502.
	idleTimeout = 75 * time.Second
	// maxHeader bounds a request's line and header fields in bytes.
	maxHeader = 32 << 10
)

// Config says whose word counts, and how much is borne of whom.
type Config struct {
	Proxies  Proxies // see Proxies
	Refusals int     // how many refusals of one address a minute are prompt, see NewServer; zero: all
}

// NewServer gives a server of h with the bounds of every listener of ours: header
// fields within 10 s and 32 KiB, connections without a request for at most 75 s,
// bodies and answers within their pace. An address whose requests are refused more
// often than it may gets further refusals up to 5 s late. The caller serves and shuts it
// down; see Door for its listener.
func NewServer(c Config, h http.Handler) *http.Server {
	patience := newPatience(c.Refusals)
	server := &http.Server{
		Handler: handler(c.Proxies, patience, h), ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout,
		MaxHeaderBytes: maxHeader,
	}
	server.RegisterOnShutdown(patience.end)
	return server
}

// handler serves next with what holds for every request: its body arrives and its
// answer is read within their pace, or the connection ends; browsers hear that it is
// for our own pages only, and one that came by TLS asks them to stay with TLS.
func handler(proxies Proxies, patience *patience, next http.Handler) http.Handler {
	// Nothing of ours is for other sites' pages, and no type is to be guessed.
	common := map[string][]string{
		"X-Content-Type-Options":       {"nosniff"},
		"Cross-Origin-Resource-Policy": {"same-origin"},
		"Referrer-Policy":              {"no-referrer"},
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		for name, values := range common {
			h[name] = values
		}
		if proxies.TLS(r) {
			h.Set("Strict-Transport-Security", hsts)
		}
		answer := &pacedAnswer{ResponseWriter: w, control: http.NewResponseController(w)}
		if r.Body != nil && r.Body != http.NoBody {
			body := &pacedBody{ReadCloser: r.Body, control: answer.control, started: time.Now()}
			// net/http keeps the request that it made: by its body it sees whether to linger, so
			// that a client that still sends a body which is refused gets to read why.
			r = r.WithContext(r.Context())
			r.Body = body
			defer body.finish()
		}
		defer answer.finish()
		next.ServeHTTP(answer, r)
		if refused(answer.status) {
			// Small answers lie in net/http's buffer until this function returns.
			patience.wait(proxies.Address(r), latest(answer.status, h))
		}
	})
}
