package siteaudit

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"windlass/internal/egress"
)

func TestFaultOf(t *testing.T) {
	tests := []struct {
		err  error
		want fault
	}{
		{&egress.RefusedError{}, leftAddress},
		{x509.CertificateInvalidError{Reason: x509.Expired}, faultTLSTime},
		{x509.CertificateInvalidError{Reason: x509.NotAuthorizedToSign}, faultTLS},
		{&net.OpError{Op: "remote error", Err: errors.New("tls: handshake failure")}, faultTLS},
		{&net.DNSError{IsNotFound: true}, faultDNS},
		{&net.DNSError{IsTimeout: true}, faultTimeout},
		{&net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}, faultRefused},
		{&net.OpError{Op: "read", Err: os.NewSyscallError("read", syscall.ECONNRESET)}, faultClosed},
		{&net.OpError{Op: "dial", Err: os.ErrDeadlineExceeded}, faultTimeout},
		{io.ErrUnexpectedEOF, faultClosed},
		{context.DeadlineExceeded, faultTimeout},
		{errors.New("malformed HTTP response"), faultNetwork},
	}
	for _, tt := range tests {
		if got := faultOf(fmt.Errorf("GET: %w", tt.err)); got != tt.want {
			t.Errorf("%v: got %q, want %q", tt.err, got, tt.want)
		}
	}
}

func TestFaultOfHandshakes(t *testing.T) {
	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.Config.ErrorLog = silence
	secure.StartTLS()
	defer secure.Close()
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	c := client{transport: transport}
	for address, want := range map[string]fault{
		secure.URL: faultTLSIssuer,
		strings.Replace(plain.URL, "http:", "https:", 1):  faultTLS,
		strings.Replace(secure.URL, "https:", "http:", 1): faultStatus, // Go's own servers say it in plain HTTP
	} {
		if a := c.do(t.Context(), http.MethodGet, address, nil); a.fault != want {
			t.Errorf("%s: got %q (%v), want %q", address, a.fault, a.err, want)
		}
	}
}

func TestFaultsHaveTheirSentence(t *testing.T) {
	seen := map[string]fault{}
	for _, f := range []fault{
		faultDNS, faultRefused, faultTimeout, faultTLSTime, faultTLSHost, faultTLSIssuer, faultTLS, faultClosed, faultNetwork, faultRedirect,
		faultLoop, faultHops, faultURL, faultAnchor, faultSitemap, leftRobots, leftAddress, leftLimited,
	} {
		s := f.sentence(0)
		if seen[s] != "" || !strings.HasSuffix(s, ".") {
			t.Errorf("%s says %q, as %s does", f, s, seen[s])
		}
		seen[s] = f
	}
	if s := faultStatus.sentence(599); s != "Answered 599." {
		t.Errorf("got %q", s)
	}
}

func TestRetryAfter(t *testing.T) {
	for value, want := range map[string]time.Duration{
		"": 0, "7": 7 * time.Second, "-1": 0, "99999999999": maxPause, "86400": maxPause, "soon": 0,
		"Sun, 06 Nov 1994 08:49:37 GMT": 0, time.Now().Add(time.Hour).UTC().Format(http.TimeFormat): maxPause,
	} {
		if got := retryAfter(value); got != want {
			t.Errorf("%q: got %s, want %s", value, got, want)
		}
	}
}
