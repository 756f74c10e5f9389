package kind

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// The example that the reference implementations of Standard Webhooks share.
func TestSignMatchesThePublishedExample(t *testing.T) {
	key, rule := parseSigningKey("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if rule != "" {
		t.Fatal(rule)
	}
	h := http.Header{}
	sign(h, key, "msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`))
	for name, want := range map[string]string{
		"webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek", "webhook-timestamp": "1614265330",
		"webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
	} {
		if got := h.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// A receiver with the reference library accepts what it gets, on every attempt
// under the same id.
func TestHTTPRequestSigns(t *testing.T) {
	const secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
	verifier, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	s := server(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if err := verifier.Verify(body, r.Header); err != nil {
			t.Errorf("the receiver refuses %q: %v", body, err)
		}
		if verifier.Verify(append(body, 'x'), r.Header) == nil {
			t.Error("the receiver accepts another body")
		}
		if id := r.Header.Get("webhook-id"); id != "tsk_01_default" {
			t.Errorf("webhook-id %q, want the task's", id)
		}
		if r.URL.Path == "/redirect" {
			http.Redirect(w, r, "/", http.StatusSeeOther)
		}
	})
	for _, in := range []HTTPRequestInput{
		{Method: "POST", URL: s.URL, JSON: json.RawMessage(`{"type":"order.paid","data":{"id":7}}`)},
		{Method: "POST", URL: s.URL, Body: "wörds"},
		{Method: "GET", URL: s.URL},
		{Method: "POST", URL: s.URL + "/redirect", Body: "gone after the redirect", MaxRedirects: 1},
	} {
		in.Secret = secret
		for number := range 2 {
			run, _ := attempt(number + 1)
			if _, err := HTTPRequest(loopback(), "Windlass").Run(t.Context(), rawJSON(in), run); err != nil {
				t.Errorf("attempt %d: %v", number+1, err)
			}
		}
	}
}

func TestHTTPRequestSignsTheTimeOfTheAttempt(t *testing.T) {
	sent := make(chan string, 1)
	first := time.Now().Unix()
	s := server(t, func(_ http.ResponseWriter, r *http.Request) { sent <- r.Header.Get("webhook-timestamp") })
	succeed(t, HTTPRequestInput{URL: s.URL, Secret: "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"})
	timestamp := <-sent
	at, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil || at < first || at > time.Now().Unix() {
		t.Errorf("webhook-timestamp %q is not the time of the request", timestamp)
	}
}

func encodedKey(n int) string { return "whsec_" + base64.StdEncoding.EncodeToString(make([]byte, n)) }

func TestParseSigningKey(t *testing.T) {
	for n, ok := range map[int]bool{0: false, 23: false, 24: true, 25: true, 32: true, 64: true, 65: false} {
		key, rule := parseSigningKey(encodedKey(n))
		if (rule == "") != ok || ok && len(key) != n {
			t.Errorf("key of %d bytes: %d bytes, rule %q", n, len(key), rule)
		}
	}
	for _, secret := range []string{
		"", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whpk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "WHSEC_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
		"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZI\no2LaLaSw", " whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
		"whsec_not base64 at all, not at all, not", redacted,
	} {
		if _, rule := parseSigningKey(secret); rule == "" {
			t.Errorf("%q is accepted", secret)
		}
	}
}

func FuzzParseSigningKey(f *testing.F) {
	for _, seed := range []string{"", "whsec_", encodedKey(24), encodedKey(25), encodedKey(64), encodedKey(65), "whsec_AA==\n", redacted} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, secret string) {
		key, rule := parseSigningKey(secret)
		if rule != "" {
			return
		}
		if len(key) < 24 || len(key) > 64 {
			t.Fatalf("%q: a key of %d bytes", secret, len(key))
		}
		if _, err := standardwebhooks.NewWebhook(secret); err != nil {
			t.Errorf("%q: accepted here, refused by receivers: %v", secret, err)
		}
		if again := "whsec_" + base64.StdEncoding.EncodeToString(key); again != secret {
			t.Errorf("%q: the same key is written %q", secret, again)
		}
	})
}
