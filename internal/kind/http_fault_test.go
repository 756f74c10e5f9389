package kind

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"windlass/internal/egress"
	"windlass/internal/task"
)

// roundTrip is a transport made of one function.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// stream is a body that gives its text and then nothing more until its request ends.
type stream struct {
	ctx  context.Context
	text io.Reader
}

func (s stream) Read(p []byte) (int, error) {
	if n, err := s.text.Read(p); err == nil {
		return n, nil
	}
	<-s.ctx.Done()
	return 0, s.ctx.Err()
}

func (stream) Close() error { return nil }

// streams gives a transport that answers 200 with a stream of text.
func streams(text string) roundTrip {
	return func(r *http.Request) (*http.Response, error) {
		httptrace.ContextClientTrace(r.Context()).GotFirstResponseByte()
		return &http.Response{StatusCode: http.StatusOK, Body: stream{r.Context(), strings.NewReader(text)}}, nil
	}
}

func TestHTTPTimeout(t *testing.T) {
	silent := roundTrip(func(r *http.Request) (*http.Response, error) {
		<-r.Context().Done()
		return nil, r.Context().Err()
	})
	tests := []struct {
		name      string
		transport roundTrip
		timeout   task.Duration
		outer     time.Duration // the attempt's own timeout
		after     time.Duration
		message   string
	}{
		{"by default", silent, 0, time.Hour, 30 * time.Second, "No answer within 30 s (the host's name was not resolved)."},
		{"as asked", silent, task.Duration(10 * time.Minute), time.Hour, 10 * time.Minute, "No answer within 10m0s (the host's name was not resolved)."},
		{"by the policy", silent, 0, 5 * time.Second, 5 * time.Second, "No answer within 5 s (the host's name was not resolved)."},
		{"within the body", streams("some"), 0, time.Hour, 30 * time.Second, "No answer within 30 s (first byte after 0 ms, answer incomplete)."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), tt.outer)
				defer cancel()
				start := time.Now()
				run, _ := attempt(1)
				_, err := exchange(ctx, tt.transport, "Windlass", HTTPRequestInput{URL: "https://example.com/", Timeout: tt.timeout}, run)
				if err == nil || time.Since(start) != tt.after {
					t.Fatalf("ended after %s with %v, want a failure after %s", time.Since(start), err, tt.after)
				}
				if e := task.AsError(err); e.Code != "timeout" || e.Message != tt.message || e.Final {
					t.Errorf("%+v, want a timeout to be retried that says %q", e, tt.message)
				}
			})
		})
	}
}

// A stream that never ends has given what is kept of it: a success, and soon.
func TestHTTPRequestReadsNoEndlessStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		run, _ := attempt(1)
		in := HTTPRequestInput{URL: "https://example.com/", Timeout: task.Duration(time.Minute)}
		out, err := exchange(t.Context(), streams(strings.Repeat("a", httpBodyKept+10)), "Windlass", in, run)
		if err != nil {
			t.Fatal(err)
		}
		if out.BodyBytes != httpBodyKept+10 || !out.BodyTruncated || out.Timing.Total.Std() != httpSpareTime {
			t.Errorf("%d bytes, truncated %v, after %s", out.BodyBytes, out.BodyTruncated, out.Timing.Total.Std())
		}
	})
}

// So has a refusal: the status says what matters.
func TestHTTPRequestReadsNoEndlessRefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refuses := roundTrip(func(r *http.Request) (*http.Response, error) {
			body := stream{r.Context(), strings.NewReader("busy")}
			return &http.Response{StatusCode: http.StatusServiceUnavailable, Header: http.Header{"Retry-After": {"7"}}, Body: body}, nil
		})
		start := time.Now()
		run, _ := attempt(1)
		_, err := exchange(t.Context(), refuses, "Windlass", HTTPRequestInput{URL: "https://example.com/"}, run)
		if err == nil || time.Since(start) != httpSpareTime {
			t.Fatalf("ended after %s with %v", time.Since(start), err)
		}
		if e := task.AsError(err); e.Code != "http_status" || e.After != 7*time.Second {
			t.Errorf("%+v, want the status, to be retried after 7s", e)
		}
	})
}

