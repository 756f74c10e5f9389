package kind

import (
	"net/url"
	"strconv"
	"strings"

	"windlass/internal/egress"
	"windlass/internal/task"
)

// parseHTTPURL reads an absolute http or https URL. rule says what is wrong with
// it as a task.FieldError does, and is empty when nothing is.
func parseHTTPURL(raw string) (u *url.URL, rule string) {
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Opaque != "" || u.Hostname() == "":
		return nil, "must be an absolute URL, such as https://example.com/path"
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, "must begin with http:// or https://"
	case strings.Contains(raw, task.Redacted):
		return nil, "must be written again: a part of it has been redacted"
	}
	// A host such as [::1%25x\x90] parses, but what it is written as does not.
	if again, err := url.Parse(u.String()); err != nil || again.Host != u.Host {
		return nil, "must be an absolute URL, such as https://example.com/path"
	}
	if reason := egress.CheckHost(u.Hostname()); reason != "" {
		return nil, "must have a host that everybody reads alike: " + reason
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return nil, "must have a port from 1 to 65535"
		}
	}
	return u, ""
}

// sameOrigin reports whether a and b have the scheme, host and port in common,
// as RFC 6454 compares them.
func sameOrigin(a, b *url.URL) bool {
	return a.Scheme == b.Scheme && strings.EqualFold(a.Hostname(), b.Hostname()) && portOf(a) == portOf(b)
}

func portOf(u *url.URL) string {
	switch {
	case u.Port() != "":
		return u.Port()
	case u.Scheme == "https":
		return "443"
	default:
		return "80"
	}
}

// briefURL gives a URL for one line: without user, query and fragment.
func briefURL(raw string) string {
	u, rule := parseHTTPURL(raw)
	if rule != "" {
		return "(not a URL)"
	}
	brief := u.Scheme + "://" + u.Host + u.EscapedPath()
	if u.RawQuery != "" {
		brief += "?…"
	}
	return brief
}
