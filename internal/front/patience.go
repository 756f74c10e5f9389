package front

import (
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"time"
)

const (
	// mostLate is how late a refusal comes at most. It is below what clients and
	// load balancers wait, so that it still arrives.
	mostLate = 5 * time.Second
	// forgivenAfter is how long an address that is refused no more waits until its
	// refusals are prompt again, at most.
	forgivenAfter = 30 * time.Second
	// mostAddresses bounds the memory: some 100 bytes an address.
	mostAddresses = 50_000
)

// patience lets refusals of an address wait once it has had too many of them. Whoever
// floods waits for each answer, and costs next to nothing meanwhile; whoever is not
// refused waits for nothing, from the same address, too.
type patience struct {
	perMinute int // refusals that are prompt; zero: all
	over      chan struct{}
	end       func() // closes over: nobody waits any more

	mu     sync.Mutex
	earned map[netip.Prefix]time.Time // GCRA: when all prompt refusals may be had again
}

func newPatience(perMinute int) *patience {
	p := &patience{perMinute: perMinute, over: make(chan struct{}), earned: map[netip.Prefix]time.Time{}}
	p.end = sync.OnceFunc(func() { close(p.over) })
	return p
}

// refused reports whether a status says that the request should not have come: that
// it shows nothing valid, is too large, too slow or one too many. What tells of a
// task's state, or of a fault in one that is handed in, belongs to work as it should be.
func refused(status int) bool {
	switch status {
	case http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusRequestTimeout,
		http.StatusRequestEntityTooLarge, http.StatusRequestURITooLong, http.StatusUnsupportedMediaType,
		http.StatusTooManyRequests:
		return true
	}
	return false
}

// latest is how late the refusal may come. A client that does as Retry-After says is
// idle as long anyway, and loses no more than that.
func latest(status int, h http.Header) time.Duration {
	after, err := strconv.Atoi(h.Get("Retry-After"))
	if status != http.StatusTooManyRequests || err != nil {
		return mostLate
	}
	return min(time.Duration(max(after, 0))*time.Second, mostLate)
}

// wait lets a refusal of a client be late, if it has to be. It goes on though the client
// leaves: its connection counts until then, so that coming anew gains nothing.
func (p *patience) wait(client netip.Addr, latest time.Duration) {
	if p.perMinute == 0 {
		return
	}
	late := time.NewTimer(min(p.late(Customer(client), time.Now()), latest))
	defer late.Stop()
	select {
	case <-late.C:
	case <-p.over:
	}
}

// late charges one refusal and gives how late it should come: the later, the more there are.
func (p *patience) late(customer netip.Prefix, now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	earned, known := p.earned[customer]
	if !known && len(p.earned) >= mostAddresses {
		p.forget(now)
	}
	if earned.Before(now) {
		earned = now
	}
	earned = earned.Add(time.Minute / time.Duration(p.perMinute))
	if latest := now.Add(time.Minute + forgivenAfter); earned.After(latest) {
		earned = latest
	}
	p.earned[customer] = earned
	return max(earned.Sub(now)-time.Minute, 0)
}

// forget drops the addresses that owe nothing. Where all do, it drops any: whoever has
// so many is slowed down by their number alone. p.mu is held.
func (p *patience) forget(now time.Time) {
	for customer, earned := range p.earned {
		if earned.Before(now) {
			delete(p.earned, customer)
		}
	}
	for customer := range p.earned {
		if len(p.earned) < mostAddresses {
			return
		}
		delete(p.earned, customer)
	}
}

// Customer is what counts as one client of an address: itself, or of version 6 the
// network that one customer has at least, for whoever has it can take any address in it.
func Customer(a netip.Addr) netip.Prefix {
	const customer = 64
	return netip.PrefixFrom(a, min(a.BitLen(), customer)).Masked()
}
