package api

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"windlass/internal/store"
)

// trail gives the entries of the audit trail as short lines, sorted: those of one
// millisecond have no order.
func (s *site) trail(query string) []string {
	s.t.Helper()
	var page AuditPage
	if err := json.Unmarshal([]byte(s.do("GET", "/api/v1/audit"+query, "", "Authorization", "Bearer "+adminText).want(200).body), &page); err != nil {
		s.t.Fatal(err)
	}
	var lines []string
	for _, e := range page.Items {
		lines = append(lines, fmt.Sprintf("%s %s %s %s %d", e.Name, e.Via, e.Action, e.Outcome, e.Status))
	}
	slices.Sort(lines)
	return lines
}

const adminText = "admin-token-of-the-test"

func TestAudit(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *Config) { limited("0", 0)(c); c.AdminToken = adminText })
	admin := []string{"Authorization", "Bearer " + adminText, "X-Forwarded-For", "198.51.100.7"}
	made := s.do("POST", "/api/v1/tokens", `{"name":"Shop","role":"submitter"}`, admin...).want(201)
	shop := []string{"Authorization", "Bearer " + made.at("token")}
	id := s.submit(oneReport, shop...).ID // a program's submit is left to the log
	s.do("DELETE", "/api/v1/tasks/"+id, "", shop...).want(403)
	s.do("POST", "/api/v1/tasks/"+id+"/cancel", "", shop...).want(200)
	s.do("POST", "/api/v1/tasks/"+id+"/cancel", "", shop...).want(200)
	s.do("POST", "/api/v1/session", `{"token":"guess"}`).want(401)
	s.do("GET", "/api/v1/tasks", "", "Authorization", "Bearer guess").want(401)
	s.do("GET", "/api/v1/tasks", "").want(401) // nobody who shows nothing is news
	s.do("GET", "/api/v1/tasks", "", shop...).want(200)
	browser := s.browser(adminText)
	s.do("POST", "/api/v1/tasks", oneReport, append(browser, "Content-Type", "application/json")...).want(202)
	s.do("DELETE", "/api/v1/tasks/tsk_none_default", "", admin...).want(404)
	s.do("DELETE", "/api/v1/tokens/"+made.at("id"), "", admin...).want(204)

	all := []string{
		"Admin token token createToken done 201",
		"Shop token deleteTask refused 403",
		"Shop token cancelTask done 200",
		"Shop token cancelTask done 200",
		"  signIn refused 401",
		"  listTasks refused 401",
		"Admin token token signIn done 204",
		"Admin token session submitTask done 202",
		"Admin token token deleteTask failed 404",
		"Admin token token revokeToken done 204",
	}
	slices.Sort(all)
	if diff := cmp.Diff(all, s.trail("")); diff != "" {
		t.Errorf("trail (-want +got):\n%s", diff)
	}
	for query, want := range map[string]int{
		"?actor=" + made.at("id"): 3, "?object=" + id: 3, "?object=" + made.at("id"): 2, "?action=cancelTask&outcome=done": 2,
		"?outcome=refused&limit=1": 1, "?after=2020-01-01T00:00:00Z": len(all), "?before=2020-01-01T00:00:00Z": 0,
	} {
		if got := s.trail(query); len(got) != want {
			t.Errorf("%s: %v", query, got)
		}
	}
	first := s.do("GET", "/api/v1/audit?limit=3", "", admin...).want(200)
	second := s.do("GET", "/api/v1/audit?limit=3&cursor="+first.at("next_cursor"), "", admin...).want(200)
	if first.at("items.2.id") <= second.at("items.0.id") || second.at("next_cursor") == "" {
		t.Errorf("pages: %s, then %s", first.body, second.body)
	}
	entry := s.do("GET", "/api/v1/audit?action=createToken", "", admin...)
	if entry.at("items.0.address") != "198.51.100.7" || entry.at("items.0.request_id") != made.header.Get("X-Request-Id") || entry.at("items.0.object") != made.at("id") {
		t.Errorf("got %s", entry.body)
	}
	if log := s.log.String(); strings.Count(log, `"msg":"audit"`) != len(all) || strings.Contains(log, made.at("token")) {
		t.Errorf("log: %s", log)
	}
	s.do("GET", "/api/v1/audit?cursor=x", "", admin...).want(422)
	s.do("GET", "/api/v1/audit", "", shop...).want(401) // revoked
}

