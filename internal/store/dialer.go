package store

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"
)

// dialer makes every connection to Redis and to Sentinels. It stands for
// go-redis's own because that one ends a TLS handshake with nobody after
// minutes and without the word TLS, and reads no authorities of ours.
type dialer struct {
	secure  bool
	host    string // the URL's: certificates of servers that are known by number are for it
	caFile  string
	trusted bool // whatever the server shows (?skip_verify=true)
}

// newDialer reads the authorities once, so that a faulty file is known at the start.
func newDialer(u redisURL, caFile string) (*dialer, error) {
	d := &dialer{secure: u.secure, host: u.host, caFile: caFile, trusted: u.skipVerify}
	if caFile != "" && !u.secure {
		return nil, errors.New("a file of authorities is for TLS: the URL begins with rediss then")
	}
	_, err := d.authorities()
	return d, err
}

func (d *dialer) authorities() (*x509.CertPool, error) {
	if d.caFile == "" {
		return nil, nil // the machine's
	}
	pem, err := os.ReadFile(d.caFile)
	if err != nil {
		return nil, fmt.Errorf("read the authorities for TLS: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("read the authorities for TLS: %s holds no certificate in PEM", d.caFile)
	}
	return pool, nil
}

// dial makes one connection. Faults of TLS are faults of dialling: nothing was
// asked yet, so trying again is safe.
func (d *dialer) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	// Keep-alives find a host that vanished in about 30 s under those who only listen.
	nd := net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 3}}
	conn, err := nd.DialContext(ctx, network, addr)
	if err != nil || !d.secure {
		return conn, err
	}
	secure, err := d.handshake(ctx, conn, addr)
	if err != nil {
		_ = conn.Close() // the error that counts is the handshake's
		return nil, &net.OpError{Op: "dial", Net: network, Addr: conn.RemoteAddr(), Err: fmt.Errorf("%w: %w", errTLS, err)}
	}
	return secure, nil
}

func (d *dialer) handshake(ctx context.Context, conn net.Conn, addr string) (net.Conn, error) {
	pool, err := d.authorities()
	if err != nil {
		return nil, err
	}
	name, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	if _, err := netip.ParseAddr(name); err == nil {
		name = d.host // a cluster or Sentinel that tells numbers
	}
	secure := tls.Client(conn, &tls.Config{
		ServerName: name, RootCAs: pool, MinVersion: tls.VersionTLS12, InsecureSkipVerify: d.trusted,
	})
	if err := secure.HandshakeContext(ctx); err != nil {
		return nil, err
	}
	return secure, nil
}
