package kind

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"windlass/internal/egress"
	"windlass/internal/task"
)

// loopback gives a guard that lets tests reach their own servers.
func loopback() *egress.Guard {
	return egress.New(egress.Policy{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}})
}

// server runs h on loopback until the test ends.
func server(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

// answers gives a handler that answers the same every time.
func answers(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

// call does one attempt at in, after it has passed the kind's check.
func call(t *testing.T, in HTTPRequestInput) (HTTPRequestResult, *runRecorder, error) {
	t.Helper()
	k, raw := HTTPRequest(loopback(), "Windlass/test"), rawJSON(in)
	if checked, err := k.Check(raw); err != nil || checked.Faults != nil {
		t.Fatalf("check the input: %v, %v", checked.Faults, err)
	}
	run, recorder := attempt(1)
	done, err := k.Run(t.Context(), raw, run)
	if err != nil {
		return HTTPRequestResult{}, recorder, err
	}
	var out HTTPRequestResult
	if err := json.Unmarshal(done.Result, &out); err != nil {
		t.Fatalf("read the result: %v", err)
	}
	return out, recorder, nil
}

// succeed is call for an attempt that must succeed.
func succeed(t *testing.T, in HTTPRequestInput) HTTPRequestResult {
	t.Helper()
	out, _, err := call(t, in)
	if err != nil {
		t.Fatalf("call: %v", err)
	}
	return out
}

// fail is call for an attempt that must fail.
func fail(t *testing.T, in HTTPRequestInput) task.Error {
	t.Helper()
	out, _, err := call(t, in)
	if err == nil {
		t.Fatalf("call: succeeded with %+v", out)
	}
	return task.AsError(err)
}

func TestHTTPRequestSends(t *testing.T) {
	type sent struct {
		method, path, host, body string
		header                   http.Header
	}
	got := make(chan sent, 1)
	s := server(t, func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- sent{r.Method, r.URL.RequestURI(), r.Host, string(body), r.Header}
	})
	host := strings.TrimPrefix(s.URL, "http://")
	common := func(more ...string) http.Header {
		h := http.Header{
			"User-Agent": {"Windlass/test"}, "Accept-Encoding": {"gzip"},
			"Windlass-Task-Id": {"tsk_01_default"}, "Windlass-Attempt": {"1"},
		}
		for i := 0; i < len(more); i += 2 {
			h.Set(more[i], more[i+1])
		}
		return h
	}
	tests := []struct {
		name string
		in   HTTPRequestInput
		want sent
	}{
		{"the least", HTTPRequestInput{URL: s.URL}, sent{"GET", "/", host, "", common()}},
		{"query and fragment", HTTPRequestInput{URL: s.URL + "/a%2Fb?x=1&y=%20#top"}, sent{"GET", "/a%2Fb?x=1&y=%20", host, "", common()}},
		{"text", HTTPRequestInput{Method: "PUT", URL: s.URL, Body: "hello"},
			sent{"PUT", "/", host, "hello", common("Content-Type", "text/plain; charset=utf-8", "Content-Length", "5")}},
		{"JSON", HTTPRequestInput{Method: "POST", URL: s.URL, JSON: json.RawMessage(`{"n":12345678901234567890}`)},
			sent{"POST", "/", host, `{"n":12345678901234567890}`, common("Content-Type", "application/json", "Content-Length", "26")}},
		{"JSON null", HTTPRequestInput{Method: "POST", URL: s.URL, JSON: json.RawMessage(`null`)},
			sent{"POST", "/", host, `null`, common("Content-Type", "application/json", "Content-Length", "4")}},
		{"own type", HTTPRequestInput{Method: "POST", URL: s.URL, Body: "<a/>", Headers: map[string]string{"content-type": "text/xml"}},
			sent{"POST", "/", host, "<a/>", common("Content-Type", "text/xml", "Content-Length", "4")}},
		{"POST without body", HTTPRequestInput{Method: "POST", URL: s.URL}, sent{"POST", "/", host, "", common("Content-Length", "0")}},
		{"own fields", HTTPRequestInput{URL: s.URL, Headers: map[string]string{"x-order": "7", "user-agent": "me", "host": "shop.example"}},
			sent{"GET", "/", "shop.example", "", common("X-Order", "7", "User-Agent", "me")}},
		{"credentials in the URL", HTTPRequestInput{URL: strings.Replace(s.URL, "//", "//ann:p%40ss@", 1)},
			sent{"GET", "/", host, "", common("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte("ann:p@ss")))}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			succeed(t, tt.in)
			if diff := cmp.Diff(tt.want, <-got, cmp.AllowUnexported(sent{})); diff != "" {
				t.Errorf("the target got (-want +got):\n%s", diff)
			}
		})
	}
}

func TestHTTPRequestHandsOnTheTrace(t *testing.T) {
	const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	got := make(chan string, 1)
	s := server(t, func(_ http.ResponseWriter, r *http.Request) { got <- r.Header.Get("traceparent") })
	run := task.NewRun(&task.Task{ID: "tsk_01_default", Traceparent: parent}, 3, nil, new(runRecorder))
	if _, err := HTTPRequest(loopback(), "Windlass").Run(t.Context(), rawJSON(HTTPRequestInput{URL: s.URL}), run); err != nil {
		t.Fatal(err)
	}
	if g := <-got; g != parent {
		t.Errorf("traceparent %q, want %q", g, parent)
	}
}

func TestHTTPRequestResult(t *testing.T) {
	s := server(t, func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h.Set("Content-Type", "application/json")
		h.Set("Date", "Mon, 23 Nov 2026 12:00:00 GMT")
		h.Add("X-Many", "1")
		h.Add("X-Many", "2")
		h.Set("Set-Cookie", "sid=5eCr3t")
		w.WriteHeader(http.StatusCreated)
		io.WriteString(w, `{"ok":true}`)
	})
	out, recorder, err := call(t, HTTPRequestInput{Method: "POST", URL: s.URL + "/orders?page=2"})
	if err != nil {
		t.Fatal(err)
	}
	timing := out.Timing
	out.Timing = HTTPTiming{}
	want := HTTPRequestResult{
		Status: 201,
		Headers: map[string][]string{
			"Content-Length": {"11"}, "Content-Type": {"application/json"}, "Date": {"Mon, 23 Nov 2026 12:00:00 GMT"},
			"X-Many": {"1", "2"}, "Set-Cookie": {task.Redacted},
		},
		Body: `{"ok":true}`, BodyBytes: 11, URL: s.URL + "/orders?page=2", Redirects: []HTTPRedirect{},
	}
	if diff := cmp.Diff(want, out); diff != "" {
		t.Errorf("result (-want +got):\n%s", diff)
	}
	if timing.Connect <= 0 || timing.FirstByte < timing.Connect || timing.Total < timing.FirstByte || timing.DNS != 0 || timing.TLS != 0 {
		t.Errorf("timing %+v", timing)
	}
	for _, part := range []string{"INFO POST " + s.URL + "/orders?…", "INFO Connected in ", "INFO Answered 201 after "} {
		if !strings.Contains(recorder.log(), part) {
			t.Errorf("the log lacks %q:\n%s", part, recorder.log())
		}
	}
}

func TestHTTPRequestBody(t *testing.T) {
	euros := strings.Repeat("€", httpBodyKept) // three bytes each, and 64 KiB is no multiple of three
	binary := strings.Repeat("\xff\x00", httpBodyKept)
	tests := []struct {
		name, body string
		want       HTTPRequestResult
	}{
		{"empty", "", HTTPRequestResult{}},
		{"just fits", strings.Repeat("a", httpBodyKept), HTTPRequestResult{Body: strings.Repeat("a", httpBodyKept), BodyBytes: httpBodyKept}},
		{"one too many", strings.Repeat("a", httpBodyKept+1),
			HTTPRequestResult{Body: strings.Repeat("a", httpBodyKept), BodyBytes: httpBodyKept + 1, BodyTruncated: true}},
		{"cut within a character", euros, HTTPRequestResult{Body: euros[:httpBodyKept-1], BodyBytes: 3 * httpBodyKept, BodyTruncated: true}},
		{"binary", "\xff\xfe\x00", HTTPRequestResult{Body: "//4A", BodyEncoding: "base64", BodyBytes: 3}},
		{"broken at its end", "abc\xe2\x82", HTTPRequestResult{Body: "YWJj4oI=", BodyEncoding: "base64", BodyBytes: 5}},
		{"long binary", binary, HTTPRequestResult{
			Body: base64.StdEncoding.EncodeToString([]byte(binary[:httpBodyKept])), BodyEncoding: "base64", BodyBytes: 2 * httpBodyKept, BodyTruncated: true}},
		{"longer than is counted", strings.Repeat("a", 2*httpBodyCounted),
			HTTPRequestResult{Body: strings.Repeat("a", httpBodyKept), BodyBytes: httpBodyCounted, BodyTruncated: true}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := server(t, answers(http.StatusOK, tt.body))
			out := succeed(t, HTTPRequestInput{URL: s.URL})
			got := HTTPRequestResult{Body: out.Body, BodyEncoding: out.BodyEncoding, BodyBytes: out.BodyBytes, BodyTruncated: out.BodyTruncated}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("result (-want +got):\n%.600s", diff)
			}
		})
	}
}

