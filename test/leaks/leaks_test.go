package leaks

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"windlass/internal/task"
)

// target answers with all that it was sent, as echo endpoints and error pages do.
func target(t *testing.T) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		switch r.URL.Path {
		case "/robots.txt":
			http.NotFound(w, r)
			return
		case "/slow":
			<-r.Context().Done()
			return
		case "/broken": // what cannot be read is in the words of the fault
			if c, _, err := http.NewResponseController(w).Hijack(); err == nil {
				fmt.Fprintf(c, "%s\r\n\r\n", r.Header.Get("X-Api-Key"))
				c.Close()
			}
			return
		case "/redirect":
			http.Redirect(w, r, "/echo?"+r.URL.RawQuery, http.StatusTemporaryRedirect)
			return
		case "/page":
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprintf(w, `<title>%s %s</title><a href="/missing?%s">x</a>`, r.Header.Get("Authorization"), r.URL, r.URL.RawQuery)
			return
		}
		for name, values := range r.Header {
			w.Header().Set("X-Echo-"+name, strings.Join(values, " "))
		}
		switch r.URL.Path {
		case "/forbidden", "/missing":
			w.WriteHeader(http.StatusForbidden)
		case "/unavailable":
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		fmt.Fprintf(w, "%s %s %v\n%s", r.Method, r.URL, r.Header, body)
	}))
	t.Cleanup(s.Close)
	return s
}

// request plants a secret in every field of an http.request that may carry one.
func (h *house) request(base, path string) map[string]any {
	user := h.add("http.request's user") + ":" + h.add("http.request's password")
	return map[string]any{
		"method": "POST", "url": strings.Replace(base, "//", "//"+user+"@", 1) + path + "?page=2&access_token=" + h.add("a parameter of http.request's url"),
		"headers": map[string]string{
			"X-Api-Key": h.add("http.request's headers"), "Cookie": "sid=" + h.add("http.request's cookie"),
			"X-Auth-Token": h.add("a header of its own name"),
		},
		"json":          map[string]any{"card": map[string]any{"number": h.add("a configured path")}, "note": "plain"},
		"secret":        h.signing("http.request's secret"),
		"max_redirects": 2, "timeout": "10s",
	}
}

// store keeps a secret with a value before it.
func (h *house) store(name string, hosts ...string) {
	h.t.Helper()
	for _, value := range []string{h.signing("the value before of " + name), h.signing("the value of " + name)} {
		body, err := json.Marshal(map[string]any{"value": value, "hosts": hosts, "keep_previous": "1h"})
		if err != nil {
			h.t.Fatal(err)
		}
		if status, text := h.do("PUT", "/api/v1/secrets/"+name, string(body)); status != http.StatusOK {
			h.t.Fatalf("store %s: %d %s", name, status, text)
		}
	}
}

func (h *house) wantState(got task.Task, want task.State, code string) {
	h.t.Helper()
	if got.State != want || code != "" && (got.Error == nil || got.Error.Code != code) {
		h.t.Errorf("%s is %s, %+v; want %s, %s", got.Subject, got.State, got.Error, want, code)
	}
}

func TestNoSecretLeaves(t *testing.T) {
	h := newHouse(t)
	s := target(t)
	h.store("for-localhost", "127.0.0.1")
	h.store("for-others", "api.example.com")
	h.everyEnd(s.URL)
	h.everyRefusal(s.URL)
	h.everyCredential()
	for _, path := range []string{
		"/", "/tasks/x", "/secrets", "/docs", "/openapi.json", "/metrics", "/livez", "/readyz", "/api/v1/tasks?limit=200", "/api/v1/kinds",
		"/api/v1/queues", "/api/v1/workers", "/api/v1/stats", "/api/v1/session", "/api/v1/secrets", "/problems",
	} {
		h.do("GET", path, "")
	}
	h.do("DELETE", "/api/v1/secrets/for-others", "")
	stored := h.stored()
	h.stop()
	if err := h.tracer.Close(); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if _, err := h.ship.Close(ctx); err != nil {
		t.Error(err)
	}
	for where, text := range map[string]string{
		"the log": h.log.String(), "CloudWatch": h.cloud.String(), "the spool": h.spooled(), "the spans": h.spans.String(), "Redis": stored, "answers": h.out.String(),
	} {
		h.look(t, where, text)
	}
	// The search itself must be able to find something.
	for where, text := range map[string]string{"the log": h.log.String(), "CloudWatch": h.cloud.String()} {
		if !strings.Contains(text, "kind panicked") || !strings.Contains(text, task.Redacted) {
			t.Errorf("%s lacks what the run must have written:\n%s", where, text)
		}
	}
	if !strings.Contains(h.spans.String(), "attempt default") || !strings.Contains(h.spans.String(), "url.full") {
		t.Errorf("the spans lack what the run must have made: %d bytes", len(h.spans.String()))
	}
	if !strings.Contains(stored, `"note":"plain"`) || !strings.Contains(h.out.String(), "windlass_") {
		t.Error("Redis or the answers lack what the run must have left there")
	}
}

