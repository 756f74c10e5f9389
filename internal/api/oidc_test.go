package api

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"windlass/internal/oidc"
	"windlass/internal/store"
)

// vouching is a load balancer that signs people in: see package oidc's own tests for headers that are wrong.
type vouching struct {
	t    *testing.T
	key  *ecdsa.PrivateKey
	keys *httptest.Server
}

func newVouching(t *testing.T) *vouching {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	v := &vouching{t: t, key: key}
	v.keys = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_ = pem.Encode(w, &pem.Block{Type: "PUBLIC KEY", Bytes: der})
	}))
	t.Cleanup(v.keys.Close)
	return v
}

func (v *vouching) verifier() *oidc.Verifier {
	return oidc.New(oidc.Config{
		Signers: []string{"arn"}, Issuer: "issuer", Client: "client", Keys: oidc.NewKeys(v.keys.URL),
		Grants: []oidc.Grant{{Role: "viewer", Claim: "team", Value: "crew"}, {Role: "operator", Claim: "team", Value: "ops"}, {Role: "submitter", Claim: "team", Value: "ops"}},
	})
}

// header vouches for somebody of some teams.
func (v *vouching) header(subject string, team ...string) []string {
	v.t.Helper()
	part := func(o any) string {
		text, err := json.Marshal(o)
		if err != nil {
			v.t.Fatal(err)
		}
		return base64.URLEncoding.EncodeToString(text)
	}
	signed := part(map[string]any{"alg": "ES256", "kid": "k", "signer": "arn", "iss": "issuer", "client": "client", "exp": time.Now().Add(time.Minute).Unix()}) +
		"." + part(map[string]any{"sub": subject, "email": subject + "@example.com", "team": team})
	digest := sha256.Sum256([]byte(signed))
	r, s, err := ecdsa.Sign(rand.Reader, v.key, digest[:])
	if err != nil {
		v.t.Fatal(err)
	}
	return []string{oidc.Header, signed + "." + base64.URLEncoding.EncodeToString(append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...))}
}

func TestPeopleOfTheLoadBalancer(t *testing.T) {
	t.Parallel()
	v := newVouching(t)
	s := newSite(t, func(c *Config) { c.AdminToken, c.OIDC = token, v.verifier() })
	ann, ben := v.header("ann", "ops", "crew"), v.header("ben", "crew")
	me := s.do("GET", "/api/v1/me", "", ann...).want(200)
	if me.at("role") != "operator" || me.at("via") != "oidc" || me.at("name") != "ann@example.com" || !strings.HasPrefix(me.at("id"), "per_") {
		t.Errorf("me is %s", me.body)
	}
	task := s.do("POST", "/api/v1/tasks", oneReport, ann...).want(202).task()
	if task.SubmittedBy != me.at("id") {
		t.Errorf("submitted by %q", task.SubmittedBy)
	}
	s.do("GET", "/api/v1/tasks", "", ben...).want(200)
	s.do("POST", "/api/v1/tasks", oneReport, ben...).want(403)
	if got := s.do("GET", "/api/v1/session", "", ben...).want(200); got.at("signed_in") != "true" || got.at("me.name") != "ben@example.com" {
		t.Errorf("session is %s", got.body)
	}
	// The load balancer's own cookie brings the header along, whoever has the browser send it.
	s.do("POST", "/api/v1/tasks/"+task.ID+"/cancel", "", append(ann, "Sec-Fetch-Site", "cross-site")...).want(403)
	s.do("GET", "/api/v1/tasks", "", append(ann, "Sec-Fetch-Site", "cross-site")...).want(403)
	s.do("POST", "/api/v1/tasks/"+task.ID+"/cancel", "", append(ann, "Sec-Fetch-Site", "same-origin")...).want(200)

	// Who has no role may still sign in with a token, and a token counts before the header.
	cora := v.header("cora")
	s.do("GET", "/api/v1/me", "", cora...).want(401)
	_, text := s.grant(store.RoleViewer, nil)
	if got := s.do("GET", "/api/v1/me", "", append(cora, s.browser(text)...)...).want(200); got.at("via") != "session" {
		t.Errorf("me is %s", got.body)
	}
	if got := s.do("GET", "/api/v1/me", "", append(ann, "Authorization", "Bearer "+text)...).want(200); got.at("role") != "viewer" {
		t.Errorf("me is %s", got.body)
	}
	s.do("GET", "/api/v1/me", "", append(ann, "Authorization", "Bearer nothing")...).want(401)
	// A session that is over does not stand in the way.
	if got := s.do("GET", "/api/v1/me", "", append(ann, "Cookie", cookieSecure+"=over")...).want(200); got.at("via") != "oidc" {
		t.Errorf("me is %s", got.body)
	}

	forged := v.header("root", "ops")
	forged[1] = forged[1][:len(forged[1])-6] + "AAAA=="
	s.do("GET", "/api/v1/me", "", forged...).want(401)
	if log := s.log.String(); !strings.Contains(log, "its signature does not fit") || strings.Contains(log, ann[1]) || strings.Contains(log, forged[1]) {
		t.Errorf("log is %s", log)
	}
}

func TestLoadBalancersKeysAway(t *testing.T) {
	t.Parallel()
	v := newVouching(t)
	s := newSite(t, func(c *Config) { c.OIDC = v.verifier() })
	s.do("GET", "/api/v1/me", "").want(401) // no admin token, and yet one must sign in
	v.keys.Close()
	if got := s.do("GET", "/api/v1/me", "", v.header("ann", "ops")...).want(503); got.at("code") != "identity_unavailable" || got.header.Get("Retry-After") == "" {
		t.Errorf("problem is %s", got.body)
	}
}

// Nobody's word is taken unless that is configured.
func TestLoadBalancerUnasked(t *testing.T) {
	t.Parallel()
	v := newVouching(t)
	s := newSite(t, func(c *Config) { c.AdminToken = token })
	s.do("GET", "/api/v1/me", "", v.header("ann", "ops")...).want(401)
}
