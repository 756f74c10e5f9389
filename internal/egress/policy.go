package egress

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// DefaultHostConnections is how many connections to one host are open at once
// unless the policy says otherwise.
const DefaultHostConnections = 32

// Policy is what outbound calls may reach. The zero value lets them reach public
// unicast addresses by http and https, on every port but those that browsers
// block as belonging to another protocol.
type Policy struct {
	// Allow is networks that may be reached beside public addresses. 0.0.0.0/0
	// and ::/0 allow everything but the metadata services of clouds.
	Allow []netip.Prefix
	// Deny is networks that may not be reached, whatever Allow says.
	Deny []netip.Prefix
	// Hosts is the hosts that alone may be called; nil: every one.
	Hosts Hosts
	// DenyHosts is hosts that may not be called, whatever Hosts says.
	DenyHosts Hosts
	// Ports is the ports that alone may be called; nil: every one but the blocked.
	Ports Ports
	// HTTPSOnly refuses http.
	HTTPSOnly bool
	// HostConnections is how many connections to one host and port are open at
	// once; more requests wait. Zero: DefaultHostConnections.
	HostConnections int
	// Resolver looks names up. Nil: the system's.
	Resolver *net.Resolver
}

// Hosts is a list of names and addresses: a name stands for itself, and one
// that begins with *. for every name below it.
type Hosts []string

// ParseHost reads one entry of a list of hosts.
func ParseHost(text string) (string, error) {
	name, below := strings.CutPrefix(text, "*.")
	host, reason := canonicalHost(strings.Trim(name, "[]"))
	_, notName := netip.ParseAddr(host)
	if reason != "" || strings.ContainsAny(host, "*/") || below && notName == nil {
		return "", fmt.Errorf("%q is not a host such as api.example.com or *.example.com", text)
	}
	if below {
		host = "*." + host
	}
	return host, nil
}

// Match reports whether host, in its canonical form, is in the list.
func (h Hosts) Match(host string) bool {
	for _, pattern := range h {
		if suffix, below := strings.CutPrefix(pattern, "*"); host == pattern || below && strings.HasSuffix(host, suffix) && host != suffix {
			return true
		}
	}
	return false
}

// MatchHost reports whether host, as a URL has it, is in the list.
func (h Hosts) MatchHost(host string) bool {
	plain, reason := canonicalHost(host)
	return reason == "" && h.Match(plain)
}

// Ports is a list of ranges of ports.
type Ports []PortRange

// PortRange is the ports from First to Last.
type PortRange struct{ First, Last uint16 }

// ParsePorts reads a comma list such as "80,443,8000-8999".
func ParsePorts(text string) (Ports, error) {
	var ports Ports
	for part := range strings.SplitSeq(text, ",") {
		first, last, isRange := strings.Cut(strings.TrimSpace(part), "-")
		if !isRange {
			last = first
		}
		low, err1 := strconv.ParseUint(first, 10, 16)
		high, err2 := strconv.ParseUint(last, 10, 16)
		if errors.Join(err1, err2) != nil || low == 0 || high < low {
			return nil, fmt.Errorf("%q is not a port or a range such as 8000-8999, from 1 to 65535", part)
		}
		ports = append(ports, PortRange{uint16(low), uint16(high)})
	}
	return ports, nil
}

func (p Ports) holds(port uint16) bool {
	for _, r := range p {
		if r.First <= port && port <= r.Last {
			return true
		}
	}
	return false
}

// portReason says why port may not be called, empty when it may.
func (p Policy) portReason(port uint16) string {
	switch {
	case p.Ports == nil && badPort(port):
		return reasonBadPort
	case p.Ports != nil && !p.Ports.holds(port):
		return reasonOnlyPorts
	}
	return ""
}

// badPort reports whether port is one of those that browsers do not call: what
// listens there may take an HTTP request for one of its own protocol.
// https://fetch.spec.whatwg.org/#port-blocking
func badPort(port uint16) bool {
	switch port {
	case 0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95,
		101, 102, 103, 104, 109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179,
		389, 427, 465, 512, 513, 514, 515, 526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636,
		989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566,
		6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080:
		return true
	}
	return false
}
