package api

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"strings"
	"testing"

	"windlass/internal/egress"
	"windlass/internal/kind"
	"windlass/internal/secret"
)

func parseKeys(t *testing.T, letters string) *secret.Keys {
	t.Helper()
	var words []string
	for _, letter := range letters {
		words = append(words, strings.Repeat(string(letter), 64))
	}
	keys, err := secret.ParseKeys(strings.Join(words, "\n"))
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// vault is a site with a key and the built-in kinds.
func vault(t *testing.T) *site {
	t.Helper()
	return newSite(t, func(c *Config) {
		c.Keys = parseKeys(t, "a")
		c.Kinds = append(c.Kinds, kind.All(egress.New(egress.Policy{}), "windlass/test")...)
	})
}

const secretsPath = "/api/v1/secrets"

func TestSecrets(t *testing.T) {
	t.Parallel()
	s := vault(t)
	if got := s.do("GET", secretsPath, "").want(200); got.at("items") != "[]" {
		t.Errorf("at first: %s", got.body)
	}
	const first, second = "tok-1111-2222", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	made := s.do("PUT", secretsPath+"/orders", `{"value":"`+first+`","hosts":["API.example.com","*.example.org"]}`).want(200)
	if made.at("hosts") != "[api.example.com *.example.org]" || made.at("scheme") != "" || made.at("key_current") != "true" || made.at("last_used_at") != "" {
		t.Errorf("made: %s", made.body)
	}
	again := s.do("PUT", secretsPath+"/orders", `{"value":"`+second+`","keep_previous":"24h"}`).want(200)
	if again.at("hosts") != made.at("hosts") || again.at("scheme") != "v1" || again.at("previous_until") == "" || again.at("created_at") != made.at("created_at") {
		t.Errorf("replaced: %s", again.body)
	}
	stored, err := s.store.Secret(t.Context(), "orders")
	if err != nil {
		t.Fatal(err)
	}
	keys := parseKeys(t, "a")
	for sealed, want := range map[string]string{stored.Sealed: second, stored.Previous: first} {
		if got, err := keys.Open(secret.ForSecret("orders"), sealed); err != nil || got != want {
			t.Errorf("kept: %q, %v, want %q", got, err, want)
		}
	}
	// The value before goes when nobody asks for it, and so do hosts when they are said to be none.
	last := s.do("PUT", secretsPath+"/orders", `{"value":"`+first+`","hosts":[]}`).want(200)
	if last.at("previous_until") != "" || last.at("hosts") != "[]" || last.at("scheme") != "" {
		t.Errorf("replaced again: %s", last.body)
	}
	if got := s.do("GET", secretsPath, "").want(200); got.at("items.0.name") != "orders" || got.at("items.1") != "" || got.at("items.0.key_id") != keys.ID() {
		t.Errorf("list: %s", got.body)
	}
	s.do("DELETE", secretsPath+"/orders", "").want(204)
	if got := s.do("DELETE", secretsPath+"/orders", "").want(404); got.at("code") != "secret_not_found" {
		t.Errorf("deleted twice: %s", got.body)
	}
}

func TestSecretShowsItsPublicHalf(t *testing.T) {
	t.Parallel()
	s := vault(t)
	seed := bytes.Repeat([]byte{7}, ed25519.SeedSize)
	got := s.do("PUT", secretsPath+"/pair", `{"value":"whsk_`+base64.StdEncoding.EncodeToString(seed)+`"}`).want(200)
	want := "whpk_" + base64.StdEncoding.EncodeToString(ed25519.NewKeyFromSeed(seed)[ed25519.SeedSize:])
	if got.at("scheme") != "v1a" || got.at("public_key") != want {
		t.Errorf("made: %s, want %s", got.body, want)
	}
}

func TestSecretFaults(t *testing.T) {
	t.Parallel()
	s := vault(t)
	for _, c := range []struct {
		name, body string
		want       wanted
	}{
		{"x", `{}`, wanted{"errors.0.location": "body.value", "errors.0.message": "is required"}},
		{"x", `{"value":"short"}`, wanted{"errors.0.location": "body.value"}},
		{"x", `{"value":"first-value","Value":"other-value"}`, wanted{"errors.0.location": "body.Value", "errors.0.message": "is not a known field"}},
		{"x", `{"value":"line\nbreak1"}`, wanted{"errors.0.location": "body.value", "errors.0.message": "must have no control characters, and no space at either end"}},
		{"x", `{"value":" 12345678"}`, wanted{"errors.0.location": "body.value"}},
		{"x", `{"value":"whsec_123"}`, wanted{"errors.0.location": "body.value"}},
		{"x", `{"value":"12345678","hosts":["https://a.test"]}`, wanted{"errors.0.location": "body.hosts[0]"}},
		{"x", `{"value":"12345678","keep_previous":"721h"}`, wanted{"errors.0.location": "body.keep_previous"}},
		{"x", `{"value":"12345678","note":"y"}`, wanted{"errors.0.location": "body.note"}},
		{"Upper", `{"value":"12345678"}`, wanted{"errors.0.location": "path.name", "errors.0.message": "must be 1 to 64 of a-z, 0-9, dot, _ and -, beginning with a letter or digit"}},
		{".x", `{"value":"12345678"}`, wanted{"errors.0.location": "path.name"}},
	} {
		got := s.do("PUT", secretsPath+"/"+c.name, c.body).want(422)
		for path, want := range c.want {
			if got.at(path) != want {
				t.Errorf("%s %s: %s is %q, want %q: %s", c.name, c.body, path, got.at(path), want, got.body)
			}
		}
	}
	if got := s.do("POST", secretsPath, `{}`).want(405); got.header.Get("Allow") != "GET, HEAD" {
		t.Errorf("Allow: %q", got.header.Get("Allow"))
	}
	if got := s.do("POST", secretsPath+"/x", `{}`).want(405); got.header.Get("Allow") != "PUT, DELETE" {
		t.Errorf("Allow: %q", got.header.Get("Allow"))
	}
}

func TestSecretsNeedAKey(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	for _, got := range []answer{
		s.do("GET", secretsPath, ""), s.do("PUT", secretsPath+"/x", `{"value":"12345678"}`), s.do("DELETE", secretsPath+"/x", ""),
	} {
		if got.want(409).at("code") != "secrets_not_configured" || !strings.Contains(got.at("detail"), "WINDLASS_SECRETS_KEY") {
			t.Errorf("problem: %s", got.body)
		}
	}
}

func TestSubmitNamesUnknownSecrets(t *testing.T) {
	t.Parallel()
	s := vault(t)
	s.do("PUT", secretsPath+"/known", `{"value":"12345678"}`).want(200)
	input := func(name string) string {
		return `{"kind":"http.request","input":{"url":"https://example.com/","secret_name":"known","secret_headers":{"Authorization":"Bearer ` + name + `"}}}`
	}
	s.do("POST", "/api/v1/tasks", input("known")).want(202)
	got := s.do("POST", "/api/v1/tasks", input("unknown")).want(422)
	if got.at("errors.0.location") != "body.input.secret_headers.Authorization" || got.at("errors.0.message") != "must name a stored secret; there is none of this name" || got.at("errors.1") != "" {
		t.Errorf("problem: %s", got.body)
	}
	bulk := s.do("POST", "/api/v1/tasks/bulk", `{"items":[`+input("known")+`,`+input("unknown")+`]}`).want(200)
	if bulk.at("items.0.status") != "202" || bulk.at("items.1.problem.errors.0.location") != "body.items[1].input.secret_headers.Authorization" {
		t.Errorf("outcomes: %s", bulk.body)
	}
	s.do("DELETE", secretsPath+"/known", "").want(204)
	s.do("POST", "/api/v1/tasks", input("known")).want(422)
}

// With a key, what Redis keeps in the clear is what everybody may see.
func TestSubmitSealsSecrets(t *testing.T) {
	t.Parallel()
	s := vault(t)
	const body = `{"kind":"http.request","input":{"url":"https://example.com/","headers":{"Authorization":"Bearer tok-1111"}}}`
	id := s.submit(body).ID
	stored, err := s.store.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	const public = `{"url":"https://example.com/","headers":{"Authorization":"[redacted]"}}`
	if string(stored.Input) != public {
		t.Errorf("kept in the clear: %s", stored.Input)
	}
	whole, err := parseKeys(t, "a").Open(secret.ForInput("http.request", stored.Input), stored.Sealed)
	if err != nil || !strings.Contains(whole, "Bearer tok-1111") {
		t.Errorf("sealed: %q, %v", whole, err)
	}
	if got := s.do("GET", "/api/v1/tasks/"+id, "").want(200); got.at("input.headers.Authorization") != "[redacted]" || got.at("input.url") != "https://example.com/" {
		t.Errorf("shown: %s", got.body)
	}
	// Nobody can try guesses of the secret against the name of the cached result.
	cached := `{"kind":"http.request","input":{"url":"https://example.com/","headers":{"Authorization":"Bearer tok-1111"},"cache_for":"1h"}}`
	s.submit(cached)
	names, err := s.redis.Client(t).Keys(t.Context(), "wl:{default}:c:*").Result()
	form, formErr := canonical([]byte(`{"url":"https://example.com/","headers":{"Authorization":"Bearer tok-1111"},"cache_for":"1h"}`))
	if err != nil || formErr != nil || len(names) != 1 || strings.Contains(names[0], digest([]byte("http.request"), form)) {
		t.Errorf("cached under %v, %v", names, err)
	}
	// What holds no secret needs no seal.
	plain := s.submit(`{"kind":"http.request","input":{"url":"https://example.com/"}}`).ID
	if stored, err := s.store.Get(t.Context(), plain); err != nil || stored.Sealed != "" {
		t.Errorf("%+v, %v", stored, err)
	}
}
