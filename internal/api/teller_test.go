package api

import (
	"bytes"
	"context"
	"net"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// However many streams have something to tell at the same moment, most of them wait.
func TestStreamsTellOneAfterTheOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tellers := max(1, runtime.GOMAXPROCS(0)/2)
		teller, b := newTeller(t.Context()), &buffers{}
		var begun atomic.Int64
		hold := make(chan struct{})
		for range tellers + 10 {
			server, client := net.Pipe()
			t.Cleanup(func() { server.Close(); client.Close() })
			l := lineOf(server, teller, b)
			go func() { _ = l.do(func() { begun.Add(1); <-hold }) }()
		}
		synctest.Wait()
		if n := begun.Load(); n != int64(tellers) {
			t.Errorf("%d tell at once, want %d", n, tellers)
		}
		close(hold)
		synctest.Wait()
		if n := begun.Load(); n != int64(tellers+10) {
			t.Errorf("%d have told", n)
		}
	})
}

// newLine gives a line over TCP and its client's side.
func newLine(t *testing.T, teller *teller, b *buffers) (*line, *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	server, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close(); server.Close() })
	return lineOf(server, teller, b), client.(*net.TCPConn)
}

// What one stream's client is too slow for is not the others' trouble.
func TestSlowClientKeepsNoOtherStreamWaiting(t *testing.T) {
	t.Parallel()
	teller, b := newTeller(t.Context()), &buffers{}
	slow, client := newLine(t, teller, b)
	whole := bytes.Repeat([]byte("x"), 16<<20) // more than any socket takes at once
	sent := make(chan error, 1)
	go func() { sent <- slow.do(func() { _, _ = slow.Write(whole) }) }()
	for range 100 {
		other, reader := newLine(t, teller, b)
		if err := other.do(func() { _, _ = other.Write([]byte("y")) }); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, 6)
		if _, err := reader.Read(got); err != nil || string(got) != "1\r\ny\r\n" {
			t.Fatalf("read %q, %v", got, err)
		}
	}
	select {
	case err := <-sent:
		t.Fatalf("all was taken at once: %v", err)
	default:
	}
	n := 0
	for b := make([]byte, 1<<20); n < len(whole); {
		some, err := client.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		n += some
	}
	if err := <-sent; err != nil {
		t.Error(err)
	}
	// The deadline of what was slow is none for what comes later.
	if err := slow.do(func() { _, _ = slow.Write([]byte("y")) }); err != nil || len(slow.rest) > 0 {
		t.Errorf("%v, %d bytes are left", err, len(slow.rest))
	}
}

func TestTellerHandsPanicsBack(t *testing.T) {
	t.Parallel()
	ctx, end := context.WithCancel(t.Context())
	teller := newTeller(ctx)
	e := errand{done: make(chan struct{})}
	try := func(do func()) (v any) {
		defer func() { v = recover() }()
		e.do = do
		teller.run(&e)
		return nil
	}
	if v := try(func() { panic("oh") }); v != "oh" {
		t.Errorf("the stream heard %v", v)
	}
	done := false
	if v := try(func() { done = true }); v != nil || !done {
		t.Errorf("after a panic: %v, done %v", v, done)
	}
	end()
	done = false
	if v := try(func() { done = true }); v != nil || !done {
		t.Errorf("after the end: %v, done %v", v, done)
	}
}

func TestLineWaits(t *testing.T) {
	t.Parallel()
	ctx, end := context.WithCancel(t.Context())
	l, client := newLine(t, newTeller(ctx), &buffers{})
	c := make(chan struct{}, 1)
	later := time.Now().Add(time.Hour)
	if why := l.wait(ctx, c, time.Now().Add(10*time.Millisecond)); why != timeCame {
		t.Errorf("at its moment: %v", why)
	}
	c <- struct{}{}
	l.wake() // before anybody waits
	if why := l.wait(ctx, c, later); why != toldNews {
		t.Errorf("with news that were there: %v", why)
	}
	waked := func(why woken, do func()) {
		t.Helper()
		got := make(chan woken, 1)
		go func() { got <- l.wait(ctx, c, later) }()
		do()
		if w := <-got; w != why {
			t.Errorf("got %v, want %v", w, why)
		}
	}
	waked(toldNews, func() { c <- struct{}{}; l.wake() })
	waked(toldNews, func() { l.wake(); c <- struct{}{}; l.wake() }) // woken for nothing
	waked(clientGone, func() { _, _ = client.Write([]byte("x")) })
	waked(clientGone, func() { end(); l.wake() })
	l, client = newLine(t, newTeller(t.Context()), &buffers{})
	ctx = t.Context()
	waked(clientGone, func() { client.Close() })
}
