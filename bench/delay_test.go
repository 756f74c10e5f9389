package main

import (
	"bytes"
	"io"
	"net"
	"testing"
	"time"
)

// echoServer gives back what it reads, until t ends.
func echoServer(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { defer c.Close(); _, _ = io.Copy(c, c) }()
		}
	}()
	return l.Addr().String()
}

func dial(t *testing.T, d *delay) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", d.addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	return c
}

func exchange(t *testing.T, c net.Conn, b []byte) time.Duration {
	t.Helper()
	start := time.Now()
	if _, err := c.Write(b); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(b))
	if _, err := io.ReadFull(c, got); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, b) {
		t.Fatal("the answer differs from what was sent")
	}
	return time.Since(start)
}

func TestDelayIsHalfAMillisecond(t *testing.T) {
	d, err := startDelay(t.Context(), echoServer(t))
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	c := dial(t, d)
	var times []float64
	for range 500 {
		times = append(times, exchange(t, c, []byte("ping")).Seconds())
	}
	t.Logf("round trip: p1 %v, p50 %v, p99 %v ms", percentile(times, 1)*1e3, percentile(times, 50)*1e3, percentile(times, 99)*1e3)
	if shortest := percentile(times, 0); shortest < (2 * oneWay).Seconds() {
		t.Errorf("a round trip took %v s, less than the way", shortest)
	}
	// The best of many shows what the delay adds by itself, on a machine that others use too.
	if best := percentile(times, 5); best > (4 * oneWay).Seconds() {
		t.Errorf("p5 of the round trips is %v s, twice the way", best)
	}
}

// crumbs gives its bytes one at a time, and counts what is written to it.
type crumbs struct {
	net.Conn
	left, written int
}

func (c *crumbs) Read(b []byte) (int, error) {
	if c.left == 0 {
		return 0, io.EOF
	}
	c.left--
	return copy(b, "."), nil
}

func (c *crumbs) Write(b []byte) (int, error) { c.written += len(b); return len(b), nil }

func (c *crumbs) Close() error { return nil }

// TestDelayLetsManyTravelAtOnce: if one waited for the other, they would take a second.
func TestDelayLetsManyTravelAtOnce(t *testing.T) {
	alarm, err := newAlarm()
	if err != nil {
		t.Fatal(err)
	}
	const many = 4000
	l, to := &line{make(chan parcel, onTheWay), alarm}, &crumbs{}
	start := time.Now()
	go func() { defer close(l.parcels); l.read(&crumbs{left: many}, to) }()
	l.carry()
	if took, oneByOne := time.Since(start), many*oneWay; took < oneWay || took > oneByOne/2 {
		t.Errorf("%d parcels took %v: want %v at least, and far less than the %v of one by one", many, took, oneWay, oneByOne)
	}
	if to.written != many {
		t.Errorf("%d of %d bytes arrived", to.written, many)
	}
}

func TestDelayKeepsLargeAndEndings(t *testing.T) {
	d, err := startDelay(t.Context(), echoServer(t))
	if err != nil {
		t.Fatal(err)
	}
	c := dial(t, d)
	exchange(t, c, bytes.Repeat([]byte("0123456789"), 50_000/10))
	d.close()
	if n, err := c.Read(make([]byte, 1)); err == nil {
		t.Errorf("read %d bytes after the delay ended", n)
	}
	if c, err := net.Dial("tcp", d.addr()); err == nil {
		c.Close()
		t.Error("the delay takes connections after its end")
	}
}
