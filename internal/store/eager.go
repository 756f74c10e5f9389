package store

import (
	"net"
	"sync"
	"time"
)

// eagerConn is an in-process connection whose writes return at once, as those to
// a socket do. A bare net.Pipe locks up under a pipeline: the client writes its
// next command while the server waits for somebody to read its first answer.
type eagerConn struct {
	net.Conn // the pipe

	closed chan struct{}
	more   chan struct{} // has an item when there is something to send

	mu      sync.Mutex
	pending []byte
	err     error // of the pipe, for the next Write
}

// newEagerConn sends on pipe until the connection is closed.
func newEagerConn(pipe net.Conn) *eagerConn {
	c := &eagerConn{Conn: pipe, closed: make(chan struct{}), more: make(chan struct{}, 1)}
	go c.send()
	return c
}

func (c *eagerConn) send() {
	for {
		select {
		case <-c.closed:
			return
		case <-c.more:
		}
		c.mu.Lock()
		b := c.pending
		c.pending = nil
		c.mu.Unlock()
		if _, err := c.Conn.Write(b); err != nil {
			c.mu.Lock()
			c.err = err
			c.mu.Unlock()
			return
		}
	}
}

// Write implements io.Writer. It takes all of b and never waits.
func (c *eagerConn) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return 0, c.err
	}
	c.pending = append(c.pending, b...)
	select {
	case c.more <- struct{}{}:
	default:
	}
	return len(b), nil
}

// Close ends the connection. What is not sent yet is lost.
func (c *eagerConn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err = net.ErrClosed
	}
	select {
	case <-c.closed:
	default:
		close(c.closed)
	}
	return c.Conn.Close()
}

// SetDeadline holds for reading alone: a write has no wait to bound.
func (c *eagerConn) SetDeadline(t time.Time) error { return c.SetReadDeadline(t) }

// SetWriteDeadline does nothing.
func (c *eagerConn) SetWriteDeadline(time.Time) error { return nil }
