package egress

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
)

func TestAllowed(t *testing.T) {
	tests := []struct {
		addr   string
		reason string // empty: allowed
	}{
		{"1.1.1.1", ""},
		{"93.184.215.14", ""},
		{"172.15.255.255", ""},
		{"172.32.0.0", ""},
		{"100.63.255.255", ""},
		{"100.128.0.0", ""},
		{"2606:4700:4700::1111", ""},
		{"2a00:1450:4001:829::200e", ""},
		{"::ffff:1.1.1.1", ""},

		{"127.0.0.1", "a loopback address"},
		{"127.255.255.254", "a loopback address"},
		{"::1", "a loopback address"},
		{"::ffff:127.0.0.1", "a loopback address"},
		{"10.0.0.1", "a private address"},
		{"172.16.0.1", "a private address"},
		{"172.31.255.255", "a private address"},
		{"192.168.1.1", "a private address"},
		{"::ffff:10.0.0.1", "a private address"},
		{"fc00::1", "a private address"},
		{"fd00:ec2::254", "a cloud's metadata service"}, // EC2's metadata over IPv6
		{"169.254.169.254", "a cloud's metadata service"},
		{"169.254.170.2", "a cloud's metadata service"}, // ECS's credentials
		{"::ffff:169.254.169.254", "a cloud's metadata service"},
		{"fe80::1", "a link-local address"},
		{"fe80::1%eth0", "a link-local address"},
		{"224.0.0.1", "a multicast address"},
		{"239.255.255.255", "a multicast address"},
		{"ff02::1", "a multicast address"},
		{"0.0.0.0", "a reserved address"},
		{"0.1.2.3", "a reserved address"},
		{"::", "a reserved address"},
		{"100.64.0.1", "a reserved address"},
		{"100.127.255.255", "a reserved address"},
		{"100.100.100.200", "a cloud's metadata service"}, // Alibaba's metadata
		{"168.63.129.16", "a cloud's metadata service"},   // Azure's agent
		{"192.0.0.192", "a cloud's metadata service"},     // Oracle's metadata
		{"192.0.2.1", "a reserved address"},
		{"198.51.100.1", "a reserved address"},
		{"203.0.113.1", "a reserved address"},
		{"198.18.0.1", "a reserved address"},
		{"198.19.255.255", "a reserved address"},
		{"192.88.99.1", "a reserved address"},
		{"240.0.0.1", "a reserved address"},
		{"255.255.255.255", "a reserved address"},
		{"64:ff9b::7f00:1", "a reserved address"},       // NAT64, RFC 6052
		{"64:ff9b::808:808", "a reserved address"},      // also around a public one
		{"64:ff9b:1::a00:1", "a reserved address"},      // local NAT64, RFC 8215
		{"2002:7f00:1::1", "a reserved address"},        // 6to4
		{"2001:0:4136:e378::1", "a reserved address"},   // Teredo
		{"2001:20::1", "a reserved address"},            // ORCHIDv2
		{"2001:db8::1", "a reserved address"},           // documentation
		{"3fff::1", "a reserved address"},               // documentation, RFC 9637
		{"fec0::1", "a reserved address"},               // site-local
		{"::127.0.0.1", "a reserved address"},           // v4-compatible
		{"::ffff:0:127.0.0.1", "a reserved address"},    // v4-translated, RFC 2765
		{"100::1", "a reserved address"},                // discard-only
		{"5f00::1", "a reserved address"},               // SRv6
		{"4000::1", "a reserved address"},               // not assigned
		{"2001:2::1", "a reserved address"},             // benchmarking
		{"2606:4700:4700::1111%eth0", ""},               // a zone changes nothing
		{"::ffff:192.0.2.1%eth0", "a reserved address"}, // nor here
		{"ff05::2%eth0", "a multicast address"},         // nor here
		{"2620:4f:8000::1", "a reserved address"},       // AS112
		{"2001:1::1", "a reserved address"},             // port control anycast
		{"192.175.48.1", "a reserved address"},          // AS112
		{"fdff:ffff:ffff:ffff::1", "a private address"}, // the last of the unique local
		{"febf::1", "a link-local address"},             // the last of the link-local
		{"fe00::1", "a reserved address"},               // just below it
		{"1fff:ffff::1", "a reserved address"},          // just below global unicast
		{"2000::1", ""},                                 // its first
		{"3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff", ""}, // its last before documentation
		{"0000:0000:0000:0000:0000:ffff:0a00:0001", "a private address"},
	}
	g := New(Policy{})
	for _, tt := range tests {
		t.Run(tt.addr, func(t *testing.T) {
			addr := netip.MustParseAddr(tt.addr)
			err := g.Allowed(addr)
			if tt.reason == "" {
				if err != nil {
					t.Fatalf("Allowed(%s) = %v, want nil", tt.addr, err)
				}
				return
			}
			refused, ok := errors.AsType[*RefusedError](err)
			if !ok || refused.Reason != notPublic(tt.reason) {
				t.Fatalf("Allowed(%s) = %v, want it refused as %s", tt.addr, err, tt.reason)
			}
			if strings.Contains(err.Error(), refused.Addr.String()) {
				t.Errorf("the sentence tells the address: %s", err)
			}
		})
	}
}

