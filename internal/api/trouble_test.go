package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"windlass/internal/redistest"
	"windlass/internal/store"
)

const token = "correct horse battery staple"

func TestSignIn(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *Config) { c.AdminToken = token })
	for _, path := range []string{"/api/v1/tasks", "/api/v1/kinds", "/api/v1/events", "/api/v1/nothing", "/api/v1//session"} {
		got := s.do("GET", path, "").want(401)
		if got.at("code") != "unauthorized" || !strings.HasPrefix(got.header.Get("WWW-Authenticate"), "Bearer") {
			t.Errorf("%s: %s %v", path, got.body, got.header)
		}
	}
	s.do("GET", "/api/v1/tasks", "", "Authorization", "Bearer "+token).want(200)
	s.do("GET", "/api/v1/tasks", "", "Authorization", "Bearer "+token+"x").want(401)
	s.do("GET", "/api/v1/tasks", "", "Authorization", "Basic "+token).want(401)
	s.do("GET", "/api/v1/tasks", "", "Cookie", cookieSecure+"="+token).want(401)
	for _, public := range []string{"/livez", "/readyz", "/metrics", "/docs", "/openapi.json", "/problems"} {
		s.do("GET", public, "").want(200)
	}
	if got := s.do("GET", "/api/v1/session", "").want(200); got.at("required") != "true" || got.at("signed_in") != "false" {
		t.Errorf("session is %s", got.body)
	}

	s.do("POST", "/api/v1/session", `{"token":"wrong"}`).want(401)
	in := s.do("POST", "/api/v1/session", `{"token":"`+token+`"}`).want(204)
	cookie := in.header.Get("Set-Cookie")
	for _, part := range []string{"__Host-windlass_session=", "HttpOnly", "SameSite=Lax", "Path=/", "Secure"} {
		if !strings.Contains(cookie, part) {
			t.Errorf("cookie lacks %s: %s", part, cookie)
		}
	}
	if strings.Contains(cookie, "horse") || strings.Contains(cookie, "Domain") {
		t.Errorf("cookie is %s", cookie)
	}
	pair, _, _ := strings.Cut(cookie, ";")
	if got := s.do("GET", "/api/v1/session", "", "Cookie", pair).want(200); got.at("signed_in") != "true" {
		t.Errorf("session is %s", got.body)
	}
	s.do("POST", "/api/v1/tasks", oneReport, "Cookie", pair, "Sec-Fetch-Site", "same-origin").want(202)
	s.do("POST", "/api/v1/tasks", oneReport, "Cookie", pair, "Sec-Fetch-Site", "cross-site").want(403)
	s.do("POST", "/api/v1/tasks", oneReport, "Cookie", pair, "Origin", "https://evil.example").want(403)
	s.do("POST", "/api/v1/tasks", oneReport, "Authorization", "Bearer "+token, "Origin", "https://friend.example").want(202)
	s.do("POST", "/api/v1/session", `{"token":"`+token+`"}`, "Sec-Fetch-Site", "cross-site").want(403)
	if out := s.do("DELETE", "/api/v1/session", "", "Cookie", pair).want(204); !strings.Contains(out.header.Get("Set-Cookie"), "Max-Age=0") {
		t.Errorf("signing out sets %s", out.header.Get("Set-Cookie"))
	}
	s.do("GET", "/api/v1/tasks", "", "Cookie", pair).want(401) // the session is over, not only the browser's memory of it
	if strings.Contains(s.log.String(), "horse") {
		t.Error("the token is in the log")
	}
}

func TestCrossSiteWithoutSignIn(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.do("POST", "/api/v1/tasks", oneReport, "Sec-Fetch-Site", "cross-site").want(403)
	s.do("POST", "/api/v1/session", `{"token":"any"}`).want(204)
}

