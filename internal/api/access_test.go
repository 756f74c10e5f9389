package api

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/redis/go-redis/v9"

	"windlass/internal/store"
)

// grant makes a token and gives its text.
func (s *site) grant(role store.Role, change func(*store.Token)) (store.Token, string) {
	s.t.Helper()
	t := store.Token{Name: string(role), Role: role}
	if change != nil {
		change(&t)
	}
	t, text, err := s.store.CreateToken(s.t.Context(), t, time.Hour)
	if err != nil {
		s.t.Fatal(err)
	}
	return t, text
}

// expired makes a token of an admin that ended an hour ago.
func (s *site) expired() string {
	s.t.Helper()
	client := redis.NewClient(&redis.Options{Addr: s.redis.Addr()})
	defer client.Close()
	past, err := store.New(client, store.Options{Clock: func() time.Time { return time.Now().Add(-2 * time.Hour) }})
	if err != nil {
		s.t.Fatal(err)
	}
	_, text, err := past.CreateToken(s.t.Context(), store.Token{Name: "old", Role: store.RoleAdmin}, time.Hour)
	if err != nil {
		s.t.Fatal(err)
	}
	return text
}

// who are the columns of the table of routes and roles, in this order.
func (s *site) who() (names []string, headers map[string][]string, owner store.Token) {
	s.t.Helper()
	bearer := func(text string) []string { return []string{"Authorization", "Bearer " + text} }
	headers = map[string][]string{"none": nil, "wrong": bearer("wl_" + strings.Repeat("x", 49)), "expired": bearer(s.expired())}
	revoked, text := s.grant(store.RoleAdmin, nil)
	if err := s.store.RevokeToken(s.t.Context(), revoked.ID); err != nil {
		s.t.Fatal(err)
	}
	headers["revoked"] = bearer(text)
	for _, role := range store.Roles() {
		_, text := s.grant(role, nil)
		headers[string(role)] = bearer(text)
	}
	owner, text = s.grant(store.RoleSubmitter, nil)
	headers["owner"] = bearer(text)
	_, text = s.grant(store.RoleOperator, func(t *store.Token) { t.Kinds = []string{"test.plain"} })
	headers["other kinds"] = bearer(text)
	_, text = s.grant(store.RoleOperator, func(t *store.Token) { t.Queues = []string{"elsewhere"} })
	headers["other queues"] = bearer(text)
	headers["configured"] = bearer(token)
	return []string{
		"none", "wrong", "expired", "revoked", "viewer", "submitter", "owner", "operator", "admin", "configured",
		"other kinds", "other queues", "link", "other link",
	}, headers, owner
}

// A row of the table says what each column gets. Statuses that several neighbours share stand once.
type accessRow struct {
	route, body, prepared string
	want                  [9]int // strangers; viewer; submitter; owner; operator; admins; bound elsewhere; link; other link
}

// column tells where in a row's statuses each of who finds its own.
func column(name string) int {
	at, ok := map[string]int{
		"viewer": 1, "submitter": 2, "owner": 3, "operator": 4, "admin": 5, "configured": 5,
		"other kinds": 6, "other queues": 6, "link": 7, "other link": 8,
	}[name]
	if !ok {
		return 0
	}
	return at
}

