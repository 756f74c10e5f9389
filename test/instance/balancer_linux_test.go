package instance

import (
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"testing"
)

// target is one that a balancer sends to.
type target struct {
	proxy *httputil.ReverseProxy
	out   bool // deregistered: gets nothing new
	open  int
}

// balancer sends each request to the target with the fewest open ones, as our load balancer is told to.
type balancer struct {
	mu      sync.Mutex
	targets []*target
}

func newBalancer(t *testing.T, urls ...string) (b *balancer, at string) {
	t.Helper()
	b = &balancer{}
	for _, text := range urls {
		u, err := url.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		b.targets = append(b.targets, &target{proxy: httputil.NewSingleHostReverseProxy(u)})
	}
	return b, serve(t, "127.0.0.1:0", b)
}

// deregister sends nothing new to a target. What it has goes on.
func (b *balancer) deregister(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.targets[n].out = true
}

// ServeHTTP hands the request to a target.
func (b *balancer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	var best *target
	for _, t := range b.targets {
		if !t.out && (best == nil || t.open < best.open) {
			best = t
		}
	}
	if best == nil {
		b.mu.Unlock()
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	best.open++
	b.mu.Unlock()
	defer func() {
		b.mu.Lock()
		best.open--
		b.mu.Unlock()
	}()
	best.proxy.ServeHTTP(w, r)
}
