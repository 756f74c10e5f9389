package egress

import (
	"bufio"
	"net/netip"
	"os"
	"strings"
	"testing"
)

// Each end of every special-purpose range is refused, and what lies just outside
// of it is refused only when another range of the registry, or space that nobody
// was given, begins there. So the library's list misses nothing and refuses no more.
func TestAllowedAgainstIANA(t *testing.T) {
	g := New(Policy{})
	for _, file := range []string{"testdata/iana-ipv4-special.csv", "testdata/iana-ipv6-special.csv"} {
		ranges := readRegistry(t, file)
		if len(ranges) < 25 {
			t.Fatalf("%s holds %d ranges only", file, len(ranges))
		}
		special := func(addr netip.Addr) bool {
			// RFC 4291, 2.4: global unicast addresses are given out of 2000::/3 only.
			if addr.Is6() && !netip.MustParsePrefix("2000::/3").Contains(addr) {
				return true
			}
			return within(ranges, addr)
		}
		for _, p := range ranges {
			first, last := p.Masked().Addr(), lastOf(p)
			for _, addr := range []netip.Addr{first, first.Next(), last.Prev(), last} {
				if p.Contains(addr) && g.Allowed(addr) == nil {
					t.Errorf("%s of %s is allowed", addr, p)
				}
			}
			for _, addr := range []netip.Addr{first.Prev(), last.Next()} {
				if addr.IsValid() && (g.Allowed(addr) != nil) != special(addr) {
					t.Errorf("%s beside %s: allowed %v, want %v", addr, p, g.Allowed(addr) == nil, !special(addr))
				}
			}
		}
	}
}

// The mapped form of every special IPv4 address is refused as well.
func TestAllowedAgainstIANAMapped(t *testing.T) {
	g := New(Policy{})
	for _, p := range readRegistry(t, "testdata/iana-ipv4-special.csv") {
		for _, addr := range []netip.Addr{p.Masked().Addr(), lastOf(p)} {
			if mapped := netip.AddrFrom16(addr.As16()); g.Allowed(mapped) == nil {
				t.Errorf("%s is allowed", mapped)
			}
		}
	}
}

func readRegistry(t *testing.T, file string) []netip.Prefix {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var ranges []netip.Prefix
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if text := lines.Text(); !strings.HasPrefix(text, "#") {
			prefix, _, _ := strings.Cut(text, ",")
			ranges = append(ranges, netip.MustParsePrefix(prefix))
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return ranges
}

// lastOf gives the highest address of a range.
func lastOf(p netip.Prefix) netip.Addr {
	b := p.Masked().Addr().AsSlice()
	for bit := p.Bits(); bit < 8*len(b); bit++ {
		b[bit/8] |= 0x80 >> (bit % 8)
	}
	addr, _ := netip.AddrFromSlice(b)
	return addr
}
