package kind

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"windlass/internal/task"
)

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

// stored gives a run that finds these secrets.
func stored(secrets map[string]task.Secret) (*task.Run, *runRecorder) {
	run, recorder := attempt(1)
	run.Secrets = func(_ context.Context, name string) (task.Secret, error) {
		s, ok := secrets[name]
		if !ok {
			return task.Secret{}, &task.Error{Code: "secret_not_found", Message: "There is no stored secret " + name + ".", Final: true}
		}
		return s, nil
	}
	return run, recorder
}

// While a stored secret is replaced, receivers with the older value and with the
// newer one accept the same request.
func TestHTTPRequestSignsWithAStoredSecret(t *testing.T) {
	const older, newer = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
	s := server(t, func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		for _, secret := range []string{older, newer} {
			receiver, err := standardwebhooks.NewWebhook(secret)
			if err != nil {
				t.Error(err)
				return
			}
			if err := receiver.Verify(body, r.Header); err != nil {
				t.Errorf("the receiver with %s: %v", secret, err)
			}
		}
	})
	run, _ := stored(map[string]task.Secret{"orders": {Value: newer, Previous: older}})
	in := HTTPRequestInput{Method: "POST", URL: s.URL, Body: "paid", SecretName: "orders"}
	if _, err := HTTPRequest(loopback(), "Windlass").Run(t.Context(), rawJSON(in), run); err != nil {
		t.Error(err)
	}
}

func TestHTTPRequestSendsStoredSecrets(t *testing.T) {
	const token = "tok-9f8e7d6c"
	elsewhere := server(t, func(_ http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("Authorization") + r.Header.Get("X-Api-Key"); got != "" {
			t.Errorf("another origin was sent %q", got)
		}
	})
	s := server(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/away" {
			http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
			return
		}
		if got := r.Header.Get("Authorization"); got != "Bearer "+token {
			t.Errorf("Authorization: %q", got)
		}
		if got := r.Header.Get("X-Api-Key"); got != token {
			t.Errorf("X-Api-Key: %q", got)
		}
		fmt.Fprintf(w, "you sent %s", r.Header)
	})
	headers := map[string]string{"Authorization": "Bearer orders-token", "x-api-key": "orders-token"}
	for _, path := range []string{"/", "/away"} {
		run, recorder := stored(map[string]task.Secret{"orders-token": {Value: token, Hosts: []string{"127.0.0.1"}}})
		in := HTTPRequestInput{URL: s.URL + path, SecretHeaders: headers, MaxRedirects: 1}
		done, err := HTTPRequest(loopback(), "Windlass").Run(t.Context(), rawJSON(in), run)
		if err != nil {
			t.Fatal(err)
		}
		if output := string(done.Result) + recorder.log(); strings.Contains(output, token) {
			t.Errorf("the secret is in %s", output)
		}
	}
}

// A target that repeats the password alone gives away no less.
func TestHTTPRequestHidesThePasswordInBasicCredentials(t *testing.T) {
	s := server(t, func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		fmt.Fprintf(w, "%s, your password is %s", user, password)
	})
	for _, in := range []HTTPRequestInput{
		{URL: s.URL, SecretHeaders: map[string]string{"Authorization": "Basic login"}},
		{URL: s.URL, Headers: map[string]string{"Authorization": "Basic YW5uOnBhc3MtOWY4ZTdk"}},
	} {
		run, _ := stored(map[string]task.Secret{"login": {Value: "YW5uOnBhc3MtOWY4ZTdk", Hosts: []string{"127.0.0.1"}}}) // ann:pass-9f8e7d
		done, err := HTTPRequest(loopback(), "Windlass").Run(t.Context(), rawJSON(in), run)
		if err != nil || !strings.Contains(string(done.Result), "ann, your password is [redacted]") {
			t.Errorf("%s, %v", done.Result, err)
		}
	}
}

