package api

import (
	"net/http"
	"slices"
	"strings"
)

// cors lets pages of other origins that are configured call the API, with a
// token of their own. Cookies stay out of it: a browser that is told nothing of
// credentials sends none and hands out no answer that came with some (Fetch
// section 3.2). No origin is allowed unless one is configured.
func (a *API) cors(next http.Handler) http.Handler {
	if len(a.config.Origins) == 0 {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Add("Vary", "Origin")
		if !a.welcome(r) || !strings.HasPrefix(r.URL.Path, prefix+"/") {
			next.ServeHTTP(w, r)
			return
		}
		h := w.Header()
		h.Set("Access-Control-Allow-Origin", r.Header.Get("Origin"))
		h.Set("Access-Control-Expose-Headers", "Age, ETag, Idempotency-Replayed, Link, Location, Preference-Applied, RateLimit, RateLimit-Policy, Retry-After, X-Request-Id")
		if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
			next.ServeHTTP(w, r)
			return
		}
		h.Set("Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, DELETE")
		h.Set("Access-Control-Allow-Headers", "Authorization, Cache-Control, Content-Type, Idempotency-Key, If-Match, If-None-Match, Last-Event-ID, Prefer, traceparent, X-Request-Id")
		h.Set("Access-Control-Max-Age", "600")
		w.WriteHeader(http.StatusNoContent)
	})
}

// welcome reports whether the request comes from a page of a configured origin.
func (a *API) welcome(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	return origin != "" && slices.Contains(a.config.Origins, origin)
}
