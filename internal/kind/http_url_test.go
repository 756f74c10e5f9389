package kind

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"windlass/internal/task"
)

func TestParseHTTPURL(t *testing.T) {
	good := []string{
		"https://example.com", "http://example.com:8080/a?b=c#d", "HTTPS://EXAMPLE.com/", "https://ann:pass@example.com/",
		"http://[::1]:80/", "http://127.0.0.1", "https://bücher.example/", "https://example.com:65535/",
	}
	bad := []string{
		"", "example.com", "/path", "//example.com/", "ftp://example.com/", "javascript:alert(1)", "file:///etc/passwd", "https:example.com",
		"https://", "https:///path", "https://:443/", "http://example.com:0/", "http://example.com:65536/", "http://exa mple.com/",
		"http://example.com/\n", "http://example.com:port/", "http://[::1/", "https://[redacted]@example.com/", "https://example.com/?token=[redacted]",
		"http://127.1/", "http://2130706433/", "http://0x7f.1/", "http://127.0.0.1./",
	}
	for _, raw := range good {
		if _, rule := parseHTTPURL(raw); rule != "" {
			t.Errorf("%q is refused: %s", raw, rule)
		}
	}
	for _, raw := range bad {
		if _, rule := parseHTTPURL(raw); rule == "" {
			t.Errorf("%q is accepted", raw)
		}
	}
}

func TestSameOrigin(t *testing.T) {
	tests := []struct {
		a, b string
		want bool
	}{
		{"https://example.com/a", "https://EXAMPLE.com:443/b", true},
		{"http://example.com/", "http://example.com:80/", true},
		{"http://example.com/", "https://example.com/", false},
		{"https://example.com/", "https://www.example.com/", false},
		{"https://example.com/", "https://example.com:8443/", false},
		{"https://example.com/", "https://example.com.evil.example/", false},
	}
	for _, tt := range tests {
		a, errA := url.Parse(tt.a)
		b, errB := url.Parse(tt.b)
		if errA != nil || errB != nil {
			t.Fatal(errA, errB)
		}
		if got := sameOrigin(a, b); got != tt.want {
			t.Errorf("%s and %s: same origin = %v", tt.a, tt.b, got)
		}
	}
}

func TestBriefAndRedactedURL(t *testing.T) {
	tests := []struct{ raw, brief, clean string }{
		{"https://example.com", "https://example.com", "https://example.com"},
		{"https://ann:pass@example.com/a%2Fb?x=1#f", "https://example.com/a%2Fb?…", "https://[redacted]@example.com/a%2Fb?x=1"},
		{"https://example.com/?q=%20a&token=abc&b&key=&sig=1=2", "https://example.com/?…", "https://example.com/?q=%20a&token=[redacted]&b&key=&sig=[redacted]"},
		{"https://example.com/?%zz=abc", "https://example.com/?…", "https://example.com/?%zz=[redacted]"},
		{"https://example.com//double//slash", "https://example.com//double//slash", "https://example.com//double//slash"},
		{"no url: s3cr3t", "(not a URL)", task.Redacted},
		{"s3cr3t", "(not a URL)", task.Redacted},
	}
	for _, tt := range tests {
		if got := briefURL(tt.raw); got != tt.brief {
			t.Errorf("brief %q: %q, want %q", tt.raw, got, tt.brief)
		}
		if got := task.RedactURL(tt.raw); got != tt.clean {
			t.Errorf("redacted %q: %q, want %q", tt.raw, got, tt.clean)
		}
	}
}

func FuzzURL(f *testing.F) {
	for _, seed := range []string{
		"https://example.com/", "http://ann:pass@example.com:80/a?token=b#c", "http://[::1%25lo]/", "https://exa%6dple.com/", "http://user@/", "//x", "http://a/?;=&&=", "http://[::1%25l\x90]",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		u, rule := parseHTTPURL(raw)
		clean, brief := task.RedactURL(raw), briefURL(raw)
		if rule != "" {
			return
		}
		if (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" {
			t.Fatalf("%q is accepted as %s with host %q", raw, u.Scheme, u.Hostname())
		}
		if _, err := http.NewRequest(http.MethodGet, u.String(), nil); err != nil {
			t.Errorf("%q is accepted and cannot be sent: %v", raw, err)
		}
		if strings.ContainsAny(brief, "#") || strings.Contains(brief, "@") && !strings.Contains(u.Host+u.EscapedPath(), "@") {
			t.Errorf("%q: the brief form %q tells too much", raw, brief)
		}
		again, err := url.Parse(strings.Replace(clean, task.Redacted+"@", "", 1))
		if err != nil || again.User != nil || again.Host != u.Host {
			t.Errorf("%q: the redacted form is %q, %v", raw, clean, err)
		}
	})
}
