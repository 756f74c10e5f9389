package siteaudit

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestRobotsAllows(t *testing.T) {
	tests := []struct {
		name, file string
		allowed    []string
		disallowed []string
	}{
		{"empty", "", []string{"/", "/x?y"}, nil},
		{"all", "User-agent: *\nDisallow: /", []string{"/robots.txt"}, []string{"/", "/x"}},
		{"nothing", "User-agent: *\nDisallow:", []string{"/", "/x"}, nil},
		{"prefix", "User-agent: *\nDisallow: /fish", []string{"/", "/Fish", "/catfish"}, []string{"/fish", "/fish.html", "/fishheads/x", "/fish?id=1"}},
		{"folder", "User-agent: *\nDisallow: /fish/", []string{"/fish", "/fish.html"}, []string{"/fish/", "/fish/x?y"}},
		{"wildcard", "User-agent: *\nDisallow: /a*b", []string{"/x/a/b", "/a"}, []string{"/ab", "/a/x/b/c"}},
		{"end", "User-agent: *\nDisallow: /*.pdf$", []string{"/x.pdf?y", "/x.pdfs"}, []string{"/x.pdf", "/.pdf", "/a.pdf/b.pdf"}},
		{"end alone", "User-agent: *\nDisallow: /\nAllow: /$", []string{"/"}, []string{"/x"}},
		{"longest wins", "User-agent: *\nDisallow: /a\nAllow: /a/b\nDisallow: /a/b/c", []string{"/a/b", "/a/b/x"}, []string{"/a", "/a/b/c"}},
		{"allow wins a tie", "User-agent: *\nDisallow: /page\nAllow: /page", []string{"/page"}, nil},
		{"ours", "User-agent: *\nDisallow: /\nUser-agent: WindlassTest/2.0\nDisallow: /x", []string{"/y"}, []string{"/x"}},
		{"ours allows all", "User-agent: windlasstest\nUser-agent: *\nDisallow: /a\nUser-agent: WINDLASSTEST\nAllow: /", []string{"/", "/b"}, []string{"/a"}},
		{"several of ours", "User-agent: windlasstest\nDisallow: /a\n\nUser-agent: other\nDisallow: /b\n\nUser-agent: windlasstest\nDisallow: /c", []string{"/b"}, []string{"/a", "/c"}},
		{"not a name that begins as ours", "User-agent: windlasstester\nDisallow: /\nUser-agent: windlass\nDisallow: /", []string{"/"}, nil},
		{"typing mistakes", "Disallow: /before\nUser-agent: *\nDisalow: /x\nCrawl-delay: soon\nDisallow /y\nDisallow: /z", []string{"/before", "/x", "/y"}, []string{"/z"}},
		{"no leading slash", "User-agent: *\nDisallow: private", []string{"/public"}, []string{"/private"}},
		{"comments and breaks", "\xEF\xBB\xBFuser-agent : * # all\r\rDISALLOW:/a # x\r\nSitemap: s\nDisallow: /b", []string{"/c"}, []string{"/a", "/b"}},
		{"encoding", "User-agent: *\nDisallow: /caf\u00e9\nDisallow: /%7ejoe\nDisallow: /a%3cd", []string{"/cafe"}, []string{"/caf%C3%A9", "/~joe", "/a%3Cd"}},
		{"query", "User-agent: *\nDisallow: /*?s=", []string{"/x"}, []string{"/x?s=1"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := parseRobots([]byte(tt.file), "WindlassTest")
			for _, path := range tt.allowed {
				if !r.allows(path) {
					t.Errorf("%s is not allowed", path)
				}
			}
			for _, path := range tt.disallowed {
				if r.allows(path) {
					t.Errorf("%s is allowed", path)
				}
			}
		})
	}
}

func TestRobotsDelayAndSitemaps(t *testing.T) {
	r := parseRobots([]byte("Sitemap: /a.xml\nUser-agent: *\nCrawl-delay: 2\nSitemap: https://x.test/b.xml\nUser-agent: windlasstest\nCrawl-delay: 1.5"), "WindlassTest")
	if d := cmp.Diff([]string{"/a.xml", "https://x.test/b.xml"}, r.sitemaps); d != "" || r.delay != 1500*time.Millisecond {
		t.Errorf("delay %s\n%s", r.delay, d)
	}
	for value, want := range map[string]time.Duration{"0": 0, "-1": 0, "inf": maxPause, "NaN": 0, "1e300": maxPause} {
		if r := parseRobots([]byte("User-agent: *\nCrawl-delay: "+value), "x"); r.delay != want {
			t.Errorf("%s: got %s", value, r.delay)
		}
	}
}

func TestProductToken(t *testing.T) {
	for agent, want := range map[string]string{"Windlass/1.0 (+https://x)": "Windlass", "a-b_c": "a-b_c", "": "", "*": "*", "* x": "*"} {
		if got := productToken(agent); got != want {
			t.Errorf("%q: got %q", agent, got)
		}
	}
}

func FuzzRobots(f *testing.F) {
	f.Add([]byte("User-agent: *\nDisallow: /a*b$\nAllow: /\nCrawl-delay: 1\nSitemap: /s"), "/a/b")
	f.Add([]byte("\xEF\xBB\xBFuser-agent:x\rdisallow:*\r\nallow:$"), "/")
	f.Add([]byte(strings.Repeat("Disallow: *a*a*a*a*a$\n", 9)), "/aaaaaaaaaaaaaaaaaaaa")
	f.Fuzz(func(t *testing.T, file []byte, path string) {
		r := parseRobots(file, "WindlassTest")
		if r.delay < 0 || r.delay > maxPause {
			t.Fatalf("delay %s", r.delay)
		}
		allowed := r.allows(path)
		if !allowed && len(r.rules) == 0 {
			t.Fatal("disallowed by nothing")
		}
		// A rule for exactly this path is the longest that can match it, unless
		// stars stand for nothing.
		exact := encode(path)
		if strings.ContainsAny(exact, "*$") {
			return
		}
		for _, rule := range r.rules {
			if strings.Contains(rule.pattern, "*") {
				return
			}
		}
		r.rules = append(r.rules, rule{pattern: exact, allow: true})
		if !r.allows(exact) && !strings.HasSuffix(exact, "$") && !endsExactly(r.rules, exact) {
			t.Fatalf("%q is disallowed though a rule names it: %v", exact, r.rules)
		}
	})
}

// endsExactly reports whether a rule is path and the sign for the end, which is
// longer than path itself.
func endsExactly(rules []rule, path string) bool {
	for _, r := range rules {
		if r.pattern == path+"$" {
			return true
		}
	}
	return false
}
