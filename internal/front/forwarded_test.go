package front

import (
	"crypto/tls"
	"net/http"
	"net/netip"
	"strings"
	"testing"
)

func proxies(t testing.TB, text string) Proxies {
	t.Helper()
	p, err := ParseProxies(text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestAddress(t *testing.T) {
	t.Parallel()
	const ours = "10.0.0.0/8, 127.0.0.1, 2001:db8:1::/48"
	for name, c := range map[string]struct {
		trusted, remote string
		forwarded       []string
		want            string
	}{
		"nobody is trusted":                {"", "192.0.2.1:80", []string{"198.51.100.7"}, "192.0.2.1"},
		"the connection is not a proxy's":  {ours, "192.0.2.1:80", []string{"198.51.100.7"}, "192.0.2.1"},
		"a proxy that says nothing":        {ours, "10.1.2.3:80", nil, "10.1.2.3"},
		"one proxy":                        {ours, "10.1.2.3:80", []string{"198.51.100.7"}, "198.51.100.7"},
		"what the client wrote is hearsay": {ours, "10.1.2.3:80", []string{"203.0.113.9, 198.51.100.7"}, "198.51.100.7"},
		"two proxies":                      {ours, "127.0.0.1:80", []string{"203.0.113.9,198.51.100.7 , 10.9.9.9"}, "198.51.100.7"},
		"several fields are one list":      {ours, "127.0.0.1:80", []string{"203.0.113.9", "198.51.100.7", "10.9.9.9"}, "198.51.100.7"},
		"all are trusted":                  {ours, "10.1.2.3:80", []string{"10.0.0.1, 10.0.0.2"}, "10.0.0.1"},
		"with a port":                      {ours, "10.1.2.3:80", []string{"198.51.100.7:4711"}, "198.51.100.7"},
		"version 6 in brackets":            {ours, "[2001:db8:1::5]:80", []string{"[2001:db8:2::7]:4711"}, "2001:db8:2::7"},
		"version 6 without":                {ours, "[2001:db8:1::5]:80", []string{"2001:db8:2::7"}, "2001:db8:2::7"},
		"mapped proxy, mapped client":      {ours, "[::ffff:10.1.2.3]:80", []string{"::ffff:198.51.100.7"}, "198.51.100.7"},
		"a zone means nothing":             {ours, "10.1.2.3:80", []string{"fe80::1%eth0"}, "fe80::1"},
		"unknown":                          {ours, "10.1.2.3:80", []string{"198.51.100.7, unknown"}, "10.1.2.3"},
		"an empty entry":                   {ours, "10.1.2.3:80", []string{"198.51.100.7,"}, "10.1.2.3"},
		"an empty field":                   {ours, "10.1.2.3:80", []string{""}, "10.1.2.3"},
		"broken after a proxy":             {ours, "127.0.0.1:80", []string{"198.51.100.7, <script>, 10.9.9.9"}, "10.9.9.9"},
		"octal is no address":              {ours, "10.1.2.3:80", []string{"0306.0.0.1"}, "10.1.2.3"},
		"endless":                          {ours, "10.1.2.3:80", []string{"198.51.100.7" + strings.Repeat(",10.0.0.1", 5000)}, "10.0.0.1"},
		"a socket without an address":      {ours, "@", []string{"198.51.100.7"}, "invalid IP"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &http.Request{RemoteAddr: c.remote, Header: http.Header{forwardedFor: c.forwarded}}
			if got := proxies(t, c.trusted).Address(r).String(); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		remote string
		tls    bool
		proto  []string
		want   bool
	}{
		"plain":                    {"192.0.2.1:80", false, nil, false},
		"TLS up to here":           {"192.0.2.1:80", true, nil, true},
		"a stranger says so":       {"192.0.2.1:80", false, []string{"https"}, false},
		"a proxy says so":          {"10.0.0.1:80", false, []string{"HTTPS"}, true},
		"a proxy says otherwise":   {"10.0.0.1:80", false, []string{"http"}, false},
		"the client, then a proxy": {"10.0.0.1:80", false, []string{"https, http"}, false},
		"in two fields":            {"10.0.0.1:80", false, []string{"http", "https"}, true},
	} {
		r := &http.Request{RemoteAddr: c.remote, Header: http.Header{forwardedProto: c.proto}}
		if c.tls {
			r.TLS = &tls.ConnectionState{}
		}
		if got := proxies(t, "10.0.0.0/8").TLS(r); got != c.want {
			t.Errorf("%s: got %v", name, got)
		}
	}
}

func TestParseProxies(t *testing.T) {
	t.Parallel()
	if p := proxies(t, " "); len(p) != 0 {
		t.Errorf("got %v", p)
	}
	if p := proxies(t, "10.1.2.3/8,::1"); p[0] != netip.MustParsePrefix("10.0.0.0/8") || p[1] != netip.MustParsePrefix("::1/128") {
		t.Errorf("got %v", p)
	}
	for _, text := range []string{"10.0.0.0/33", "alb.internal", "10.0.0.0/8 ::1", "::ffff:10.0.0.0/104", "fe80::1%eth0"} {
		if _, err := ParseProxies(text); err == nil || !strings.Contains(err.Error(), strings.Fields(text)[0]) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// FuzzForwarded sends any header by a trusted proxy: what comes out is an address
// that stands there or the proxy's own, and no text left of it changes it.
func FuzzForwarded(f *testing.F) {
	for _, seed := range []string{
		"198.51.100.7", "203.0.113.9, 198.51.100.7:80", "[2001:db8::1]:1, 10.0.0.1", "unknown, , ::", "::ffff:1.2.3.4%x", "[", "[]", "]:", ",,,", "1.2.3.4,\x00",
	} {
		f.Add(seed, "evil, 9.9.9.9")
	}
	trusted := proxies(f, "10.0.0.0/8")
	f.Fuzz(func(t *testing.T, value, before string) {
		r := &http.Request{RemoteAddr: "10.0.0.1:80", Header: http.Header{forwardedFor: {value}, forwardedProto: {value}}}
		got := trusted.Address(r)
		if !got.IsValid() || got.Zone() != "" || got.Is4In6() {
			t.Fatalf("%q gives %v", value, got)
		}
		_ = trusted.TLS(r)
		r.Header[forwardedFor] = []string{before + "," + value}
		if again := trusted.Address(r); !trusted.trust(got) && again != got {
			t.Errorf("%q before %q changes %v to %v", before, value, got, again)
		}
	})
}