// everyEnd lets tasks with secrets end in every way.
func (h *house) everyEnd(base string) {
	for path, want := range map[string]struct {
		state task.State
		code  string
	}{
		"/echo": {task.Succeeded, ""}, "/redirect": {task.Succeeded, ""},
		"/forbidden": {task.Failed, "http_status"}, "/unavailable": {task.Failed, "http_status"}, "/slow": {task.Failed, "timeout"},
		"/broken": {task.Failed, "connection"},
	} {
		in := h.request(base, path)
		if path == "/slow" {
			in["timeout"] = "150ms"
		}
		h.wantState(h.run("http.request", in), want.state, want.code)
	}
	for _, bad := range []string{"http://10.0.0.1", "http://127.0.0.1:1", "http://localhost:25"} {
		h.wantState(h.run("http.request", h.request(bad, "/")), task.Failed, "egress_refused")
	}
	with := func(name string) map[string]any {
		in := h.request(base, "/echo")
		delete(in, "secret")
		in["secret_name"] = name
		in["secret_headers"] = map[string]string{"Authorization": "Bearer " + name}
		return in
	}
	h.wantState(h.run("http.request", with("for-localhost")), task.Succeeded, "")
	h.wantState(h.run("http.request", with("for-others")), task.Failed, "secret_unusable")

	for how, want := range map[string]task.State{
		"return": task.Succeeded, "fail": task.Failed, "panic": task.Failed, "panic_error": task.Failed,
	} {
		h.wantState(h.run("test.crash", map[string]any{"how": how, "secret": h.add("a tagged field"), "stored": "for-localhost"}), want, "")
	}
	site := strings.Replace(base, "//", "//"+h.add("site.audit's user")+":"+h.add("site.audit's password")+"@", 1)
	h.wantState(h.run("site.audit", map[string]any{"url": site + "/page?token=" + h.add("a parameter of site.audit's url"), "pause": "1ms"}), task.Succeeded, "")
	h.wantState(h.run("site.audit", map[string]any{"url": strings.Replace(site, "127.0.0.1", "10.0.0.1", 1) + "/page?token=" + h.add("a parameter of a refused audit"), "pause": "1ms"}), task.Failed, "address_not_allowed")
	h.canceled()
}

// canceled calls off a task that runs, and one whose time has not come.
func (h *house) canceled() {
	h.t.Helper()
	for _, delay := range []string{"", `,"delay":"1h"`} {
		status, text := h.do("POST", "/api/v1/tasks", fmt.Sprintf(`{"kind":"test.crash","input":{"how":"wait","secret":%q}%s}`, h.add("the secret of a canceled task"), delay))
		var t task.Task
		if err := json.Unmarshal([]byte(text), &t); err != nil || status != http.StatusAccepted {
			h.t.Fatalf("submit: %d %s", status, text)
		}
		h.do("POST", "/api/v1/tasks/"+t.ID+"/cancel", "")
		h.do("GET", "/api/v1/tasks/"+t.ID+"/events", "")
		h.do("GET", "/api/v1/tasks/"+t.ID+"/logs", "")
	}
}

