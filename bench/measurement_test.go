package main

import (
	"math"
	"strings"
	"testing"
)

func TestPercentile(t *testing.T) {
	for _, c := range []struct {
		values []float64
		p      float64
		want   float64
	}{
		{[]float64{3, 1, 2}, 50, 2},
		{[]float64{4, 1, 2, 3}, 50, 2.5},
		{[]float64{7}, 99, 7},
		{[]float64{1, 2, 3, 4, 5}, 100, 5},
	} {
		if got := percentile(c.values, c.p); got != c.want {
			t.Errorf("percentile(%v, %v) = %v, want %v", c.values, c.p, got, c.want)
		}
	}
	if got := median(nil); !math.IsNaN(got) {
		t.Errorf("median of nothing = %v, want NaN", got)
	}
}

// TestTable goes from samples to the lines that people read.
func TestTable(t *testing.T) {
	m := measurement{name: "m", against: "them", rows: []row{
		{"faster", perSecond, atLeast(15)},
		{"slower", perSecond, atLeast(15)},
		{"shorter", seconds, atMost(0.4)},
		{"late", seconds, valueAtMost(0.004)},
		{"small", byteCount, valueAtMost(1536)},
		{"just so", byteCount, goal{}},
		{"busy", share, goal{}},
	}}
	var b strings.Builder
	report{Runs: 3, Versions: []version{{"Redis", "7.0.15"}}, Results: m.results(
		[][]float64{{30_000, 20, 31_000}, {1000}, {0.001}, {0.005}, {1536}, {3 << 20}, {0.5}},
		[][]float64{{1000, 2000, 3000}, {1000}, {0.004}, {0.001}, {1000}, {3 << 20}, {0.25}},
	)}.print(&b)
	for _, want := range []string{
		"Redis 7.0.15. Medians of 3 alternating runs.\n",
		"| faster | 30,000/s | them: 2,000/s | 15x | ≥ 15x | yes |\n",
		"| slower | 1,000/s | them: 1,000/s | 1x | ≥ 15x | no |\n",
		"| shorter | 1.00 ms | them: 4.00 ms | 0.25x | ≤ 0.4x | yes |\n",
		"| late | 5.00 ms | them: 1.00 ms | 5x | ≤ 4.00 ms | no |\n",
		"| small | 1,536 B | them: 1,000 B | 1.5x | ≤ 1,536 B | yes |\n",
		"| just so | 3.0 MB | them: 3.0 MB | 1x |  |  |\n",
		"| busy | 50 % | them: 25 % |  |  |  |\n",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the table lacks %q:\n%s", want, &b)
		}
	}
}

func TestMeasurementsAreComplete(t *testing.T) {
	names := map[string]bool{}
	for _, m := range measurements(sizes{tasks: 4000, list: 2000}) {
		if names[m.name] {
			t.Errorf("two measurements are named %s", m.name)
		}
		names[m.name] = true
		if m.ours == nil || m.peer == nil || m.against == "" || len(m.rows) == 0 {
			t.Errorf("%s lacks a side, a peer's name or a row", m.name)
		}
	}
}

func TestWrkRate(t *testing.T) {
	good := "  100 requests in 1.00s, 1.00MB read\nRequests/sec:  61234.50\nTransfer/sec:      1.00MB\n"
	if got, err := wrkRate(good); err != nil || got != 61234.5 {
		t.Errorf("wrkRate = %v, %v, want 61234.5", got, err)
	}
	for _, bad := range []string{
		"  Non-2xx or 3xx responses: 7\n" + good,
		"  Socket errors: connect 0, read 1, write 0, timeout 0\n" + good,
		"Requests/sec:      0.00\n",
		"unable to connect to 127.0.0.1:1 Connection refused\n",
	} {
		if got, err := wrkRate(bad); err == nil {
			t.Errorf("wrkRate(%q) = %v, want an error", bad, got)
		}
	}
}