func TestHTTPRequestUnpacksNoBomb(t *testing.T) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	for range 8 {
		if _, err := z.Write(make([]byte, 1<<20)); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	s := server(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		w.Write(packed.Bytes())
	})
	out := succeed(t, HTTPRequestInput{URL: s.URL})
	if len(out.Body) != httpBodyKept || out.BodyBytes != httpBodyCounted {
		t.Errorf("kept %d and read %d bytes of an 8 MiB body, want %d and %d", len(out.Body), out.BodyBytes, httpBodyKept, httpBodyCounted)
	}
}

func TestHTTPRequestBoundsHeaders(t *testing.T) {
	s := server(t, func(w http.ResponseWriter, _ *http.Request) {
		for i := range 100 {
			w.Header().Set(fmt.Sprintf("X-Filler-%02d", i), strings.Repeat("a", 1000))
		}
		w.Header().Set("A-First", "1")
		w.Header().Set("Z-Last", "1")
	})
	out := succeed(t, HTTPRequestInput{URL: s.URL})
	size := 0
	for name, values := range out.Headers {
		size += len(name) + len(strings.Join(values, ""))
	}
	if !out.HeadersTruncated || size > httpHeadersKept || size < httpHeadersKept-1100 {
		t.Errorf("kept %d bytes of headers, truncated %v", size, out.HeadersTruncated)
	}
	if out.Headers["A-First"] == nil || out.Headers["Z-Last"] == nil {
		t.Error("short fields have been dropped for long ones")
	}
}

