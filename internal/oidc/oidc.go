// Package oidc reads the header by which an AWS Application Load Balancer
// vouches for a person who signed in with an OpenID Connect provider:
// x-amzn-oidc-data, a JWT that the load balancer signs with ES256 (AWS,
// "Authenticate users using an Application Load Balancer"). Nothing of the
// header is believed before its signature, signer, issuer, client and time were
// checked, since whoever reaches the process past the load balancer can send one.
//
// The code is our own because the header is no JWT of RFC 7519: its parts are
// padded, which the JOSE libraries refuse, and what it is checked against
// (signer, client) stands in its header. One algorithm and the standard
// library's signature check are all that is left.
package oidc

import (
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Header is the name of the header field.
const Header = "X-Amzn-Oidc-Data"

// Errors that callers tell apart. Others do not occur.
var (
	// ErrInvalid says that the header vouches for nobody. What is wrong with it stands in
	// the text, which holds nothing of the header's.
	ErrInvalid = errors.New("the load balancer's header is not valid")
	// ErrUnavailable says that the key could not be had now, so that nobody can tell.
	ErrUnavailable = errors.New("the load balancer's key cannot be had")
)

const (
	// maxHeader is the size of the header in bytes. A load balancer passes on claims of at most 11 KB.
	maxHeader = 16 << 10
	// leeway is how far the clocks of the load balancer and of this machine may differ.
	leeway = 30 * time.Second
	// maxName is how much of a person's name is kept, in bytes.
	maxName = 100
)

// Config says whose word is taken, and for what. Every field is needed.
type Config struct {
	// Signers are the ARNs of the load balancers.
	Signers []string
	// Issuer and Client are those of the provider.
	Issuer, Client string
	// Grants give roles to claims.
	Grants []Grant
	// Keys has the load balancers' keys.
	Keys *Keys
	// Clock is this machine's clock. Nil: time.Now.
	Clock func() time.Time
}

// Grant gives a role to who has a claim.
type Grant struct {
	// Role is what is given. This package attaches no meaning to it.
	Role string
	// Claim names the claim, Value what it must be, or hold where it is a list.
	// An empty Claim is everybody's who signed in.
	Claim, Value string
}

// Person is somebody for whom the load balancer vouches.
type Person struct {
	// ID is the same for as long as the issuer knows the person, and tells nothing.
	ID string
	// Name is the mail address, the name or the subject: the first that is there.
	Name string
	// Roles are those granted, in the order of the configuration. Empty: none is.
	Roles []string
}

// Verifier checks headers. It is safe for concurrent use.
type Verifier struct{ config Config }

// New gives a Verifier. It contacts nobody.
func New(c Config) *Verifier {
	if c.Clock == nil {
		c.Clock = time.Now
	}
	return &Verifier{c}
}

// jose is the header's own header.
type jose struct {
	Alg    string `json:"alg"`
	Crit   any    `json:"crit"` // what must be understood beyond this (RFC 7515 section 4.1.11): nothing is
	Kid    string `json:"kid"`
	Signer string `json:"signer"`
	Issuer string `json:"iss"`
	Client string `json:"client"`
	Expiry int64  `json:"exp"`
}

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrInvalid, fmt.Sprintf(format, args...))
}

// Verify gives the person that a header vouches for. Errors: ErrInvalid, ErrUnavailable.
func (v *Verifier) Verify(ctx context.Context, header string) (Person, error) {
	t, err := parse(header)
	if err != nil {
		return Person{}, err
	}
	if err := v.check(t.jose); err != nil {
		return Person{}, err
	}
	// Only now, since a key may have to be fetched.
	key, err := v.config.Keys.get(ctx, t.jose.Kid)
	if err != nil {
		return Person{}, err
	}
	digest := sha256.Sum256([]byte(t.signed))
	r, s := new(big.Int).SetBytes(t.signature[:32]), new(big.Int).SetBytes(t.signature[32:])
	if !ecdsa.Verify(key, digest[:], r, s) {
		return Person{}, invalid("its signature does not fit")
	}
	return v.person(t.claims)
}

// token is a header taken apart, with nothing checked.
type token struct {
	jose      jose
	claims    map[string]any
	signed    string
	signature []byte // 64 bytes
}

func parse(header string) (token, error) {
	if len(header) > maxHeader {
		return token{}, invalid("it is longer than %d bytes", maxHeader)
	}
	parts := strings.Split(header, ".")
	if len(parts) != 3 {
		return token{}, invalid("it has not three parts")
	}
	t := token{signed: parts[0] + "." + parts[1]}
	for i, into := range []any{&t.jose, &t.claims} {
		text, err := decode(parts[i])
		if err == nil {
			err = json.Unmarshal(text, into)
		}
		if err != nil {
			return token{}, invalid("part %d cannot be read", i+1)
		}
	}
	var err error
	if t.signature, err = decode(parts[2]); err != nil || len(t.signature) != 64 {
		return token{}, invalid("its signature is none of ES256")
	}
	return t, nil
}

// decode reads base64url, padded as the load balancer writes it or not padded as RFC 7515 has it.
func decode(part string) ([]byte, error) {
	if len(part)%4 == 0 && strings.HasSuffix(part, "=") {
		return base64.URLEncoding.Strict().DecodeString(part)
	}
	return base64.RawURLEncoding.Strict().DecodeString(part)
}

func (v *Verifier) check(h jose) error {
	switch {
	case h.Crit != nil:
		return invalid("it asks for what nobody here understands")
	case h.Alg != "ES256":
		return invalid("it is not signed with ES256")
	case !slices.Contains(v.config.Signers, h.Signer):
		return invalid("its signer is another load balancer")
	case h.Issuer != v.config.Issuer:
		return invalid("its issuer is another one")
	case h.Client != v.config.Client:
		return invalid("it is meant for another client")
	case !v.config.Clock().Before(time.Unix(h.Expiry, 0).Add(leeway)):
		return invalid("it has expired")
	}
	return nil
}

func (v *Verifier) person(claims map[string]any) (Person, error) {
	text := func(name string) string { s, _ := claims[name].(string); return s }
	subject := text("sub")
	if subject == "" {
		return Person{}, invalid("it names nobody")
	}
	if issuer, given := claims["iss"]; given && issuer != v.config.Issuer {
		return Person{}, invalid("its claims are of another issuer")
	}
	if expiry, given := claims["exp"]; given {
		at, isNumber := expiry.(float64)
		if !isNumber || !v.config.Clock().Before(time.Unix(int64(at), 0).Add(leeway)) {
			return Person{}, invalid("its claims have expired")
		}
	}
	sum := sha256.Sum256([]byte(v.config.Issuer + "\x00" + subject))
	p := Person{ID: "per_" + hex.EncodeToString(sum[:6])}
	for _, name := range []string{text("email"), text("name"), subject} {
		if p.Name == "" {
			p.Name = cut(name)
		}
	}
	for _, g := range v.config.Grants {
		if g.Claim == "" || holds(claims[g.Claim], g.Value) {
			p.Roles = append(p.Roles, g.Role)
		}
	}
	return p, nil
}

// holds reports whether a claim is the value, or a list that has it.
func holds(claim any, value string) bool {
	if list, ok := claim.([]any); ok {
		return slices.Contains(list, any(value))
	}
	return claim == any(value)
}

// cut bounds a name and takes control characters out of it.
func cut(name string) string {
	name = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == utf8.RuneError {
			return -1
		}
		return r
	}, name)
	for len(name) > maxName {
		_, size := utf8.DecodeLastRuneInString(name)
		name = name[:len(name)-size]
	}
	return name
}
