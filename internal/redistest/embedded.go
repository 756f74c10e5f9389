package redistest

import (
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
)

// Memory is an in-memory Redis inside the test binary. The methods of miniredis are there
// too: to look into it, to make it fail, to move its clock.
type Memory struct {
	*miniredis.Miniredis
}

// Embedded starts an in-memory Redis on a free loopback port, closed when t ends. Its keys
// expire in real time, as a server's do: miniredis by itself leaves its clock to the test.
func Embedded(t testing.TB) *Memory {
	t.Helper()
	m := &Memory{Miniredis: miniredis.RunT(t)}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		m.keepTime(stop)
	}()
	t.Cleanup(func() {
		close(stop)
		<-stopped
	})
	return m
}

// URL is the address as Redis clients write it.
func (m *Memory) URL() string { return "redis://" + m.Addr() }

// Client returns a client of this Redis, closed when t ends.
func (m *Memory) Client(t testing.TB) *redis.Client {
	t.Helper()
	return newClient(t, &redis.Options{Addr: m.Addr()})
}

func (m *Memory) keepTime(stop <-chan struct{}) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	last := time.Now()
	for {
		select {
		case <-stop:
			return
		case now := <-tick.C:
			m.FastForward(now.Sub(last))
			last = now
		}
	}
}
