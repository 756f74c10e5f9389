package kind

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"

	"windlass/internal/egress"
	"windlass/internal/task"
)

// fault turns what went wrong on the way into a failure fit for a stranger's
// eyes. The texts of net and net/http hold URLs and internal addresses, so the
// sentence is always ours and theirs goes to the log without the input's secrets.
func (x *httpExchange) fault(ctx context.Context, err error) error {
	if refused, ok := errors.AsType[*egress.RefusedError](err); ok {
		return &task.Error{Code: "egress_refused", Message: refused.Error(), Final: true}
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return fmt.Errorf("exchange: %w", ctx.Err())
	}
	code, message := explain(err, x.target.Hostname())
	if isTimeout(err) || ctx.Err() != nil {
		code = "timeout"
		message = fmt.Sprintf("No answer within %s (%s).", took(time.Since(x.start)), x.trace.reached())
	}
	return &task.Error{Code: code, Message: message, Err: errors.New(x.run.Scrub(err.Error()))}
}

func isTimeout(err error) bool {
	timeout, ok := errors.AsType[net.Error](err)
	return ok && timeout.Timeout()
}

// explain gives code and sentence for a fault of the network.
func explain(err error, host string) (code, message string) {
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		if dns.IsNotFound {
			return "dns", fmt.Sprintf("The host %s does not exist.", host)
		}
		return "dns", fmt.Sprintf("The address of %s could not be looked up.", host)
	}
	if code, message := explainTLS(err, host); code != "" {
		return code, message
	}
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection", host + " refused the connection: nothing listens on this port."
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "connection", host + " cannot be reached from here."
	case strings.Contains(err.Error(), "response headers exceeded"): // net/http has no error of its own for it
		return "connection", fmt.Sprintf("The header fields of the answer of %s are too large: more than 256 KiB.", host)
	default:
		return "connection", fmt.Sprintf("The connection to %s broke before the answer was complete.", host)
	}
}

// explainTLS gives an empty code when err is not about TLS.
func explainTLS(err error, host string) (code, message string) {
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok || errors.Is(err, http.ErrSchemeMismatch) {
		return "tls", host + " does not speak TLS on this port; is it an http:// address?"
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); !ok {
		if _, ok := errors.AsType[tls.AlertError](err); ok {
			return "tls", fmt.Sprintf("%s and Windlass could not agree on TLS.", host)
		}
		return "", ""
	}
	why := "it cannot be verified"
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok && invalid.Reason == x509.Expired {
		why = "it has expired or is not valid yet"
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		why = "its issuer is unknown"
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		why = "it is for another name"
	}
	return "tls", fmt.Sprintf("The certificate of %s is not trusted: %s.", host, why)
}
