package siteaudit

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"windlass/internal/task"
)

func TestStartFailures(t *testing.T) {
	answers := func(status int, head ...string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/robots.txt" {
				w.WriteHeader(http.StatusNotFound)
				return
			}
			for i := 0; i < len(head); i += 2 {
				w.Header().Set(head[i], head[i+1])
			}
			w.WriteHeader(status)
		})
	}
	robots := func(status int, body string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(status)
			fmt.Fprint(w, body)
		})
	}
	hang := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	tests := []struct {
		name  string
		site  http.Handler
		code  string
		final bool
		after time.Duration
	}{
		{"no host", nil, "dns", false, 0},
		{"timeout", hang, "timeout", false, 0},
		{"not found", answers(404), "http_status", true, 0},
		{"too many", answers(429, "Retry-After", "9"), "http_status", false, 9 * time.Second},
		{"unavailable", answers(503), "http_status", false, 0},
		{"not HTML", answers(200, "Content-Type", "application/pdf"), "not_html", true, 0},
		{"redirect loop", answers(302, "Location", "/"), "redirect_loop", true, 0},
		{"redirect to nowhere", answers(302), "bad_redirect", true, 0},
		{"redirect to mail", answers(302, "Location", "mailto:a@b"), "bad_redirect", true, 0},
		{"robots disallow", robots(200, "User-agent: *\nDisallow: /"), "robots", true, 0},
		{"robots unavailable", robots(503, ""), "robots_unavailable", false, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				hosts := handlers{}
				if tt.site != nil {
					hosts["site.test"] = tt.site
				}
				_, _, err := audit(t.Context(), hosts, Input{URL: "http://bob:secret@site.test/"}, &notebook{}, nil)
				e, ok := errors.AsType[*task.Error](err)
				if !ok || e.Code != tt.code || e.Final != tt.final || e.After != tt.after || !strings.HasSuffix(e.Message, ".") {
					t.Errorf("got %+v", err)
				}
				if err != nil && strings.Contains(err.Error(), "secret") {
					t.Errorf("the error tells the password: %v", err)
				}
			})
		})
	}
}

func TestStartRefused(t *testing.T) {
	_, _, err := audit(t.Context(), refusing{}, Input{URL: "http://192.168.7.7/"}, &notebook{}, nil)
	if e, ok := errors.AsType[*task.Error](err); !ok || e.Code != "address_not_allowed" || !e.Final || !strings.HasPrefix(e.Message, "192.168.7.7 may not be called: ") {
		t.Errorf("got %+v", err)
	}
}

func TestStartIsAbsolute(t *testing.T) {
	for _, raw := range []string{"", "/x", "http://", "http:example.com", "gopher://example.com"} {
		if u, err := parse(raw); err == nil {
			t.Errorf("%q is %v", raw, u)
		}
	}
	u, err := parse(" HTTP://user:pw@Example.COM:80/a/../b?q#f ")
	if err != nil || u.String() != "http://user:pw@example.com/b?q" {
		t.Errorf("got %v, %v", u, err)
	}
	if _, err := url.Parse(u.String()); err != nil {
		t.Error(err)
	}
}

func TestCrawlStaysWhereTheStartLeads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		moved := http.RedirectHandler("https://www.site.test/home", http.StatusMovedPermanently)
		www := pages{"/home": titled("Home", "<a href=/next>next</a><a href=http://site.test/>old</a>"), "/next": titled("Next", ""), "/robots.txt": "User-agent: *\nDisallow: /not"}
		r, _, err := audit(t.Context(), handlers{"site.test": moved, "www.site.test": www}, Input{URL: siteURL}, &notebook{}, nil)
		if err != nil || r.Site != "https://www.site.test/home" || r.Totals.Pages != 2 || r.Totals.Broken != 0 {
			t.Errorf("%v, %+v", err, r)
		}
		if len(r.Redirects) != 1 || r.Redirects[0].Target != siteURL {
			t.Errorf("redirects: %+v", r.Redirects)
		}
	})
}

func TestCrawlLogsInOnItsSiteOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		logins := map[string]bool{}
		note := func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				user, password, ok := r.BasicAuth()
				mu.Lock()
				logins[r.URL.Host] = ok && user == "bob" && password == "p w"
				mu.Unlock()
				next.ServeHTTP(w, r)
			})
		}
		hosts := handlers{
			"site.test":      note(star(2, "<a href=http://other.test/>x</a><a href=http://site.test:8080/>y</a><a href=http://eve:x@other.test/z>z</a>")),
			"other.test":     note(pages{"/": ""}),
			"site.test:8080": note(pages{"/": ""}),
		}
		if _, _, err := audit(t.Context(), hosts, Input{URL: "http://bob:p%20w@site.test/"}, &notebook{}, nil); err != nil {
			t.Fatal(err)
		}
		want := map[string]bool{"site.test": true, "other.test": false, "site.test:8080": false}
		if d := cmp.Diff(want, logins); d != "" {
			t.Error(d)
		}
	})
}