// Whatever the target answers, the result must fit: control characters grow
// sixfold in JSON.
func TestHTTPRequestResultFits(t *testing.T) {
	s := server(t, func(w http.ResponseWriter, _ *http.Request) {
		for i := range 16 {
			w.Header().Set(fmt.Sprintf("X-Filler-%02d", i), strings.Repeat("\t\xff", 490)+"a")
		}
		io.WriteString(w, strings.Repeat("\x01", 2*httpBodyKept))
	})
	run, _ := attempt(1)
	done, err := HTTPRequest(loopback(), "Windlass").Run(t.Context(), rawJSON(HTTPRequestInput{URL: s.URL}), run)
	if err != nil || len(done.Result) > task.MaxResult {
		t.Errorf("%d bytes of result, error %v", len(done.Result), err)
	}
}

func TestHTTPRequestReusesConnections(t *testing.T) {
	s := server(t, answers(http.StatusOK, strings.Repeat("a", 2*httpBodyKept)))
	k := HTTPRequest(loopback(), "Windlass")
	for i, want := range []string{"Connected in ", "Used a connection that was open."} {
		run, recorder := attempt(1)
		if _, err := k.Run(t.Context(), rawJSON(HTTPRequestInput{URL: s.URL}), run); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(recorder.log(), want) {
			t.Errorf("call %d: log lacks %q:\n%s", i+1, want, recorder.log())
		}
	}
}

func TestHTTPRequestEndsWithItsContext(t *testing.T) {
	arrived := make(chan struct{})
	s := server(t, func(_ http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-r.Context().Done()
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-arrived
		cancel()
	}()
	run, _ := attempt(1)
	_, err := HTTPRequest(loopback(), "Windlass").Run(ctx, rawJSON(HTTPRequestInput{URL: s.URL}), run)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want the context's", err)
	}
}