func TestSecretsStay(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	const secret = "hush-hush"
	id := s.submit(`{"kind":"test.report","input":{"name":"monthly","secret":"` + secret + `"}}`).ID
	for _, c := range []struct{ method, path, body string }{
		{"GET", "/api/v1/tasks/" + id, ""},
		{"POST", "/api/v1/tasks/" + id + "/cancel", ""},
		{"GET", "/api/v1/tasks", ""},
		{"POST", "/api/v1/tasks", `{"kind":"test.report","input":{"name":"monthly","secret":"` + secret + `"}}`},
		{"POST", "/api/v1/tasks", `{"kind":"test.report","input":{"name":"x","secret":"` + secret + `"}}`},
		{"POST", "/api/v1/tasks", `{"kind":"test.report","input":{"name":"ok","secrets":"` + secret + `"}}`},
		{"POST", "/api/v1/tasks", `{"kind":"test.report","input":{"name":"ok","size":"` + secret + `"}}`},
		{"POST", "/api/v1/tasks", `{"kind":"test.report","input":{"name":"ok","pause":"` + secret + `"}}`},
		{"POST", "/api/v1/tasks", `{"kind":"test.report","input":{"name":"ok"},"delay":"` + secret + `"}`},
		{"POST", "/api/v1/tasks", `{"kind":"` + secret + `","input":{}}`},
		{"POST", "/api/v1/tasks", `{"kind":"test.report" "` + secret + `"}`},
		{"POST", "/api/v1/session", `{"token":1,"` + "x" + `":"` + secret + `"}`},
		{"POST", "/api/v1/session", `{"token" "` + secret + `"}`},
		{"GET", "/api/v1/tasks?after=" + secret, ""},
		{"GET", "/api/v1/tasks?cursor=" + secret, ""},
		{"GET", "/api/v1/tasks?limit=" + secret, ""},
	} {
		if got := s.do(c.method, c.path, c.body); strings.Contains(got.body, secret) {
			t.Errorf("%s %s answers %s", c.method, c.path, got.body)
		}
	}
	if strings.Contains(s.log.String(), secret) {
		t.Error("a secret is in the log")
	}
}

func TestUnknownErrorsStay(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	id := s.submit(oneReport).ID
	// A record that cannot be read is an error that nobody foresaw.
	client := s.redis.Client(t)
	if err := client.HSet(t.Context(), "wl:{reports}:t:"+id, "po", "private words").Err(); err != nil {
		t.Fatal(err)
	}
	got := s.do("GET", "/api/v1/tasks/"+id, "", "X-Request-Id", "r500").want(500)
	if got.at("code") != "internal_error" || strings.Contains(got.body, "record") || strings.Contains(got.body, "invalid character") {
		t.Errorf("problem is %s", got.body)
	}
	log := s.log.String()
	if strings.Count(log, `"level":"ERROR"`) != 1 || !strings.Contains(log, `"request_id":"r500"`) || !strings.Contains(log, "read record") {
		t.Errorf("log is %s", log)
	}
}

func TestPanics(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *Config) { c.Ready = func(context.Context) error { panic("private words") } })
	got := s.do("GET", "/readyz", "").want(500)
	if strings.Contains(got.body, "private") || !strings.Contains(s.log.String(), "private words") {
		t.Errorf("problem is %s, log %s", got.body, s.log.String())
	}
}

func TestNotReady(t *testing.T) {
	t.Parallel()
	var why error
	s := newSite(t, func(c *Config) {
		c.Ready = func(context.Context) error { return why }
		c.Process = func() store.Process { return store.Process{Roles: []string{"api", "worker"}} }
	})
	if got := s.do("GET", "/readyz", "").want(200); got.at("status") != "ready" || got.at("roles") != "[api worker]" {
		t.Errorf("when it is ready: %s", got.body)
	}
	for code, err := range map[string]error{
		"not_ready":           errors.New("unheard of at 10.0.0.7"),
		"shutting_down":       fmt.Errorf("drain of 10.0.0.7: %w", ErrDraining),
		"redis_full":          errors.Join(errors.New("10.0.0.7 answers 503"), NotReady("redis_full")),
		"backend_unavailable": NotReady(""),
	} {
		why = err
		got := s.do("GET", "/readyz", "").want(503)
		if got.at("code") != code || got.at("status") != "503" || got.at("detail") == "" || got.at("roles") != "[api worker]" || strings.Contains(got.body, "10.0.0.7") {
			t.Errorf("%s: readyz tells %s", code, got.body)
		}
		s.do("GET", "/problems/"+slug(code), "").want(200)
	}
	s.do("GET", "/livez", "").want(200)
}

