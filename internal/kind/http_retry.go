package kind

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxAskedWait bounds the wait that a target may ask for.
const maxAskedWait = 24 * time.Hour

// askedWait gives the wait that the answer to a request asks for: Retry-After
// (RFC 9110, 10.2.3), or else, where the status says that it was a limit that
// refused the request, the longest wait of the limits that are used up. It is 0
// when the answer asks for none, and at most 24h.
func askedWait(status int, h http.Header, now time.Time) time.Duration {
	// Times of day are the target's, so its own clock tells how far off they are.
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		now = date
	}
	if wait := parseWait(h.Get("Retry-After"), now); wait > 0 {
		return wait
	}
	if status != http.StatusTooManyRequests && status != http.StatusServiceUnavailable {
		return 0
	}
	longest := rateLimitWait(h.Values("RateLimit"))
	for _, limit := range []struct{ reset, remaining string }{
		{"RateLimit-Reset", "RateLimit-Remaining"},
		{"X-RateLimit-Reset", "X-RateLimit-Remaining"},
		{"X-RateLimit-Reset-Requests", "X-RateLimit-Remaining-Requests"},
		{"X-RateLimit-Reset-Tokens", "X-RateLimit-Remaining-Tokens"},
	} {
		if usedUp(h.Get(limit.remaining)) {
			longest = max(longest, parseWait(h.Get(limit.reset), now))
		}
	}
	return longest
}

// usedUp reports whether a count of what remains says nothing, or nothing good.
func usedUp(remaining string) bool {
	n, err := strconv.ParseFloat(strings.TrimSpace(remaining), 64)
	return err != nil || n <= 0
}

// parseWait reads the notations that servers use for "not before": seconds
// ("30", "0.5"), seconds or milliseconds since 1970, a Go duration ("6m5s"), an
// HTTP date, or an RFC 3339 time. It gives 0 for anything else and for times
// gone by, and at most 24h.
func parseWait(value string, now time.Time) time.Duration {
	value = strings.TrimSpace(value)
	if n, ok := parseDecimal(value); ok {
		switch {
		case n >= 1e11: // as seconds this would be the year 5138
			return boundWait(time.UnixMilli(int64(min(n, 1e15))).Sub(now))
		case n >= 1e9:
			return boundWait(time.UnixMilli(int64(n * 1000)).Sub(now))
		default:
			return boundWait(time.Duration(min(n, maxAskedWait.Seconds()) * float64(time.Second)))
		}
	}
	if d, err := time.ParseDuration(value); err == nil {
		return boundWait(d)
	}
	if at, err := http.ParseTime(value); err == nil {
		return boundWait(at.Sub(now))
	}
	if at, err := time.Parse(time.RFC3339, value); err == nil {
		return boundWait(at.Sub(now))
	}
	return 0
}

func boundWait(d time.Duration) time.Duration { return min(max(d, 0), maxAskedWait) }

// parseDecimal reads digits with at most one dot: none of the signs,
// exponents, infinities and hexadecimals that strconv takes beside them.
func parseDecimal(s string) (float64, bool) {
	if strings.Trim(s, "0123456789.") != "" {
		return 0, false
	}
	n, err := strconv.ParseFloat(s, 64)
	return n, err == nil
}

// rateLimitWait gives the longest wait of the used-up limits in RateLimit
// fields, such as `"minute";r=0;t=30, "day";r=12;t=3600`.
// https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/
func rateLimitWait(fields []string) time.Duration {
	var longest time.Duration
	for _, limit := range splitUnquoted(strings.Join(fields, ","), ',') {
		remaining, reset := "", ""
		for _, parameter := range splitUnquoted(limit, ';') {
			name, value, _ := strings.Cut(strings.TrimSpace(parameter), "=")
			switch name {
			case "r":
				remaining = value
			case "t":
				reset = value
			}
		}
		if n, ok := parseDecimal(reset); ok && usedUp(remaining) {
			longest = max(longest, boundWait(time.Duration(min(n, maxAskedWait.Seconds())*float64(time.Second))))
		}
	}
	return longest
}

// splitUnquoted splits s at sep, but not within double quotes (RFC 9651, 3.3.3).
func splitUnquoted(s string, sep byte) []string {
	var parts []string
	start, quoted := 0, false
	for i := 0; i < len(s); i++ {
		switch {
		case quoted && s[i] == '\\':
			i++
		case s[i] == '"':
			quoted = !quoted
		case s[i] == sep && !quoted:
			parts = append(parts, s[start:i])
			start = i + 1
		}
	}
	return append(parts, s[start:])
}
