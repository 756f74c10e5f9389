package egress

import (
	"net/netip"
	"strings"

	"golang.org/x/net/idna"
)

// CheckHost says in a clause what is wrong with how the host of a URL is
// written, and gives nothing when nothing is. It looks nothing up.
func CheckHost(host string) (reason string) {
	_, reason = canonicalHost(host)
	return reason
}

// canonicalHost gives a host in the one form in which lists of hosts have it: in
// ASCII and lower case, without the dot of the root, an address in its short form.
//
// What other readers take for an IPv4 address (WHATWG URL Standard, 3.5: its
// last label is a number) must be one to us, or one would check a name and
// another call an address.
func canonicalHost(host string) (canonical, reason string) {
	if strings.Contains(host, ":") {
		addr, err := netip.ParseAddr(host)
		if err != nil {
			return "", reasonNoHost
		}
		if addr.Zone() != "" {
			return "", reasonZone
		}
		return addr.String(), ""
	}
	ascii := host
	if !isASCII(host) {
		var err error
		if ascii, err = idna.Lookup.ToASCII(host); err != nil {
			return "", reasonNoHost
		}
	}
	ascii = strings.ToLower(ascii)
	if endsInNumber(ascii) {
		addr, err := netip.ParseAddr(ascii)
		if err != nil {
			return "", reasonNumber
		}
		return addr.String(), ""
	}
	ascii = strings.TrimSuffix(ascii, ".")
	if ascii == "" || len(ascii) > 253 || strings.ContainsAny(ascii, " %\t\r\n\\\x00") || strings.Contains("."+ascii+".", "..") {
		return "", reasonNoHost
	}
	return ascii, ""
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// endsInNumber reports whether the last label of a name is a number in one of
// the notations that inet_aton reads.
func endsInNumber(name string) bool {
	name = strings.TrimSuffix(name, ".")
	last := name[strings.LastIndexByte(name, '.')+1:]
	if hex, ok := strings.CutPrefix(last, "0x"); ok {
		return strings.Trim(hex, "0123456789abcdef") == ""
	}
	return last != "" && strings.Trim(last, "0123456789") == ""
}
