package api

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"
	"time"

	"windlass/internal/task"
)

// maxIdempotencyKey is the length of an Idempotency-Key in characters.
const maxIdempotencyKey = 255

const headerIdempotencyKey = "Idempotency-Key"

// idempotencyKey gives the request's key, empty when there is none. What is wrong with the header
// is added to p: a client that sends one relies on it.
func idempotencyKey(ctx context.Context, p *Problem) (string, *Problem) {
	values := httpRequest(ctx).Header.Values(headerIdempotencyKey)
	if len(values) == 0 {
		return "", p
	}
	key, ok := parseIdempotencyKey(values[0])
	if !ok {
		p = addFault(p, Fault{"header." + headerIdempotencyKey,
			fmt.Sprintf("must be 1 to %d printable ASCII characters, quoted or not; leave the header out to send no key", maxIdempotencyKey)})
	}
	if len(values) > 1 {
		p = addFault(p, Fault{"header." + headerIdempotencyKey, "must be sent once"})
	}
	return key, p
}

// parseIdempotencyKey reads the header Idempotency-Key: a quoted string as the
// IETF draft writes it (an RFC 8941 sf-string), or bare as most clients do.
func parseIdempotencyKey(value string) (key string, ok bool) {
	value = strings.Trim(value, " \t")
	if strings.HasPrefix(value, `"`) {
		if value, ok = unquote(value); !ok {
			return "", false
		}
	}
	if value == "" || len(value) > maxIdempotencyKey {
		return "", false
	}
	for i := range len(value) {
		if value[i] < 0x20 || value[i] > 0x7e {
			return "", false
		}
	}
	return value, true
}

// unquote reads an sf-string (RFC 8941 section 3.3.3): only quote and backslash are escaped.
func unquote(s string) (string, bool) {
	var out strings.Builder
	for i := 1; i < len(s); i++ {
		switch c := s[i]; c {
		case '"':
			return out.String(), i == len(s)-1
		case '\\':
			i++
			if i == len(s) || s[i] != '"' && s[i] != '\\' {
				return "", false
			}
			out.WriteByte(s[i])
		default:
			out.WriteByte(c)
		}
	}
	return "", false
}

// maxWait is the longest that a submit waits for its result; a longer wish is cut.
const maxWait = 60 * time.Second

// parsePrefer gives the wait that the header Prefer asks for (RFC 7240 section
// 4.3), zero when none. Preferences that are unknown or malformed are passed over.
func parsePrefer(value string) time.Duration {
	for preference := range strings.SplitSeq(value, ",") {
		preference, _, _ = strings.Cut(preference, ";")
		name, text, _ := strings.Cut(preference, "=")
		if !strings.EqualFold(strings.TrimSpace(name), "wait") {
			continue
		}
		text = strings.Trim(strings.TrimSpace(text), `"`)
		seconds, err := strconv.ParseUint(text, 10, 31)
		if err != nil {
			return 0
		}
		return min(time.Duration(seconds)*time.Second, maxWait)
	}
	return 0
}

// noCache reports whether Cache-Control asks for a fresh run (RFC 9111 section 5.2.1.4).
func noCache(value string) bool {
	for directive := range strings.SplitSeq(value, ",") {
		if strings.EqualFold(strings.TrimSpace(directive), "no-cache") {
			return true
		}
	}
	return false
}

// etag is the strong validator of a task's representation: its version, and
// what the answer adds to the record.
func etag(ctx context.Context, t *task.Task) string {
	h := fnv.New32a()
	if t.Waiting != nil {
		_ = json.NewEncoder(h).Encode(t.Waiting) // a hash takes everything
	}
	_, _ = h.Write([]byte(t.LogsURL))
	packed := ""
	if encoding := httpRequest(ctx).Header.Get("Accept-Encoding"); strings.Contains(encoding, "gzip") || strings.Contains(encoding, "deflate") {
		packed = "-z" // other bytes need another strong tag (RFC 9110 section 8.8.3.3)
	}
	return fmt.Sprintf(`"%d-%08x%s"`, t.Version, h.Sum32(), packed)
}

// matches reports whether an If-None-Match holds tag (RFC 9110 section 13.1.2).
func matches(ifNoneMatch, tag string) bool {
	for candidate := range strings.SplitSeq(ifNoneMatch, ",") {
		candidate = strings.TrimPrefix(strings.TrimSpace(candidate), "W/")
		if candidate == "*" || candidate == tag {
			return true
		}
	}
	return false
}

func taskPath(id string) string { return "/api/v1/tasks/" + id }