// The phases as a real connection reaches them. The servers answer nothing, so
// every one of these waits for its short timeout.
func TestHTTPTimeoutTellsThePhase(t *testing.T) {
	mute := listen(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
	halting := server(t, func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "some")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	tests := []struct{ url, phase string }{
		{"http://" + mute, ", no first byte)."},
		{"https://" + mute, ", TLS not agreed)."},
		{halting.URL, ", answer incomplete)."},
	}
	for _, tt := range tests {
		e := fail(t, HTTPRequestInput{URL: tt.url, Timeout: task.Duration(200 * time.Millisecond)})
		if e.Code != "timeout" || !strings.HasSuffix(e.Message, tt.phase) {
			t.Errorf("%s: %s: %s, want it to end in %q", tt.url, e.Code, e.Message, tt.phase)
		}
	}
}

func TestHTTPNetworkFaults(t *testing.T) {
	closed := listen(t, func(net.Conn) {})
	garbage := listen(t, func(c net.Conn) { _, _ = io.WriteString(c, "SSH-2.0-OpenSSH_9.9\r\n") })
	short := listen(t, func(c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc") })
	packed := server(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		io.WriteString(w, "not gzip at all")
	})
	wordy := server(t, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X-Long", strings.Repeat("a", 1<<20)) })
	plain := server(t, answers(http.StatusOK, ""))
	secure := secureServer(t, "")
	tests := []struct{ name, url, code, message string }{
		{"large header fields", wordy.URL, "connection", "The header fields of the answer of 127.0.0.1 are too large: more than 256 KiB."},
		{"nobody listens", "http://" + freePort(t), "connection", "127.0.0.1 refused the connection: nothing listens on this port."},
		{"closed at once", "http://" + closed, "connection", "The connection to 127.0.0.1 broke before the answer was complete."},
		{"not HTTP", "http://" + garbage, "connection", "The connection to 127.0.0.1 broke before the answer was complete."},
		{"cut short", "http://" + short, "connection", "The connection to 127.0.0.1 broke before the answer was complete."},
		{"broken compression", packed.URL, "connection", "The connection to 127.0.0.1 broke before the answer was complete."},
		{"no TLS there", strings.Replace(plain.URL, "http:", "https:", 1), "tls", "127.0.0.1 does not speak TLS on this port; is it an http:// address?"},
		{"unknown issuer", secure.URL, "tls", "The certificate of 127.0.0.1 is not trusted: its issuer is unknown."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := fail(t, HTTPRequestInput{URL: tt.url})
			if e.Code != tt.code || !strings.HasPrefix(e.Message, tt.message) || e.Final || e.Err == nil {
				t.Errorf("%+v, want %s, to be retried: %q", e, tt.code, tt.message)
			}
		})
	}
}

func TestExplainNames(t *testing.T) {
	for notFound, want := range map[bool]string{
		true:  "The host example.com does not exist.",
		false: "The address of example.com could not be looked up.",
	} {
		err := &net.OpError{Op: "dial", Err: &net.DNSError{Err: "x", Name: "example.com", Server: "10.0.0.2:53", IsNotFound: notFound}}
		if code, message := explain(err, "example.com"); code != "dns" || message != want {
			t.Errorf("%s: %q, want dns: %q", code, message, want)
		}
	}
}

func TestExplainCertificates(t *testing.T) {
	server := secureServer(t, "")
	tests := []struct{ name, host, why string }{
		{"another name", "other.example", "it is for another name"},
		{"expired", "example.com", "it has expired or is not valid yet"},
	}
	for _, tt := range tests {
		tr := loopback().Transport()
		tr.TLSClientConfig = &tls.Config{RootCAs: server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs, ServerName: tt.host}
		if tt.name == "expired" {
			tr.TLSClientConfig.Time = func() time.Time { return time.Date(2400, 1, 1, 0, 0, 0, 0, time.UTC) }
		}
		run, _ := attempt(1)
		_, err := exchange(t.Context(), tr, "Windlass", HTTPRequestInput{URL: server.URL}, run)
		if err == nil {
			t.Fatalf("%s: trusted", tt.name)
		}
		if e := task.AsError(err); e.Code != "tls" || !strings.HasSuffix(e.Message, "is not trusted: "+tt.why+".") {
			t.Errorf("%s: %s: %s", tt.name, e.Code, e.Message)
		}
	}
}

func TestHTTPOverTLS(t *testing.T) {
	server := secureServer(t, "hello")
	tr := loopback().Transport()
	tr.TLSClientConfig = &tls.Config{RootCAs: server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs}
	t.Cleanup(tr.CloseIdleConnections)
	run, recorder := attempt(1)
	out, err := exchange(t.Context(), tr, "Windlass", HTTPRequestInput{URL: server.URL}, run)
	if err != nil || out.Body != "hello" || out.Timing.TLS <= 0 {
		t.Errorf("result %+v, error %v", out, err)
	}
	if !strings.Contains(recorder.log(), ", TLS 1.3 in ") {
		t.Errorf("the log does not tell of TLS:\n%s", recorder.log())
	}
}

func TestHTTPRequestIsRefusedByTheGuard(t *testing.T) {
	s := server(t, answers(http.StatusOK, ""))
	metadata := server(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://169.254.169.254/latest/meta-data/", http.StatusFound)
	})
	onlyThis := egress.New(egress.Policy{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}})
	tests := []struct {
		name, url string
		guard     *egress.Guard
		message   string
	}{
		{"loopback", s.URL, egress.New(egress.Policy{}), "127.0.0.1 may not be called: it leads to a loopback address, and only public addresses are allowed."},
		{"by name", strings.Replace(s.URL, "127.0.0.1", "localhost", 1), egress.New(egress.Policy{}), "localhost may not be called: it leads to a loopback address, and only public addresses are allowed."},
		{"redirected", metadata.URL, onlyThis, "169.254.169.254 may not be called: it leads to a cloud's metadata service, and only public addresses are allowed."},
	}
	for _, tt := range tests {
		run, _ := attempt(1)
		_, err := HTTPRequest(tt.guard, "Windlass").Run(t.Context(), rawJSON(HTTPRequestInput{URL: tt.url, MaxRedirects: 1}), run)
		if err == nil {
			t.Fatalf("%s: called", tt.name)
		}
		if e := task.AsError(err); e.Code != "egress_refused" || !e.Final || e.Message != tt.message {
			t.Errorf("%s: %+v, want egress_refused for good: %q", tt.name, e, tt.message)
		}
	}
}

