package egress

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

func TestCheckURL(t *testing.T) {
	hosts := Hosts{"api.example.com", "*.example.net", "192.0.2.7", "2001:db8::1"}
	tests := []struct {
		name   string
		policy Policy
		url    string
		reason string // empty: allowed
	}{
		{"default", Policy{}, "http://example.com/", ""},
		{"default, https", Policy{}, "https://example.com:8443/", ""},
		{"another scheme", Policy{}, "ftp://example.com/", reasonScheme},
		{"a file", Policy{}, "file:///etc/passwd", reasonScheme},
		{"http when only https", Policy{HTTPSOnly: true}, "http://example.com/", reasonScheme},
		{"https when only https", Policy{HTTPSOnly: true}, "https://example.com/", ""},
		{"mail", Policy{}, "http://example.com:25/", reasonBadPort},
		{"port 0", Policy{}, "http://example.com:0/", reasonBadPort},
		{"port beyond", Policy{}, "http://example.com:65536/", reasonBadPort},
		{"mail when allowed", Policy{Ports: Ports{{25, 25}}}, "http://example.com:25/", ""},
		{"default port when not allowed", Policy{Ports: Ports{{443, 443}}}, "http://example.com/", reasonOnlyPorts},
		{"default port of https", Policy{Ports: Ports{{443, 443}}}, "https://example.com/", ""},
		{"within a range", Policy{Ports: Ports{{80, 80}, {8000, 8999}}}, "http://example.com:8999/", ""},
		{"beyond a range", Policy{Ports: Ports{{80, 80}, {8000, 8999}}}, "http://example.com:9000/", reasonOnlyPorts},
		{"a named host", Policy{Hosts: hosts}, "https://api.example.com/", ""},
		{"in capitals, with the root's dot", Policy{Hosts: hosts}, "https://API.Example.COM./", ""},
		{"another host", Policy{Hosts: hosts}, "https://www.example.com/", reasonOnlyHosts},
		{"its end is named", Policy{Hosts: hosts}, "https://evilapi.example.com/", reasonOnlyHosts},
		{"below a named one", Policy{Hosts: hosts}, "https://a.b.example.net/", ""},
		{"the name above", Policy{Hosts: hosts}, "https://example.net/", reasonOnlyHosts},
		{"only the end is the same", Policy{Hosts: hosts}, "https://badexample.net/", reasonOnlyHosts},
		{"a named address", Policy{Hosts: hosts}, "https://192.0.2.7/", ""},
		{"a named address, long", Policy{Hosts: hosts}, "https://[2001:db8:0:0::1]/", ""},
		{"full-width", Policy{Hosts: hosts}, "https://ａｐｉ.example.com/", ""},
		{"denied", Policy{DenyHosts: hosts}, "https://api.example.com/", reasonDenyHost},
		{"denied in other letters", Policy{DenyHosts: hosts}, "https://ⓐⓟⓘ.example。com/", reasonDenyHost},
		{"denied wins", Policy{Hosts: hosts, DenyHosts: Hosts{"x.example.net"}}, "https://x.example.net/", reasonDenyHost},
		{"one number", Policy{}, "http://2130706433/", reasonNumber},
		{"a zone", Policy{}, "http://[fe80::1%25eth0]/", reasonZone},
		{"no host", Policy{}, "http:///", reasonNoHost},
	}
	for _, tt := range tests {
		u, err := url.Parse(tt.url)
		if err != nil {
			t.Fatal(err)
		}
		err = New(tt.policy).CheckURL(u)
		refused, ok := errors.AsType[*RefusedError](err)
		switch {
		case tt.reason == "" && err != nil:
			t.Errorf("%s: %v, want it allowed", tt.name, err)
		case tt.reason != "" && (!ok || refused.Reason != tt.reason):
			t.Errorf("%s: %v, want it refused: %s", tt.name, err, tt.reason)
		}
	}
}

func TestDeniedNetworksWin(t *testing.T) {
	g := New(Policy{
		Allow: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")},
		Deny:  []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("::ffff:9.9.9.0/120")},
	})
	for addr, want := range map[string]bool{
		"10.2.0.1": true, "10.1.0.1": false, "::ffff:10.1.0.1": false, "9.9.9.9": false, "9.9.8.9": true,
	} {
		if err := g.Allowed(netip.MustParseAddr(addr)); (err == nil) != want {
			t.Errorf("%s: %v, want allowed = %v", addr, err, want)
		}
	}
}

