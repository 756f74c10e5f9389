package ratelimit

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"windlass/internal/redistest"
	"windlass/internal/store"
)

// ledger is what lua/permits.lua does, in the time of a synctest bubble. That the
// script does the same is the store's test.
type ledger struct {
	mu     sync.Mutex
	earned map[string]time.Time
	calls  int
	fails  bool
	takes  time.Duration
}

// asked is how often it was asked.
func (l *ledger) asked() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.calls
}

func newLedger() *ledger { return &ledger{earned: map[string]time.Time{}, takes: time.Millisecond} }

func (l *ledger) permits(_ context.Context, a store.PermitAsk) (store.PermitGrant, error) {
	<-time.After(l.takes)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls++
	if l.fails {
		return store.PermitGrant{}, errors.New("away")
	}
	now := time.Now()
	earned := now
	if l.earned[a.Client].After(now) {
		earned = l.earned[a.Client]
	}
	earned = earned.Add(time.Duration(a.Owed) * a.Interval)
	free := a.Burst - int(math.Ceil(float64(earned.Sub(now))/float64(a.Interval)-1e-6))
	var g store.PermitGrant
	if free >= a.Need {
		g.Granted = max(min(a.Want, free), 0)
		earned = earned.Add(time.Duration(g.Granted) * a.Interval)
	} else {
		g.Wait = max(earned.Sub(now)+time.Duration(a.Need-a.Burst)*a.Interval, 0)
	}
	l.earned[a.Client] = earned
	g.Left, g.Full = max(free-g.Granted, 0), earned.Sub(now)
	return g, nil
}

// bubble runs try in a time of its own with a limiter for each process.
func bubble(t *testing.T, rate string, processes int, try func(t *testing.T, l *ledger, limiters []*Limiter)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r, err := ParseRate(rate)
		if err != nil {
			t.Fatal(err)
		}
		l := newLedger()
		var limiters []*Limiter
		for range processes {
			limiters = append(limiters, New("test", r, l.permits))
		}
		try(t, l, limiters)
		<-time.After(time.Second) // questions that are under way
	})
}

// The bound that the package promises holds for any number of processes, whatever
// the clients do, and nobody who keeps to the rate is refused.
func TestNeverMoreThanPromised(t *testing.T) {
	const window = 5 * time.Second
	for _, rate := range []string{"5/s", "100/s", "3000/s", "60/m"} {
		for _, processes := range []int{1, 8} {
			t.Run(fmt.Sprint(rate, " ", processes), func(t *testing.T) {
				bubble(t, rate, processes, func(t *testing.T, l *ledger, limiters []*Limiter) {
					ok, tries := 0, 0
					random := rand.New(rand.NewPCG(1, 2))
					for end := time.Now().Add(window); time.Now().Before(end); {
						if limiters[random.IntN(processes)].Take(t.Context(), "c", 1).OK {
							ok++
						}
						if tries++; tries%8 == 0 {
							<-time.After(time.Millisecond)
						}
					}
					r := limiters[0].Rate()
					strict := float64(r.Count) * (1 + float64(window)/float64(r.Per))
					most := strict + float64(r.Count)*float64(2*time.Second)/float64(r.Per) + float64(processes*(r.Count/50))
					t.Logf("%d of %d let through, %.0f are strict, %.0f promised, %d calls", ok, tries, strict, most, l.asked())
					if float64(ok) > most {
						t.Errorf("%d let through, %.0f promised", ok, most)
					}
					if least := min(strict, float64(tries)) / 3; float64(ok) < least {
						t.Errorf("only %d of %d let through, %.0f are the client's", ok, tries, least)
					}
				})
			})
		}
	}
}

func TestStrictWhenSmall(t *testing.T) {
	bubble(t, "5/h", 3, func(t *testing.T, _ *ledger, limiters []*Limiter) {
		var mu sync.Mutex
		var all sync.WaitGroup
		ok := 0
		for i := range 60 {
			all.Go(func() {
				d := limiters[i%3].Take(t.Context(), "c", 1)
				mu.Lock()
				defer mu.Unlock()
				if d.OK {
					ok++
				} else if d.Wait <= 0 || d.Wait > 12*time.Minute || d.Left != 0 {
					t.Errorf("got %+v", d)
				}
			})
		}
		all.Wait()
		if ok != 5 {
			t.Errorf("%d of 5 came through", ok)
		}
		<-time.After(12*time.Minute + time.Second)
		if !limiters[0].Take(t.Context(), "c", 1).OK {
			t.Error("still refused when the wait is over")
		}
	})
}

