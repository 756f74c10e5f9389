package siteaudit

import (
	"net/url"
	"strings"
	"testing"
)

func TestResolve(t *testing.T) {
	page, err := parse("https://example.com/docs/guide/?v=1")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct{ raw, want, fragment string }{
		{"", "https://example.com/docs/guide/?v=1", ""},
		{"#part", "https://example.com/docs/guide/?v=1", "part"},
		{"?v=2", "https://example.com/docs/guide/?v=2", ""},
		{"?", "https://example.com/docs/guide/", ""},
		{"next", "https://example.com/docs/guide/next", ""},
		{"../../../up", "https://example.com/up", ""},
		{"/a/./b/../c", "https://example.com/a/c", ""},
		{"/a/%2E%2e/c", "https://example.com/c", ""},
		{"//Other.TEST/x", "https://other.test/x", ""},
		{`\\other.test\x`, "https://other.test/x", ""},
		{"HTTP://example.com:80", "http://example.com/", ""},
		{"https://example.com:443/x#%41", "https://example.com/x", "%41"},
		{"https://example.com:8443/x", "https://example.com:8443/x", ""},
		{"http://example.com:443/", "http://example.com:443/", ""},
		{"https://example.com./", "https://example.com/", ""},
		{"https://example.com:/", "https://example.com/", ""},
		{"http://[2001:DB8::1]:80/", "http://[2001:db8::1]/", ""},
		{"http://[::1]:8080/", "http://[::1]:8080/", ""},
		{"https://bob:secret@example.com/x", "https://example.com/x", ""},
		{"https://Bücher.example/ü?ü=ü", "https://xn--bcher-kva.example/%C3%BC?%C3%BC=%C3%BC", ""},
		{"/caf%c3%a9/%7euser", "https://example.com/caf%C3%A9/~user", ""},
		{"/a b?c d", "https://example.com/a%20b?c%20d", ""},
		{"/100%/x%zz", "https://example.com/100%25/x%25zz", ""},
		{" \t/li\nne ", "https://example.com/line", ""},
		{"a:1/b", "", ""},
		{"1:2", "https://example.com/docs/guide/1:2", ""},
		{"/a//b/", "https://example.com/a//b/", ""},
		{"/a;b=1/c,d", "https://example.com/a;b=1/c,d", ""},
		{"?q=a+b&c=%2f", "https://example.com/docs/guide/?q=a+b&c=%2F", ""},
		{"mailto:a@example.com", "", ""}, {"tel:+1", "", ""}, {"javascript:void(0)", "", ""}, {"JavaScript:x", "", ""},
		{"data:text/html,x", "", ""}, {"blob:https://example.com/1", "", ""}, {"about:blank", "", ""}, {"ftp://example.com/", "", ""},
	}
	for _, tt := range tests {
		u, fragment, err := resolve(page, tt.raw)
		got := ""
		if u != nil {
			got = u.String()
		}
		if err != nil || got != tt.want || fragment != tt.fragment {
			t.Errorf("%q: got %q # %q, %v; want %q # %q", tt.raw, got, fragment, err, tt.want, tt.fragment)
		}
	}
	for _, raw := range []string{
		"http://", "https:///x", "http:x", "http://[bad/", "http://exa mple.com/", "http://a:b:c/", "//::1", "http://[fe80::1%25eth0]/", "http://../", "http://example.com:99999/",
		"http://example.com:0/", "http://%/", "/" + strings.Repeat("x", maxURL),
	} {
		if u, _, err := resolve(page, raw); err == nil {
			t.Errorf("%.40q: got %v, want an error", raw, u)
		}
	}
}

func TestRepeats(t *testing.T) {
	for path, want := range map[string]bool{
		"/": false, "/a/b/c": false, "/a/a/a": false, "/a/a/a/a": true, "/a/b/a/b/a/b/a/b": true, "/2024/01/01/01/": false, "//////": false,
	} {
		if repeats(path) != want {
			t.Errorf("%s: got %t", path, !want)
		}
	}
}

func FuzzResolve(f *testing.F) {
	for _, seed := range []string{
		"", "#x", "?a=b", "../x", "//h/p", `\\h\p`, "http://u:p@h:80/%2e%2e/%zz?q#f", "http://[::1%25eth0]:8080/", "https://Bücher.example/ü",
		"a:b", "1:2", "./a:b", "http://h/%25%36%31", "http://h?x#y", "/%", "http://xn--a/", "http://h/a;b?c;d", "http://%41/", "http://h/\x00\xff", "//%2e%2e", "//.a", "//::1", "//Xn--", "//a.xn--.b",
	} {
		f.Add(seed)
	}
	base, err := url.Parse("https://example.com/a/b?c")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		u, _, err := resolve(base, raw)
		if err != nil || u == nil {
			if s := showable(raw); len(s) > maxRaw {
				t.Fatalf("%q is shown as %q", raw, s)
			}
			return
		}
		once := u.String()
		if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || strings.Contains(once, "#") || len(once) > maxURL {
			t.Fatalf("%q became %q", raw, once)
		}
		again, fragment, err := resolve(base, once)
		if err != nil || again == nil || fragment != "" || again.String() != once {
			t.Fatalf("%q became %q, and that %v, %v", raw, once, again, err)
		}
		if plain, err := url.Parse(once); err != nil || plain.Host != u.Host {
			t.Fatalf("%q became %q, which does not parse: %v", raw, once, err)
		}
	})
}
