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
	if _, words := why(err); words != "" {
		return fmt.Errorf("%s (%w)", words, err)
	}
	return err
}

// why gives the sort of a fault and words for an operator, both empty where it is not known.
func why(err error) (Trouble, string) {
	if sort, words := explainReach(err); words != "" {
		return sort, words
	}
	return explainAnswer(err)
}

// explainReach is about connections that do not come about.
func explainReach(err error) (Trouble, string) {
	_, isDNS := errors.AsType[*net.DNSError](err)
	_, isUnknown := errors.AsType[x509.UnknownAuthorityError](err)
	_, isHost := errors.AsType[x509.HostnameError](err)
	_, isInvalid := errors.AsType[x509.CertificateInvalidError](err)
	_, isAlert := errors.AsType[tls.AlertError](err)
	silent := errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded)
	switch {
	case errors.Is(err, errNoPassword):
		return TroubleDenied, "the password of Redis cannot be had"
	case isDNS:
		return TroubleUnreachable, "the name of the Redis host cannot be resolved: check the host in the URL"
	case isUnknown:
		return TroubleUnreachable, "the TLS certificate of Redis is signed by an authority that is not trusted here: name the authority's file with -redis-ca-file"
	case isHost:
		return TroubleUnreachable, "the TLS certificate of Redis is for another host than the URL names"
	case isInvalid:
		return TroubleUnreachable, "the TLS certificate of Redis is not valid"
	case isAlert:
		return TroubleUnreachable, "Redis refuses this client's TLS"
	case errors.Is(err, errTLS):
		return TroubleUnreachable, "Redis does not speak TLS on this port: write redis instead of rediss in the URL, or name the TLS port"
	case errors.Is(err, syscall.ECONNREFUSED):
		return TroubleUnreachable, "nobody listens at the address of Redis: check host and port, and that Redis runs"
	case errors.Is(err, os.ErrNotExist):
		return TroubleUnreachable, "there is no socket of this name: check the path in the URL"
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE):
		return TroubleUnreachable, "Redis hangs up at once: it may want TLS (write rediss instead of redis in the URL), or have as many clients as its maxclients allows"
	case silent:
		return TroubleSilent, "Redis does not answer: check host and port, firewalls, and that Redis is not stuck"
	}
	return "", ""
}

// explainAnswer is about what a server answers.
func explainAnswer(err error) (Trouble, string) {
	if errors.Is(err, redis.Nil) {
		return TroubleUnreachable, "the Sentinels know no master of this name: check the name in the URL"
	}
	text := serverText(err)
	for _, f := range []struct {
		part  string
		sort  Trouble
		words string
	}{
		{"WRONGPASS", TroubleDenied, "Redis does not take this user and password"},
		{"NOAUTH", TroubleDenied, "Redis wants a password: set WINDLASS_REDIS_PASSWORD or WINDLASS_REDIS_PASSWORD_FILE"},
		{"NOPERM", TroubleDenied, "Redis does not let this user do what Windlass needs: SECURITY.md has the rules of the user"},
		{inScript7, TroubleDenied, "Redis does not let this user do what Windlass needs: SECURITY.md has the rules of the user"},
		{inScript, TroubleDenied, "Redis does not let this user do what Windlass needs: SECURITY.md has the rules of the user"},
		{"DB index is out of range", TroubleDenied, "Redis has no database of this number: check the end of the URL"},
		{"cluster support disabled", TroubleUnreachable, "this Redis is not a cluster: write redis:// or rediss://"},
		{"MOVED", TroubleUnreachable, "this Redis is a node of a cluster: write redis+cluster://, or rediss+cluster:// for TLS"},
		{"unknown command 'sentinel'", TroubleUnreachable, "this is a Redis, not a Sentinel: write redis://, or the Sentinels' port"},
		{"unknown command `sentinel`", TroubleUnreachable, "this is a Redis, not a Sentinel: write redis://, or the Sentinels' port"},
		{"READONLY", TroubleReadOnly, "this Redis is a replica, which takes no writes: name the primary"},
		{"LOADING", TroubleLoading, "Redis is still loading its data: start again when it is done"},
		{"CLUSTERDOWN", TroubleDown, "the cluster is down: redis-cli cluster info tells more"},
		{"MASTERDOWN", TroubleReadOnly, "this Redis is a replica that has lost its primary: name the primary"},
		{"OOM", TroubleFull, "Redis is full: its maxmemory is used up"},
		{"MISCONF", TroubleUnsaved, "Redis cannot save its data and takes no writes: its log tells why"},
		{"max number of clients", TroubleCrowded, "Redis has as many clients as it may: raise its maxclients"},
	} {
		if strings.Contains(text, f.part) {
			return f.sort, f.words
		}
	}
	return "", ""
}

// serverText gives what a server answered, empty when err is no answer.
func serverText(err error) string {
	if answer, ok := errors.AsType[redis.Error](err); ok {
		return answer.Error()
	}
	return ""
}
