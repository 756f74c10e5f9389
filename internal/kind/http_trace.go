package kind

import (
	"crypto/tls"
	"fmt"
	"net/http/httptrace"
	"strconv"
	"sync"
	"time"

	"windlass/internal/task"
)

// trace notes when one request reached which phase. The transport calls it from
// several goroutines, and may do so after the request has ended.
type trace struct {
	mu                                     sync.Mutex
	start, dnsStart, connectStart, tlsTime time.Time
	timing                                 HTTPTiming // all but Total
	wanted, connected, reused              bool       // a connection was asked for, was there, had been used
	tlsVersion                             string     // empty without TLS
}

func newTrace() *trace { return &trace{start: time.Now()} }

// client gives the hooks that fill the trace.
func (t *trace) client() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GetConn:  func(string) { t.note(func() { t.wanted = true }) },
		DNSStart: func(httptrace.DNSStartInfo) { t.note(func() { t.dnsStart = time.Now() }) },
		DNSDone: func(httptrace.DNSDoneInfo) {
			t.note(func() { t.timing.DNS = since(t.dnsStart) })
		},
		ConnectStart: func(_, _ string) {
			t.note(func() {
				if t.connectStart.IsZero() { // several addresses may be tried
					t.connectStart = time.Now()
				}
			})
		},
		ConnectDone: func(_, _ string, err error) {
			t.note(func() {
				if err == nil && !t.connected {
					t.connected, t.timing.Connect = true, since(t.connectStart)
				}
			})
		},
		TLSHandshakeStart: func() { t.note(func() { t.tlsTime = time.Now() }) },
		TLSHandshakeDone: func(state tls.ConnectionState, err error) {
			t.note(func() {
				if err == nil {
					t.timing.TLS, t.tlsVersion = since(t.tlsTime), tls.VersionName(state.Version)
				}
			})
		},
		GotConn: func(info httptrace.GotConnInfo) {
			t.note(func() { t.connected, t.reused = true, info.Reused })
		},
		GotFirstResponseByte: func() { t.note(func() { t.timing.FirstByte = since(t.start) }) },
	}
}

func (t *trace) note(f func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f()
}

// timings gives the phases so far, without the total.
func (t *trace) timings() HTTPTiming {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.timing
}

// connection says in one line how the request got its connection.
func (t *trace) connection() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.reused:
		return "Used a connection that was open."
	case t.tlsVersion != "":
		return fmt.Sprintf("Connected in %s, %s in %s.", took(t.timing.Connect.Std()), t.tlsVersion, took(t.timing.TLS.Std()))
	default:
		return fmt.Sprintf("Connected in %s, without TLS.", took(t.timing.Connect.Std()))
	}
}

// reached says in a clause how far the request came.
func (t *trace) reached() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	connected := "on an open connection"
	if !t.reused {
		connected = "connected in " + took(t.timing.Connect.Std())
	}
	switch {
	case t.timing.FirstByte > 0:
		return "first byte after " + took(t.timing.FirstByte.Std()) + ", answer incomplete"
	case t.wanted && !t.connected && t.connectStart.IsZero() && t.dnsStart.IsZero():
		return "every connection to the host that may be open was in use"
	case !t.connected && t.connectStart.IsZero():
		return "the host's name was not resolved"
	case !t.connected:
		return "not connected"
	case !t.reused && !t.tlsTime.IsZero() && t.tlsVersion == "":
		return connected + ", TLS not agreed"
	default:
		return connected + ", no first byte"
	}
}

// since gives the time that has passed, as fine as is worth reading and never
// zero: zero means that it did not happen.
func since(start time.Time) task.Duration {
	return task.Duration(max(time.Since(start).Round(10*time.Microsecond), 10*time.Microsecond))
}

// took writes a length of time for people: "0.4 ms", "184 ms", "1.2 s", "2m5s".
func took(d time.Duration) string {
	switch whole := d.Round(time.Millisecond); {
	case d < 10*time.Millisecond:
		return decimal(float64(d)/float64(time.Millisecond)) + " ms"
	case whole < time.Second:
		return strconv.FormatInt(whole.Milliseconds(), 10) + " ms"
	case d < 2*time.Minute:
		return decimal(d.Seconds()) + " s"
	default:
		return d.Round(time.Second).String()
	}
}

// decimal writes n with one digit after the point, and without it when it is 0.
func decimal(n float64) string {
	return strconv.FormatFloat(float64(int64(n*10+0.5))/10, 'f', -1, 64)
}