func TestHTTPRequestSummaryAndSubject(t *testing.T) {
	s := server(t, answers(http.StatusNoContent, ""))
	k := HTTPRequest(loopback(), "Windlass")
	raw := rawJSON(HTTPRequestInput{Method: "DELETE", URL: s.URL + "/a?b=c#d"})
	run, _ := attempt(1)
	done, err := k.Run(t.Context(), raw, run)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(done.Summary, "204 · ") || !strings.HasSuffix(done.Summary, " ms") {
		t.Errorf("summary %q", done.Summary)
	}
	if got, err := k.Check(raw); err != nil || got.Subject != "DELETE "+s.URL+"/a?…" {
		t.Errorf("subject %q, %v", got.Subject, err)
	}
}

func TestHTTPRequestCacheFor(t *testing.T) {
	k := HTTPRequest(loopback(), "Windlass")
	got, err := k.Check(rawJSON(HTTPRequestInput{URL: "https://example.com/", CacheFor: task.Duration(time.Hour)}))
	if err != nil || got.Faults != nil || got.CacheFor != time.Hour {
		t.Errorf("checked as %+v, %v, want cached for 1h", got, err)
	}
	if got, err := k.Check(k.Example); err != nil || got.CacheFor != 0 {
		t.Errorf("the example is checked as %+v, %v, want not cached", got, err)
	}
}

func TestHTTPRequestExampleIsValid(t *testing.T) {
	k := HTTPRequest(loopback(), "Windlass")
	if checked, err := k.Check(k.Example); err != nil || checked.Faults != nil {
		t.Errorf("check: %v, %v", checked.Faults, err)
	}
}

func TestHTTPRequestCheck(t *testing.T) {
	const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	tests := []struct {
		input string // beside the url
		want  []string
	}{
		{`"method":"POST","body":"a","timeout":"15m","secret":"` + secret + `","success":["200-299","304"]`, nil},
		{`"cache_for":"24h"`, nil},
		{`"body":"a","json":null`, []string{"json"}},
		{`"body":"","json":{}`, nil},
		{`"timeout":"15m1s"`, []string{"timeout"}},
		{`"timeout":"-1s"`, []string{"timeout"}},
		{`"cache_for":"25h"`, []string{"cache_for"}},
		{`"cache_for":"-1h"`, []string{"cache_for"}},
		{`"cache_for":"1h","method":"POST"`, []string{"cache_for"}},
		{`"cache_for":"1h","method":"GET"`, nil},
		{`"secret":"short"`, []string{"secret"}},
		{`"success":["abc"]`, []string{"success"}},
		{`"url":"ftp://example.com","headers":{"b c":"","A":"\n"},"timeout":"1h"`, []string{"url", "headers.A", "headers.b c", "timeout"}},
	}
	k := HTTPRequest(loopback(), "Windlass")
	for _, tt := range tests {
		checked, err := k.Check(json.RawMessage(`{"url":"https://example.com/",` + tt.input + `}`))
		if err != nil {
			t.Fatalf("%s: %v", tt.input, err)
		}
		var fields []string
		for _, f := range checked.Faults {
			fields = append(fields, f.Field)
		}
		if diff := cmp.Diff(tt.want, fields); diff != "" {
			t.Errorf("%s: faulty fields (-want +got):\n%s", tt.input, diff)
		}
	}
}

// A record may be older than the rules: its input is judged again before it is used.
func TestHTTPRequestJudgesStoredInput(t *testing.T) {
	for _, in := range []HTTPRequestInput{
		{URL: "gopher://example.com/"},
		{URL: "https://example.com/", Secret: "whsec_"},
		{URL: "https://example.com/", Success: []string{"1000"}},
	} {
		run, _ := attempt(1)
		_, err := HTTPRequest(loopback(), "Windlass").Run(t.Context(), rawJSON(in), run)
		if err == nil {
			t.Fatalf("%+v was sent", in)
		}
		if e := task.AsError(err); e.Code != "invalid_input" || !e.Final {
			t.Errorf("%+v: %+v, want invalid_input for good", in, e)
		}
	}
}
