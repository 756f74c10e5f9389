package oidc

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const (
	arn    = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/windlass/50dc6c495c0c9188"
	issuer = "https://id.example"
	client = "windlass"
)

type object = map[string]any

// balancer signs as a load balancer does, and serves its keys.
type balancer struct {
	t      testing.TB
	key    *ecdsa.PrivateKey
	server *httptest.Server
	asked  atomic.Int64
	mu     sync.Mutex
	keys   map[string]string // path -> what is answered
}

const kid = "83aef8a4-9b05-4e6c-8a1e-c0a1d0a7c111"

func newBalancer(t testing.TB) *balancer {
	t.Helper()
	b := &balancer{t: t, keys: map[string]string{}}
	b.key = b.newKey()
	b.serve(kid, &b.key.PublicKey)
	b.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.asked.Add(1)
		b.mu.Lock()
		text, ok := b.keys[r.URL.Path]
		b.mu.Unlock()
		switch {
		case !ok:
			http.Error(w, "no such key", http.StatusForbidden)
		case text == "":
			http.Error(w, "broken", http.StatusBadGateway)
		default:
			_, _ = w.Write([]byte(text))
		}
	}))
	t.Cleanup(b.server.Close)
	return b
}

func (b *balancer) newKey() *ecdsa.PrivateKey {
	b.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.t.Fatal(err)
	}
	return key
}

