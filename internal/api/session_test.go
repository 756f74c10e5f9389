package api

import (
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"windlass/internal/front"
	"windlass/internal/store"
)

func TestLoopbackHost(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost:8000": true, "LOCALHOST": true, "127.0.0.1:8000": true, "127.9.9.9": true, "[::1]:8000": true, "[::1]": true,
		"[::ffff:127.0.0.1]:80": true, "": false, "windlass.example:8000": false, "127.0.0.1.evil.example": false,
		"localhost.evil.example": false, "10.0.0.1:8000": false, "0.0.0.0:8000": false,
	} {
		if got := loopbackHost(host); got != want {
			t.Errorf("%q: got %t", host, got)
		}
	}
}

func TestCookieName(t *testing.T) {
	proxies, err := front.ParseProxies("10.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	a := &API{config: Config{Proxies: proxies}}
	for url, want := range map[string]string{
		"http://127.0.0.1:8000/": cookieSecure, "http://localhost/": cookieSecure, "https://windlass.example/": cookieSecure,
		"http://windlass.example/": cookiePlain, "http://10.0.0.7:8000/": cookiePlain,
	} {
		r := httptest.NewRequest("GET", url, nil)
		if got := a.cookieName(r); got != want {
			t.Errorf("%s: got %s", url, got)
		}
		r.Header.Set("X-Forwarded-Proto", "https")
		if got := a.cookieName(r); got != want {
			t.Errorf("%s, and a stranger says that it came by TLS: got %s", url, got)
		}
		r.RemoteAddr = "10.0.0.1:80"
		if got := a.cookieName(r); got != cookieSecure {
			t.Errorf("%s behind a load balancer that ends TLS: got %s", url, got)
		}
	}
}

// browser is one that is signed in.
func (s *site) browser(text string) (headers []string) {
	s.t.Helper()
	in := s.do("POST", "/api/v1/session", `{"token":"`+text+`"}`, "User-Agent", "Firefox "+text[:3]).want(204)
	pair, _, _ := strings.Cut(in.header.Get("Set-Cookie"), ";")
	return []string{"Cookie", pair}
}

func TestSessions(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *Config) { c.AdminToken = token })
	ann, annText := s.grant(store.RoleViewer, nil)
	_, benText := s.grant(store.RoleSubmitter, nil)
	first, second := s.browser(annText), s.browser(annText)
	ben, root := s.browser(benText), s.browser(token)

	mine := s.do("GET", "/api/v1/sessions", "", first...).want(200)
	if mine.at("items.0.token_id") != ann.ID || mine.at("items.1.token_id") != ann.ID || mine.at("items.2") != "" ||
		mine.at("items.0.user_agent") != "Firefox wl_" || strings.Count(mine.body, `"current":true`) != 1 {
		t.Errorf("sessions are %s", mine.body)
	}
	s.do("GET", "/api/v1/sessions?all=true", "", first...).want(403)
	if all := s.do("GET", "/api/v1/sessions?all=true", "", root...).want(200); strings.Count(all.body, `"id":"ses_`) != 4 {
		t.Errorf("all sessions are %s", all.body)
	}
	me := s.do("GET", "/api/v1/me", "", first...).want(200)
	if me.at("id") != ann.ID || me.at("role") != "viewer" || me.at("via") != "session" || strings.Contains(me.body, "tasks.submit") {
		t.Errorf("me is %s", me.body)
	}

	// The other of Ann's two browsers is the one that is not current.
	other := "items.0.id"
	if mine.at("items.0.current") == "true" {
		other = "items.1.id"
	}
	s.do("DELETE", "/api/v1/sessions/"+mine.at(other), "", ben...).want(404)
	s.do("DELETE", "/api/v1/sessions/"+mine.at(other), "", first...).want(204)
	s.do("GET", "/api/v1/me", "", second...).want(401)
	s.do("GET", "/api/v1/me", "", first...).want(200)

	// What a proxy in between asks for stands in nobody's way.
	s.do("GET", "/api/v1/me", "", append(first, "Authorization", "Basic YTpi")...).want(200)

	// Signing in anew ends the session before.
	again := s.do("POST", "/api/v1/session", `{"token":"`+benText+`"}`, ben...).want(204)
	s.do("GET", "/api/v1/me", "", ben...).want(401)
	pair, _, _ := strings.Cut(again.header.Get("Set-Cookie"), ";")
	ben = []string{"Cookie", pair}

	s.do("DELETE", "/api/v1/tokens/"+ann.ID, "", root...).want(204)
	s.do("GET", "/api/v1/me", "", first...).want(401)
	if got := s.do("GET", "/api/v1/session", "", first...).want(200); got.at("signed_in") != "false" || got.at("me") != "" {
		t.Errorf("session is %s", got.body)
	}
	s.do("GET", "/api/v1/me", "", ben...).want(200)
}