func accessTable() []accessRow {
	const tasks = "/api/v1/tasks"
	read := [9]int{401, 200, 200, 200, 200, 200, 404, 200, 403}
	list := [9]int{401, 200, 200, 200, 200, 200, 200, 403, 403}
	operate := [9]int{401, 403, 403, 403, 202, 202, 404, 403, 403}
	admin := [9]int{401, 403, 403, 403, 403, 200, 403, 403, 403}
	all := func(status int) (w [9]int) {
		for i := range w {
			w[i] = status
		}
		return w
	}
	with := func(w [9]int, from, to int) [9]int {
		for i := range w {
			if w[i] == from {
				w[i] = to
			}
		}
		return w
	}
	rows := []accessRow{
		{"GET " + tasks + "/{id}", "", "pending", read},
		{"GET " + tasks + "/{id}/logs", "", "pending", read},
		{"GET " + tasks + "/{id}/result", "", "succeeded", read},
		{"GET " + tasks + "/{id}/events", "", "canceled", read},
		{"GET " + tasks, "", "", list},
		{"GET /api/v1/events", "", "", list},
		{"GET /api/v1/kinds", "", "", list},
		{"GET /api/v1/queues", "", "", list},
		{"GET /api/v1/workers", "", "", list},
		{"GET /api/v1/stats", "", "", list},
		{"GET /api/v1/system", "", "", list},
		{"GET /api/v1/me", "", "", list},
		{"GET /api/v1/sessions", "", "", list},
		{"POST " + tasks, oneReport, "", [9]int{401, 403, 202, 202, 202, 202, 403, 403, 403}},
		{"POST " + tasks + "/bulk", `{"items":[` + oneReport + `]}`, "", [9]int{401, 403, 200, 200, 200, 200, 200, 403, 403}},
		{"POST " + tasks + "/{id}/cancel", "", "pending", [9]int{401, 403, 403, 200, 200, 200, 404, 403, 403}},
		{"POST " + tasks + "/{id}/links", "{}", "pending", [9]int{401, 403, 201, 201, 201, 201, 404, 403, 403}},
		{"POST " + tasks + "/{id}/retry", "", "canceled", operate},
		{"DELETE " + tasks + "/{id}", "", "canceled", with(operate, 202, 204)},
		{"GET /api/v1/audit", "", "", admin},
		{"GET /api/v1/tokens", "", "", admin},
		{"GET /api/v1/tokens/{id}", "", "token", admin},
		{"POST /api/v1/tokens", `{"name":"n","role":"admin"}`, "", with(admin, 200, 201)},
		{"DELETE /api/v1/tokens/{id}", "", "token", with(admin, 200, 204)},
		{"GET /api/v1/secrets", "", "", admin},
		{"PUT /api/v1/secrets/{name}", `{"value":"a value that nobody sees"}`, "secret", admin},
		{"DELETE /api/v1/secrets/{name}", "", "secret", with(admin, 200, 204)},
		{"DELETE /api/v1/sessions/{id}", "", "session", [9]int{401, 404, 404, 404, 404, 204, 404, 403, 403}},
		{"GET /api/v1/session", "", "", all(200)},
		{"POST /api/v1/session", `{"token":"` + token + `"}`, "", all(204)},
		{"DELETE /api/v1/session", "", "", all(204)},
		{"GET /problems/{slug}", "", "problem", all(200)},
	}
	for _, path := range append(HealthPaths(), "/openapi.json", "/openapi.yaml", "/docs", "/redoc", "/problems") {
		rows = append(rows, accessRow{"GET " + path, "", "", all(200)})
	}
	return rows
}

// TestAccess is every route times everybody: the status that each gets.
func TestAccess(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *Config) { c.AdminToken, c.Keys = token, parseKeys(t, "a") })
	names, headers, owner := s.who()
	rows := accessTable()
	var routes []string
	for _, row := range rows {
		routes = append(routes, row.route)
		method, path, _ := strings.Cut(row.route, " ")
		for _, name := range names {
			asked := method
			if path == "/api/v1/events" {
				asked = http.MethodHead // the stream has no end
			}
			address, link := s.prepare(path, row.prepared, name, owner)
			h := append(slices.Clone(headers[name]), link...)
			got := s.do(asked, address, row.body, h...)
			if want := row.want[column(name)]; got.status != want {
				t.Errorf("%s as %s: %d, want %d: %.300s", row.route, name, got.status, want, got.body)
			}
			if code := map[int]string{401: "unauthorized", 403: "forbidden"}[got.status]; code != "" && asked != http.MethodHead && got.at("code") != code {
				t.Errorf("%s as %s: %s", row.route, name, got.body)
			}
		}
	}
	if diff := different(routes, slices.Collect(maps.Keys(s.api.actionOf))); diff != "" {
		t.Errorf("the table and the list of routes differ: %s", diff)
	}
}

