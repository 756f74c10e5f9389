package api

import (
	"strings"
	"testing"
	"time"

	"windlass/internal/store"
)

func TestTokens(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *Config) { c.AdminToken = token })
	admin := []string{"Authorization", "Bearer " + token}
	made := s.do("POST", "/api/v1/tokens", `{"name":"Shop","role":"submitter","kinds":["test.report","test.report"],"queues":["reports"],"expires_in":"24h"}`, admin...).want(201)
	text := made.at("token")
	if !strings.HasPrefix(text, "wl_") || made.at("role") != "submitter" || made.at("kinds") != "[test.report]" || made.at("created_by") != "admin" {
		t.Errorf("made %s", made.body)
	}
	ends, err := time.Parse(time.RFC3339, made.at("expires_at"))
	if left := time.Until(ends); err != nil || left < 23*time.Hour || left > 25*time.Hour {
		t.Errorf("it ends %v, %v", ends, err)
	}
	for _, path := range []string{"/api/v1/tokens", made.header.Get("Location")} {
		if got := s.do("GET", path, "", admin...).want(200); !strings.Contains(got.body, made.at("id")) || strings.Contains(got.body, text) {
			t.Errorf("%s: %s", path, got.body)
		}
	}
	as := []string{"Authorization", "bearer " + text}
	task := s.do("POST", "/api/v1/tasks", oneReport, as...).want(202).task()
	if task.SubmittedBy != made.at("id") {
		t.Errorf("submitted by %q", task.SubmittedBy)
	}
	if got := s.do("GET", "/api/v1/tasks/"+task.ID, "", admin...).want(200); got.at("submitted_by") != made.at("id") {
		t.Errorf("submitted by %s", got.body)
	}
	if got := s.do("POST", "/api/v1/tasks", oneReport, admin...).want(202); got.at("submitted_by") != "" {
		t.Errorf("the admin token is named: %s", got.body)
	}
	s.do("POST", "/api/v1/tasks", `{"kind":"test.report","input":{"name":"monthly"},"queue":"low"}`, as...).want(403)
	bulk := s.do("POST", "/api/v1/tasks/bulk", `{"items":[`+oneReport+`,{"kind":"test.plain","input":{"message":1}}]}`, as...).want(200)
	if bulk.at("items.0.status") != "202" || bulk.at("items.0.task.submitted_by") != made.at("id") || bulk.at("items.1.problem.code") != "forbidden" {
		t.Errorf("bulk: %s", bulk.body)
	}

	// A unique key is the queue's; who holds it may be none of this token's business.
	s.do("POST", "/api/v1/tasks", `{"kind":"test.plain","input":{"message":"theirs"},"queue":"reports","unique":"u"}`, admin...).want(202)
	held := `{"kind":"test.report","input":{"name":"monthly"},"unique":"u"}`
	if got := s.do("POST", "/api/v1/tasks", held, as...).want(409); strings.Contains(got.body, "tsk_") || strings.Contains(got.body, "theirs") {
		t.Errorf("problem is %s", got.body)
	}
	if got := s.do("POST", "/api/v1/tasks/bulk", `{"items":[`+held+`]}`, as...).want(200); got.at("items.0.status") != "409" || strings.Contains(got.body, "tsk_") {
		t.Errorf("bulk: %s", got.body)
	}

	// Keys of one token are not those of another.
	mine := s.do("POST", "/api/v1/tasks", oneReport, append(as, "Idempotency-Key", "k")...).want(202).task()
	if again := s.do("POST", "/api/v1/tasks", oneReport, append(as, "Idempotency-Key", "k")...).want(200).task(); again.ID != mine.ID {
		t.Error("the same key made two tasks")
	}
	if other := s.do("POST", "/api/v1/tasks", oneReport, append(admin, "Idempotency-Key", "k")...).want(202).task(); other.ID == mine.ID {
		t.Error("another's key gave this task")
	}

	s.do("DELETE", "/api/v1/tokens/"+made.at("id"), "", admin...).want(204)
	s.do("DELETE", "/api/v1/tokens/"+made.at("id"), "", admin...).want(204)
	s.do("DELETE", "/api/v1/tokens/tok_none", "", admin...).want(404)
	got := s.do("POST", "/api/v1/tasks", oneReport, as...).want(401)
	if !strings.Contains(got.at("detail"), "revoked") {
		t.Errorf("problem is %s", got.body)
	}
	if strings.Contains(s.log.String(), text) || !strings.Contains(s.log.String(), `"caller":"`+made.at("id")+`"`) {
		t.Errorf("log is %s", s.log.String())
	}
}

