package redistest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Authority signs certificates that only those trust who are given its file.
type Authority struct {
	File string // its own certificate, PEM

	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pool *x509.CertPool
}

// NewAuthority makes one. Its file is gone when t ends.
func NewAuthority(t testing.TB) *Authority {
	t.Helper()
	a := &Authority{File: filepath.Join(t.TempDir(), "ca.pem"), pool: x509.NewCertPool()}
	a.cert, a.key = a.sign(t, a.File, &x509.Certificate{
		Subject: pkix.Name{CommonName: "redistest"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	})
	a.pool.AddCert(a.cert)
	return a
}

// StartTLS is [Start] for a server that speaks TLS and nothing else, with a certificate for
// 127.0.0.1 and localhost. It does not ask clients for theirs.
func StartTLS(t testing.TB, a *Authority, args ...string) *Server {
	t.Helper()
	return start(&Server{t: t, authority: a, args: append(a.args(t), args...)}, 65535)
}

// args makes a certificate and names it to a server.
func (a *Authority) args(t testing.TB) []string {
	t.Helper()
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	_, key := a.sign(t, certFile, &x509.Certificate{
		Subject: pkix.Name{CommonName: "redis"}, DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	})
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatalf("write a key: %v", err)
	}
	writePEM(t, keyFile, "PRIVATE KEY", der)
	return []string{
		"--tls-cert-file", certFile, "--tls-key-file", keyFile, "--tls-ca-cert-file", a.File,
		"--tls-auth-clients", "no", "--tls-replication", "yes",
	}
}

// sign completes the certificate, signs it (by itself when the authority has none yet) and
// writes it to the file.
func (a *Authority) sign(t testing.TB, file string, c *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatalf("make a key: %v", err)
	}
	c.SerialNumber = big.NewInt(time.Now().UnixNano())
	c.NotBefore, c.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(24*time.Hour)
	parent, parentKey := a.cert, a.key
	if parent == nil {
		parent, parentKey = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, parentKey)
	if err != nil {
		t.Fatalf("sign a certificate: %v", err)
	}
	writePEM(t, file, "CERTIFICATE", der)
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatalf("read a certificate: %v", err)
	}
	return cert, key
}

func writePEM(t testing.TB, file, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatalf("write %s: %v", kind, err)
	}
}
