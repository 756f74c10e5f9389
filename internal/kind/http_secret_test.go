package kind

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"windlass/internal/task"
)

// planted are values that must not be found in anything that leaves the store.
var planted = []string{
	"QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNk", // the signing key
	"aut-5f1c", "prx-5f1c", "cok-5f1c", "key-5f1c", "apk-5f1c", "tok-5f1c", "sec-5f1c", "pwd-5f1c", "sig-5f1c",
	"usr-5f1c", "pas-5f1c", "qtk-5f1c", "qky-5f1c", "hsh-5f1c",
}

func plantedInput(target string) HTTPRequestInput {
	target = strings.Replace(target, "//", "//usr-5f1c:pas-5f1c@", 1)
	return HTTPRequestInput{
		Method: "POST", URL: target + "?access_token=qtk-5f1c&page=2&api%5Fkey=qky-5f1c#hsh-5f1c", Body: "hello",
		Secret: "whsec_" + planted[0],
		Headers: map[string]string{
			"Authorization": "Bearer aut-5f1c", "proxy-authorization": "Basic prx-5f1c", "COOKIE": "a=1; sid=cok-5f1c",
			"X-Api-Key": "key-5f1c", "Api-Key": "apk-5f1c", "X-Auth-Token": "tok-5f1c", "My-Client-Secret": "sec-5f1c",
			"x-PassWord": "pwd-5f1c", "X-Hub-Signature-256": "sig-5f1c", "Accept": "text/plain", "Idempotency-Key": "order-7",
		},
		MaxRedirects: 3,
	}
}

func TestRedactHTTPRequest(t *testing.T) {
	in := plantedInput("https://example.com/hook")
	before := rawJSON(in)
	k := HTTPRequest(loopback(), "Windlass")
	var got HTTPRequestInput
	public, _ := k.Conceal(before)
	if err := json.Unmarshal(public, &got); err != nil {
		t.Fatal(err)
	}
	want := HTTPRequestInput{
		Method: "POST", URL: "https://[redacted]@example.com/hook?access_token=[redacted]&page=2&api%5Fkey=[redacted]", Body: "hello",
		Secret: task.Redacted,
		Headers: map[string]string{
			"Authorization": task.Redacted, "proxy-authorization": task.Redacted, "COOKIE": task.Redacted,
			"X-Api-Key": task.Redacted, "Api-Key": task.Redacted, "X-Auth-Token": task.Redacted, "My-Client-Secret": task.Redacted,
			"x-PassWord": task.Redacted, "X-Hub-Signature-256": task.Redacted, "Accept": "text/plain", "Idempotency-Key": "order-7",
		},
		MaxRedirects: 3,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("redacted (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(before, rawJSON(in)); diff != "" {
		t.Errorf("redacting changed the input itself:\n%s", diff)
	}
	// What is redacted cannot be handed in again by mistake.
	checked, err := k.Check(public)
	if err != nil || len(checked.Faults) != 11 {
		t.Errorf("check of the redacted input: %d faults %v, %v, want one for each secret", len(checked.Faults), checked.Faults, err)
	}
}

// repeats answers with everything it was sent, as echo endpoints do.
func repeats(w http.ResponseWriter, r *http.Request, status int) {
	body, _ := io.ReadAll(r.Body)
	w.Header().Set("X-Echo", r.Header.Get("Authorization")+r.URL.String())
	w.Header().Set("Set-Cookie", "sid=cok-5f1c")
	w.Header().Set("X-Session-Token", "tok-5f1c")
	w.WriteHeader(status)
	fmt.Fprintf(w, "%s %s %v %s", r.Method, r.URL, r.Header, body)
}

// Every way for an attempt to end, with secrets everywhere and a target that
// repeats them.
func TestHTTPRequestTellsNoSecret(t *testing.T) {
	s := server(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/ok":
			repeats(w, r, http.StatusOK)
		case "/binary":
			io.WriteString(w, "\xff"+r.Header.Get("Authorization"))
		case "/redirect":
			http.Redirect(w, r, "/ok?"+r.URL.RawQuery+"&seen="+r.Header.Get("X-Api-Key"), http.StatusTemporaryRedirect)
		case "/loop":
			http.Redirect(w, r, "/loop/"+r.Header.Get("X-Api-Key"), http.StatusFound)
		case "/unavailable":
			repeats(w, r, http.StatusServiceUnavailable)
		case "/forbidden":
			repeats(w, r, http.StatusForbidden)
		case "/short":
			w.Header().Set("Content-Length", "1000")
			repeats(w, r, http.StatusOK)
		case "/broken":
			c, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				fmt.Fprintf(c, "HTTP/1.1 abc %s\r\n\r\n", r.Header.Get("Authorization"))
				c.Close()
			}
		}
	})
	for _, target := range []string{
		s.URL + "/ok", s.URL + "/binary", s.URL + "/redirect", s.URL + "/loop", s.URL + "/unavailable", s.URL + "/forbidden",
		s.URL + "/short", s.URL + "/broken", "http://" + freePort(t) + "/", "http://10.0.0.1/", "http://a b/",
	} {
		t.Run(target, func(t *testing.T) {
			k, raw := HTTPRequest(loopback(), "Windlass"), rawJSON(plantedInput(target))
			run, recorder := attempt(1)
			done, err := k.Run(t.Context(), raw, run)
			public, _ := k.Conceal(raw)
			checked, _ := k.Check(raw) // a target that is no URL has no subject
			output := strings.Join([]string{
				string(done.Result), done.Summary, checked.Subject, string(public), recorder.log(), fmt.Sprintf("%v %+v", err, err),
			}, "\n")
			if err != nil {
				e := task.AsError(err)
				output += fmt.Sprintf("\n%+v %v", e.Failure(), e.Err)
			}
			if i := strings.Index(string(done.Result), `"body_encoding":"base64"`); i > 0 {
				var out HTTPRequestResult
				if err := json.Unmarshal(done.Result, &out); err != nil {
					t.Fatal(err)
				}
				body, err := base64.StdEncoding.DecodeString(out.Body)
				if err != nil {
					t.Fatal(err)
				}
				output += "\n" + string(body)
			}
			for _, secret := range planted {
				if strings.Contains(output, secret) {
					t.Errorf("%s is in:\n%s", secret, output)
				}
			}
			if strings.Contains(target, "/ok") && !strings.Contains(output, "hello") {
				t.Errorf("the answer is missing from:\n%s", output)
			}
		})
	}
}

func TestHTTPRequestLogsWhyItWasRefused(t *testing.T) {
	s := server(t, answers(http.StatusUnprocessableEntity, "{\n  \"error\": \"no such order\"\n}"))
	_, recorder, err := call(t, HTTPRequestInput{URL: s.URL})
	if err == nil {
		t.Fatal("succeeded")
	}
	if want := `WARN The answer begins: { "error": "no such order" }`; !strings.Contains(recorder.log(), want) {
		t.Errorf("the log lacks %q:\n%s", want, recorder.log())
	}
}
