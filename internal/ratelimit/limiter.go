package ratelimit

import (
	"context"
	"sync"
	"time"

	"windlass/internal/store"
)

const (
	// leaseAge is how long leased permits may be spent.
	leaseAge = time.Second
	// leasePart and creditPart are the parts of a burst that a lease and the credit hold at most.
	leasePart  = 10
	creditPart = 100
	// retryAway is how long a limiter goes on by itself before it asks a store that failed again.
	retryAway = time.Second
	// maxClients bounds the memory of a limiter: about 200 bytes a client.
	maxClients = 50_000
	// others is the client that all those share for whom there is no room.
	others = "\x00others"
)

// Ask is store.Permits, or what stands for it in a test.
type Ask func(context.Context, store.PermitAsk) (store.PermitGrant, error)

// Limiter bounds one sort of request. It is safe for concurrent use and needs no closing.
type Limiter struct {
	name string
	rate Rate
	ask  Ask

	mu      sync.Mutex
	clients map[string]*client
	forgot  time.Time // when clients were dropped last
	away    time.Time // until then the store is not asked; zero: it answers
}

// New gives a limiter. name tells its rate from others in the store. The zero Rate lets everything through.
func New(name string, rate Rate, ask Ask) *Limiter {
	return &Limiter{name: name, rate: rate, ask: ask, clients: map[string]*client{}}
}

// Rate is what the limiter keeps to.
func (l *Limiter) Rate() Rate { return l.rate }

// client is what a process knows of one client.
type client struct {
	permits int       // leased and not spent
	lapse   time.Time // when they lapse
	owed    int       // spent on credit: the next question pays for it
	spent   int       // since the last question
	waiting int       // what callers wait for
	leased  int       // with the last answer
	seen    time.Time // the last request

	refusal int       // how many permits were refused; 0: none
	refused time.Time // until when

	asking chan struct{} // closed when the answer is there; nil: nobody asks

	left int       // as of the last answer
	at   time.Time // when that was
	full time.Time // when all could be had, as of then

	earned time.Time // GCRA of this process alone, while the store is away
}

// Take asks for n permits for a client, at most as many as the rate's burst.
// When ctx ends while the store is asked, this process decides by itself.
func (l *Limiter) Take(ctx context.Context, name string, n int) Decision {
	if l.rate.Count == 0 {
		return Decision{OK: true}
	}
	n = min(n, l.rate.Count)
	l.mu.Lock()
	defer l.mu.Unlock()
	name, c := l.client(name)
	for {
		now := time.Now()
		c.seen = now
		if now.Before(c.refused) && n >= c.refusal {
			return l.decision(c, now, false, c.refused.Sub(now))
		}
		if !l.away.IsZero() {
			if now.After(l.away) {
				l.inquire(name, c, 0)
			}
			return l.alone(c, now, n)
		}
		if l.spend(name, c, now, n) {
			return l.decision(c, now, true, 0)
		}
		// An answer brings permits, a refusal, or that the store is away; others may
		// have taken the permits.
		if !l.await(ctx, name, c, n) {
			return l.alone(c, time.Now(), n)
		}
	}
}

// spend takes permits that are there, or credit, and sees to it that more come.
func (l *Limiter) spend(name string, c *client, now time.Time, n int) bool {
	if now.After(c.lapse) {
		c.permits = 0
	}
	switch {
	case c.permits >= n:
		c.permits -= n
		c.spent += n
		if c.permits < c.leased/4 {
			l.inquire(name, c, 0)
		}
	case c.owed+n <= l.rate.Count/creditPart:
		c.owed += n
		c.spent += n
		l.inquire(name, c, 0)
	default:
		return false
	}
	return true
}

// await waits for an answer of the store. It is false when ctx ends first. l.mu is
// held before and after.
func (l *Limiter) await(ctx context.Context, name string, c *client, n int) bool {
	c.waiting += n
	l.inquire(name, c, n)
	answered := c.asking
	l.mu.Unlock()
	defer func() {
		l.mu.Lock()
		c.waiting -= n
	}()
	select {
	case <-answered:
		return true
	case <-ctx.Done():
		return false
	}
}