// prepare brings about what the address names, anew for each request, and gives
// the address, and for a link the header that carries it.
func (s *site) prepare(path, what, name string, owner store.Token) (address string, header []string) {
	s.t.Helper()
	id := "none"
	switch what {
	case "token":
		t, _ := s.grant(store.RoleViewer, nil)
		id = t.ID
	case "session":
		t, _ := s.grant(store.RoleViewer, nil)
		session, _, err := s.store.OpenSession(s.t.Context(), store.Owner{ID: t.ID}, "")
		if err != nil {
			s.t.Fatal(err)
		}
		id = session.ID
	case "problem":
		id = "forbidden"
	case "secret":
		id = "orders-token"
		if _, err := s.store.PutSecret(s.t.Context(), id, func(*store.Secret) error { return nil }); err != nil {
			s.t.Fatal(err)
		}
	case "pending", "canceled", "succeeded", "":
		id = s.taskOf(what, name, owner)
	}
	if strings.HasSuffix(name, "link") {
		shown := id
		if name == "other link" {
			shown = "tsk_another"
		}
		link, _, err := s.store.CreateLink(s.t.Context(), store.Owner{}, shown, time.Hour)
		if err != nil {
			s.t.Fatal(err)
		}
		header = []string{"Authorization", "Bearer " + link}
	}
	return strings.NewReplacer("{id}", id, "{slug}", id, "{name}", id).Replace(path), header
}

