package siteaudit

import (
	"errors"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"golang.org/x/net/idna"

	"windlass/internal/task"
)

const (
	// maxURL is the longest URL in bytes that is asked for. Many servers
	// refuse longer ones.
	maxURL = 4096
	// maxRaw is how much of a link that is no URL is kept to show it.
	maxRaw = 300
	// maxRepeats is how often one segment may stand in a path before the page
	// counts as one that a faulty relative link builds without end.
	maxRepeats = 3
)

var errBadURL = errors.New("not a URL that can be asked for")

// resolve reads raw, a link as a page has it, against the page's base. It gives
// the URL in its normal form without a fragment, and the fragment as written.
// nil without an error means a scheme that is left alone, such as mailto:.
//
// It is as lenient as browsers are (WHATWG URL Standard, 4.4): white space
// around and line breaks inside are dropped, a backslash is a slash, and
// characters that must be percent-encoded become so.
func resolve(base *url.URL, raw string) (*url.URL, string, error) {
	raw = strings.Trim(raw, "\x00\x01\x02\x03\x04\x05\x06\x07\x08\t\n\v\f\r\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f ")
	raw = strings.NewReplacer("\t", "", "\n", "", "\r", "").Replace(raw)
	raw, fragment, _ := strings.Cut(raw, "#")
	switch strings.ToLower(schemeOf(raw)) {
	case "", "http", "https":
	default:
		return nil, "", nil
	}
	if len(raw) > maxURL {
		return nil, "", errBadURL
	}
	ref, err := url.Parse(reference(raw))
	if err != nil {
		return nil, "", errBadURL
	}
	u := base.ResolveReference(ref)
	if err := normalize(u); err != nil || len(u.String()) > maxURL {
		return nil, "", errBadURL
	}
	return u, fragment, nil
}

// parse reads an absolute URL as resolve does, keeping its user and password.
func parse(raw string) (*url.URL, error) {
	u, _, err := resolve(&url.URL{}, raw)
	if err != nil || u == nil {
		return nil, errBadURL
	}
	if given, err := url.Parse(strings.TrimSpace(raw)); err == nil {
		u.User = given.User
	}
	return u, nil
}

// schemeOf gives what stands before the first colon when it is a scheme by RFC
// 3986, 3.1.
func schemeOf(raw string) string {
	for i, c := range []byte(raw) {
		switch {
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
		case i > 0 && (c >= '0' && c <= '9' || c == '+' || c == '-' || c == '.'):
		case i > 0 && c == ':':
			return raw[:i]
		default:
			return ""
		}
	}
	return ""
}

// reference brings the percent-encoding of a reference without fragment to its
// normal form (RFC 3986, 6.2.2) before it is parsed, because %2e%2e must count
// as a dot segment and url.Parse refuses a lone percent sign.
func reference(raw string) string {
	path, query, hasQuery := strings.Cut(raw, "?")
	path = strings.ReplaceAll(path, `\`, "/")
	first, _, _ := strings.Cut(path, "/")
	if schemeOf(path) == "" && strings.Contains(first, ":") {
		path = "./" + path
	}
	path = encode(path)
	if hasQuery {
		path += "?" + encode(query)
	}
	return path
}

// encode percent-encodes what may not stand in a URL, decodes what need not be
// encoded, and writes the encoding in capitals.
func encode(s string) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '%' && i+2 < len(s) {
			if v, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				c = byte(v)
				i += 2
				if unreserved(c) {
					b.WriteByte(c)
				} else {
					b.Write([]byte{'%', digits[c>>4], digits[c&15]})
				}
				continue
			}
		}
		if c <= ' ' || c >= 0x7f || strings.IndexByte("%\"<>`", c) >= 0 {
			b.Write([]byte{'%', digits[c>>4], digits[c&15]})
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

func unreserved(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~", c) >= 0
}

// normalize brings an absolute http or https URL to its one spelling: host in
// lower case and ASCII, no default port, no user, no fragment, a path at least "/".
func normalize(u *url.URL) error {
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	// An empty host and one with an empty label look alike between two more dots.
	if u.Scheme != "http" && u.Scheme != "https" || u.Opaque != "" || strings.Contains("."+host+".", "..") {
		return errBadURL
	}
	host, err := canonicalHost(host)
	if err != nil {
		return err
	}
	port := u.Port()
	if port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return errBadURL
		}
	}
	switch {
	case port != "" && port != defaultPort(u.Scheme):
		u.Host = net.JoinHostPort(host, port)
	case strings.Contains(host, ":"):
		u.Host = "[" + host + "]"
	default:
		u.Host = host
	}
	u.User, u.ForceQuery, u.Fragment, u.RawFragment = nil, false, "", ""
	if u.Path == "" {
		u.Path = "/"
	}
	return nil
}

// canonicalHost gives a name in ASCII, or an IPv6 address in its short form. A
// zone means nothing on another machine (WHATWG URL Standard, 3.1).
func canonicalHost(host string) (string, error) {
	if strings.Contains(host, ":") {
		addr, err := netip.ParseAddr(host)
		if err != nil || addr.Zone() != "" {
			return "", errBadURL
		}
		return addr.String(), nil
	}
	ascii, err := idna.ToASCII(host)
	// A label such as "xn--" stands for nothing and leaves an empty one behind.
	if err != nil || strings.ContainsAny(ascii, " %") || strings.Contains("."+ascii+".", "..") {
		return "", errBadURL
	}
	if again, err := idna.ToASCII(ascii); err != nil || again != ascii {
		return "", errBadURL // a made-up encoding: the name has no one spelling
	}
	return ascii, nil
}

func defaultPort(scheme string) string {
	if scheme == "https" {
		return "443"
	}
	return "80"
}

// pathAndQuery is the part of a URL that robots.txt speaks about.
func pathAndQuery(u *url.URL) string {
	if u.RawQuery == "" {
		return u.EscapedPath()
	}
	return u.EscapedPath() + "?" + u.RawQuery
}

// repeats reports whether a segment comes back in the path so often that the
// path was likely built by a link without its leading slash.
func repeats(path string) bool {
	seen := map[string]int{}
	for s := range strings.SplitSeq(path, "/") {
		if s == "" {
			continue
		}
		if seen[s]++; seen[s] > maxRepeats {
			return true
		}
	}
	return false
}

// showable gives a link that is no URL in a form fit for the report: bounded,
// and without the user and password that may stand before any of its @.
func showable(raw string) string {
	raw = strings.ReplaceAll(strings.TrimSpace(raw), `\`, "/")
	if head, rest, ok := strings.Cut(raw, "//"); ok {
		if at := strings.LastIndex(rest, "@"); at >= 0 {
			raw = head + "//…" + rest[at:]
		}
	}
	return task.Cut(raw, maxRaw)
}
