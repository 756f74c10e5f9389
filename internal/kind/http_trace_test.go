package kind

import (
	"crypto/tls"
	"errors"
	"net/http/httptrace"
	"testing"
	"testing/synctest"
	"time"
)

func TestTrace(t *testing.T) {
	// Each step takes 10 ms, and then the request is given up.
	type steps []func(*httptrace.ClientTrace)
	var (
		dns       = steps{func(c *httptrace.ClientTrace) { c.DNSStart(httptrace.DNSStartInfo{}) }, func(c *httptrace.ClientTrace) { c.DNSDone(httptrace.DNSDoneInfo{}) }}
		dial      = steps{func(c *httptrace.ClientTrace) { c.ConnectStart("tcp", "a") }}
		refused   = steps{func(c *httptrace.ClientTrace) { c.ConnectDone("tcp", "a", errors.New("refused")) }}
		connected = steps{func(c *httptrace.ClientTrace) { c.ConnectDone("tcp", "a", nil) }}
		hello     = steps{func(c *httptrace.ClientTrace) { c.TLSHandshakeStart() }}
		agreed    = steps{func(c *httptrace.ClientTrace) {
			c.TLSHandshakeDone(tls.ConnectionState{Version: tls.VersionTLS13}, nil)
		}}
		got    = steps{func(c *httptrace.ClientTrace) { c.GotConn(httptrace.GotConnInfo{}) }}
		reused = steps{func(c *httptrace.ClientTrace) { c.GotConn(httptrace.GotConnInfo{Reused: true}) }}
		answer = steps{func(c *httptrace.ClientTrace) { c.GotFirstResponseByte() }}
	)
	tests := []struct {
		name       string
		steps      []steps
		reached    string
		connection string
	}{
		{"looking up", []steps{dns[:1]}, "the host's name was not resolved", ""},
		{"dialling", []steps{dns, dial}, "not connected", ""},
		{"refused at one address", []steps{dns, dial, refused, dial}, "not connected", ""},
		{"connected", []steps{dns, dial, connected, got}, "connected in 10 ms, no first byte", "Connected in 10 ms, without TLS."},
		{"connected at the second address", []steps{dns, dial, refused, dial, connected, got}, "connected in 30 ms, no first byte", "Connected in 30 ms, without TLS."},
		{"agreeing on TLS", []steps{dial, connected, hello}, "connected in 10 ms, TLS not agreed", ""},
		{"agreed on TLS", []steps{dial, connected, hello, agreed, got}, "connected in 10 ms, no first byte", "Connected in 10 ms, TLS 1.3 in 10 ms."},
		{"open already", []steps{reused}, "on an open connection, no first byte", "Used a connection that was open."},
		{"answered", []steps{dial, connected, got, answer}, "first byte after 40 ms, answer incomplete", "Connected in 10 ms, without TLS."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				trace := newTrace()
				hooks := trace.client()
				for _, group := range tt.steps {
					for _, step := range group {
						<-time.After(10 * time.Millisecond)
						step(hooks)
					}
				}
				if got := trace.reached(); got != tt.reached {
					t.Errorf("reached %q, want %q", got, tt.reached)
				}
				if got := trace.connection(); tt.connection != "" && got != tt.connection {
					t.Errorf("connection %q, want %q", got, tt.connection)
				}
			})
		})
	}
}

func TestTook(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0:                                           "0 ms",
		340 * time.Microsecond:                      "0.3 ms",
		1200 * time.Microsecond:                     "1.2 ms",
		12 * time.Millisecond:                       "12 ms",
		184400 * time.Microsecond:                   "184 ms",
		1200 * time.Millisecond:                     "1.2 s",
		5*time.Second + 3*time.Millisecond:          "5 s",
		30 * time.Second:                            "30 s",
		2*time.Minute + 5*time.Second + 1:           "2m5s",
		26*time.Hour + 3*time.Minute:                "26h3m0s",
		999*time.Millisecond + 999*time.Microsecond: "1 s",
	} {
		if got := took(d); got != want {
			t.Errorf("took(%s) = %q, want %q", d, got, want)
		}
	}
}