func TestFaultyTokens(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *Config) { c.AdminToken = token })
	for body, where := range map[string]string{
		`{"role":"viewer"}`:                                                                    "body.name",
		`{"name":" ","role":"viewer"}`:                                                         "body.name",
		`{"name":"a\u0007","role":"viewer"}`:                                                   "body.name",
		`{"name":"n"}`:                                                                         "body.role",
		`{"name":"n","role":"root"}`:                                                           "body.role",
		`{"name":"n","role":"viewer","kinds":["x.y"]}`:                                         "body.kinds[0]",
		`{"name":"n","role":"viewer","queues":["UP"]}`:                                         "body.queues[0]",
		`{"name":"n","role":"admin","queues":["low"]}`:                                         "body.role",
		`{"name":"n","role":"viewer","expires_in":"1s"}`:                                       "body.expires_in",
		`{"name":"n","role":"viewer","expires_in":"-1h"}`:                                      "body.expires_in",
		`{"name":"n","role":"viewer","expires_in":"900000h"}`:                                  "body.expires_in",
		`{"name":"n","role":"viewer","token":"wl_mine"}`:                                       "body.token",
		`{"name":"n","role":"viewer","Role":"admin"}`:                                          "body.Role",
		`{"name":"n","ROLE":"god","role":"viewer"}`:                                            "body.ROLE",
		`{"name":"n","role":"viewer","expires_in":"0s"}`:                                       "body.expires_in",
		`{"name":"n","role":"viewer","expires_in":1e400}`:                                      "body.expires_in",
		`{"name":"n","role":"viewer","expires_in":"9999999999999h"}`:                           "body.expires_in",
		`{"name":"abc\u202edef","role":"viewer"}`:                                              "body.name",
		`{"name":` + strings.Repeat(`[`, 200) + strings.Repeat(`]`, 200) + `,"role":"viewer"}`: "body",
		`{"name":"` + strings.Repeat("n", 101) + `","role":"viewer"}`:                          "body.name",
	} {
		if got := s.do("POST", "/api/v1/tokens", body, "Authorization", "Bearer "+token).want(422); got.at("errors.0.location") != where {
			t.Errorf("%s: %s", body, got.body)
		}
	}
}

// Without an admin token in the configuration somebody must be able to come in.
func TestLastAdmin(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *Config) { c.TokensOnly = true })
	first, text := s.grant(store.RoleAdmin, nil)
	as := []string{"Authorization", "Bearer " + text}
	s.do("GET", "/api/v1/me", "", "Authorization", "Bearer "+token).want(401)
	s.do("GET", "/api/v1/me", "").want(401)
	s.expired()
	if got := s.do("DELETE", "/api/v1/tokens/"+first.ID, "", as...).want(409); got.at("code") != "last_admin_token" {
		t.Errorf("problem is %s", got.body)
	}
	viewer, _ := s.grant(store.RoleViewer, nil)
	s.do("DELETE", "/api/v1/tokens/"+viewer.ID, "", as...).want(204)
	s.grant(store.RoleAdmin, nil)
	s.do("DELETE", "/api/v1/tokens/"+first.ID, "", as...).want(204)
	s.do("GET", "/api/v1/me", "", as...).want(401)
}

func TestLinks(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *Config) { c.AdminToken = token })
	maker, text := s.grant(store.RoleSubmitter, nil)
	as := []string{"Authorization", "Bearer " + text}
	task := s.do("POST", "/api/v1/tasks", oneReport, as...).want(202).task()
	other := s.do("POST", "/api/v1/tasks", oneReport, as...).want(202).task()
	made := s.do("POST", "/api/v1/tasks/"+task.ID+"/links", "", as...).want(201)
	link := made.at("link")
	if made.at("url") != "/tasks/"+task.ID+"#link="+link || !strings.HasPrefix(link, "wll_") {
		t.Errorf("made %s", made.body)
	}
	path := "/api/v1/tasks/" + task.ID
	for _, below := range []string{"", "/logs"} {
		s.do("GET", path+below+"?link="+link, "").want(200)
		s.do("GET", path+below, "", "Authorization", "Bearer "+link).want(200)
		s.do("GET", path+below+"?link="+link[:50], "").want(401)
		s.do("GET", "/api/v1/tasks/"+other.ID+below+"?link="+link, "").want(403)
	}
	l := s.listen(path + "/events?link=" + link)
	l.until("task")
	s.do("POST", path+"/cancel?link="+link, "").want(401)
	s.do("POST", path+"/cancel", "", "Authorization", "Bearer "+link).want(403)
	s.do("POST", "/api/v1/session", `{"token":"`+link+`"}`).want(401)
	s.do("GET", "/api/v1/tasks?link="+link, "").want(403)
	for _, body := range []string{`{"expires_in":"1s"}`, `{"expires_in":"0s"}`, `{"expires_in":"200h"}`, `{"Expires_In":"1h"}`} {
		s.do("POST", path+"/links", body, as...).want(422)
	}
	if strings.Contains(s.log.String(), link) {
		t.Error("the link is in the log")
	}
	s.do("DELETE", "/api/v1/tokens/"+maker.ID, "", "Authorization", "Bearer "+token).want(204)
	s.do("GET", path+"?link="+link, "").want(401)
}

