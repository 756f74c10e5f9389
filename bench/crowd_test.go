package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestStatTicks(t *testing.T) {
	text := "42 (a) name) S 1 42 42 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 5 0 100 1000 10"
	if got, err := statTicks(text); err != nil || got != 300 {
		t.Errorf("statTicks = %v, %v, want 300", got, err)
	}
	if _, err := statTicks("42 (x) S 1"); err == nil {
		t.Error("a stat without times is taken")
	}
}

func TestBehavioursHaveNames(t *testing.T) {
	names := map[string]bool{}
	for _, b := range behaviours() {
		if b.name == "" || names[b.name] || b.start == nil {
			t.Errorf("behaviour %q has no name of its own, or does nothing", b.name)
		}
		names[b.name] = true
	}
}

// A flood goes on over closed connections, and counts what it hears.
func TestFloodComesAgain(t *testing.T) {
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if asked.Add(1)%2 == 0 {
			w.Header().Set("Connection", "close")
		}
		w.WriteHeader(http.StatusTooManyRequests)
	}))
	defer server.Close()
	ctx, end := context.WithCancel(t.Context())
	defer end()
	m := &mob{crowdPlan: crowdPlan{Addr: strings.TrimPrefix(server.URL, "http://")}}
	if err := m.again(ctx, 2, 7, m.ask("GET / HTTP/1.1\r\nHost: x\r\n\r\n", time.Millisecond, true)); err != nil {
		t.Fatal(err)
	}
	wait(t, "it was refused often", func() bool { return m.tally.answered[4].Load() > 20 })
	if n := m.tally.cut.Load(); n > 0 {
		t.Errorf("%d connections were cut", n)
	}
}

func TestRatioBesideNothingIsNone(t *testing.T) {
	m := measurement{name: "m", against: "them", rows: []row{{"answers", perSecond, goal{}}}}
	r := m.results([][]float64{{10}}, [][]float64{{0}})
	if r[0].Ratio != 0 {
		t.Errorf("ratio %v cannot be kept as JSON", r[0].Ratio)
	}
	var b strings.Builder
	report{Results: r}.print(&b)
	if want := "| answers | 10/s | them: 0/s |  |  |  |\n"; !strings.Contains(b.String(), want) {
		t.Errorf("the table lacks %q:\n%s", want, &b)
	}
}
