package chaos

import (
	"testing"
	"time"

	"windlass/internal/redistest"
)

// backend is the Redis of a scenario. Only what its topology has is set.
type backend struct {
	frontURL   string   // -redis-url of the api processes
	workerURLs []string // of the worker processes, in turn

	server        *redistest.Server
	frontProxy    *proxy
	workerProxies []*proxy // one for each worker
}

// direct is a backend that every process finds under the same address.
func direct(url string) *backend { return &backend{frontURL: url, workerURLs: []string{url}} }

// single is one redis-server with its append-only file. fsync says when what was written
// must have reached the disk: always (before the answer) or everysec.
func single(fsync string) func(*testing.T) *backend {
	return func(t *testing.T) *backend {
		s := redistest.Start(t, "--appendonly", "yes", "--appendfsync", fsync)
		b := direct(s.URL())
		b.server = s
		return b
	}
}

// distant is single("always") behind proxies, one for the api processes and one for each
// worker. Every call takes its time, so that trouble meets many that are under way.
func distant(t *testing.T) *backend {
	b := single("always")(t)
	b.frontProxy = startProxy(t, b.server.Addr())
	b.frontURL, b.workerURLs = "redis://"+b.frontProxy.addr(), nil
	for range workers {
		p := startProxy(t, b.server.Addr())
		b.workerProxies = append(b.workerProxies, p)
		b.workerURLs = append(b.workerURLs, "redis://"+p.addr())
	}
	b.set(network{}, b.proxies())
	return b
}

// mend makes every network as good as it can be.
func (b *backend) mend() {
	if b.frontProxy == nil {
		return
	}
	for _, p := range b.proxies() {
		p.set(network{})
	}
}

func (b *backend) proxies() []*proxy { return append(b.workerProxies[:workers:workers], b.frontProxy) }

// set makes the network of some proxies as it says, and distant in any case.
func (b *backend) set(n network, some []*proxy) {
	n.delay = max(n.delay, 10*time.Millisecond)
	for _, p := range some {
		p.set(n)
	}
}
