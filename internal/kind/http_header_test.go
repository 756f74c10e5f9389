package kind

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"windlass/internal/task"
)

func TestCheckHTTPHeaders(t *testing.T) {
	tests := []struct {
		name, value string
		ok          bool
	}{
		{"Accept", "text/html, */*;q=0.1", true},
		{"X-Empty", "", true},
		{"X-Tab", "a\tb", true},
		{"X-Umlaut", "grün", true},
		{"x_under.score~1", "a", true},
		{"User-Agent", "me", true},
		{"Host", "example.com:8080", true},
		{"X-Long", strings.Repeat("a", httpMaxHeaderValue), true},
		{"X-Long", strings.Repeat("a", httpMaxHeaderValue+1), false},
		{"", "a", false},
		{"Two Words", "a", false},
		{"Colon:", "a", false},
		{"Ümlaut", "a", false},
		{"X-Line", "a\r\nX-Injected: b", false},
		{"X-Line", "a\nb", false},
		{"X-Zero", "a\x00b", false},
		{"X-Delete", "\x7f", false},
		{"X-Api-Key", task.Redacted, false},
		{"Host", "", false},
		{"Host", "example.com/path", false},
		{"Host", "ann@example.com", false},
		{"Host", "a b", false},
		{"Connection", "close", false},
		{"content-length", "5", false},
		{"Transfer-Encoding", "chunked", false},
		{"TE", "trailers", false},
		{"trailer", "X", false},
		{"Upgrade", "websocket", false},
		{"Keep-Alive", "5", false},
		{"Proxy-Connection", "close", false},
		{"Windlass-Task-Id", "x", false},
		{"windlass-anything", "x", false},
		{"webhook-signature", "x", false},
		{"traceparent", "x", false},
	}
	for _, tt := range tests {
		faults := checkHTTPHeaders(map[string]string{tt.name: tt.value})
		if (faults == nil) != tt.ok {
			t.Errorf("%s: %.40q: %v, want ok = %v", tt.name, tt.value, faults, tt.ok)
		}
	}
}

func TestCheckHTTPHeadersFindsDoubles(t *testing.T) {
	got := checkHTTPHeaders(map[string]string{"Accept": "a", "accept": "b", "X": "c"})
	want := task.FieldErrors{{Field: "headers.accept", Rule: "must not be given twice, in whatever case"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("faults (-want +got):\n%s", diff)
	}
}

// What the check accepts can be sent, and arrives as one field with its value.
func FuzzHTTPHeader(f *testing.F) {
	for _, seed := range [][2]string{{"Accept", "*/*"}, {"X-A", "b\r\nC: d"}, {"a b", "c"}, {"Host", "x:y"}, {"X-Tab", "\t"}, {"é", "é"}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, name, value string) {
		if checkHTTPHeaders(map[string]string{name: value}) != nil || http.CanonicalHeaderKey(name) == "Host" {
			return
		}
		r := httptest.NewRequest(http.MethodGet, "http://example.com/", nil)
		r.Header.Set(name, value)
		var wire strings.Builder
		if err := r.Write(&wire); err != nil {
			t.Fatalf("%q: %q cannot be sent: %v", name, value, err)
		}
		if n := strings.Count(wire.String(), "\r\n"); n > 5 {
			t.Errorf("%q: %q made %d lines:\n%s", name, value, n, wire.String())
		}
	})
}