// everyCredential makes what stands for a caller, and calls with each. Only the
// answer that gives a credential out may hold it, so that is not searched.
func (h *house) everyCredential() {
	h.t.Helper()
	give := func(path, body, member string) string {
		h.t.Helper()
		status, text := h.ask("POST", path, body)
		var got map[string]any
		if err := json.Unmarshal([]byte(text), &got); err != nil || status != http.StatusCreated {
			h.t.Fatalf("%s: %d %s", path, status, text)
		}
		value, _ := got[member].(string)
		if value == "" {
			h.t.Fatalf("%s gives no %s: %s", path, member, text)
		}
		h.note("the answer of "+path, value)
		return value
	}
	made := give("/api/v1/tokens", `{"name":"leaks","role":"admin"}`, "token")
	_, text := h.do("POST", "/api/v1/tasks", `{"kind":"demo.echo","input":{"message":"shared"}}`)
	var shared task.Task
	if err := json.Unmarshal([]byte(text), &shared); err != nil {
		h.t.Fatal(err)
	}
	link := give("/api/v1/tasks/"+shared.ID+"/links", `{}`, "link")
	for _, credential := range []string{made, link} {
		h.do("GET", "/api/v1/tasks/"+shared.ID, "", "Authorization", "Bearer "+credential)
		h.do("DELETE", "/api/v1/tasks/"+shared.ID, "", "Authorization", "Bearer "+credential+"x")
	}
	h.do("GET", "/api/v1/me", "", "X-Amzn-Oidc-Data", h.add("a load balancer's proof"), "X-Amzn-Oidc-Accesstoken", h.add("an access token"))
	signedIn, text := h.send("POST", "/api/v1/session", `{"token":"`+made+`"}`)
	if len(signedIn.Cookies()) != 1 {
		h.t.Fatalf("sign in: %d %s", signedIn.StatusCode, text)
	}
	cookie := signedIn.Cookies()[0]
	h.note("a session's cookie", cookie.Value)
	for _, value := range []string{cookie.Value, h.add("a session that is none")} {
		h.do("GET", "/api/v1/me", "", "Authorization", "", "Cookie", cookie.Name+"="+value)
	}
	h.do("GET", "/api/v1/tokens", "")
	h.do("GET", "/api/v1/sessions", "")
}

// everyRefusal hands in what is refused, with secrets in it.
func (h *house) everyRefusal(base string) {
	tasks := "/api/v1/tasks"
	submit := func(kind string, input map[string]any) string {
		raw, err := json.Marshal(map[string]any{"kind": kind, "input": input})
		if err != nil {
			h.t.Fatal(err)
		}
		return string(raw)
	}
	change := func(field string, value any) string {
		in := h.request(base, "/echo")
		in[field] = value
		return submit("http.request", in)
	}
	for _, r := range []struct {
		method, path, body string
		status             int
	}{
		{"POST", tasks, change("secret", h.add("a secret of the wrong form")), 422},
		{"POST", tasks, change("secret", 7), 422},
		{"POST", tasks, change("timeout", h.add("a timeout")), 422},
		{"POST", tasks, change("url", "://"+h.add("what is no url")), 422},
		{"POST", tasks, change("headers", map[string]string{"X-Api-Key": h.add("a bad header") + "\n"}), 422},
		{"POST", tasks, change("headers", []string{h.add("headers that are a list")}), 422},
		{"POST", tasks, change("secret_name", "unknown"), 422},
		{"POST", tasks, change("secret_headers", map[string]string{"X-Key": h.add("a reference that is a secret") + "!"}), 422},
		{"POST", tasks, submit("no.kind", h.request(base, "/")), 422},
		{"POST", tasks, submit("test.crash", map[string]any{"how": "never", "secret": h.add("a refused tagged field")}), 422},
		{"POST", tasks, submit("test.crash", map[string]any{"how": "return", "secret": strings.Repeat(h.add("a long secret"), 10)}), 422},
		{"POST", tasks, `{"kind":"test.crash","input":{"secret":"` + h.add("broken JSON"), 400},
		{"POST", tasks + "/bulk", `{"items":[` + change("secret", h.add("a bulk item's secret")) + `]}`, 200},
		{"PUT", "/api/v1/secrets/x", `{"value":"` + h.add("a stored secret with a stranger") + `","stranger":1}`, 422},
		{"PUT", "/api/v1/secrets/x", `{"value":"whsec_` + h.add("a stored secret of the wrong form") + `"}`, 422},
		{"PUT", "/api/v1/secrets/x", `{"value":["` + h.add("a stored secret that is a list") + `"]}`, 422},
		{"POST", "/api/v1/session", `{"token":"` + h.add("a wrong token") + `"}`, 401},
		{"GET", tasks + "?access_token=" + h.add("a parameter of the API"), "", 422},
	} {
		if status, text := h.do(r.method, r.path, r.body); status != r.status {
			h.t.Errorf("%s %s: %d %s, want %d", r.method, r.path, status, text, r.status)
		}
	}
	if status, text := h.do("GET", tasks, "", "Authorization", "Bearer "+h.add("a wrong bearer token")); status != 401 {
		h.t.Errorf("a wrong token: %d %s", status, text)
	}
}