func TestAllowedRefusesNoAddress(t *testing.T) {
	if err := New(Policy{}).Allowed(netip.Addr{}); err == nil {
		t.Error("the zero address is allowed")
	}
}

func TestAllowedRanges(t *testing.T) {
	tests := []struct {
		allow string
		addr  string
		want  bool
	}{
		{"10.1.0.0/16", "10.1.2.3", true},
		{"10.1.0.0/16", "::ffff:10.1.2.3", true},
		{"10.1.0.0/16", "10.2.0.1", false},
		{"10.1.0.0/16", "64:ff9b::a01:203", false},
		{"::ffff:10.1.0.0/112", "10.1.2.3", true},
		{"::ffff:10.1.0.0/112", "10.2.0.1", false},
		{"::1/128", "::1", true},
		{"::1/128", "127.0.0.1", false},
		{"fe80::/10", "fe80::1%eth0", true},
		{"64:ff9b::/96", "64:ff9b::808:808", true},
		{"::/0", "fd12::1", true},
		{"::/0", "fd00:ec2::254", false}, // a metadata service is named by its address or not at all
		{"fd00:ec2::254/128", "fd00:ec2::254", true},
		{"::/0", "127.0.0.1", false},
		{"0.0.0.0/0", "169.254.1.1", true},
		{"0.0.0.0/0", "169.254.169.254", false},
		{"0.0.0.0/0", "168.63.129.16", false},
		{"169.254.169.254/32", "169.254.169.254", true},
		{"169.254.169.254/32", "::ffff:169.254.169.254", true},
		{"10.1.0.0/16", "1.1.1.1", true},
	}
	for _, tt := range tests {
		g := New(Policy{Allow: []netip.Prefix{netip.MustParsePrefix(tt.allow)}})
		if err := g.Allowed(netip.MustParseAddr(tt.addr)); (err == nil) != tt.want {
			t.Errorf("with %s: Allowed(%s) = %v, want allowed = %v", tt.allow, tt.addr, err, tt.want)
		}
	}
}

