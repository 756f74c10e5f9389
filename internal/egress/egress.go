// Package egress decides what outbound calls may reach.
//
// Whoever hands in a task chooses the hosts that Windlass calls, so Windlass
// must not become their way into the network it runs in (server-side request
// forgery, CWE-918). Scheme, host and port are judged for each request, and
// the address when it is about to be dialled, after DNS: a name that changes its
// address between a check and the call, a redirect, or an address in an odd
// spelling comes to the same check.
package egress

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"

	"code.dny.dev/ssrf"
)

// Guard makes calls as its policy says, and no others. It is safe for use by
// several goroutines.
type Guard struct {
	policy    Policy
	metadata  []netip.Addr
	public    *ssrf.Guardian // knows IANA's special-purpose registries
	transport *Transport
}

// New gives a guard that enforces p.
func New(p Policy) *Guard {
	g := &Guard{policy: p, metadata: metadataAddresses(), public: ssrf.New(ssrf.WithAnyPort())}
	g.policy.Allow, g.policy.Deny = unmapped(p.Allow), unmapped(p.Deny)
	g.transport = newTransport(g)
	return g
}

// unmapped gives ranges of IPv4 addresses inside IPv6 ones as the ranges of
// IPv4 addresses that they are.
func unmapped(prefixes []netip.Prefix) []netip.Prefix {
	var plain []netip.Prefix
	for _, p := range prefixes {
		if p.Addr().Is4In6() && p.Bits() >= 96 {
			p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
		}
		plain = append(plain, p)
	}
	return plain
}

// metadataAddresses lists where clouds tell a machine its own credentials. An
// allowed range that happens to hold one does not allow it.
func metadataAddresses() []netip.Addr {
	return []netip.Addr{
		netip.MustParseAddr("169.254.169.254"), // EC2, Azure, Google Cloud and most others
		netip.MustParseAddr("fd00:ec2::254"),   // EC2 over IPv6
		netip.MustParseAddr("169.254.170.2"),   // roles of tasks in ECS
		netip.MustParseAddr("169.254.170.23"),  // roles of pods in EKS
		netip.MustParseAddr("fd00:ec2::23"),    // the same over IPv6
		netip.MustParseAddr("fd20:ce::254"),    // Google Cloud over IPv6
		netip.MustParseAddr("168.63.129.16"),   // Azure's agent: public by its number, internal by its use
		netip.MustParseAddr("100.100.100.200"), // Alibaba Cloud
		netip.MustParseAddr("192.0.0.192"),     // Oracle Cloud, classic
	}
}

// Allowed gives nil when addr may be dialled, else a *RefusedError without a
// host. An IPv4 address inside an IPv6 one (RFC 4291, 2.5.5.2) is judged as the
// IPv4 address it is; a zone changes nothing. A denied network loses to nothing,
// an allowed one only to that; a metadata service must be allowed by its very address.
func (g *Guard) Allowed(addr netip.Addr) error {
	addr = addr.Unmap().WithZone("")
	if within(g.policy.Deny, addr) {
		return &RefusedError{Addr: addr, Reason: reasonDenied}
	}
	for _, m := range g.metadata {
		if addr == m {
			if contains(g.policy.Allow, netip.PrefixFrom(m, m.BitLen())) {
				return nil
			}
			return &RefusedError{Addr: addr, Reason: notPublic("a cloud's metadata service")}
		}
	}
	// The zero Addr needs its own question: it is in none of the refused ranges.
	if within(g.policy.Allow, addr) || addr.IsValid() && g.public.SafeAddr(addr) == nil {
		return nil
	}
	return &RefusedError{Addr: addr, Reason: notPublic(describe(addr))}
}

func within(prefixes []netip.Prefix, addr netip.Addr) bool {
	for _, p := range prefixes {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

func contains(prefixes []netip.Prefix, wanted netip.Prefix) bool {
	for _, p := range prefixes {
		if p == wanted {
			return true
		}
	}
	return false
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
		Resolver: g.policy.Resolver,
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
