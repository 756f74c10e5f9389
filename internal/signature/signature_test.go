package signature

import (
	"crypto/ed25519"
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

const published = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

func mustParse(t testing.TB, secret string) Key {
	t.Helper()
	key, rule := ParseKey(secret)
	if rule != "" {
		t.Fatal(rule)
	}
	return key
}

// The example that the reference implementations of Standard Webhooks share.
func TestSignMatchesThePublishedExample(t *testing.T) {
	h := http.Header{}
	Sign(h, []Key{mustParse(t, published)}, "msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`))
	for name, want := range map[string]string{
		"webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek", "webhook-timestamp": "1614265330",
		"webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
	} {
		if got := h.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func TestSignWithAPair(t *testing.T) {
	seed := []byte(strings.Repeat("s", ed25519.SeedSize))
	private := ed25519.NewKeyFromSeed(seed)
	for _, b := range [][]byte{seed, private} {
		key := mustParse(t, PrivatePrefix+base64.StdEncoding.EncodeToString(b))
		h := http.Header{}
		Sign(h, []Key{key}, "msg_1", time.Unix(1700000000, 0), []byte("body"))
		encoded, ok := strings.CutPrefix(h.Get("webhook-signature"), "v1a,")
		signature, err := base64.StdEncoding.DecodeString(encoded)
		if !ok || err != nil {
			t.Fatalf("signature %q", h.Get("webhook-signature"))
		}
		public, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(key.Public(), PublicPrefix))
		if err != nil {
			t.Fatal(err)
		}
		if !ed25519.Verify(public, []byte("msg_1.1700000000.body"), signature) {
			t.Error("the public key refuses the signature")
		}
		if ed25519.Verify(public, []byte("msg_1.1700000000.other"), signature) {
			t.Error("the public key accepts another body")
		}
		if key.Scheme() != "v1a" || strings.Contains(key.Public(), base64.StdEncoding.EncodeToString(seed)) {
			t.Errorf("scheme %s, public %s", key.Scheme(), key.Public())
		}
	}
}

// While a secret is replaced, receivers with the old one and with the new one
// accept the same request.
func TestSignWithTwoKeys(t *testing.T) {
	const newer = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
	h := http.Header{}
	Sign(h, []Key{mustParse(t, newer), mustParse(t, published)}, "msg_1", time.Now(), []byte("body"))
	for _, secret := range []string{newer, published} {
		receiver, err := standardwebhooks.NewWebhook(secret)
		if err != nil {
			t.Fatal(err)
		}
		if err := receiver.Verify([]byte("body"), h); err != nil {
			t.Errorf("the receiver with %s: %v", secret, err)
		}
		if receiver.Verify([]byte("other"), h) == nil {
			t.Errorf("the receiver with %s accepts another body", secret)
		}
	}
	stranger, err := standardwebhooks.NewWebhook("whsec_" + base64.StdEncoding.EncodeToString(make([]byte, 24)))
	if err != nil {
		t.Fatal(err)
	}
	if stranger.Verify([]byte("body"), h) == nil {
		t.Error("a receiver with a third secret accepts it")
	}
}

func TestParseKeyRefuses(t *testing.T) {
	of := func(n int) string { return base64.StdEncoding.EncodeToString(make([]byte, n)) }
	pair := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	pair[len(pair)-1] ^= 1
	for _, secret := range []string{
		"", "whsec_", "whsec_" + of(23), "whsec_" + of(65), "whsec_not base64", "whsec_" + of(24) + "\n", "secret", of(24), "whpk_" + of(32),
		"WHSEC_" + of(24), "whsec_" + strings.TrimRight(of(25), "="), "whsk_", "whsk_" + of(31), "whsk_" + of(33), "whsk_" + base64.StdEncoding.EncodeToString(pair),
	} {
		if _, rule := ParseKey(secret); !strings.HasPrefix(rule, "must ") {
			t.Errorf("%q: rule %q", secret, rule)
		}
	}
	if !Looks(published) || !Looks("whsk_x") || Looks("Bearer x") {
		t.Error("signing secrets are not told from other values")
	}
}

// Every secret that is taken signs what a receiver with the same secret accepts,
// and with no other body.
func FuzzSign(f *testing.F) {
	f.Add(published, "msg_1", []byte(`{"a":1}`))
	f.Add("whsk_"+base64.StdEncoding.EncodeToString(make([]byte, 32)), "tsk_01_default", []byte(nil))
	f.Add("whsec_", "", []byte("x"))
	f.Add("whsk_AAAA", "", []byte("x"))
	f.Fuzz(func(t *testing.T, secret, id string, body []byte) {
		key, rule := ParseKey(secret)
		if rule != "" || id == "" {
			return
		}
		h := http.Header{}
		at := time.Now()
		Sign(h, []Key{key}, id, at, body)
		if !accepts(t, key, secret, h, body) {
			t.Errorf("the receiver refuses %q", h)
		}
		if accepts(t, key, secret, h, append([]byte("x"), body...)) {
			t.Errorf("the receiver accepts another body than %q was made for", h)
		}
	})
}

// accepts checks as a receiver does, with other code than that which signs.
func accepts(t *testing.T, key Key, secret string, h http.Header, body []byte) bool {
	t.Helper()
	if key.Scheme() == "v1" {
		receiver, err := standardwebhooks.NewWebhook(secret)
		if err != nil {
			t.Fatal(err)
		}
		return receiver.Verify(body, h) == nil
	}
	public, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(key.Public(), PublicPrefix))
	if err != nil {
		t.Fatal(err)
	}
	signature, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(h.Get("webhook-signature"), "v1a,"))
	if err != nil {
		t.Fatal(err)
	}
	return ed25519.Verify(public, []byte(h.Get("webhook-id")+"."+h.Get("webhook-timestamp")+"."+string(body)), signature)
}
