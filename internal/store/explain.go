package store

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"

	"github.com/redis/go-redis/v9"
)

// errTLS says that a connection opened and TLS did not come about on it.
var errTLS = errors.New("TLS handshake")

// explain puts before err what an operator can do about it, where that is known.
// Nil stays nil.
func explain(err error) error {
	if err == nil {
		return nil
	}
	for _, words := range []string{explainReach(err), explainAnswer(err)} {
		if words != "" {
			return fmt.Errorf("%s (%w)", words, err)
		}
	}
	return err
}

// explainReach is about connections that do not come about.
func explainReach(err error) string {
	_, isDNS := errors.AsType[*net.DNSError](err)
	_, isUnknown := errors.AsType[x509.UnknownAuthorityError](err)
	_, isHost := errors.AsType[x509.HostnameError](err)
	_, isInvalid := errors.AsType[x509.CertificateInvalidError](err)
	_, isAlert := errors.AsType[tls.AlertError](err)
	silent := errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded)
	switch {
	case errors.Is(err, errNoPassword):
		return "the password of Redis cannot be had"
	case isDNS:
		return "the name of the Redis host cannot be resolved: check the host in the URL"
	case isUnknown:
		return "the TLS certificate of Redis is signed by an authority that is not trusted here: name the authority's file with -redis-ca-file"
	case isHost:
		return "the TLS certificate of Redis is for another host than the URL names"
	case isInvalid:
		return "the TLS certificate of Redis is not valid"
	case isAlert:
		return "Redis refuses this client's TLS"
	case errors.Is(err, errTLS):
		return "Redis does not speak TLS on this port: write redis instead of rediss in the URL, or name the TLS port"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nobody listens at the address of Redis: check host and port, and that Redis runs"
	case errors.Is(err, os.ErrNotExist):
		return "there is no socket of this name: check the path in the URL"
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE):
		return "Redis hangs up at once: it may want TLS (write rediss instead of redis in the URL), or have as many clients as its maxclients allows"
	case silent:
		return "Redis does not answer: check host and port, firewalls, and that Redis is not stuck"
	}
	return ""
}

// explainAnswer is about what a server answers.
func explainAnswer(err error) string {
	if errors.Is(err, redis.Nil) {
		return "the Sentinels know no master of this name: check the name in the URL"
	}
	text := serverText(err)
	for _, f := range []struct{ part, words string }{
		{"WRONGPASS", "Redis does not take this user and password"},
		{"NOAUTH", "Redis wants a password: set WINDLASS_REDIS_PASSWORD or WINDLASS_REDIS_PASSWORD_FILE"},
		{"NOPERM", "Redis does not let this user do what Windlass needs: SECURITY.md has the rules of the user"},
		{inScript7, "Redis does not let this user do what Windlass needs: SECURITY.md has the rules of the user"},
		{inScript, "Redis does not let this user do what Windlass needs: SECURITY.md has the rules of the user"},
		{"DB index is out of range", "Redis has no database of this number: check the end of the URL"},
		{"cluster support disabled", "this Redis is not a cluster: write redis:// or rediss://"},
		{"MOVED", "this Redis is a node of a cluster: write redis+cluster://, or rediss+cluster:// for TLS"},
		{"unknown command 'sentinel'", "this is a Redis, not a Sentinel: write redis://, or the Sentinels' port"},
		{"unknown command `sentinel`", "this is a Redis, not a Sentinel: write redis://, or the Sentinels' port"},
		{"READONLY", "this Redis is a replica, which takes no writes: name the primary"},
		{"LOADING", "Redis is still loading its data: start again when it is done"},
		{"CLUSTERDOWN", "the cluster is down: redis-cli cluster info tells more"},
		{"MASTERDOWN", "this Redis is a replica that has lost its primary: name the primary"},
		{"OOM", "Redis is full: its maxmemory is used up"},
		{"MISCONF", "Redis cannot save its data and takes no writes: its log tells why"},
		{"max number of clients", "Redis has as many clients as it may: raise its maxclients"},
	} {
		if strings.Contains(text, f.part) {
			return f.words
		}
	}
	return ""
}

// serverText gives what a server answered, empty when err is no answer.
func serverText(err error) string {
	if answer, ok := errors.AsType[redis.Error](err); ok {
		return answer.Error()
	}
	return ""
}
