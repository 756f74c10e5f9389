package kind

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestHTTPRequestRefusesRedirects(t *testing.T) {
	s := server(t, func(w http.ResponseWriter, r *http.Request) {
		if n, ok := strings.CutPrefix(r.URL.Path, "/loop"); ok {
			http.Redirect(w, r, "/loop"+n+"x", http.StatusFound)
			return
		}
		w.Header().Set("Location", r.URL.Query().Get("to"))
		w.WriteHeader(http.StatusFound)
	})
	tests := []struct {
		path    string
		max     int
		code    string
		message string
	}{
		{"/loop", 0, "http_redirect", "The target answered 302, a redirect, and the task follows none: max_redirects is 0."},
		{"/loop", 3, "http_redirect", "The target redirected more often than the task follows: max_redirects is 3."},
		{"/?to=ftp://example.com/", 1, "http_redirect", "The target answered 302 with a Location that must begin with http:// or https://."},
		{"/?to=javascript:alert(1)", 1, "http_redirect", "The target answered 302 with a Location that must be an absolute URL, such as https://example.com/path."},
		{"/?to=http:///x", 1, "http_redirect", "The target answered 302 with a Location that must be an absolute URL, such as https://example.com/path."},
		{"/?to=http://[", 1, "http_redirect", "The target answered 302 with a Location that is not a URL."},
		{"/?to=", 1, "http_status", "The target answered 302 Found."},
	}
	for _, tt := range tests {
		e := fail(t, HTTPRequestInput{URL: s.URL + tt.path, MaxRedirects: tt.max})
		if e.Code != tt.code || e.Message != tt.message || !e.Final {
			t.Errorf("%s: %+v, want %s for good: %q", tt.path, e, tt.code, tt.message)
		}
	}
}

func TestHTTPRequestTakesARedirectForSuccess(t *testing.T) {
	s := server(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/next", http.StatusFound) })
	out := succeed(t, HTTPRequestInput{URL: s.URL, Success: []string{"302"}})
	if out.Status != http.StatusFound || out.Headers["Location"][0] != "/next" {
		t.Errorf("status %d, headers %v", out.Status, out.Headers)
	}
}

// What happens to method and body: RFC 9110, 15.4, and the Fetch standard.
func TestHTTPRequestFollowsRedirects(t *testing.T) {
	s := server(t, func(w http.ResponseWriter, r *http.Request) {
		var status int
		if _, err := fmt.Sscanf(r.URL.Path, "/%d", &status); err == nil {
			http.Redirect(w, r, "/end?from="+r.URL.Path[1:], status)
			return
		}
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %s", r.Method, r.Header.Get("Content-Type"), body)
	})
	const typ = "text/plain; charset=utf-8"
	tests := []struct {
		status       int
		method, want string
	}{
		{301, "GET", "GET  "}, {302, "GET", "GET  "}, {303, "GET", "GET  "}, {307, "GET", "GET  "}, {308, "GET", "GET  "},
		{301, "POST", "GET  "}, {302, "POST", "GET  "}, {303, "POST", "GET  "},
		{307, "POST", "POST " + typ + " hello"}, {308, "POST", "POST " + typ + " hello"},
		{301, "PUT", "PUT " + typ + " hello"}, {302, "PUT", "PUT " + typ + " hello"}, {303, "PUT", "GET  "},
		{303, "DELETE", "GET  "}, {307, "PATCH", "PATCH " + typ + " hello"},
	}
	for _, tt := range tests {
		in := HTTPRequestInput{Method: tt.method, URL: fmt.Sprintf("%s/%d", s.URL, tt.status), MaxRedirects: 1}
		if tt.method != "GET" {
			in.Body, in.Headers = "hello", map[string]string{"Content-Type": typ}
		}
		out := succeed(t, in)
		if out.Body != tt.want {
			t.Errorf("%d of a %s: the second request was %q, want %q", tt.status, tt.method, out.Body, tt.want)
		}
		end := fmt.Sprintf("%s/end?from=%d", s.URL, tt.status)
		if diff := cmp.Diff([]HTTPRedirect{{tt.status, end}}, out.Redirects); diff != "" || out.URL != end {
			t.Errorf("%d: answer from %s, redirects (-want +got):\n%s", tt.status, out.URL, diff)
		}
	}
}

// Credentials stay with the origin that they were given for, and do not come
// back when a later redirect does.
func TestHTTPRequestDropsCredentialsOnTheWay(t *testing.T) {
	var other *httptest.Server
	seen := make(chan *http.Request, 10)
	first := server(t, func(w http.ResponseWriter, r *http.Request) {
		seen <- r
		switch r.URL.Path {
		case "/start":
			http.Redirect(w, r, "/same", http.StatusTemporaryRedirect)
		case "/same":
			http.Redirect(w, r, other.URL+"/away", http.StatusTemporaryRedirect)
		}
	})
	other = server(t, func(w http.ResponseWriter, r *http.Request) {
		seen <- r
		http.Redirect(w, r, first.URL+"/home", http.StatusTemporaryRedirect)
	})
	own := []string{"Authorization", "Cookie", "X-Api-Key", "X-Auth-Token", "Webhook-Id", "Webhook-Timestamp", "Webhook-Signature"}
	common := []string{"Accept", "Windlass-Task-Id", "Windlass-Attempt"}
	for _, withUser := range []bool{false, true} {
		in := HTTPRequestInput{
			Method: "POST", URL: first.URL + "/start", MaxRedirects: 5, JSON: json.RawMessage(`{}`),
			Secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
			Headers: map[string]string{
				"Accept": "*/*", "cookie": "a=b", "X-Api-Key": "k", "x-auth-token": "t", "Host": "shop.example", "Authorization": "Bearer x",
			},
		}
		if withUser {
			delete(in.Headers, "Authorization")
			in.URL = strings.Replace(in.URL, "//", "//ann:pass@", 1)
		}
		succeed(t, in)
		if len(seen) != 4 {
			t.Fatalf("%d requests, want 4", len(seen))
		}
		for i, trusted := range []bool{true, true, false, false} {
			r := <-seen
			for _, name := range own {
				if got := r.Header.Get(name) != ""; got != trusted {
					t.Errorf("user in the URL: %v; request %d: %s sent = %v, want %v", withUser, i+1, name, got, trusted)
				}
			}
			for _, name := range common {
				if r.Header.Get(name) == "" {
					t.Errorf("request %d: %s is missing", i+1, name)
				}
			}
			if got := r.Host == "shop.example"; got != trusted {
				t.Errorf("request %d: Host %s", i+1, r.Host)
			}
		}
	}
}

func TestHTTPRequestKeepsRedirectsSecret(t *testing.T) {
	s := server(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/end" {
			return
		}
		http.Redirect(w, r, strings.Replace("http://"+r.Host, "//", "//ann:pa55word@", 1)+"/end?token=t0ken-value&page=2#top", http.StatusFound)
	})
	out, recorder, err := call(t, HTTPRequestInput{URL: s.URL, MaxRedirects: 1})
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Replace(s.URL, "//", "//[redacted]@", 1) + "/end?token=[redacted]&page=2"
	if out.URL != want || out.Redirects[0].URL != want {
		t.Errorf("URL %s, redirects %v, want %s", out.URL, out.Redirects, want)
	}
	if all := string(rawJSON(out)) + recorder.log(); strings.Contains(all, "pa55word") || strings.Contains(all, "t0ken-value") {
		t.Errorf("a secret of the redirect is in:\n%s", all)
	}
}
