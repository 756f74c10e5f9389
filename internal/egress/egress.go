// Package egress decides which network addresses outbound calls may reach.
//
// Whoever hands in a task chooses the hosts that Windlass calls, so Windlass
// must not become their way into the network it runs in (server-side request
// forgery, CWE-918). The decision is made on the address that is about to be
// dialled, after DNS: a name that changes its address between a check and the
// call, a redirect, or an address in an odd spelling comes to the same check.
package egress

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"

	"code.dny.dev/ssrf"
)

// Guard opens connections to public addresses and to the ranges it was told to
// allow, and to nothing else. It is safe for use by several goroutines.
type Guard struct {
	allow    []netip.Prefix // v4 ranges in their v4 form
	public   *ssrf.Guardian // knows IANA's special-purpose registries
	resolver *net.Resolver  // nil: the system's
}

// New gives a guard that lets calls reach allow beside the public unicast
// addresses; nil allows nothing more. An allowed range wins over every refusal,
// so 0.0.0.0/0 and ::/0 switch the guard off.
func New(allow []netip.Prefix) *Guard {
	g := &Guard{public: ssrf.New(
		ssrf.WithAnyPort(),
		// Azure answers its virtual machines' agents at this one, which is
		// public by its number and internal by its use.
		ssrf.WithDeniedV4Prefixes(netip.MustParsePrefix("168.63.129.16/32")),
	)}
	for _, p := range allow {
		if p.Addr().Is4In6() && p.Bits() >= 96 {
			p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
		}
		g.allow = append(g.allow, p)
	}
	return g
}

// RefusedError says that a call was not made because of where it led. The
// errors of net and net/http that wrap it may tell the address; it does not.
type RefusedError struct {
	Host   string     // as the caller wrote it; empty when only an address was judged
	Addr   netip.Addr // what Host led to; for the operator's log, not for the submitter
	Reason string     // what sort of address it is, such as "a private address"
}

// Error is a sentence for people that tells the host and not its address.
func (e *RefusedError) Error() string {
	host := e.Host
	if host == "" {
		host = "This address"
	}
	return fmt.Sprintf("%s may not be called: it leads to %s, and only public addresses are allowed.", host, e.Reason)
}

// Allowed gives nil when addr may be dialled, else a *RefusedError without a
// host. An IPv4 address inside an IPv6 one (RFC 4291, 2.5.5.2) is judged as the
// IPv4 address it is; a zone changes nothing.
func (g *Guard) Allowed(addr netip.Addr) error {
	addr = addr.Unmap().WithZone("")
	for _, p := range g.allow {
		if p.Contains(addr) {
			return nil
		}
	}
	// The zero Addr needs its own question: it is in none of the refused ranges.
	if addr.IsValid() && g.public.SafeAddr(addr) == nil {
		return nil
	}
	return &RefusedError{Addr: addr, Reason: describe(addr)}
}

// describe names the sort of an address that is not public.
func describe(addr netip.Addr) string {
	switch {
	case addr.IsLoopback():
		return "a loopback address"
	case addr.IsPrivate():
		return "a private address"
	case addr.IsLinkLocalUnicast():
		return "a link-local address"
	case addr.IsMulticast():
		return "a multicast address"
	default:
		return "a reserved address"
	}
}

// dialTimeout bounds name resolution and connecting together.
const dialTimeout = 15 * time.Second

// DialContext connects to addr, a host and port, over tcp, tcp4 or tcp6. The
// error is a *RefusedError when every address of the host is refused, or when
// the first one is and the others do not answer.
func (g *Guard) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	switch network {
	case "tcp", "tcp4", "tcp6":
	default:
		return nil, fmt.Errorf("dial %s: only TCP is allowed", network)
	}
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("dial: %w", err)
	}
	dialer := net.Dialer{
		Timeout:  dialTimeout,
		Resolver: g.resolver,
		ControlContext: func(_ context.Context, _, address string, _ syscall.RawConn) error {
			return g.check(host, address)
		},
	}
	conn, err := dialer.DialContext(ctx, network, addr)
	if refused, ok := errors.AsType[*RefusedError](err); ok {
		return nil, refused // without net.OpError, whose text tells the address
	}
	return conn, err
}

// check judges address, the numeric address and port that is about to be dialled for host.
func (g *Guard) check(host, address string) error {
	target, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("check the address of %s: %w", host, err)
	}
	err = g.Allowed(target.Addr())
	if refused, ok := errors.AsType[*RefusedError](err); ok {
		refused.Host = host
	}
	return err
}

// Transport gives a new HTTP transport that dials through the guard. It ignores
// HTTP_PROXY and its kin, for a proxy would dial where the guard cannot see. It
// sets no limit on the wait for an answer: that is the request's own. Whoever
// asks for it closes its idle connections.
func (g *Guard) Transport() *http.Transport {
	return &http.Transport{
		DialContext:            g.DialContext,
		TLSHandshakeTimeout:    15 * time.Second,
		ExpectContinueTimeout:  time.Second,
		IdleConnTimeout:        30 * time.Second,
		MaxIdleConns:           200,
		MaxIdleConnsPerHost:    8,
		MaxResponseHeaderBytes: 256 << 10,
		ForceAttemptHTTP2:      true,
		// Without pings a dead HTTP/2 connection swallows every request that
		// shares it until TCP gives up, a quarter of an hour later.
		HTTP2: &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 15 * time.Second},
	}
}
