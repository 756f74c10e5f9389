package front

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"
)

// Proxies are the networks whose word on who sent a request counts: load
// balancers and web roles of one's own. None: only the connection counts, because
// anybody can write the header fields that name somebody else.
type Proxies []netip.Prefix

const (
	forwardedFor   = "X-Forwarded-For"
	forwardedProto = "X-Forwarded-Proto"
	// hopsRead is how many addresses of X-Forwarded-For are looked at, from the
	// right. More trusted proxies in a row do not exist; a longer list is somebody's try.
	hopsRead = 16
)

// ParseProxies reads a comma list of networks and addresses, such as
// "10.0.0.0/16, ::1". Empty text gives none. Errors name the part that is neither.
func ParseProxies(text string) (Proxies, error) {
	var proxies Proxies
	for part := range strings.SplitSeq(text, ",") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		if a, err := netip.ParseAddr(part); err == nil && a.Zone() == "" {
			proxies = append(proxies, netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()))
			continue
		}
		p, err := netip.ParsePrefix(part)
		if err != nil || p.Addr().Is4In6() {
			return nil, fmt.Errorf("%q is not a network such as 10.0.0.0/16, or an address", part)
		}
		proxies = append(proxies, p.Masked())
	}
	return proxies, nil
}

// Address gives the address that a request came from: that of the connection, or,
// while that is a trusted proxy's, the one that the proxy says it got it from, and
// so on: the right-most of X-Forwarded-For that is not trusted. What stands left of it
// is hearsay. An entry that is no address ends the search, and the last address
// that a trusted proxy vouched for counts. It is invalid only when the connection
// has no address, such as that of a Unix socket.
func (p Proxies) Address(r *http.Request) netip.Addr {
	client := hostOf(r.RemoteAddr)
	if !p.trust(client) {
		return client
	}
	fields := r.Header[forwardedFor]
	hops := hopsRead
	for i := len(fields) - 1; i >= 0; i-- {
		rest := fields[i]
		for more := true; more; {
			var entry string
			entry, rest, more = cutLast(rest)
			hop := hostOf(entry)
			if hops--; !hop.IsValid() || hops < 0 {
				return client
			}
			if client = hop; !p.trust(client) {
				return client
			}
		}
	}
	return client
}

// TLS reports whether a request left its sender by TLS: it came by it, or a trusted
// proxy says so in X-Forwarded-Proto.
func (p Proxies) TLS(r *http.Request) bool {
	if r.TLS != nil {
		return true
	}
	fields := r.Header[forwardedProto]
	if len(fields) == 0 || !p.trust(hostOf(r.RemoteAddr)) {
		return false
	}
	// The right-most is the word of the proxy that we know.
	last, _, _ := cutLast(fields[len(fields)-1])
	return strings.EqualFold(last, "https")
}

func (p Proxies) trust(a netip.Addr) bool {
	for _, network := range p {
		if network.Contains(a) {
			return true
		}
	}
	return false
}

// cutLast gives the last item of a comma list, what stands before it, and whether
// anything does.
func cutLast(list string) (last, rest string, more bool) {
	if i := strings.LastIndexByte(list, ','); i >= 0 {
		return strings.TrimSpace(list[i+1:]), list[:i], true
	}
	return strings.TrimSpace(list), "", false
}

// hostOf reads an address with or without a port: 192.0.2.1, 192.0.2.1:80,
// 2001:db8::1, [2001:db8::1] or [2001:db8::1]:80. It is invalid when text is none
// of them. A zone is left out: it means nothing on another machine.
func hostOf(text string) netip.Addr {
	if ap, err := netip.ParseAddrPort(text); err == nil {
		return ap.Addr().Unmap().WithZone("")
	}
	if inner, ok := strings.CutPrefix(text, "["); ok {
		if inner, ok = strings.CutSuffix(inner, "]"); !ok {
			return netip.Addr{}
		}
		text = inner
	}
	a, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Addr{}
	}
	return a.Unmap().WithZone("")
}