func (b *balancer) serve(id string, key any) {
	b.t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		b.t.Fatal(err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.keys["/"+id] = string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

func (b *balancer) verifier() *Verifier {
	return New(Config{
		Signers: []string{"arn:another", arn}, Issuer: issuer, Client: client, Keys: NewKeys(b.server.URL),
		Grants: []Grant{{"admin", "groups", "platform"}, {"operator", "custom:role", "ops"}, {"viewer", "", ""}},
	})
}

func goodHeader() object {
	return object{"typ": "JWT", "alg": "ES256", "kid": kid, "signer": arn, "iss": issuer, "client": client, "exp": time.Now().Add(2 * time.Minute).Unix()}
}

func goodClaims() object {
	return object{"sub": "u-1", "email": "ann@example.com", "name": "Ann", "groups": []string{"crew", "platform"}, "iss": issuer, "exp": time.Now().Add(2 * time.Minute).Unix()}
}

// with gives a copy of o with some members changed; those that are nil are taken out.
func with(o object, changes object) object {
	o = maps.Clone(o)
	for name, v := range changes {
		if o[name] = v; v == nil {
			delete(o, name)
		}
	}
	return o
}

// pad writes base64url as the load balancer does.
func pad(v any) string {
	text, ok := v.(string)
	if !ok {
		b, err := json.Marshal(v)
		if err != nil {
			panic(err)
		}
		text = string(b)
	}
	return base64.URLEncoding.EncodeToString([]byte(text))
}

func (b *balancer) sign(header, claims any) string {
	signed := pad(header) + "." + pad(claims)
	return signed + "." + b.signature(b.key, signed)
}

func (b *balancer) signature(key *ecdsa.PrivateKey, signed string) string {
	b.t.Helper()
	digest := sha256.Sum256([]byte(signed))
	r, s, err := ecdsa.Sign(rand.Reader, key, digest[:])
	if err != nil {
		b.t.Fatal(err)
	}
	return pad(string(r.FillBytes(make([]byte, 32))) + string(s.FillBytes(make([]byte, 32))))
}

func TestPerson(t *testing.T) {
	t.Parallel()
	b := newBalancer(t)
	v := b.verifier()
	verify := func(claims object) Person {
		t.Helper()
		p, err := v.Verify(t.Context(), b.sign(goodHeader(), claims))
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	ann := verify(goodClaims())
	if diff := cmp.Diff(Person{ID: ann.ID, Name: "ann@example.com", Roles: []string{"admin", "viewer"}}, ann); diff != "" || len(ann.ID) != 16 {
		t.Errorf("ann (-want +got):\n%s", diff)
	}
	for name, tt := range map[string]struct {
		changes object
		name    string
		roles   []string
	}{
		"a claim of one word":     {object{"groups": nil, "custom:role": "ops"}, "ann@example.com", []string{"operator", "viewer"}},
		"no claim":                {object{"groups": nil}, "ann@example.com", []string{"viewer"}},
		"a part of a word":        {object{"groups": "platform engineers"}, "ann@example.com", []string{"viewer"}},
		"a claim of another sort": {object{"groups": object{"platform": true}}, "ann@example.com", []string{"viewer"}},
		"no mail":                 {object{"email": nil, "groups": nil}, "Ann", []string{"viewer"}},
		"nothing but a subject":   {object{"email": nil, "name": nil, "groups": nil, "exp": nil, "iss": nil}, "u-1", []string{"viewer"}},
		"a name of several lines": {object{"email": "a\r\nb\x00c", "groups": nil}, "abc", []string{"viewer"}},
		"a name without end":      {object{"email": strings.Repeat("é", 500), "groups": nil}, strings.Repeat("é", 50), []string{"viewer"}},
		"a clock that is behind":  {object{"exp": time.Now().Add(-leeway / 2).Unix()}, "ann@example.com", []string{"admin", "viewer"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := verify(with(goodClaims(), tt.changes))
			if p.ID != ann.ID || p.Name != tt.name || !cmp.Equal(p.Roles, tt.roles) {
				t.Errorf("got %+v", p)
			}
		})
	}
	if other := verify(with(goodClaims(), object{"sub": "u-2"})); other.ID == ann.ID {
		t.Error("two people have one id")
	}
	if n := b.asked.Load(); n != 1 {
		t.Errorf("the key was asked for %d times", n)
	}
	// Parts without padding are taken, too.
	signed := strings.ReplaceAll(pad(goodHeader()), "=", "") + "." + strings.ReplaceAll(pad(goodClaims()), "=", "")
	if _, err := v.Verify(t.Context(), signed+"."+strings.ReplaceAll(b.signature(b.key, signed), "=", "")); err != nil {
		t.Errorf("without padding: %v", err)
	}
}

func TestWrongHeaders(t *testing.T) {
	t.Parallel()
	b := newBalancer(t)
	v := b.verifier()
	good := b.sign(goodHeader(), goodClaims())
	parts := strings.Split(good, ".")
	stranger := b.newKey()
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	b.serve("rsa", &rsaKey.PublicKey)
	b.serve("p384", &p384.PublicKey)
	mac := func(header object) string { // the old trick: the public key as the secret of HS256
		signed := pad(header) + "." + pad(goodClaims())
		h := hmac.New(sha256.New, []byte(b.keys["/"+kid]))
		h.Write([]byte(signed))
		return signed + "." + pad(string(h.Sum(nil)))
	}
	der := func() string {
		digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
		sig, err := ecdsa.SignASN1(rand.Reader, b.key, digest[:])
		if err != nil {
			t.Fatal(err)
		}
		return pad(string(sig))
	}
	n := elliptic.P256().Params().N
	zeros := pad(strings.Repeat("\x00", 64))
	order := pad(string(n.FillBytes(make([]byte, 32))) + string(new(big.Int).Sub(n, big.NewInt(1)).FillBytes(make([]byte, 32))))
	header := func(changes object) string { return b.sign(with(goodHeader(), changes), goodClaims()) }
	claims := func(changes object) string { return b.sign(goodHeader(), with(goodClaims(), changes)) }
	for name, text := range map[string]string{
		"empty":                     "",
		"no parts":                  "abc",
		"two parts":                 parts[0] + "." + parts[1],
		"four parts":                good + ".",
		"too long":                  good + strings.Repeat("A", maxHeader),
		"not base64":                "§." + parts[1] + "." + parts[2],
		"header no JSON":            b.sign("hello", goodClaims()),
		"header a list":             b.sign("[]", goodClaims()),
		"claims no JSON":            b.sign(goodHeader(), "hello"),
		"claims null":               b.sign(goodHeader(), "null"),
		"no signature":              parts[0] + "." + parts[1] + ".",
		"signature cut":             parts[0] + "." + parts[1] + "." + parts[2][:40],
		"signature of ASN.1":        parts[0] + "." + parts[1] + "." + der(),
		"signature of zeros":        parts[0] + "." + parts[1] + "." + zeros,
		"signature of the order":    parts[0] + "." + parts[1] + "." + order,
		"signature of a stranger":   parts[0] + "." + parts[1] + "." + b.signature(stranger, parts[0]+"."+parts[1]),
		"other claims":              parts[0] + "." + pad(with(goodClaims(), object{"sub": "root"})) + "." + parts[2],
		"other header":              pad(with(goodHeader(), object{"exp": time.Now().Add(time.Hour).Unix()})) + "." + parts[1] + "." + parts[2],
		"padding taken off":         strings.ReplaceAll(b.sign(with(goodHeader(), object{"x": "12"}), with(goodClaims(), object{"x": "1"})), "=", ""),
		"alg none":                  pad(with(goodHeader(), object{"alg": "none"})) + "." + parts[1] + ".",
		"alg none, signed":          header(object{"alg": "none"}),
		"a critical extension":      header(object{"crit": []string{"b64"}, "b64": false}),
		"alg in another case":       header(object{"alg": "es256"}),
		"alg HS256 with public key": mac(with(goodHeader(), object{"alg": "HS256"})),
		"alg ES256 with HMAC":       mac(goodHeader()),
		"alg left out":              header(object{"alg": nil}),
		"another signer":            header(object{"signer": arn + "x"}),
		"signer left out":           header(object{"signer": nil}),
		"signer in a list":          header(object{"signer": []string{arn}}),
		"another issuer":            header(object{"iss": "https://evil.example"}),
		"another client":            header(object{"client": "shop"}),
		"client left out":           header(object{"client": nil}),
		"expired":                   header(object{"exp": time.Now().Add(-leeway - 2*time.Second).Unix()}),
		"no expiry":                 header(object{"exp": nil}),
		"expiry as text":            header(object{"exp": "9999999999"}),
		"kid left out":              header(object{"kid": nil}),
		"kid a path":                header(object{"kid": "../" + kid}),
		"kid a query":               header(object{"kid": kid + "?x"}),
		"kid a host":                header(object{"kid": "@evil.example/key"}),
		"kid unknown":               header(object{"kid": "00000000-0000-0000-0000-000000000000"}),
		"nobody":                    claims(object{"sub": nil}),
		"an empty subject":          claims(object{"sub": ""}),
		"a subject of another sort": claims(object{"sub": 1}),
		"claims of another issuer":  claims(object{"iss": "https://evil.example"}),
		"claims expired":            claims(object{"exp": time.Now().Add(-time.Hour).Unix()}),
		"claims expire in words":    claims(object{"exp": "tomorrow"}),
	} {
		t.Run(name, func(t *testing.T) {
			p, err := v.Verify(t.Context(), text)
			if !errors.Is(err, ErrInvalid) || !cmp.Equal(p, Person{}) {
				t.Errorf("got %+v, %v", p, err)
			}
		})
	}
	for _, id := range []string{"rsa", "p384"} {
		if _, err := v.Verify(t.Context(), header(object{"kid": id})); !errors.Is(err, ErrUnavailable) {
			t.Errorf("key %s: %v", id, err)
		}
	}
	if _, err := v.Verify(t.Context(), good); err != nil {
		t.Errorf("and yet the good one: %v", err)
	}
}

func TestKeys(t *testing.T) {
	t.Parallel()
	b := newBalancer(t)
	v := b.verifier()
	keys := v.config.Keys
	now := time.Now()
	keys.clock = func() time.Time { return now }
	try := func(id string) error {
		_, err := keys.get(t.Context(), id)
		return err
	}
	wantAsked := func(what string, n int64) {
		t.Helper()
		if got := b.asked.Swap(0); got != n {
			t.Errorf("%s: asked %d times, want %d", what, got, n)
		}
	}
	var many sync.WaitGroup
	for range 50 {
		many.Go(func() {
			if err := try(kid); err != nil {
				t.Error(err)
			}
		})
	}
	many.Wait()
	if n := b.asked.Swap(0); n < 1 || n > 3 { // whoever looks before the answer is kept and joins after it asks again
		t.Errorf("fifty at once asked %d times", n)
	}
	now = now.Add(keyKept - time.Second)
	if err := try(kid); err != nil {
		t.Error(err)
	}
	wantAsked("while it is kept", 0)
	now = now.Add(time.Second)
	if err := try(kid); err != nil {
		t.Error(err)
	}
	wantAsked("afterwards", 1)

	for range 3 {
		if err := try("nothing"); !errors.Is(err, ErrInvalid) {
			t.Error(err)
		}
	}
	wantAsked("an unknown id", 1)
	b.mu.Lock()
	b.keys["/broken"] = ""
	b.keys["/text"] = "no key"
	b.mu.Unlock()
	for _, id := range []string{"broken", "text"} {
		if err := try(id); !errors.Is(err, ErrUnavailable) {
			t.Errorf("%s: %v", id, err)
		}
	}
	wantAsked("a broken answer", 2)

	for i := range 500 { // a stranger makes ids up
		now = now.Add(time.Millisecond)
		_ = try("made-up-" + string(rune('a'+i%26)) + string(rune('a'+i/26)))
	}
	if n := b.asked.Swap(0); n > maxFetches {
		t.Errorf("made-up ids asked %d times", n)
	}
	if len(keys.known) > maxKeys {
		t.Errorf("%d ids are kept", len(keys.known))
	}
	if err := try(kid); err != nil {
		t.Errorf("the key in use is lost: %v", err)
	}
	wantAsked("the key in use", 0)

	b.server.Close()
	now = now.Add(2 * keyKept)
	if err := try(kid); !errors.Is(err, ErrUnavailable) || errors.Is(err, ErrInvalid) {
		t.Errorf("while the endpoint is away: %v", err)
	}
}

// FuzzVerify sends any header. Nobody is vouched for, since no signature can fit.
func FuzzVerify(f *testing.F) {
	b := newBalancer(f)
	v := b.verifier()
	good := b.sign(goodHeader(), goodClaims())
	parts := strings.Split(good, ".")
	f.Add(parts[0], parts[1], strings.Repeat("A", 86)+"==")
	f.Add(pad(with(goodHeader(), object{"alg": "none"})), parts[1], "")
	f.Add(pad(with(goodHeader(), object{"kid": "../x"})), parts[1], parts[2][:86])
	f.Add("e30=", "e30=", "e30=")
	f.Add("e30", "bnVsbA==", "")
	f.Add("=", "====", ".")
	f.Fuzz(func(t *testing.T, header, claims, signature string) {
		text := header + "." + claims + "." + signature
		p, err := v.Verify(t.Context(), text)
		if err == nil && (header != parts[0] || claims != parts[1] || p.ID == "") {
			t.Errorf("%q vouches for %+v", text, p)
		}
		if err != nil && !errors.Is(err, ErrInvalid) && !errors.Is(err, ErrUnavailable) {
			t.Errorf("%q: %v", text, err)
		}
	})
}
