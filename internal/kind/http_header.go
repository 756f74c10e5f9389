package kind

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"windlass/internal/task"
)

// httpMaxHeaderValue bounds one header field's value, in bytes.
const httpMaxHeaderValue = 8 << 10

// checkHTTPHeaders finds the fields that cannot be sent, in the order of their names.
func checkHTTPHeaders(headers map[string]string) task.FieldErrors {
	var faults task.FieldErrors
	seen := make(map[string]bool, len(headers))
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		canonical := http.CanonicalHeaderKey(name)
		rule := headerRule(name, canonical, headers[name])
		if rule == "" && seen[canonical] {
			rule = "must not be given twice, in whatever case"
		}
		if rule != "" {
			faults.Add("headers."+task.Cut(name, 100), rule)
		}
		seen[canonical] = true
	}
	return faults
}

// headerRule gives the rule that a field breaks, empty when it breaks none.
func headerRule(name, canonical, value string) string {
	switch {
	case !isToken(name):
		return "must be a header field name"
	case reservedHeader(canonical):
		return "must be left out: it is set by the connection or by Windlass"
	case len(value) > httpMaxHeaderValue:
		return fmt.Sprintf("must have at most %d bytes", httpMaxHeaderValue)
	case strings.ContainsFunc(value, isControl):
		return "must not hold line breaks or other control characters"
	case canonical == "Host" && !isHost(value):
		return "must be a host name, with a port if need be"
	case strings.Contains(value, task.Redacted):
		return "must be written again: what is here has been redacted"
	}
	return ""
}

// reservedHeader reports whether a field is not the submitter's to set: those
// of the connection (RFC 9110, 7.6.1), the length, and those that Windlass sends.
func reservedHeader(canonical string) bool {
	switch canonical {
	case "Connection", "Proxy-Connection", "Keep-Alive", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
		"Content-Length", "Traceparent":
		return true
	}
	return strings.HasPrefix(canonical, "Windlass-") || strings.HasPrefix(canonical, "Webhook-")
}

// isToken reports whether s can be a field name (RFC 9110, 5.6.2).
func isToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
		digit := '0' <= r && r <= '9'
		return !letter && !digit && !strings.ContainsRune("!#$%&'*+-.^_`|~", r)
	})
}

// isControl reports whether a field's value must not hold r (RFC 9110, 5.5).
func isControl(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }

func isHost(s string) bool {
	u, rule := parseHTTPURL("http://" + s)
	return rule == "" && u.Host == s && u.User == nil
}