func TestFewCalls(t *testing.T) {
	bubble(t, "10000/s", 1, func(t *testing.T, l *ledger, limiters []*Limiter) {
		const requests = 20_000 // 2,000 a second
		for i := range requests {
			start := time.Now()
			if d := limiters[0].Take(t.Context(), "c", 1); !d.OK {
				t.Fatalf("request %d is refused: %+v", i, d)
			}
			if time.Since(start) > 0 {
				t.Fatalf("request %d waited for the store", i)
			}
			if i%2 == 0 {
				<-time.After(time.Millisecond)
			}
		}
		if l.asked() > requests/100 {
			t.Errorf("%d calls for %d requests", l.asked(), requests)
		}
	})
}

func TestBulk(t *testing.T) {
	bubble(t, "1000/s", 2, func(t *testing.T, _ *ledger, limiters []*Limiter) {
		if d := limiters[0].Take(t.Context(), "c", 100_000); !d.OK {
			t.Fatalf("more than the burst is the whole burst: %+v", d)
		}
		d := limiters[1].Take(t.Context(), "c", 500)
		if d.OK || d.Wait < 400*time.Millisecond || d.Wait > 501*time.Millisecond {
			t.Fatalf("got %+v", d)
		}
		<-time.After(100 * time.Millisecond)
		// What is too much for many need not be too much for one.
		if d := limiters[1].Take(t.Context(), "c", 1); !d.OK {
			t.Errorf("got %+v", d)
		}
	})
}

func TestAway(t *testing.T) {
	bubble(t, "10/m", 1, func(t *testing.T, l *ledger, limiters []*Limiter) {
		l.fails = true // nobody asks yet
		ok := 0
		for range 40 {
			if limiters[0].Take(t.Context(), "c", 1).OK {
				ok++
			}
		}
		if ok != 10 || l.asked() > 2 {
			t.Errorf("%d let through with %d calls", ok, l.asked())
		}
		l.mu.Lock()
		l.fails = false
		l.mu.Unlock()
		<-time.After(2 * time.Second)
		limiters[0].Take(t.Context(), "c", 1) // finds out that it is back
		<-time.After(time.Second)
		if !limiters[0].Take(t.Context(), "d", 1).OK || l.asked() < 3 {
			t.Errorf("the store is not asked again: %d calls", l.asked())
		}
	})
}

func TestClientsAreBounded(t *testing.T) {
	bubble(t, "1000/s", 1, func(t *testing.T, _ *ledger, limiters []*Limiter) {
		l := limiters[0]
		for i := range maxClients + 1000 {
			l.Take(t.Context(), fmt.Sprint(i), 1)
		}
		if n := len(l.clients); n > maxClients+1 {
			t.Errorf("%d clients are kept", n)
		}
		<-time.After(3 * time.Second)
		l.Take(t.Context(), "new", 1)
		if n := len(l.clients); n > 10 {
			t.Errorf("%d clients are kept that nothing is known of", n)
		}
	})
}

func TestUnlimited(t *testing.T) {
	t.Parallel()
	l := New("test", Rate{}, nil)
	if d := l.Take(t.Context(), "c", 1_000_000); !d.OK {
		t.Errorf("got %+v", d)
	}
}

// Processes that share a real Redis share the rate.
func TestSharedOverRedis(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	var limiters []*Limiter
	for range 3 {
		s, err := store.New(server.Client(t), store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		limiters = append(limiters, New("test", Rate{Count: 200, Per: time.Hour}, s.Permits))
	}
	ok := 0
	for i := range 600 {
		if limiters[i%3].Take(t.Context(), "c", 1).OK {
			ok++
		}
	}
	// 200, and a few more that three processes may give on credit; less what lapsed.
	if ok > 200+3*4 || ok < 100 {
		t.Errorf("%d let through", ok)
	}
}

// What a limit costs each request of a busy client.
func BenchmarkTake(b *testing.B) {
	granted := func(_ context.Context, a store.PermitAsk) (store.PermitGrant, error) {
		return store.PermitGrant{Granted: a.Want, Left: a.Burst}, nil
	}
	l := New("bench", Rate{Count: 50_000, Per: time.Second}, granted)
	b.ReportAllocs()
	for b.Loop() {
		if !l.Take(b.Context(), "client", 1).OK {
			b.Fatal("refused")
		}
	}
}