// inquire asks the store in the background, unless that is under way. l.mu is held.
func (l *Limiter) inquire(name string, c *client, need int) {
	if c.asking != nil {
		return
	}
	done := make(chan struct{})
	ask := store.PermitAsk{
		Client: name, Rate: l.name, Interval: l.rate.interval(), Burst: l.rate.Count,
		Owed: c.owed, Need: max(need, 1), Want: l.lease(c, need),
	}
	c.asking, c.owed, c.spent = done, 0, 0
	go func() {
		grant, err := l.ask(context.Background(), ask)
		l.mu.Lock()
		defer l.mu.Unlock()
		l.heard(c, ask, grant, err)
		c.asking = nil
		close(done)
	}()
}

// lease is how many permits to ask for: twice what was spent since the last question,
// within its bound, and what callers wait for.
func (l *Limiter) lease(c *client, need int) int {
	usual := min(2*c.spent, l.rate.Count/leasePart)
	return max(1, need, usual, min(c.waiting, l.rate.Count))
}

func (l *Limiter) heard(c *client, ask store.PermitAsk, grant store.PermitGrant, err error) {
	now := time.Now()
	if err != nil {
		l.away = now.Add(retryAway)
		return
	}
	l.away = time.Time{}
	if now.After(c.lapse) {
		c.permits = 0
	}
	c.permits += grant.Granted
	c.leased, c.lapse = grant.Granted, now.Add(leaseAge)
	c.left, c.at, c.full = grant.Left, now, now.Add(grant.Full)
	c.refusal, c.refused = 0, time.Time{}
	if grant.Granted == 0 {
		c.refusal, c.refused = ask.Need, now.Add(grant.Wait)
	}
}

// alone is GCRA by this process's own count.
func (l *Limiter) alone(c *client, now time.Time, n int) Decision {
	earned := now
	if c.earned.After(now) {
		earned = c.earned
	}
	earned = earned.Add(time.Duration(n) * l.rate.interval())
	over := earned.Sub(now) - l.rate.Per
	if over <= 0 {
		c.earned = earned
	}
	c.full, c.at = c.earned, now
	c.left = int((l.rate.Per - c.earned.Sub(now)) / l.rate.interval())
	return l.decision(c, now, over <= 0, max(over, 0))
}

// decision tells what is left too, as far as this process knows.
func (l *Limiter) decision(c *client, now time.Time, ok bool, wait time.Duration) Decision {
	earned := int(now.Sub(c.at) / l.rate.interval())
	left := min(c.left+earned+c.permits-c.owed, l.rate.Count)
	if !ok {
		left = 0
	}
	return Decision{OK: ok, Wait: wait, Left: max(left, 0), Reset: max(c.full.Sub(now), 0)}
}

// client gives what is known of a client, and under which name. l.mu is held.
func (l *Limiter) client(name string) (string, *client) {
	if c := l.clients[name]; c != nil {
		return name, c
	}
	now := time.Now()
	if len(l.clients) >= maxClients && now.Sub(l.forgot) > leaseAge {
		l.forgot = now
		l.forget(now)
	}
	if len(l.clients) >= maxClients {
		name = others
		if c := l.clients[name]; c != nil {
			return name, c
		}
	}
	// Without a word of the store everything is there.
	c := &client{left: l.rate.Count, at: now}
	l.clients[name] = c
	return name, c
}

// forget drops clients of whom nothing is to be remembered.
func (l *Limiter) forget(now time.Time) {
	for name, c := range l.clients {
		if c.asking == nil && now.Sub(c.seen) > leaseAge && now.After(c.refused) && now.After(c.earned) && c.owed == 0 {
			delete(l.clients, name)
		}
	}
}
