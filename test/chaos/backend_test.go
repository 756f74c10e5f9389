package chaos

import (
	"testing"

	"windlass/internal/redistest"
)

// backend is the Redis of a scenario. Only what its topology has is set.
type backend struct {
	frontURL, workerURL string // -redis-url of the api and of the worker processes

	server                  *redistest.Server
	frontProxy, workerProxy *proxy
}

// single is one redis-server with its append-only file. fsync says when what was written
// must have reached the disk: always (before the answer) or everysec.
func single(fsync string) func(*testing.T) *backend {
	return func(t *testing.T) *backend {
		s := redistest.Start(t, "--appendonly", "yes", "--appendfsync", fsync)
		return &backend{frontURL: s.URL(), workerURL: s.URL(), server: s}
	}
}

// proxied is single("always") behind two proxies, one for each role.
func proxied(t *testing.T) *backend {
	b := single("always")(t)
	b.frontProxy, b.workerProxy = startProxy(t, b.server.Addr()), startProxy(t, b.server.Addr())
	b.frontURL, b.workerURL = "redis://"+b.frontProxy.addr(), "redis://"+b.workerProxy.addr()
	return b
}
