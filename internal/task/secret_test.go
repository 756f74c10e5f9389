package task

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
)

func TestSecretName(t *testing.T) {
	secret := []string{
		"Authorization", "Proxy-Authorization", "Cookie", "Set-Cookie", "X-Api-Key", "api_key", "apiKey", "X-Goog-Api-Key", "key",
		"access_token", "X-CSRF-Token", "client-secret", "PASSWORD", "passwd", "pwd", "X-Amz-Signature", "X-Amz-Credential",
		"sig", "X-Hub-Signature-256", "Ocp-Apim-Subscription-Key", "X-Auth", "session_id",
	}
	plain := []string{"Accept", "Content-Type", "Host", "Idempotency-Key", "User-Agent", "page", "q", "id", "Keywords", "author", "X-Request-Id", "design", ""}
	for _, name := range secret {
		if !SecretName(name) {
			t.Errorf("%q is not taken for a secret", name)
		}
	}
	for _, name := range plain {
		if SecretName(name) {
			t.Errorf("%q is taken for a secret", name)
		}
	}
}

// lockerIn has secrets wherever a struct can have them.
type lockerIn struct {
	Name  string            `json:"name"`
	Pin   string            `json:"pin,omitempty" writeOnly:"true"`
	Pins  []string          `json:"pins,omitempty" writeOnly:"true"`
	Boxes map[string]lockIn `json:"boxes,omitempty"`
	Any   json.RawMessage   `json:"any,omitempty"`
	Fail  string            `json:"fail,omitempty"`
}

type lockIn struct {
	Code *string `json:"code" writeOnly:"true"`
}

type lockerOut struct {
	Said string `json:"said"`
}

func locker(said func(lockerIn) string) Definition[lockerIn, lockerOut] {
	return Definition[lockerIn, lockerOut]{
		Name: "test.locker", Title: "Locker", Queue: "default", Policy: copying().Policy,
		Subject: func(lockerIn) string { return "Locker" },
		Summary: func(_ lockerIn, out lockerOut) string { return "said " + out.Said },
		Run: func(_ context.Context, in lockerIn, run *Run) (lockerOut, error) {
			text := said(in)
			run.Logf(slog.LevelInfo, "log %s %q", text, text)
			run.Progress(0, 1, "progress "+text)
			if in.Fail != "" {
				return lockerOut{}, &Error{Code: in.Fail, Message: "failed " + text, Err: errors.New("cause " + text)}
			}
			return lockerOut{text}, nil
		},
	}
}

const lockerJSON = `{"name":"mine","pin":"p\"n-11111","pins":["p-22222"],"boxes":{"b":{"code":"c-33333"}},"any":{"card":{"number":4444444444,"holder":"h-55555"}}}`

func lockerPaths(t *testing.T) []SecretPath {
	t.Helper()
	var paths []SecretPath
	for _, text := range []string{"input.any.card.*", "test.locker:result.none", "other.kind:input.name"} {
		p, err := ParseSecretPath(text)
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, p)
	}
	return paths
}

func TestConceal(t *testing.T) {
	k := locker(nil).Kind().WithSecretPaths(lockerPaths(t))
	public, secret := k.Conceal(json.RawMessage(lockerJSON))
	const want = `{"any":{"card":{"holder":"[redacted]","number":"[redacted]"}},"boxes":{"b":{"code":"[redacted]"}},"name":"mine","pin":"[redacted]","pins":["[redacted]"]}`
	if !secret || string(public) != want {
		t.Errorf("concealed: %v, %s\nwant %s", secret, public, want)
	}
	plain := json.RawMessage(`{ "name": "mine", "unknown": 1 }`)
	if public, secret := k.Conceal(plain); secret || string(public) != string(plain) {
		t.Errorf("what holds no secret is changed to %s", public)
	}
}

