package api

import (
	"container/list"
	"context"
	"net/http"
	"net/netip"
	"runtime"
	"sync"
	"time"

	"windlass/internal/front"
)

const (
	// placesPerCore is how many requests of one address are worked on at once for each
	// core, while there is company. Fewer leave cores idle while Redis is asked.
	placesPerCore = 8
	// longestInLine is how long one request waits for places in all: what holds them may
	// be waiting itself, for a store that is slow.
	longestInLine = 50 * time.Millisecond
	// companyStays is how long after a request its sender counts as company.
	companyStays = time.Second
)

// fair keeps an address that sends a hundred requests at the same moment from having all
// of them worked on at once while others want to be served, too: theirs would wait behind
// the hundred for a core, once for each answer of the store. None is refused for it, and
// an address that is alone waits for nothing.
type fair struct {
	most   int           // places of an address
	inLine time.Duration // longestInLine
	stays  time.Duration // companyStays

	mu        sync.Mutex
	customers map[netip.Prefix]customer // who has requests here
	latest    netip.Prefix              // who sent the latest request,
	seen      time.Time                 // when that was,
	before    time.Time                 // and when the latest one of anybody else was
}

// customer is what front.Customer takes for one client.
type customer struct {
	working int
	waiting *list.List // of chan struct{}, closed when a place is handed over; nil: nobody waited yet
}

// place is a request's among those of its address that are worked on. The zero place is
// one that nobody asked for.
type place struct {
	fair   *fair
	of     netip.Prefix
	held   bool          // or waited for. Guarded by fair.mu
	waited time.Duration // in all
}

func newFair() *fair {
	return &fair{
		most: placesPerCore * runtime.GOMAXPROCS(0), inLine: longestInLine, stays: companyStays,
		customers: map[netip.Prefix]customer{},
	}
}

// takePlaces lets requests in by turns. It comes before whatever asks the store.
// What waits long gives its place back meanwhile: see the callers of giveBack.
func (a *API) takePlaces(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if isHealth(r.URL.Path) {
			next.ServeHTTP(w, r)
			return
		}
		p := &exchangeOf(r.Context()).place
		p.fair, p.of = a.fair, front.Customer(a.config.Proxies.Address(r))
		p.take(r.Context())
		defer p.giveBack()
		next.ServeHTTP(w, r)
	})
}

// take waits until the request, which has no place, is among those of its address that are
// worked on. When it has waited for long enough, or its client is gone, it is one more of them.
func (p *place) take(ctx context.Context) {
	f := p.fair
	if f == nil {
		return
	}
	now := time.Now()
	f.mu.Lock()
	p.held = true
	c := f.customers[p.of]
	if !f.company(p.of, now) || c.working < f.most || p.waited >= f.inLine {
		c.working++
		f.customers[p.of] = c
		f.mu.Unlock()
		return
	}
	if c.waiting == nil {
		c.waiting = list.New()
		f.customers[p.of] = c
	}
	turn := make(chan struct{})
	me := c.waiting.PushBack(turn)
	f.mu.Unlock()

	enough := time.NewTimer(f.inLine - p.waited)
	defer enough.Stop()
	select {
	case <-turn:
	case <-enough.C:
		f.goAhead(p.of, me)
	case <-ctx.Done():
		f.goAhead(p.of, me)
	}
	p.waited += time.Since(now)
}

// company reports whether anybody else sent a request lately, and notes this one. f.mu is held.
func (f *fair) company(of netip.Prefix, now time.Time) bool {
	if of != f.latest {
		f.latest, f.before = of, f.seen
	}
	f.seen = now
	return now.Sub(f.before) < f.stays
}

// goAhead takes somebody out of the line who waits no longer, unless a place was handed
// over at the same moment.
func (f *fair) goAhead(of netip.Prefix, me *list.Element) {
	f.mu.Lock()
	defer f.mu.Unlock()
	select {
	case <-me.Value.(chan struct{}): //nolint:forcetypeassert // take made it
	default:
		c := f.customers[of]
		c.waiting.Remove(me)
		c.working++
		f.customers[of] = c
	}
}

// giveBack hands the place over to who waited longest. Only the first call after take does.
func (p *place) giveBack() {
	f := p.fair
	if f == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if !p.held {
		return
	}
	p.held = false
	c := f.customers[p.of]
	c.working--
	if c.waiting != nil && c.waiting.Len() > 0 && c.working < f.most {
		close(c.waiting.Remove(c.waiting.Front()).(chan struct{})) //nolint:forcetypeassert // take made it
		c.working++
	}
	if c.working == 0 {
		delete(f.customers, p.of)
		return
	}
	f.customers[p.of] = c
}
