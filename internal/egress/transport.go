package egress

import (
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Transport makes HTTP requests as the guard's policy says. It follows no
// redirect and adds nothing to a request.
//
// It ignores HTTP_PROXY and its kin, for a proxy would dial where the guard
// cannot see. It sets no limit on the wait for an answer, nor on a body's length:
// those are the caller's own.
type Transport struct {
	*http.Transport
	guard *Guard
}

// Transport gives the guard's transport, which all callers share: a limit on
// the connections to a host is one for all of them.
func (g *Guard) Transport() *Transport { return g.transport }

func newTransport(g *Guard) *Transport {
	most := g.policy.HostConnections
	if most == 0 {
		most = DefaultHostConnections
	}
	return &Transport{guard: g, Transport: &http.Transport{
		DialContext:            g.DialContext,
		TLSHandshakeTimeout:    15 * time.Second,
		ExpectContinueTimeout:  time.Second,
		IdleConnTimeout:        30 * time.Second,
		MaxIdleConns:           200,
		MaxIdleConnsPerHost:    min(most, 8),
		MaxConnsPerHost:        most,
		MaxResponseHeaderBytes: 256 << 10,
		ForceAttemptHTTP2:      true,
		// Without pings a dead HTTP/2 connection swallows every request that
		// shares it until TCP gives up, a quarter of an hour later.
		HTTP2: &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 15 * time.Second},
	}}
}

// RoundTrip makes one request. The error is or wraps a *RefusedError when the
// policy does not allow it.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := t.guard.CheckURL(r.URL); err != nil {
		return nil, closeBody(r, err)
	}
	// A front that serves many hosts goes by the field, so the lists of hosts hold for it too.
	if r.Host != "" && r.Host != r.URL.Host {
		if err := t.guard.checkName(hostname(r.Host)); err != nil {
			return nil, closeBody(r, err)
		}
	}
	return t.Transport.RoundTrip(oneSpelling(r))
}

// closeBody does what a RoundTripper owes the request that it does not make.
func closeBody(r *http.Request, err error) error {
	if r.Body != nil {
		_ = r.Body.Close()
	}
	return err
}

// oneSpelling gives the request with its host in lower case, so that connections
// to Example.com count as ones to example.com. What the other side sees stays.
func oneSpelling(r *http.Request) *http.Request {
	lower := strings.ToLower(r.URL.Host)
	if lower == r.URL.Host {
		return r
	}
	u, again := *r.URL, *r
	if u.Host = lower; again.Host == "" {
		again.Host = r.URL.Host
	}
	again.URL = &u
	return &again
}

// CheckURL gives nil when the policy allows the scheme, host and port of u, else
// a *RefusedError. Where the host leads shows when it is dialled.
func (g *Guard) CheckURL(u *url.URL) error {
	refused := func(reason string) error { return &RefusedError{Host: shownHost(u), Reason: reason} }
	if u.Scheme != "https" && (u.Scheme != "http" || g.policy.HTTPSOnly) {
		return refused(reasonScheme)
	}
	if err := g.checkName(u.Hostname()); err != nil {
		return err
	}
	port := uint16(80)
	if u.Scheme == "https" {
		port = 443
	}
	if text := u.Port(); text != "" {
		n, err := strconv.ParseUint(text, 10, 16)
		if err != nil {
			return refused(reasonBadPort)
		}
		port = uint16(n)
	}
	if reason := g.policy.portReason(port); reason != "" {
		return refused(reason)
	}
	return nil
}

// shownHost names the host for a sentence, with the port where it has one.
func shownHost(u *url.URL) string {
	if u.Host == "" {
		return u.Scheme + ":"
	}
	return u.Host
}

// checkName judges a host by its name.
func (g *Guard) checkName(host string) error {
	name, reason := canonicalHost(host)
	switch {
	case reason != "":
	case g.policy.DenyHosts.Match(name):
		reason = reasonDenyHost
	case g.policy.Hosts != nil && !g.policy.Hosts.Match(name):
		reason = reasonOnlyHosts
	default:
		return nil
	}
	return &RefusedError{Host: host, Reason: reason}
}

// hostname gives the host of a Host field, which may have a port.
func hostname(field string) string {
	if host, _, err := net.SplitHostPort(field); err == nil {
		return host
	}
	return strings.Trim(field, "[]")
}
