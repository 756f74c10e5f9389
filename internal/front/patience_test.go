package front

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"net/netip"
	"testing"
	"time"
)

// strict answers with the status that the query asks for.
func strict(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/401":
		w.WriteHeader(http.StatusUnauthorized)
	case "/404":
		w.WriteHeader(http.StatusNotFound)
	case "/429":
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusTooManyRequests)
	}
}

// asker asks on one connection and gives how long each answer takes.
func asker(t *testing.T, c net.Conn) func(path string) time.Duration {
	r := bufio.NewReader(c)
	return func(path string) time.Duration {
		t.Helper()
		start := time.Now()
		_ = c.SetDeadline(start.Add(time.Hour))
		write(t, c, "GET "+path+" HTTP/1.1\r\nHost: x\r\n\r\n")
		response, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := response.Body.Close(); err != nil {
			t.Fatal(err)
		}
		return time.Since(start)
	}
}

func impatient(perMinute int) func() *http.Server {
	return func() *http.Server { return NewServer(Config{Refusals: perMinute}, http.HandlerFunc(strict)) }
}

func TestRefusalsBeyondTheRateAreLate(t *testing.T) {
	serveAs(t, impatient(60), func(t *testing.T, _ *http.Server, dial func() net.Conn) {
		ask := asker(t, dial())
		expect := func(path string, want time.Duration) {
			t.Helper()
			if took := ask(path); took != want {
				t.Errorf("%s took %s, want %s", path, took, want)
			}
		}
		for range 60 {
			expect("/401", 0)
		}
		// Each later than the one before, though a second has gone by in which one was earned.
		expect("/401", time.Second)
		expect("/401", time.Second)
		other := asker(t, dial())
		done := make(chan time.Duration)
		for range 10 {
			ask := asker(t, dial())
			go func() { done <- ask("/401") }()
		}
		latest := time.Duration(0)
		for range 10 {
			latest = max(latest, <-done)
		}
		if latest != mostLate {
			t.Errorf("the latest of ten at once took %s", latest)
		}
		if took := other("/"); took != 0 {
			t.Errorf("what is not refused took %s", took)
		}
		expect("/404", 0)
		expect("/429", time.Second) // no later than Retry-After
		<-time.After(time.Minute + forgivenAfter)
		if took := asker(t, dial())("/401"); took != 0 {
			t.Errorf("after a while a refusal took %s", took)
		}
	})
}

func TestRefusalsAreNeverLateWhereThatIsOff(t *testing.T) {
	serveAs(t, impatient(0), func(t *testing.T, _ *http.Server, dial func() net.Conn) {
		ask := asker(t, dial())
		for range 1000 {
			if took := ask("/401"); took != 0 {
				t.Fatalf("took %s", took)
			}
		}
	})
}

// Whoever leaves instead of waiting holds the connection's place for as long.
func TestLeavingDoesNotShortenTheWait(t *testing.T) {
	closed := make(chan time.Time, 2)
	create := func() *http.Server {
		closed = make(chan time.Time, 2) // of the test's own time
		server := impatient(1)()
		server.ConnState = func(_ net.Conn, state http.ConnState) {
			if state == http.StateClosed {
				closed <- time.Now()
			}
		}
		return server
	}
	serveAs(t, create, func(t *testing.T, _ *http.Server, dial func() net.Conn) {
		asker(t, dial())("/401")
		c := dial()
		start := time.Now()
		write(t, c, "GET /401 HTTP/1.1\r\nHost: x\r\n\r\n")
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		if held := (<-closed).Sub(start); held < mostLate {
			t.Errorf("the connection was held for %s", held)
		}
	})
}

func TestShutdownDoesNotWaitForLateRefusals(t *testing.T) {
	serveAs(t, impatient(1), func(t *testing.T, server *http.Server, dial func() net.Conn) {
		asker(t, dial())("/401")
		c := dial()
		answered := make(chan time.Duration)
		go func() { answered <- asker(t, c)("/401") }()
		<-time.After(time.Second) // it waits
		if err := server.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		if took := <-answered; took >= 2*time.Second {
			t.Errorf("the answer came after %s", took)
		}
	})
}

func TestPatienceIsPerCustomerAndForgets(t *testing.T) {
	t.Parallel()
	now := time.Now()
	of := func(text string) netip.Prefix { return Customer(netip.MustParseAddr(text)) }
	p := newPatience(1)
	for _, address := range []string{"192.0.2.1", "2001:db8::1"} {
		if late := p.late(of(address), now); late != 0 {
			t.Errorf("the first refusal of %s is %s late", address, late)
		}
		if late := p.late(of(address), now); late != forgivenAfter {
			t.Errorf("the second refusal of %s is %s late", address, late)
		}
	}
	if late := p.late(of("192.0.2.2"), now); late != 0 {
		t.Errorf("a neighbour's refusal is %s late", late)
	}
	if late := p.late(of("2001:db8::2"), now); late == 0 {
		t.Error("another address of the same customer is prompt")
	}
	// However many came, the debt has an end.
	for range 1000 {
		p.late(of("192.0.2.1"), now)
	}
	if late := p.late(of("192.0.2.1"), now.Add(time.Minute+forgivenAfter)); late != 0 {
		t.Errorf("still %s late", late)
	}
	for i := range mostAddresses + 10 {
		p.late(netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 32), now)
	}
	if n := len(p.earned); n > mostAddresses {
		t.Errorf("%d addresses are remembered", n)
	}
}
