package api

import (
	"context"
	"fmt"
	"net/http"
)

// HealthHandler answers /livez (the process is well; it asks nobody), /readyz
// (whether it may get traffic: ready gave nil; else why, and in which roles),
// /healthz and /health (old names of /livez) and /metrics. Every role's process
// serves it; the API's own handler holds it already. It needs no sign-in and tells
// no addresses.
func HealthHandler(ready func(context.Context) error, roles []string, metrics http.Handler) http.Handler {
	mux := http.NewServeMux()
	live := func(w http.ResponseWriter, _ *http.Request) { plainText(w, http.StatusOK, "ok") }
	mux.HandleFunc("GET /livez", live)
	mux.HandleFunc("GET /healthz", live)
	mux.HandleFunc("GET /health", live)
	mux.HandleFunc("GET /readyz", readyHandler(ready, roles))
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RawPath != "" { // /%6detrics, which a load balancer's rule for /metrics does not know
			plainText(w, http.StatusNotFound, "not found")
			return
		}
		metrics.ServeHTTP(w, r)
	})
	return mux
}

func plainText(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = fmt.Fprintln(w, text) // a client that went away
}

// HealthPaths lists the paths that belong to HealthHandler.
func HealthPaths() []string {
	return []string{"/livez", "/readyz", "/healthz", "/health", "/metrics"}
}

func isHealth(route string) bool {
	for _, p := range HealthPaths() {
		if p == route {
			return true
		}
	}
	return false
}
