package chaos

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// targetTime is how long the target takes: long enough for a worker to die meanwhile.
const targetTime = 200 * time.Millisecond

// target is what http.request tasks call. It counts how often each really ran.
type target struct {
	url string

	mu    sync.Mutex
	calls map[string]int // by the order's key
}

func startTarget(t *testing.T) *target {
	g := &target{calls: map[string]int{}}
	server := httptest.NewServer(g)
	t.Cleanup(server.Close)
	g.url = server.URL
	return g
}

// ServeHTTP implements http.Handler.
func (g *target) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	g.calls[strings.TrimPrefix(r.URL.Path, "/")]++
	g.mu.Unlock()
	rest(r.Context(), targetTime)
	w.WriteHeader(http.StatusNoContent)
}

func (g *target) called(key string) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.calls[key]
}