func TestRunTellsNoHiddenValue(t *testing.T) {
	everything := func(in lockerIn) string {
		return strings.Join([]string{in.Pin, in.Pins[0], *in.Boxes["b"].Code, string(in.Any), "st-66666", "st-77777"}, " ")
	}
	k := locker(everything).Kind().WithSecretPaths(lockerPaths(t))
	for _, fail := range []string{"", "broken"} {
		in := json.RawMessage(strings.Replace(lockerJSON, "{", `{"fail":"`+fail+`",`, 1))
		n := &notes{}
		run := NewRun(&Task{}, 1, nil, n)
		run.Secrets = func(context.Context, string) (Secret, error) {
			return Secret{Value: "st-66666", Previous: "st-77777"}, nil
		}
		if _, err := run.Secret(t.Context(), "stored"); err != nil {
			t.Fatal(err)
		}
		done, err := k.Run(t.Context(), in, run)
		output := string(done.Result) + done.Summary + n.line + n.progress.Message
		if (err != nil) != (fail != "") {
			t.Fatal(err)
		}
		if err != nil {
			e := AsError(err)
			output += err.Error() + e.Message + e.Err.Error()
			if e.Code != fail {
				t.Errorf("code %q", e.Code)
			}
		}
		for _, value := range []string{"11111", "p-22222", "c-33333", "4444444444", "h-55555", "st-66666", "st-77777"} {
			if strings.Contains(output, value) {
				t.Errorf("%s is in %s", value, output)
			}
		}
		if !strings.Contains(output, Redacted) {
			t.Errorf("nothing is left of %s", output)
		}
	}
}

func TestResultPathsAreRedacted(t *testing.T) {
	p, err := ParseSecretPath("result.said")
	if err != nil {
		t.Fatal(err)
	}
	k := locker(func(lockerIn) string { return "what came back" }).Kind().WithSecretPaths([]SecretPath{p})
	done, err := k.Run(t.Context(), json.RawMessage(`{"name":"x"}`), NewRun(&Task{}, 1, nil, &notes{}))
	if err != nil || string(done.Result) != `{"said":"[redacted]"}` {
		t.Errorf("result %s, %v", done.Result, err)
	}
}

func TestParseSecretPathRefuses(t *testing.T) {
	for _, text := range []string{"", "input", "body.x", "input.", "input..a", ":input.a", "input.a.", "http.request:", "http.request:a"} {
		if _, err := ParseSecretPath(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

func TestSecretsCannotBeNumbers(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a kind with a secret number was made")
		}
	}()
	type in struct {
		Pin int `json:"pin" writeOnly:"true"`
	}
	Definition[in, lockerOut]{
		Name: "test.pin", Title: "Pin", Queue: "default", Policy: copying().Policy, Subject: func(in) string { return "" },
		Run: func(context.Context, in, *Run) (lockerOut, error) { return lockerOut{}, nil },
	}.Kind()
}

func TestRunWithoutSecrets(t *testing.T) {
	if _, err := NewRun(&Task{}, 1, nil, &notes{}).Secret(t.Context(), "x"); err == nil {
		t.Error("a run without a source gave a secret")
	}
}

func TestValidSecretName(t *testing.T) {
	for name, want := range map[string]bool{
		"a": true, "orders-webhook": true, "0.a_b": true, strings.Repeat("a", 64): true,
		"": false, strings.Repeat("a", 65): false, "A": false, ".a": false, "-a": false, "a b": false, "ä": false, "a/b": false,
	} {
		if ValidSecretName(name) != want {
			t.Errorf("%q: valid = %v", name, !want)
		}
	}
}

// Whatever is handed in, what is shown of it is JSON, and holds nothing that the
// kind or the configuration calls secret.
func FuzzConceal(f *testing.F) {
	f.Add(lockerJSON, "input.any.card.*")
	f.Add(`{"name":"x","pin":"[redacted]","any":[{"a":1}]}`, "input.any.*.a")
	f.Add(`{"boxes":{"b":{"code":null}},"any":null}`, "input.any")
	f.Add(`[]`, "input.*")
	f.Fuzz(func(t *testing.T, input, path string) {
		k := locker(nil).Kind()
		if p, err := ParseSecretPath(path); err == nil {
			k = k.WithSecretPaths([]SecretPath{p})
		}
		if !json.Valid([]byte(input)) {
			return
		}
		public, _ := k.Conceal(json.RawMessage(input))
		if !json.Valid(public) {
			t.Fatalf("%s is shown as %s", input, public)
		}
		var shown lockerIn
		if json.Unmarshal(public, &shown) == nil && shown.Pin != "" && shown.Pin != Redacted {
			t.Errorf("%s is shown as %s", input, public)
		}
	})
}
