package egress

import "net/netip"

// RefusedError says that a call was not made because of where it led. The
// errors of net and net/http that wrap it may tell the address; it does not.
type RefusedError struct {
	Host   string     // as the caller wrote it; empty when only an address was judged
	Addr   netip.Addr // what Host led to; for the operator's log, not for the submitter; zero when it did not come to that
	Reason string     // a clause, such as "it leads to a private address, and only public addresses are allowed"
}

// Error is a sentence for people that tells the host and not its address.
func (e *RefusedError) Error() string {
	host := e.Host
	if host == "" {
		host = "This address"
	}
	return host + " may not be called: " + e.Reason + "."
}

// The reasons that are always the same.
const (
	reasonDenied    = "it leads to a network that this server's configuration denies"
	reasonScheme    = "this server's configuration does not allow this scheme"
	reasonDenyHost  = "this server's configuration denies this host"
	reasonOnlyHosts = "this server's configuration names the hosts that may be called, and this is not one of them"
	reasonOnlyPorts = "this server's configuration names the ports that may be called, and this is not one of them"
	reasonBadPort   = "its port belongs to another protocol than HTTP"
	reasonNoHost    = "this is not the name of a host"
	reasonZone      = "an address with a zone means something on one machine only"
	reasonNumber    = "an IPv4 address is written as four decimal numbers without leading zeros, such as 192.0.2.7"
)

func notPublic(sort string) string {
	return "it leads to " + sort + ", and only public addresses are allowed"
}