func TestHTTPRequestRefusesStoredSecrets(t *testing.T) {
	s := server(t, func(http.ResponseWriter, *http.Request) { t.Error("it was called") })
	secrets := map[string]task.Secret{
		"word":      {Value: "no signing secret"},
		"elsewhere": {Value: "tok-9f8e7d6c", Hosts: []string{"api.example.com", "*.127.0.0.1"}},
		"nowhere":   {Value: "tok-9f8e7d6c"},
	}
	tests := []struct {
		in            HTTPRequestInput
		code, message string
	}{
		{HTTPRequestInput{SecretName: "none"}, "secret_not_found", "There is no stored secret none."},
		{HTTPRequestInput{SecretHeaders: map[string]string{"X-Key": "none"}}, "secret_not_found", "There is no stored secret none."},
		{HTTPRequestInput{SecretName: "word"}, "secret_unusable", "The stored secret word cannot sign: it must be whsec_"},
		{HTTPRequestInput{SecretHeaders: map[string]string{"X-Key": "elsewhere"}}, "secret_unusable", "The stored secret elsewhere may not be sent to 127.0.0.1: its hosts do not name it."},
		{HTTPRequestInput{SecretHeaders: map[string]string{"X-Key": "nowhere"}}, "secret_unusable", "The stored secret nowhere may not be sent to 127.0.0.1: its hosts do not name it."},
	}
	for _, tt := range tests {
		run, _ := stored(secrets)
		tt.in.URL = s.URL
		_, err := HTTPRequest(loopback(), "Windlass").Run(t.Context(), rawJSON(tt.in), run)
		if err == nil {
			t.Fatalf("%+v: succeeded", tt.in)
		}
		if e := task.AsError(err); e.Code != tt.code || !e.Final || !strings.HasPrefix(e.Message, tt.message) {
			t.Errorf("%+v: %+v, want %s: %s", tt.in, e, tt.code, tt.message)
		}
	}
}

func TestCheckSecretReferences(t *testing.T) {
	k := HTTPRequest(loopback(), "Windlass")
	tests := []struct {
		in    HTTPRequestInput
		field string // empty: no fault
	}{
		{HTTPRequestInput{SecretHeaders: map[string]string{"Authorization": "Bearer orders-token"}}, ""},
		{HTTPRequestInput{SecretHeaders: map[string]string{"X-Key": "a.b_c-1"}}, ""},
		{HTTPRequestInput{SecretHeaders: map[string]string{"X-Key": "Two words name"}}, "secret_headers.X-Key"},
		{HTTPRequestInput{SecretHeaders: map[string]string{"X-Key": "Upper"}}, "secret_headers.X-Key"},
		{HTTPRequestInput{SecretHeaders: map[string]string{"X-Key": ""}}, "secret_headers.X-Key"},
		{HTTPRequestInput{SecretHeaders: map[string]string{"X-Key": "Bea:rer name"}}, "secret_headers.X-Key"},
		{HTTPRequestInput{SecretHeaders: map[string]string{"Host": "name"}}, "secret_headers.Host"},
		{HTTPRequestInput{SecretHeaders: map[string]string{"webhook-id": "name"}}, "secret_headers.webhook-id"},
		{HTTPRequestInput{SecretHeaders: map[string]string{"X-Key": "name"}, Headers: map[string]string{"x-key": "v"}}, "secret_headers.X-Key"},
		{HTTPRequestInput{Secret: "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", SecretName: "name"}, "secret_name"},
	}
	for _, tt := range tests {
		tt.in.URL = "https://example.com/"
		checked, err := k.Check(rawJSON(tt.in))
		faults := checked.Faults
		if err != nil || (len(faults) == 0) != (tt.field == "") || len(faults) > 0 && faults[0].Field != tt.field {
			t.Errorf("%+v: %v, %v, want a fault of %q", tt.in, faults, err, tt.field)
		}
	}
	want := []task.SecretRef{{Field: "secret_name", Name: "sign"}, {Field: "secret_headers.Authorization", Name: "token"}, {Field: "secret_headers.X-Key", Name: "key"}}
	got := k.Secrets(rawJSON(HTTPRequestInput{SecretName: "sign", SecretHeaders: map[string]string{"X-Key": "key", "Authorization": "Bearer token"}}))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("references (-want +got):\n%s", diff)
	}
}
