package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"

	"windlass/internal/front"
)

// serveAdmin serves profiles on a listener of their own, if there is to be one, until close is
// called: also while the process drains, which may be what one wants to look into.
func (c config) serveAdmin(ctx context.Context, log *slog.Logger) (close func(), err error) {
	if c.adminListen == "" {
		return func() {}, nil
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.adminListen)
	if err != nil {
		return nil, fmt.Errorf("-admin-listen: %w", err)
	}
	server := front.NewServer(front.Config{}, loopbackOnly(profiles()))
	server.ErrorLog = slog.NewLogLogger(log.Handler(), slog.LevelWarn)
	go func() { _ = server.Serve(listener) }() // it ends by close alone
	log.Info("profiles are served", "address", "http://"+listener.Addr().String()+"/debug/pprof/")
	return func() { _ = server.Close() }, nil
}

func profiles() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index) // and each profile by its name
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return mux
}

// loopbackOnly keeps a web site that lets its own name point to loopback (DNS rebinding) from
// reading profiles with the browser of whoever sits at this machine.
func loopbackOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isLoopback(r.Host) {
			http.Error(w, "only under a loopback address", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}