// An entry names the secret, but never its value.
func TestAuditNamesSecrets(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *Config) { c.AdminToken, c.Keys = adminText, parseKeys(t, "a") })
	admin := []string{"Authorization", "Bearer " + adminText}
	s.do("PUT", "/api/v1/secrets/orders-token", `{"value":"planted-value"}`, admin...).want(200)
	s.do("DELETE", "/api/v1/secrets/orders-token", "", admin...).want(204)
	for _, action := range []string{"putSecret", "deleteSecret"} {
		got := s.do("GET", "/api/v1/audit?object=orders-token&action="+action, "", admin...).want(200)
		if got.at("items.0.role") != "admin" || strings.Contains(got.body, "planted-value") {
			t.Errorf("%s: %s", action, got.body)
		}
	}
}

// Somebody who goes on with a token that was revoked can be found.
func TestAuditNamesRevokedTokens(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *Config) { c.AdminToken = adminText })
	made, text := s.grant(store.RoleAdmin, nil)
	s.do("DELETE", "/api/v1/tokens/"+made.ID, "", "Authorization", "Bearer "+text).want(204)
	s.do("GET", "/api/v1/me", "", "Authorization", "Bearer "+text).want(401)
	s.do("POST", "/api/v1/session", `{"token":"`+text+`"}`).want(401)
	want := []string{" token getMe refused 401", " token signIn refused 401", "admin token revokeToken done 204"}
	if diff := cmp.Diff(want, s.trail("?actor="+made.ID)); diff != "" {
		t.Errorf("trail (-want +got):\n%s", diff)
	}
}

// Nobody can fill the trail: not with what is over a limit, and not with what is refused.
func TestAuditIsNotFilled(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *Config) { limited("change=2/h,refused=2/h", 0)(c); c.AdminToken = adminText })
	_, viewer := s.grant(store.RoleViewer, nil)
	_, bound := s.grant(store.RoleSubmitter, func(t *store.Token) { t.Kinds = []string{"test.plain"} })
	for _, want := range []int{404, 404, 429, 429} {
		s.do("DELETE", "/api/v1/sessions/ses_none", "", "Authorization", "Bearer "+viewer).want(want)
	}
	for range 4 {
		s.do("POST", "/api/v1/tasks", oneReport, "Authorization", "Bearer "+bound).want(403)
	}
	want := []string{"  endSession failed 404", "  endSession failed 404", "  submitTask refused 403", "  submitTask refused 403"}
	got := s.trail("")
	for i, line := range got {
		_, rest, _ := strings.Cut(line, " token ")
		got[i] = "  " + rest
	}
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("trail (-want +got):\n%s", diff)
	}
}

// What the store cannot take stands in the log.
func TestAuditWithoutTheStore(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *Config) { c.AdminToken = adminText })
	s.redis.Kill()
	s.do("DELETE", "/api/v1/tasks/tsk_none_default", "", "Authorization", "Bearer "+adminText)
	if log := s.log.String(); !strings.Contains(log, `"msg":"audit"`) || !strings.Contains(log, "stands in the log alone") {
		t.Errorf("log: %s", log)
	}
}

// Nobody can try credentials by the thousand, fill the trail, or lock others out.
func TestRefusedIsLimited(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *Config) { limited("refused=3/h,sign_in=2/h", 0)(c); c.AdminToken = adminText })
	for _, want := range []int{401, 401, 401, 429, 429} {
		s.do("GET", "/api/v1/tasks", "", "Authorization", "Bearer guess").want(want)
	}
	for _, want := range []int{401, 401, 429} {
		s.do("POST", "/api/v1/session", `{"token":"guess"}`).want(want)
	}
	s.do("GET", "/api/v1/tasks", "", "Authorization", "Bearer guess", "X-Forwarded-For", "198.51.100.7").want(401)
	s.do("GET", "/api/v1/tasks", "", "Authorization", "Bearer "+adminText).want(200)
	page, err := s.store.Trail(t.Context(), store.EntryFilter{}, 100, "")
	if err != nil || len(page.Entries) != 6 {
		t.Errorf("%d entries, %v", len(page.Entries), err)
	}
}