// taskOf makes a task in a state: the owner's own, for everybody else somebody else's.
func (s *site) taskOf(state, name string, owner store.Token) string {
	s.t.Helper()
	if state == "" {
		return "none"
	}
	by := "tok_somebody"
	if name == "owner" {
		by = owner.ID
	}
	got, err := s.store.Submit(s.t.Context(), store.Submission{
		Kind: "test.report", Queue: "apart", Input: []byte(`{"name":"monthly"}`), Policy: reportKind().Policy, SubmittedBy: by,
	})
	if err != nil {
		s.t.Fatal(err)
	}
	switch state {
	case "canceled":
		_, err = s.store.Cancel(s.t.Context(), got.Task.ID)
	case "succeeded":
		for c := s.claim("apart"); ; c = s.claim("apart") { // those before it are other rows'
			if s.end(c, done(`{"rows":[]}`)); c.Task.ID == got.Task.ID {
				break
			}
		}
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return got.Task.ID
}

func different(a, b []string) string {
	var diff []string
	for _, x := range a {
		if !slices.Contains(b, x) {
			diff = append(diff, "-"+x)
		}
	}
	for _, x := range b {
		if !slices.Contains(a, x) {
			diff = append(diff, "+"+x)
		}
	}
	return strings.Join(diff, ", ")
}

// Every route that the router knows names an action, and each action has its least role.
func TestRoutesNameTheirAction(t *testing.T) {
	t.Parallel()
	a := newSite(t, nil).api
	router, ok := a.handler.(chi.Router)
	if !ok {
		t.Fatalf("the handler is a %T", a.handler)
	}
	seen := 0
	err := chi.Walk(router, func(method, route string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		seen++
		action, named := a.actionOf[method+" "+route]
		if _, known := actions()[action]; !named || !known && action != ActionOpen {
			t.Errorf("%s %s names the action %q", method, route, action)
		}
		return nil
	})
	if err != nil || seen != len(a.actionOf) || seen == 0 {
		t.Errorf("%d routes, %d named, %v", seen, len(a.actionOf), err)
	}
	for action, least := range actions() {
		if !least.Valid() {
			t.Errorf("%s takes the role %q", action, least)
		}
	}
}

// A caller who is bound to kinds or queues sees those alone, wherever many are shown.
func TestBounds(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *Config) { c.AdminToken = token })
	admin := []string{"Authorization", "Bearer " + token}
	report := s.do("POST", "/api/v1/tasks", oneReport, admin...).want(202).task()
	plain := s.do("POST", "/api/v1/tasks", `{"kind":"test.plain","input":{"message":1}}`, admin...).want(202).task()
	low := s.do("POST", "/api/v1/tasks", `{"kind":"test.plain","input":{"message":1},"queue":"low"}`, admin...).want(202).task()
	if err := s.store.Beat(t.Context(), store.Worker{ID: "w", Host: "h", Queues: map[string]int{"default": 1, "low": 1, "reports": 1}}); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		kinds, queues []string
		sees          []string
		names         string // of queues
	}{
		"a kind":                      {kinds: []string{"test.plain"}, sees: []string{low.ID, plain.ID}, names: "default low reports"},
		"a queue":                     {queues: []string{"reports"}, sees: []string{report.ID}, names: "reports"},
		"a kind and a queue":          {kinds: []string{"test.plain"}, queues: []string{"low", "reports"}, sees: []string{low.ID}, names: "low reports"},
		"a queue without tasks":       {queues: []string{"none"}, names: ""},
		"a kind that no queue brings": {kinds: []string{"test.report"}, queues: []string{"low"}, names: "low"},
	} {
		t.Run(name, func(t *testing.T) {
			s := *s
			s.t = t
			_, text := s.grant(store.RoleOperator, func(t *store.Token) { t.Kinds, t.Queues = tt.kinds, tt.queues })
			as := []string{"Authorization", "Bearer " + text}
			for _, query := range []string{"", "?kind=test.plain,test.report", "?queue=default,low,reports,none"} {
				page := s.do("GET", "/api/v1/tasks"+query, "", as...).want(200)
				var ids []string
				for i := 0; page.at(fmt.Sprintf("items.%d.id", i)) != ""; i++ {
					ids = append(ids, page.at(fmt.Sprintf("items.%d.id", i)))
				}
				if !slices.Equal(ids, tt.sees) {
					t.Errorf("%s lists %v, want %v", query, ids, tt.sees)
				}
			}
			stats := s.do("GET", "/api/v1/stats", "", as...).want(200)
			if got := stats.at("totals.pending"); got != fmt.Sprint(len(tt.sees)) || stats.at("backlog") != got {
				t.Errorf("counts %s", stats.body)
			}
			queues := s.do("GET", "/api/v1/queues", "", as...).want(200)
			var names []string
			for i := 0; queues.at(fmt.Sprintf("items.%d.name", i)) != ""; i++ {
				names = append(names, queues.at(fmt.Sprintf("items.%d.name", i)))
			}
			if strings.Join(names, " ") != tt.names {
				t.Errorf("queues are %v", names)
			}
			workers := s.do("GET", "/api/v1/workers", "", as...).want(200)
			for _, queue := range []string{"default", "low", "reports"} {
				serves := workers.at("items.0.queues."+queue) != ""
				if serves != (len(tt.queues) == 0 || slices.Contains(tt.queues, queue)) {
					t.Errorf("workers are %s", workers.body)
				}
			}
			kinds := s.do("GET", "/api/v1/kinds", "", as...).want(200).body
			if shown := strings.Contains(kinds, `"name":"test.report"`); shown != (len(tt.kinds) == 0 || slices.Contains(tt.kinds, "test.report")) {
				t.Errorf("kinds are %s", kinds)
			}
			for _, id := range []string{report.ID, plain.ID, low.ID} {
				want := 404
				if slices.Contains(tt.sees, id) {
					want = 200
				}
				s.do("GET", "/api/v1/tasks/"+id, "", as...).want(want)
			}
		})
	}
}
