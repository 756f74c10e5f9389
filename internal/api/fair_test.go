package api

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"windlass/internal/front"
)

const (
	crowd  = "192.0.2.1:1000"
	polite = "198.51.100.7:1000"
)

// crossing is takePlaces before a handler that goes on when it is told to.
type crossing struct {
	t      *testing.T
	api    *API
	begun  []string // names of requests, in the order in which they were let in
	finish chan struct{}
}

// newCrossing is to be called in a bubble.
func newCrossing(t *testing.T, most int) *crossing {
	t.Helper()
	c := &crossing{t: t, api: &API{fair: newFair()}, finish: make(chan struct{})}
	c.api.fair.most = most
	return c
}

// ask sends a request and waits until nothing moves any more.
func (c *crossing) ask(ctx context.Context, from, name string) {
	c.t.Helper()
	c.do(ctx, from, name, "/", func(*place) {
		select {
		case <-c.finish:
		case <-ctx.Done():
		}
	})
}

func (c *crossing) do(ctx context.Context, from, name, path string, work func(*place)) {
	c.t.Helper()
	h := identify(c.api.takePlaces(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		c.api.fair.mu.Lock()
		c.begun = append(c.begun, name)
		c.api.fair.mu.Unlock()
		work(&exchangeOf(r.Context()).place)
	})))
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, path, nil)
	r.RemoteAddr = from
	go h.ServeHTTP(httptest.NewRecorder(), r)
	synctest.Wait()
}

// burst sends many requests of one address at the same moment.
func (c *crossing) burst(from string, many int) {
	c.t.Helper()
	for i := range many {
		c.ask(c.t.Context(), from, fmt.Sprint(i))
	}
}

// end ends any of the requests that are worked on.
func (c *crossing) end(many int) {
	c.t.Helper()
	for range many {
		c.finish <- struct{}{}
		synctest.Wait()
	}
}

func customerOf(address string) netip.Prefix {
	return front.Customer(netip.MustParseAddrPort(address).Addr())
}

// count tells how many requests of an address are worked on, and how many wait.
func (f *fair) count(from string) (working, waiting int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := f.customers[customerOf(from)]
	if c.waiting != nil {
		waiting = c.waiting.Len()
	}
	return c.working, waiting
}

func (f *fair) empty() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.customers) == 0
}

func (c *crossing) want(from string, working, waiting int) {
	c.t.Helper()
	if gotWorking, gotWaiting := c.api.fair.count(from); gotWorking != working || gotWaiting != waiting {
		c.t.Fatalf("of %s %d are worked on and %d wait, want %d and %d", from, gotWorking, gotWaiting, working, waiting)
	}
}

func TestBurstLeavesRoom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const most, many = 4, 100
		c := newCrossing(t, most)
		c.ask(t.Context(), polite, "company")
		c.end(1)
		c.burst(crowd, many)
		c.want(crowd, most, many-most)
		c.ask(t.Context(), polite, "polite")
		c.want(polite, 1, 0)
		if got := c.begun[len(c.begun)-1]; got != "polite" {
			t.Fatalf("%s was let in last", got)
		}
		for i := range many - most { // whichever ends, polite's or one of the crowd
			c.end(1)
			if working, _ := c.api.fair.count(crowd); working > most {
				t.Fatalf("%d are worked on once %d have ended", working, i+1)
			}
		}
		c.end(most + 1)
		var order []string
		for _, name := range c.begun {
			if name != "company" && name != "polite" {
				order = append(order, name)
			}
		}
		for i, name := range order {
			if name != fmt.Sprint(i) {
				t.Fatalf("the order is %v", order)
			}
		}
		if len(order) != many || !c.api.fair.empty() {
			t.Errorf("%d were served, and then there are %v", len(order), c.api.fair.customers)
		}
	})
}

func TestWhoIsAloneWaitsForNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const most, many = 4, 100
		c := newCrossing(t, most)
		c.burst(crowd, many)
		c.want(crowd, many, 0)
		c.end(many)

		// Somebody else is company for a second.
		c.ask(t.Context(), polite, "company")
		c.end(1)
		<-time.After(companyStays - time.Nanosecond)
		c.burst(crowd, most+1)
		c.want(crowd, most, 1)
		c.end(most + 1)
		<-time.After(time.Nanosecond)
		c.burst(crowd, many)
		c.want(crowd, many, 0)

		// What was let in before stays, and counts.
		c.ask(t.Context(), polite, "company")
		c.ask(t.Context(), crowd, "late")
		c.want(crowd, many, 1)
		c.end(many + 2)
		if !c.api.fair.empty() {
			t.Errorf("there are %v", c.api.fair.customers)
		}
	})
}

func TestNobodyWaitsLongForAPlace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const most, many = 4, 10
		c := newCrossing(t, most)
		c.ask(t.Context(), polite, "company")
		c.burst(crowd, many)
		<-time.After(longestInLine - time.Nanosecond)
		synctest.Wait()
		c.want(crowd, most, many-most)
		<-time.After(time.Nanosecond)
		synctest.Wait()
		c.want(crowd, many, 0)
		c.end(many + 1)

		// Waiting twice is no longer than that in all.
		c.ask(t.Context(), polite, "company")
		c.burst(crowd, most)
		var second time.Duration
		c.do(t.Context(), crowd, "again", "/", func(p *place) {
			p.giveBack()
			p.giveBack()
			c.api.fair.mu.Lock()
			f := c.api.fair.customers[p.of]
			f.working = most
			c.api.fair.customers[p.of] = f
			c.api.fair.mu.Unlock()
			start := time.Now()
			p.take(t.Context())
			second = time.Since(start)
		})
		c.want(crowd, most, 1)
		<-time.After(30 * time.Millisecond)
		c.end(1) // polite's or one of the crowd
		c.end(1)
		<-time.After(time.Minute)
		synctest.Wait()
		if second != longestInLine-30*time.Millisecond {
			t.Errorf("the second time it waited for %s", second)
		}
	})
}

func TestWhoLeavesTheLineLeavesNoTrace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const most = 4
		c := newCrossing(t, most)
		c.ask(t.Context(), polite, "company")
		c.burst(crowd, most)
		gone, leave := context.WithCancel(t.Context())
		for range 3 {
			c.ask(gone, crowd, "gone")
		}
		c.ask(t.Context(), crowd, "stays")
		c.want(crowd, most, 4)
		leave()
		synctest.Wait()
		c.want(crowd, most, 1)
		c.end(most + 2)
		if !c.api.fair.empty() || !slices.Contains(c.begun, "stays") {
			t.Errorf("there are %v after %v", c.api.fair.customers, c.begun)
		}
	})
}

func TestCompanyIsAnotherCustomer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const most = 4
		c := newCrossing(t, most)
		c.ask(t.Context(), "[2001:db8::1]:1000", "the same network")
		c.do(t.Context(), polite, "health", "/livez", func(*place) {}) // no company either
		for i := range 2 * most {
			c.ask(t.Context(), "[2001:db8::2]:1000", fmt.Sprint(i))
		}
		c.want("[2001:db8::3]:1", 2*most+1, 0)
		// Health is let in whoever waits.
		c.ask(t.Context(), polite, "company")
		c.ask(t.Context(), "[2001:db8::2]:1000", "waits")
		c.want("[2001:db8::3]:1", 2*most+1, 1)
		c.do(t.Context(), "[2001:db8::2]:1000", "health", "/readyz", func(*place) {})
		if got := c.begun[len(c.begun)-1]; got != "health" {
			t.Errorf("%s was let in last", got)
		}
		c.end(2*most + 3)
	})
}