// A session of the admin token ends when another admin token is configured.
func TestSessionOfAnotherAdminToken(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *Config) { c.AdminToken = token })
	cookie := s.browser(token)
	s.do("GET", "/api/v1/me", "", cookie...).want(200)
	for name, next := range map[string]Config{"another": {AdminToken: token + "2"}, "none": {TokensOnly: true}} {
		next.Store, next.Kinds = s.store, s.api.config.Kinds
		a := New(next)
		t.Cleanup(a.Close)
		w := httptest.NewRecorder()
		r := httptest.NewRequest("GET", "http://127.0.0.1/api/v1/me", nil)
		r.Header.Set(cookie[0], cookie[1])
		if a.Handler().ServeHTTP(w, r); w.Code != 401 {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
}

func TestCrossSite(t *testing.T) {
	t.Parallel()
	const friend, stranger = "https://shop.example", "https://evil.example"
	s := newSite(t, func(c *Config) { c.AdminToken, c.Origins = token, []string{friend} })
	cookie, bearer := s.browser(token), []string{"Authorization", "Bearer " + token}
	id := s.do("POST", "/api/v1/tasks", oneReport, bearer...).want(202).task().ID
	for _, c := range []struct {
		name, method, path string
		headers            []string
		want               int
	}{
		{"our page", "GET", "/api/v1/tasks", append(cookie, "Sec-Fetch-Site", "same-origin"), 200},
		{"typed into the bar", "GET", "/api/v1/tasks", append(cookie, "Sec-Fetch-Site", "none", "Sec-Fetch-Dest", "document"), 200},
		{"a link from elsewhere", "GET", "/api/v1/tasks", append(cookie, "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"), 200},
		{"a frame", "GET", "/api/v1/tasks", append(cookie, "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "iframe"), 403},
		{"a script of another site", "GET", "/api/v1/tasks", append(cookie, "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Dest", "empty"), 403},
		{"a script of a neighbour", "GET", "/api/v1/tasks", append(cookie, "Sec-Fetch-Site", "same-site", "Sec-Fetch-Dest", "empty"), 403},
		{"a stream of a neighbour", "HEAD", "/api/v1/events", append(cookie, "Sec-Fetch-Site", "same-site"), 403},
		{"a task's stream of another site", "HEAD", "/api/v1/tasks/" + id + "/events", append(cookie, "Sec-Fetch-Site", "cross-site"), 403},
		{"a form of another site", "POST", "/api/v1/tasks/" + id + "/cancel", append(cookie, "Origin", stranger), 403},
		{"a form of a configured site", "POST", "/api/v1/tasks/" + id + "/cancel", append(cookie, "Origin", friend), 403},
		{"deleting", "DELETE", "/api/v1/tasks/" + id, append(cookie, "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Dest", "document"), 403},
		{"a token", "GET", "/api/v1/tasks", append(bearer, "Sec-Fetch-Site", "cross-site", "Origin", stranger), 200},
		{"a token of a configured site", "POST", "/api/v1/tasks/" + id + "/cancel", append(bearer, "Sec-Fetch-Site", "cross-site", "Origin", friend), 200},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := s.do(c.method, c.path, "", c.headers...)
			got.t = t
			got.want(c.want)
			want := ""
			if slices.Contains(c.headers, friend) {
				want = friend
			}
			if allowed := got.header.Get("Access-Control-Allow-Origin"); allowed != want || got.header.Get("Access-Control-Allow-Credentials") != "" {
				t.Errorf("allowed is %q", allowed)
			}
		})
	}
	ask := []string{"Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "authorization,content-type"}
	yes := s.do("OPTIONS", "/api/v1/tasks", "", append(ask, "Origin", friend)...).want(204)
	if yes.header.Get("Access-Control-Allow-Origin") != friend || !strings.Contains(yes.header.Get("Access-Control-Allow-Headers"), "Authorization") ||
		yes.header.Get("Vary") != "Origin" {
		t.Errorf("preflight: %v", yes.header)
	}
	if no := s.do("OPTIONS", "/api/v1/tasks", "", append(ask, "Origin", stranger)...); no.status < 400 || no.header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("preflight of a stranger: %d %v", no.status, no.header)
	}
}