// Nobody hears of the last admin's end too late.
func TestLastAdminEnds(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *Config) { c.TokensOnly = true })
	s.api.keyholders = newRecent(0, s.store.Keyholders)
	_, viewer := s.grant(store.RoleViewer, nil)
	found := func() string {
		t.Helper()
		if _, err := s.store.Lead(t.Context(), "somebody"); err != nil { // for a few seconds
			t.Fatal(err)
		}
		got := s.do("GET", "/api/v1/system", "", "Authorization", "Bearer "+viewer).want(200)
		return got.at("findings.0.where") + ": " + got.at("findings.0.message")
	}
	if got := found(); !strings.Contains(got, "tokens: No token of role admin is valid") {
		t.Errorf("without any: %s", got)
	}
	s.grant(store.RoleAdmin, nil) // for an hour
	if got := found(); !strings.Contains(got, "tokens: The last valid token of role admin ends at 2") {
		t.Errorf("shortly before: %s", got)
	}
	if _, _, err := s.store.CreateToken(t.Context(), store.Token{Name: "n", Role: store.RoleAdmin}, 15*24*time.Hour); err != nil {
		t.Fatal(err)
	}
	if got := found(); got != ": " {
		t.Errorf("in good time: %s", got)
	}
}

// A stream is over as soon as what opened it is revoked: nothing that happens after that is told.
func TestStreamsEndWithTheirToken(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *Config) { c.AdminToken = token })
	made, text := s.grant(store.RoleViewer, nil)
	admin, as := []string{"Authorization", "Bearer " + token}, []string{"Authorization", "Bearer " + text}
	task := s.do("POST", "/api/v1/tasks", oneReport, admin...).want(202).task()
	one, all := s.listen("/api/v1/tasks/"+task.ID+"/events", as...), s.listen("/api/v1/events", as...)
	theirs := s.listen("/api/v1/events", admin...)
	one.until("task")
	all.until("counts")
	theirs.until("counts")
	s.do("DELETE", "/api/v1/tokens/"+made.ID, "", admin...).want(204)
	s.do("POST", "/api/v1/tasks/"+task.ID+"/cancel", "", admin...).want(200)
	theirs.until("task")
	for name, l := range map[string]*listener{"one task": one, "all tasks": all} {
		for e := range l.events { // until it is closed
			if e.name == "task" || e.name == "end" {
				t.Errorf("the stream of %s tells %+v", name, e)
			}
		}
	}
}

// As long as that is good, streams go on: each event and each heartbeat asks for it again.
func TestStreamsGoOnWithTheirCredential(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *Config) { c.AdminToken = token })
	s.api.heartbeat = 50 * time.Millisecond
	_, text := s.grant(store.RoleSubmitter, nil)
	bearer := []string{"Authorization", "Bearer " + text}
	path := "/api/v1/tasks/" + s.do("POST", "/api/v1/tasks", oneReport, bearer...).want(202).task().ID
	link := s.do("POST", path+"/links", "", bearer...).want(201).at("link")
	streams := map[string]*listener{
		"token": s.listen("/api/v1/events", bearer...), "session": s.listen("/api/v1/events", s.browser(text)...),
		"admin's session": s.listen("/api/v1/events", s.browser(token)...), "link": s.listen(path + "/events?link=" + link),
	}
	for _, l := range streams {
		for range 2 {
			l.until("heartbeat")
		}
	}
	s.do("POST", path+"/cancel", "", bearer...).want(200)
	for name, l := range streams {
		for l.until("task").task(t).State != "canceled" { // the link's begins with what it was
			t.Log(name)
		}
	}
	if log := s.log.String(); strings.Contains(log, "ended early") {
		t.Error(log)
	}
}

// While Redis is away nobody can tell whether a token is good: that is no reason to turn anybody
// away for good. The configuration's token needs nobody's word.
func TestTokensWhileTheStoreIsAway(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *Config) { c.AdminToken = token })
	_, text := s.grant(store.RoleAdmin, nil)
	cookie := s.browser(text)
	s.redis.Kill()
	for name, headers := range map[string][]string{"token": {"Authorization", "Bearer " + text}, "session": cookie} {
		if got := s.do("GET", "/api/v1/kinds", "", headers...).want(503); got.at("code") != "store_unavailable" || got.header.Get("Retry-After") == "" {
			t.Errorf("%s: %s", name, got.body)
		}
	}
	s.do("GET", "/api/v1/kinds", "", "Authorization", "Bearer "+token).want(200)
	s.do("GET", "/api/v1/kinds", "", "Authorization", "Bearer "+text[:51]).want(401) // that is none, whatever Redis would say
	s.redis.Restart()
	eventually(t, func() bool { return s.do("GET", "/api/v1/tasks", "", "Authorization", "Bearer "+token).status == 200 })
}