func TestParseHost(t *testing.T) {
	for text, want := range map[string]string{
		"Example.com": "example.com", "*.Example.com": "*.example.com", "example.com.": "example.com", "bücher.example": "xn--bcher-kva.example",
		"192.0.2.1": "192.0.2.1", "[2001:DB8::1]": "2001:db8::1", "localhost": "localhost",
	} {
		if got, err := ParseHost(text); err != nil || got != want {
			t.Errorf("%q: %q, %v, want %q", text, got, err, want)
		}
	}
	for _, text := range []string{"", "*", "*.", "a*.example.com", "https://example.com", "example.com/x", "127.1", "*.192.0.2.1", "a b"} {
		if got, err := ParseHost(text); err == nil {
			t.Errorf("%q is read as %q", text, got)
		}
	}
}

func TestParsePorts(t *testing.T) {
	ports, err := ParsePorts("80, 443,8000-8999")
	if err != nil || len(ports) != 3 || ports[2] != (PortRange{8000, 8999}) {
		t.Errorf("%v, %v", ports, err)
	}
	for _, text := range []string{"", "0", "65536", "a", "9-8", "1-", "-1", "80,"} {
		if ports, err := ParsePorts(text); err == nil {
			t.Errorf("%q is read as %v", text, ports)
		}
	}
}

// A front that serves many hosts goes by the Host field.
func TestTransportJudgesTheHostField(t *testing.T) {
	var hits atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits.Add(1) }))
	defer server.Close()
	g := New(Policy{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, Hosts: Hosts{"127.0.0.1"}})
	defer g.Transport().CloseIdleConnections()
	for host, want := range map[string]bool{"": true, "127.0.0.1:99": true, "other.example.com": false, "other.example.com:80": false} {
		req, err := http.NewRequest(http.MethodGet, server.URL, strings.NewReader("body"))
		if err != nil {
			t.Fatal(err)
		}
		req.Host = host
		res, err := g.Transport().RoundTrip(req)
		if err == nil {
			res.Body.Close()
		}
		if (err == nil) != want {
			t.Errorf("Host %q: %v, want allowed = %v", host, err, want)
		}
	}
	if n := hits.Load(); n != 2 {
		t.Errorf("the server saw %d calls, want 2", n)
	}
}

// However the host is spelled, at most so many connections to it are open at once.
func TestTransportBoundsConnectionsToAHost(t *testing.T) {
	const most, calls = 2, 12
	var mu sync.Mutex
	open, highest := 0, 0
	arrived, release := make(chan struct{}, calls), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		mu.Lock()
		open++
		highest = max(highest, open)
		mu.Unlock()
		arrived <- struct{}{}
		<-release
		mu.Lock()
		open--
		mu.Unlock()
	}))
	defer server.Close()
	g := New(Policy{
		Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, HostConnections: most,
		Resolver: nameServer(t, func() netip.Addr { return netip.MustParseAddr("127.0.0.1") }),
	})
	defer g.Transport().CloseIdleConnections()
	done := make(chan error, calls)
	for i := range calls {
		name := []string{"one.example.com", "ONE.example.com", "One.Example.com"}[i%3]
		go func() {
			res, err := (&http.Client{Transport: g.Transport()}).Get("http://" + name + ":" + port(t, server.URL))
			if err == nil {
				res.Body.Close()
			}
			done <- err
		}()
	}
	for range most {
		<-arrived
	}
	close(release)
	for range calls {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if highest > most {
		t.Errorf("%d connections at once, want at most %d", highest, most)
	}
}

func FuzzCheckHost(f *testing.F) {
	for _, seed := range []string{
		"example.com", "127.0.0.1", "127.1", "0x7f.1", "０x7f.1", "①②⑦.⓪.⓪.①", "::1", "fe80::1%eth0", "a..b", "xn--", "example.com.",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, host string) {
		canonical, reason := canonicalHost(host)
		if reason != "" {
			return
		}
		again, reason := canonicalHost(canonical)
		if reason != "" || again != canonical {
			t.Errorf("%q is %q and then %q (%s)", host, canonical, again, reason)
		}
		// What ends in a number is an address to everybody.
		if _, err := netip.ParseAddr(canonical); err != nil && endsInNumber(canonical) {
			t.Errorf("%q is read as the name %q, which others take for an address", host, canonical)
		}
	})
}