func TestStoreAway(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	id := s.submit(oneReport).ID
	s.redis.Kill()
	for _, c := range []struct{ method, path, body string }{
		{"POST", "/api/v1/tasks", oneReport},
		{"POST", "/api/v1/tasks/bulk", `{"items":[` + oneReport + `,` + oneReport + `]}`},
		{"GET", "/api/v1/tasks", ""},
		{"GET", "/api/v1/tasks/" + id, ""},
		{"GET", "/api/v1/tasks/" + id + "/events", ""},
		{"GET", "/api/v1/stats", ""},
	} {
		got := s.do(c.method, c.path, c.body).want(http.StatusServiceUnavailable)
		if got.at("code") != "store_unavailable" || got.header.Get("Retry-After") != "5" || strings.Contains(got.body, "127.0.0.1") {
			t.Errorf("%s %s: %s %v", c.method, c.path, got.body, got.header)
		}
	}
	bulk := s.do("POST", "/api/v1/tasks/bulk", `{"items":[`+oneReport+`,{}]}`).want(200)
	if bulk.at("items.0.status") != "503" || bulk.at("items.0.problem.code") != "store_unavailable" || bulk.at("items.1.status") != "422" {
		t.Errorf("bulk is %s", bulk.body)
	}
	s.do("GET", "/readyz", "").want(503)
	s.do("GET", "/livez", "").want(200)
	s.do("GET", "/metrics", "").want(200)
	s.do("GET", "/api/v1/kinds", "").want(200)
	s.redis.Restart()
	eventually(t, func() bool { return s.do("GET", "/api/v1/tasks", "").status == 200 })
}

func TestStoreFull(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.submit(oneReport)
	client := s.redis.Client(t)
	if err := client.ConfigSet(t.Context(), "maxmemory", "1").Err(); err != nil {
		t.Fatal(err)
	}
	if got := s.do("POST", "/api/v1/tasks", oneReport).want(503); got.at("code") != "store_unavailable" {
		t.Errorf("problem is %s", got.body)
	}
	s.do("GET", "/api/v1/tasks", "").want(200)
}

// There is no replica, so none confirms.
func TestUnconfirmed(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).Client(t)
	s := newSite(t, func(c *Config) {
		strict, err := store.New(client, store.Options{Replicas: 1, ReplicaTimeout: 20 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		c.Store = strict
	})
	want := func(code, location, after string) string {
		t.Helper()
		id, found := strings.CutPrefix(location, "/api/v1/tasks/")
		if code != "task_unconfirmed" || !found || after == "" {
			t.Errorf("problem is %s at %q, again after %q", code, location, after)
		}
		s.do("GET", location, "").want(200) // it is stored
		return id
	}
	one := s.do("POST", "/api/v1/tasks", oneReport).want(503)
	want(one.at("code"), one.header.Get("Location"), one.header.Get("Retry-After"))
	first := s.do("POST", "/api/v1/tasks", oneReport, "Idempotency-Key", "k").want(503)
	again := s.do("POST", "/api/v1/tasks", oneReport, "Idempotency-Key", "k").want(503)
	if a, b := want(first.at("code"), first.header.Get("Location"), "5"), want(again.at("code"), again.header.Get("Location"), "5"); a != b {
		t.Errorf("one key made %s and %s", a, b)
	}
	bulk := s.do("POST", "/api/v1/tasks/bulk", `{"items":[`+oneReport+`,`+oneReport+`]}`).want(200)
	for _, item := range []string{"items.0.", "items.1."} {
		if bulk.at(item+"status") != "503" || bulk.at(item+"problem.code") != "task_unconfirmed" || !strings.Contains(bulk.at(item+"problem.detail"), "tsk_") {
			t.Errorf("bulk is %s", bulk.body)
		}
	}
}
