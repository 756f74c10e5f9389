package front

import (
	"context"
	"io"
	"net"
	"testing"
	"time"
)

// doorOf gives a listener behind a door and what comes in by it.
func doorOf(t *testing.T, trusted string, most int) (address string, in <-chan net.Conn) {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	door := Door(l, proxies(t, trusted), most)
	accepted := make(chan net.Conn, 100)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := door.Accept()
			if err != nil {
				close(accepted)
				return
			}
			accepted <- c
		}
	}()
	return l.Addr().String(), accepted
}

func call(t *testing.T, from, to string) net.Conn {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	c, err := d.DialContext(context.Background(), "tcp", to)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// refusedAtDoor reports whether the connection ends unheard.
func refusedAtDoor(t *testing.T, c net.Conn) {
	t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
	_, err := c.Read(make([]byte, 1))
	if timeout, ok := err.(net.Error); err == nil || ok && timeout.Timeout() { //nolint:errorlint // what Read gives
		t.Errorf("the connection stays open: %v", err)
	}
}

func TestDoorBoundsTheConnectionsOfAnAddress(t *testing.T) {
	t.Parallel()
	address, in := doorOf(t, "", 2)
	call(t, "127.0.0.1", address)
	call(t, "127.0.0.1", address)
	first, second := <-in, <-in
	refusedAtDoor(t, call(t, "127.0.0.1", address))
	call(t, "127.0.0.2", address) // somebody else
	_ = (<-in).Close()
	for range 3 { // one place is free again, however often it is closed
		_ = first.Close()
	}
	call(t, "127.0.0.1", address)
	third := <-in
	refusedAtDoor(t, call(t, "127.0.0.1", address))
	_ = second.Close()
	_ = third.Close()
	if _, ok := third.(io.ReaderFrom); !ok {
		t.Error("files cannot go out by sendfile")
	}
}

func TestDoorDoesNotCountProxies(t *testing.T) {
	t.Parallel()
	address, in := doorOf(t, "127.0.0.1", 1)
	for range 3 {
		call(t, "127.0.0.1", address)
		<-in
	}
}

func TestDoorWithoutABound(t *testing.T) {
	t.Parallel()
	address, in := doorOf(t, "", 0)
	for range 3 {
		call(t, "127.0.0.1", address)
		<-in
	}
}
