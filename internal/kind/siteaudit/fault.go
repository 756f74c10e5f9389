package siteaudit

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"syscall"

	"windlass/internal/egress"
)

// fault is a stable word for what is wrong with a target; empty for nothing.
type fault string

const (
	faultStatus    fault = "http_status"
	faultDNS       fault = "dns"
	faultRefused   fault = "connection_refused"
	faultTimeout   fault = "timeout"
	faultTLSTime   fault = "tls_expired"
	faultTLSHost   fault = "tls_wrong_host"
	faultTLSIssuer fault = "tls_untrusted"
	faultTLS       fault = "tls"
	faultClosed    fault = "connection_closed"
	faultNetwork   fault = "network"
	faultRedirect  fault = "bad_redirect"
	faultLoop      fault = "redirect_loop"
	faultHops      fault = "too_many_redirects"
	faultURL       fault = "bad_url"
	faultAnchor    fault = "no_anchor"
	faultSitemap   fault = "bad_sitemap"

	// What follows says why a target was not checked; it is not broken.

	leftRobots  fault = "robots"
	leftAddress fault = "address_not_allowed"
	leftLimited fault = "rate_limited"
)

// unchecked reports whether f says that nothing is known about the target.
func (f fault) unchecked() bool {
	return f == leftRobots || f == leftAddress || f == leftLimited
}

// transient reports whether another try may go better: the network may, what
// the site itself says may not.
func (f fault) transient() bool {
	switch f {
	case faultDNS, faultRefused, faultTimeout, faultClosed, faultNetwork, leftLimited:
		return true
	default:
		return false
	}
}

// sentence says f in words. status is used by faultStatus alone.
func (f fault) sentence(status int) string {
	switch f {
	case faultStatus:
		return statusSentence(status)
	case faultDNS:
		return "The host's name has no address."
	case faultRefused:
		return "The host refuses connections."
	case faultTimeout:
		return fmt.Sprintf("No complete answer within %s.", requestTimeout)
	case faultTLSTime:
		return "The certificate has expired or is not valid yet."
	case faultTLSHost:
		return "The certificate is for another host."
	case faultTLSIssuer:
		return "The certificate is not signed by a known authority."
	case faultTLS:
		return "No secure connection could be made."
	case faultClosed:
		return "The host closed the connection before it had answered."
	case faultRedirect:
		return "The redirect does not say where it leads."
	case faultLoop:
		return "The redirects lead in a circle."
	case faultHops:
		return fmt.Sprintf("More than %d redirects follow one another.", maxHops)
	case faultURL:
		return fmt.Sprintf("This is not a URL, or is longer than %d bytes.", maxURL)
	case faultAnchor:
		return "The page has no element with this id."
	case faultSitemap:
		return "The sitemap is not valid XML."
	case leftRobots:
		return "Not checked: the site's robots.txt does not allow it."
	case leftAddress:
		return "Not checked: this server may not call the host."
	case leftLimited:
		return "Not checked: the host asked for fewer requests."
	default:
		return "The host could not be reached, or does not answer as HTTP asks."
	}
}

func statusSentence(status int) string {
	if text := http.StatusText(status); text != "" {
		return fmt.Sprintf("Answered %d %s.", status, text)
	}
	return fmt.Sprintf("Answered %d.", status)
}

// faultOf names the fault of a request that got no answer.
func faultOf(err error) fault {
	if _, ok := errors.AsType[*egress.RefusedError](err); ok {
		return leftAddress
	}
	if e, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		if e.Reason == x509.Expired {
			return faultTLSTime
		}
		return faultTLS
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return faultTLSHost
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return faultTLSIssuer
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return faultTLS
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return faultTLS
	}
	// crypto/tls names the alerts of a failed handshake by these only.
	if e, ok := errors.AsType[*net.OpError](err); ok && (e.Op == "remote error" || e.Op == "local error") {
		return faultTLS
	}
	if e, ok := errors.AsType[*net.DNSError](err); ok && !e.IsTimeout {
		return faultDNS
	}
	if e, ok := errors.AsType[net.Error](err); errors.Is(err, context.DeadlineExceeded) || ok && e.Timeout() {
		return faultTimeout
	}
	if errors.Is(err, syscall.ECONNREFUSED) {
		return faultRefused
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) {
		return faultClosed
	}
	return faultNetwork
}