func TestDialContextRefusesOtherNetworks(t *testing.T) {
	g := New(Policy{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	for _, network := range []string{"udp", "udp4", "unix", "ip4:icmp", ""} {
		if conn, err := g.DialContext(t.Context(), network, "127.0.0.1:9"); err == nil {
			conn.Close()
			t.Errorf("a %q connection was opened", network)
		}
	}
}

// The names that other resolvers read as 127.0.0.1 reach the check however they
// are read: here the name server answers 127.0.0.1 to every one of them.
func TestDialContextJudgesTheAddressBehindTheName(t *testing.T) {
	g := New(Policy{Resolver: nameServer(t, func() netip.Addr { return netip.MustParseAddr("127.0.0.1") })})
	for _, host := range []string{
		"127.0.0.1", "::1", "::ffff:127.0.0.1", "::ffff:7f00:1", "169.254.169.254", "fe80::1%lo",
		"localhost", "internal.example.com", "0x7f000001", "0x7f.1",
	} {
		conn, err := g.DialContext(t.Context(), "tcp", net.JoinHostPort(host, "80"))
		if err == nil {
			conn.Close()
			t.Fatalf("%s was dialled", host)
		}
		refused, ok := errors.AsType[*RefusedError](err)
		if !ok || refused.Host != host {
			t.Errorf("dial %s: %v, want it refused under this name", host, err)
		}
	}
}

// Go's resolver finds no name in these; the C library's reads 127.0.0.1.
func TestDialContextReachesNothingByNumber(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	for _, resolver := range []*net.Resolver{nil, {PreferGo: true}} {
		g := New(Policy{Resolver: resolver})
		for _, host := range []string{"2130706433", "017700000001", "127.1", "0177.0.0.1", "127.0.1"} {
			if conn, err := g.DialContext(t.Context(), "tcp", net.JoinHostPort(host, port(t, server.URL))); err == nil {
				conn.Close()
				t.Errorf("%s was dialled", host)
			}
		}
	}
}

func TestTransportSurvivesDNSRebinding(t *testing.T) {
	var hits atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits.Add(1) }))
	defer server.Close()
	answers := []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("127.0.0.2")}
	g := New(Policy{
		Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")},
		Resolver: nameServer(t, func() netip.Addr {
			next := answers[0]
			answers = answers[1:]
			return next
		}),
	})
	tr := g.Transport()
	tr.DisableKeepAlives = true
	client := http.Client{Transport: tr}
	target := "http://rebind.example.com:" + port(t, server.URL)

	res, err := client.Get(target)
	if err != nil {
		t.Fatalf("first call: %v", err)
	}
	res.Body.Close()
	if _, err := client.Get(target); !isRefused(err, "rebind.example.com") {
		t.Errorf("second call, after the name moved: %v, want it refused", err)
	} else if strings.Contains(err.Error(), "127.0.0") {
		t.Errorf("the error tells the address: %v", err)
	}
	if n := hits.Load(); n != 1 {
		t.Errorf("the server saw %d calls, want 1", n)
	}
}

func TestTransportJudgesRedirects(t *testing.T) {
	server := httptest.NewServer(http.RedirectHandler("http://169.254.169.254/latest/meta-data/", http.StatusFound))
	defer server.Close()
	tr := New(Policy{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}}).Transport()
	defer tr.CloseIdleConnections()
	_, err := (&http.Client{Transport: tr}).Get(server.URL)
	if !isRefused(err, "169.254.169.254") {
		t.Errorf("redirect to the metadata service: %v, want it refused", err)
	}
}

func TestTransportIgnoresProxyEnvironment(t *testing.T) {
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"} {
		t.Setenv(name, "http://127.0.0.1:1")
	}
	if New(Policy{}).Transport().Proxy != nil {
		t.Error("the transport asks for a proxy")
	}
}

func TestTransportBoundsHeaders(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Long", strings.Repeat("a", 1<<20))
		io.WriteString(w, "never read")
	}))
	defer server.Close()
	tr := New(Policy{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}}).Transport()
	defer tr.CloseIdleConnections()
	if res, err := (&http.Client{Transport: tr}).Get(server.URL); err == nil {
		res.Body.Close()
		t.Error("a megabyte of headers was read")
	}
}

func TestDialContextEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if conn, err := New(Policy{}).DialContext(ctx, "tcp", "1.1.1.1:80"); err == nil {
		conn.Close()
		t.Error("dialled under a context that had ended")
	}
}

func isRefused(err error, host string) bool {
	refused, ok := errors.AsType[*RefusedError](err)
	return ok && refused.Host == host
}

func port(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u.Port()
}
