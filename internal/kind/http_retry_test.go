package kind

import (
	"net/http"
	"testing"
	"time"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func TestAskedWait(t *testing.T) {
	tests := []struct {
		name   string
		status int
		header map[string]string
		want   time.Duration
	}{
		{"nothing asked", 503, nil, 0},
		{"seconds", 503, map[string]string{"Retry-After": "120"}, 2 * time.Minute},
		{"zero", 503, map[string]string{"Retry-After": "0"}, 0},
		{"a date", 503, map[string]string{"Retry-After": "Mon, 23 Nov 2026 12:05:00 GMT"}, 5 * time.Minute},
		{"a date by the target's clock", 503, map[string]string{"Retry-After": "Mon, 23 Nov 2026 13:05:00 GMT", "Date": "Mon, 23 Nov 2026 13:00:00 GMT"}, 5 * time.Minute},
		{"a date gone by", 503, map[string]string{"Retry-After": "Mon, 23 Nov 2026 11:00:00 GMT"}, 0},
		{"too far ahead", 503, map[string]string{"Retry-After": "604800"}, 24 * time.Hour},
		{"on any status", 500, map[string]string{"Retry-After": "7"}, 7 * time.Second},
		{"not understood", 503, map[string]string{"Retry-After": "soon"}, 0},

		{"GitHub's limit", 429, map[string]string{"X-RateLimit-Reset": "1795435500", "X-RateLimit-Remaining": "0"}, 5 * time.Minute},
		{"seconds to the reset", 429, map[string]string{"RateLimit-Reset": "45"}, 45 * time.Second},
		{"OpenAI's tokens", 429, map[string]string{
			"X-RateLimit-Reset-Requests": "1s", "X-RateLimit-Remaining-Requests": "59",
			"X-RateLimit-Reset-Tokens": "6m5s", "X-RateLimit-Remaining-Tokens": "0"}, 6*time.Minute + 5*time.Second},
		{"both used up", 429, map[string]string{"X-RateLimit-Reset-Requests": "9s", "X-RateLimit-Reset-Tokens": "20ms"}, 9 * time.Second},
		{"the draft's field", 429, map[string]string{"RateLimit": `"default";r=0;t=30`}, 30 * time.Second},
		{"several limits", 429, map[string]string{"RateLimit": `"a;t=9,";r=0;t=30, "day";r=12;t=3600`}, 30 * time.Second},
		{"Retry-After goes first", 429, map[string]string{"Retry-After": "5", "X-RateLimit-Reset": "60"}, 5 * time.Second},
		{"an unreadable one does not", 429, map[string]string{"Retry-After": "soon", "X-RateLimit-Reset": "60"}, time.Minute},
		{"not this limit", 429, map[string]string{"X-RateLimit-Reset": "60", "X-RateLimit-Remaining": "3"}, 0},
		{"no limit's fault", 500, map[string]string{"X-RateLimit-Reset": "60", "X-RateLimit-Remaining": "0"}, 0},
		{"overloaded", 503, map[string]string{"X-RateLimit-Reset": "60"}, time.Minute},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := http.Header{}
			for name, value := range tt.header {
				h.Set(name, value)
			}
			if got := askedWait(tt.status, h, noon); got != tt.want {
				t.Errorf("wait %s, want %s", got, tt.want)
			}
		})
	}
}

func TestParseWait(t *testing.T) {
	tests := map[string]time.Duration{
		"30":                             30 * time.Second,
		" 30 ":                           30 * time.Second,
		"0.65":                           650 * time.Millisecond,
		"1795435260":                     time.Minute, // noon and a minute
		"1795435260.5":                   time.Minute + 500*time.Millisecond,
		"1795435260000":                  time.Minute,
		"1600000000":                     0,
		"6m5s":                           6*time.Minute + 5*time.Second,
		"1h":                             time.Hour,
		"48h":                            24 * time.Hour,
		"-5s":                            0,
		"-5":                             0,
		"+5":                             0,
		"Mon, 23 Nov 2026 12:00:30 GMT":  30 * time.Second,
		"Monday, 23-Nov-26 12:00:30 GMT": 30 * time.Second, // RFC 850
		"Mon Nov 23 12:00:30 2026":       30 * time.Second, // asctime
		"2026-11-23T12:00:30Z":           30 * time.Second,
		"2026-11-23T14:00:30+02:00":      30 * time.Second,
		"99999999999999999999999999":     24 * time.Hour,
		"86400":                          24 * time.Hour,
		"86401":                          24 * time.Hour,
		"":                               0,
		".":                              0,
		"1.2.3":                          0,
		"NaN":                            0,
		"Inf":                            0,
		"1e3":                            0,
		"0x10":                           0,
		"٣٠":                             0,
	}
	for value, want := range tests {
		if got := parseWait(value, noon); got != want {
			t.Errorf("parseWait(%q) = %s, want %s", value, got, want)
		}
	}
}

func FuzzParseWait(f *testing.F) {
	for _, seed := range []string{
		"30", "0.65", "1795435260", "1795435260000", "6m5s", "Mon, 23 Nov 2026 12:00:30 GMT", "2026-11-23T12:00:30Z", "-1", "9e99", "99999999999999999999999",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		if wait := parseWait(value, noon); wait < 0 || wait > maxAskedWait {
			t.Errorf("parseWait(%q) = %s", value, wait)
		}
	})
}

func FuzzRateLimitWait(f *testing.F) {
	for _, seed := range []string{
		`"default";r=0;t=30`, `"a";r=0;t=30, "day";r=12;t=3600`, `"a\";t=9,";r=0;t=1`, `"open;t=5`, ";t=", `"x";t=99999999999999999999999`, `"x";t=-5`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		h := http.Header{"Ratelimit": {value}}
		if wait := askedWait(http.StatusTooManyRequests, h, noon); wait < 0 || wait > maxAskedWait {
			t.Errorf("RateLimit %q: wait %s", value, wait)
		}
	})
}
