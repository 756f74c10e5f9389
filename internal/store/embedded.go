package store

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
)

// Embedded is an in-memory Redis in this process. Nothing in it outlives the process.
type Embedded struct {
	Client *redis.Client

	server *miniredis.Miniredis
	stop   chan struct{}
}

// OpenEmbedded starts one. It listens on no port. The caller closes it.
func OpenEmbedded() *Embedded {
	e := &Embedded{server: miniredis.NewMiniRedis(), stop: make(chan struct{})}
	e.Client = e.NewClient()
	go e.tick()
	return e
}

// NewClient makes a further client. The caller closes it.
func (e *Embedded) NewClient() *redis.Client {
	return redis.NewClient(&redis.Options{
		Addr: "embedded", Dialer: e.dial,
		DisableIdentity: true, MaintNotificationsConfig: noMaintenance(), PoolSize: poolSize,
	})
}

func (e *Embedded) dial(context.Context, string, string) (net.Conn, error) {
	pipe, err := e.server.Dial()
	if err != nil {
		return nil, fmt.Errorf("connect to the embedded redis: %w", err)
	}
	return newEagerConn(pipe), nil
}

// Close stops it and closes its client.
func (e *Embedded) Close() error {
	close(e.stop)
	err := e.Client.Close()
	e.server.Close()
	return err
}

// tick lets keys expire: miniredis does not by itself, and its ClockTTL option
// looks at every key on each command. FastForward costs about 0.3 µs a key, so
// with many keys it comes less often.
func (e *Embedded) tick() {
	const most = 10 * time.Second
	wait := time.Second
	for last := time.Now(); ; {
		select {
		case <-e.stop:
			return
		case <-time.After(wait):
		}
		now := time.Now()
		e.server.FastForward(now.Sub(last))
		wait = min(max(time.Second, 100*time.Since(now)), most)
		last = now
	}
}
