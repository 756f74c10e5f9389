package task

import (
	"testing"
	"time"
)

func sound() Policy {
	return Policy{
		MaxAttempts: 5, MinBackoff: Duration(time.Second), MaxBackoff: Duration(10 * time.Minute),
		Timeout: Duration(time.Minute), Deadline: Duration(time.Hour),
	}
}

func TestPolicyWith(t *testing.T) {
	if got := sound().With(Policy{}); got != sound() {
		t.Errorf("nothing overridden: got %+v", got)
	}
	all := Policy{MaxAttempts: 1, MinBackoff: 2, MaxBackoff: 3, Timeout: 4, Deadline: 5}
	if got := sound().With(all); got != all {
		t.Errorf("all overridden: got %+v", got)
	}
	want := sound()
	want.Timeout = Duration(time.Second)
	if got := sound().With(Policy{Timeout: Duration(time.Second)}); got != want {
		t.Errorf("one overridden: got %+v, want %+v", got, want)
	}
}

func TestPolicyCheck(t *testing.T) {
	tests := []struct {
		name   string
		change func(*Policy)
		want   string
	}{
		{"sound", func(*Policy) {}, ""},
		{"at its bounds", func(p *Policy) {
			*p = Policy{MaxMaxAttempts, Duration(MaxBackoff), Duration(MaxBackoff), Duration(MaxTimeout), Duration(MaxDeadline)}
		}, ""},
		{"no attempts", func(p *Policy) { p.MaxAttempts = 0 }, "max_attempts must be from 1 to 1000"},
		{"too many attempts", func(p *Policy) { p.MaxAttempts = 1001 }, "max_attempts must be from 1 to 1000"},
		{"no backoff", func(p *Policy) { p.MinBackoff = 0 }, "min_backoff must be above 0s and at most 24h0m0s"},
		{"long backoff", func(p *Policy) { p.MaxBackoff = Duration(MaxBackoff) + 1 }, "max_backoff must be above 0s and at most 24h0m0s"},
		{"negative timeout", func(p *Policy) { p.Timeout = -1 }, "timeout must be above 0s and at most 24h0m0s"},
		{"long deadline", func(p *Policy) { p.Deadline = Duration(MaxDeadline) + 1 }, "deadline must be above 0s and at most 720h0m0s"},
		{"backoffs crossed", func(p *Policy) { p.MinBackoff = p.MaxBackoff + 1 }, "min_backoff must not be longer than max_backoff"},
		{"two faults", func(p *Policy) { p.MaxAttempts, p.Timeout = -1, 0 },
			"max_attempts must be from 1 to 1000; timeout must be above 0s and at most 24h0m0s"},
	}
	for _, tt := range tests {
		p := sound()
		tt.change(&p)
		faults := p.Check()
		if got := faults.Error(); got != tt.want || (faults == nil) != (tt.want == "") {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestBackoff(t *testing.T) {
	tests := []struct {
		used int
		most time.Duration
	}{
		{-1, time.Second}, {0, time.Second}, {1, time.Second}, {2, 2 * time.Second}, {3, 4 * time.Second}, {10, 512 * time.Second},
		{11, 10 * time.Minute}, {64, 10 * time.Minute}, {1 << 40, 10 * time.Minute},
	}
	for _, tt := range tests {
		seen := map[time.Duration]bool{}
		for range 1000 {
			d := sound().Backoff(tt.used)
			if d > tt.most || d < tt.most*4/5 {
				t.Fatalf("after %d attempts: got %s, want from %s to %s", tt.used, d, tt.most*4/5, tt.most)
			}
			seen[d] = true
		}
		if len(seen) < 100 {
			t.Errorf("after %d attempts: %d different waits in 1000", tt.used, len(seen))
		}
	}
}

func TestDurationText(t *testing.T) {
	for text, want := range map[string]time.Duration{"1m30s": 90 * time.Second, "0s": 0, "-1h": -time.Hour, "1.5ms": 1500 * time.Microsecond} {
		var d Duration
		if err := d.UnmarshalText([]byte(text)); err != nil || d.Std() != want {
			t.Errorf("%q: got %s, %v, want %s", text, d.Std(), err, want)
		}
	}
	for _, text := range []string{"", "30", "1 s", "s", "1d", "9999999999h"} {
		d := Duration(7)
		if err := d.UnmarshalText([]byte(text)); err == nil || d != 7 {
			t.Errorf("%q: got %s, %v, want an error and no change", text, d.Std(), err)
		}
	}
}

func FuzzDurationText(f *testing.F) {
	for _, seed := range []string{"", "1s", "-2h45m", "1h1h", "9223372036854775807ns", ".5s", "1µs"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var d, again Duration
		if d.UnmarshalText([]byte(text)) != nil {
			return
		}
		out, err := d.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		if err := again.UnmarshalText(out); err != nil || again != d {
			t.Errorf("%q is %s and comes back as %s, %v", text, out, again.Std(), err)
		}
	})
}