// A request that waits for its turn says so when its time is over.
func TestHTTPRequestWaitsForAConnection(t *testing.T) {
	arrived, release := make(chan struct{}), make(chan struct{})
	s := server(t, func(http.ResponseWriter, *http.Request) {
		close(arrived)
		<-release
	})
	k := HTTPRequest(egress.New(egress.Policy{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, HostConnections: 1}), "Windlass")
	first := make(chan error, 1)
	go func() {
		run, _ := attempt(1)
		_, err := k.Run(t.Context(), rawJSON(HTTPRequestInput{URL: s.URL}), run)
		first <- err
	}()
	<-arrived
	run, _ := attempt(1)
	_, err := k.Run(t.Context(), rawJSON(HTTPRequestInput{URL: s.URL, Timeout: task.Duration(50 * time.Millisecond)}), run)
	close(release)
	if err == nil {
		t.Fatal("a second connection was opened")
	}
	if e := task.AsError(err); e.Code != "timeout" || e.Final || !strings.HasSuffix(e.Message, "(every connection to the host that may be open was in use).") {
		t.Errorf("%+v", e)
	}
	if err := <-first; err != nil {
		t.Error(err)
	}
}

// The cause is for the operator's log: it tells more, but no secret.
func TestHTTPFaultKeepsItsCause(t *testing.T) {
	const secret = "s3cr3t-value"
	broken := roundTrip(func(*http.Request) (*http.Response, error) {
		return nil, errors.New("malformed answer: " + secret)
	})
	run, _ := attempt(1)
	_, err := exchange(t.Context(), broken, "Windlass", HTTPRequestInput{URL: "https://example.com/", Headers: map[string]string{"X-Api-Key": secret}}, run)
	if got, want := fmt.Sprint(err), "connection: The connection to example.com broke before the answer was complete. (malformed answer: [redacted])"; got != want {
		t.Errorf("error %q, want %q", got, want)
	}
}

// secureServer runs a server with TLS and HTTP/2 that answers body. What it
// thinks of failed handshakes is not part of a test's output.
func secureServer(t *testing.T, body string) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(answers(http.StatusOK, body))
	s.EnableHTTP2 = true
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

// listen gives the address of a server that hands each connection to serve,
// and closes it when serve returns.
func listen(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				serve(c)
			}()
		}
	}()
	return l.Addr().String()
}

// freePort gives an address that nothing listens on.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
