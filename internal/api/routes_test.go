package api

import (
	"net/http"
	"strings"
	"testing"
)

// wanted maps a path in the JSON answer to what must stand there.
type wanted map[string]string

func TestRequests(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	const tasks = "/api/v1/tasks"
	big := `{"kind":"test.plain","input":{"message":"` + strings.Repeat("x", 256<<10) + `"}}`
	for _, c := range []struct {
		name, method, path, body string
		status                   int
		want                     wanted
	}{
		{"submit", "POST", tasks, oneReport, 202, wanted{"state": "pending", "queue": "reports", "subject": "Report monthly", "max_attempts": "3", "version": "1"}},
		{"queue, tags, policy", "POST", tasks, `{"kind":"test.report","input":{"name":"ab"},"queue":"low","tags":["B","a","B"],"policy":{"max_attempts":7,"timeout":"5s"}}`, 202,
			wanted{"queue": "low", "tags": "[B a]", "max_attempts": "7", "policy.timeout": "5s", "policy.deadline": "1h0m0s"}},
		{"delay", "POST", tasks, `{"kind":"test.report","input":{"name":"ab"},"delay":"1h"}`, 202, wanted{"state": "scheduled", "waiting.reason": "scheduled", "waiting.message": "Waits for its time."}},
		{"run_at in the past", "POST", tasks, `{"kind":"test.report","input":{"name":"ab"},"run_at":"2020-01-01T00:00:00Z"}`, 202, wanted{"state": "pending"}},
		{"numbers stay as written", "POST", tasks, `{"kind":"test.plain","input":{"message":[1e999,123456789012345678901]}}`, 202, nil},

		{"no body", "POST", tasks, "", 400, wanted{"code": "invalid_json"}},
		{"not JSON", "POST", tasks, "{", 400, wanted{"code": "invalid_json", "type": "/problems/invalid-json"}},
		{"not UTF-8", "POST", tasks, "{\"kind\":\"test.plain\",\"input\":{\"message\":\"a\xff\"}}", 400, wanted{"code": "invalid_json", "detail": "The body is not UTF-8."}},
		{"something after the end", "POST", tasks, oneReport + "{}", 400, wanted{"code": "invalid_json"}},
		{"not an object", "POST", tasks, "[]", 422, wanted{"errors.0.location": "body", "errors.0.message": "must be an object"}},
		{"unknown kind", "POST", tasks, `{"kind":"x.y","input":{},"delay":"-1s"}`, 422,
			wanted{"code": "unknown_kind", "errors.0.location": "body.delay", "errors.1.location": "body.kind", "errors.1.message": "must be one of test.report, test.plain"}},
		{"kind left out", "POST", tasks, `{"input":{}}`, 422, wanted{"code": "validation_failed", "errors.0.location": "body.kind", "errors.0.message": "is required"}},
		{"kind is a number", "POST", tasks, `{"kind":1,"input":{}}`, 422, wanted{"errors.0.location": "body.kind", "errors.0.message": "must be text"}},
		{"unknown field", "POST", tasks, `{"kind":"test.report","input":{"name":"ab"},"prio":1}`, 422, wanted{"errors.0.location": "body.prio", "errors.0.message": "is not a known field"}},
		{"unknown field of the input", "POST", tasks, `{"kind":"test.report","input":{"name":"ab","x":1}}`, 422, wanted{"errors.0.location": "body.input.x"}},
		{"another case is another field", "POST", tasks, `{"kind":"test.report","input":{"name":"ab","size":1,"SIZE":99}}`, 422, wanted{"errors.0.location": "body.input.SIZE"}},
		{"another case on the outside", "POST", tasks, `{"kind":"test.report","input":{"name":"ab"},"Input":{"name":"bad"}}`, 422, wanted{"errors.0.location": "body.Input"}},
		{"deep in the input", "POST", tasks, `{"kind":"test.report","input":{"name":"ab","parts":[{"colour":"red"},{"colour":"blue","y":1}]}}`, 422,
			wanted{"errors.0.location": "body.input.parts[1].colour", "errors.0.message": "must be one of red, green", "errors.1.location": "body.input.parts[1].y"}},
		{"every fault at once", "POST", tasks, `{"kind":"test.report","input":{"size":0,"pause":"soon"},"queue":"UP","tags":[""],"delay":"1s"}`, 422,
			wanted{"detail": "4 fields are not as they must be.", "errors.0.location": "body.input.name", "errors.1.location": "body.input.pause", "errors.2.location": "body.input.size", "errors.3.location": "body.queue"}},
		{"the kind's own eye", "POST", tasks, `{"kind":"test.report","input":{"name":"bad one"}}`, 422, wanted{"errors.0.location": "body.input.name", "errors.0.message": "must not be bad"}},
		{"a whole number that Go does not take", "POST", tasks, `{"kind":"test.report","input":{"name":"ab","size":1e0}}`, 422, wanted{"errors.0.location": "body.input.size", "errors.0.message": "is out of range"}},
		{"input too large", "POST", tasks, big, 422, wanted{"errors.0.location": "body.input", "errors.0.message": "must have at most 262144 bytes"}},
		{"tags", "POST", tasks, `{"kind":"test.report","input":{"name":"ab"},"tags":["ok","","a\u0007"]}`, 422, wanted{"errors.0.location": "body.tags[1]", "errors.1.location": "body.tags[2]"}},
		{"too many tags", "POST", tasks, `{"kind":"test.report","input":{"name":"ab"},"tags":["1","2","3","4","5","6","7","8","9","10","11","12","13","14","15","16","17"]}`, 422, wanted{"errors.0.location": "body.tags"}},
		{"delay and run_at", "POST", tasks, `{"kind":"test.report","input":{"name":"ab"},"delay":"1s","run_at":"2030-01-01T00:00:00Z"}`, 422, wanted{"errors.0.location": "body.run_at"}},
		{"a delay that is none", "POST", tasks, `{"kind":"test.report","input":{"name":"ab"},"delay":"5"}`, 422, wanted{"errors.0.location": "body.delay", "errors.0.message": `must be a duration such as "30s", "5m" or "1h30m"`}},
		{"expired already", "POST", tasks, `{"kind":"test.report","input":{"name":"ab"},"expires_at":"2020-01-01T00:00:00Z"}`, 422, wanted{"errors.0.message": "must be in the future"}},
		{"expires before it starts", "POST", tasks, `{"kind":"test.report","input":{"name":"ab"},"run_at":"2099-01-02T00:00:00Z","expires_at":"2099-01-01T00:00:00Z"}`, 422, wanted{"errors.0.location": "body.expires_at"}},
		{"policy", "POST", tasks, `{"kind":"test.report","input":{"name":"ab"},"policy":{"max_attempts":5,"min_backoff":"2h"}}`, 422, wanted{"errors.0.location": "body.policy.min_backoff", "errors.0.message": "must not be longer than max_backoff"}},

		{"no such task", "GET", tasks + "/tsk_nothing", "", 404, wanted{"code": "task_not_found", "status": "404"}},
		{"no such address", "GET", "/api/v1/nothing", "", 404, wanted{"code": "not_found"}},
		{"no such method", "PUT", tasks, "", 405, wanted{"code": "method_not_allowed"}},
		{"unknown parameter", "GET", tasks + "?sort=asc", "", 422, wanted{"errors.0.location": "query.sort", "errors.0.message": "is not a known parameter"}},
		{"limit", "GET", tasks + "?limit=201", "", 422, wanted{"errors.0.location": "query.limit", "errors.0.message": "must be at most 200"}},
		{"an empty limit", "GET", tasks + "?limit=", "", 422, wanted{"errors.0.location": "query.limit", "errors.0.message": "must not be empty; leave it out"}},
		{"an empty format", "GET", tasks + "/tsk_06h1f2trb4000fbe1ds66yhg8m_default/result?format=", "", 422, wanted{"errors.0.location": "query.format"}},
		{"state", "GET", tasks + "?state=pending,lost", "", 422, wanted{"errors.0.location": "query.state[1]"}},
		{"time", "GET", tasks + "?after=yesterday", "", 422, wanted{"errors.0.location": "query.after", "errors.0.message": "must be a time such as 2026-01-31T12:00:00Z"}},
		{"cursor", "GET", tasks + "?cursor=abc", "", 422, wanted{"errors.0.location": "query.cursor"}},
		{"query twice", "GET", tasks + "?state=active&state=failed", "", 422, wanted{"errors.0.location": "query.state", "errors.0.message": "must be given once; separate several values by commas"}},
		{"queue with a brace", "GET", tasks + "?queue=a%7D", "", 422, wanted{"errors.0.location": "query.queue[0]"}},
		{"stats of a queue that cannot be", "GET", "/api/v1/stats?queue=reports,Mail", "", 422, wanted{"errors.0.location": "query.queue[1]"}},
		{"events of a queue that cannot be", "GET", "/api/v1/events?queue=a%20b", "", 422, wanted{"errors.0.location": "query.queue[0]"}},
		{"logs of nothing", "GET", tasks + "/tsk_nothing/logs", "", 404, wanted{"code": "task_not_found"}},
		{"events of nothing", "GET", tasks + "/tsk_nothing/events", "", 404, wanted{"code": "task_not_found"}},
		{"cancel nothing", "POST", tasks + "/tsk_nothing/cancel", "", 404, nil},
		{"retry nothing", "POST", tasks + "/tsk_nothing/retry", "", 404, nil},
		{"delete nothing", "DELETE", tasks + "/tsk_nothing", "", 404, nil},

		{"kinds", "GET", "/api/v1/kinds", "", 200, wanted{
			"items.0.name": "test.report", "items.0.csv": "true", "items.1.csv": "false", "items.0.policy.min_backoff": "1s",
			"items.0.input_schema.x-order": "[name size pause wait secret cached parts]", "items.0.input_schema.properties.pause.format": "go-duration",
			"items.0.input_schema.properties.pause.default":                      "5ms",
			"items.0.input_schema.properties.parts.items.properties.colour.enum": "[red green]",
			"items.0.example.name": "first",
		}},
		{"session", "GET", "/api/v1/session", "", 200, wanted{"required": "false", "signed_in": "true", "version": "test", "embedded_redis": "false"}},
		{"workers", "GET", "/api/v1/workers", "", 200, wanted{"items": "[]"}},
		{"overlong delay", "POST", tasks, `{"kind":"test.report","input":{"name":"n1"},"delay":"9999999999999h"}`, 422, wanted{"errors.0.location": "body.delay"}},
		{"bulk without items", "POST", tasks + "/bulk", `{"items":[]}`, 422, wanted{"errors.0.location": "body.items"}},
		{"bulk unknown field", "POST", tasks + "/bulk", `{"items":[1],"x":1}`, 422, wanted{"errors.0.location": "body.x"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := s.do(c.method, c.path, c.body)
			got.t = t
			got.want(c.status)
			for path, want := range c.want {
				if have := got.at(path); have != want {
					t.Errorf("%s is %q, want %q in %s", path, have, want, got.body)
				}
			}
			if c.status >= 400 {
				if ct := got.header.Get("Content-Type"); ct != "application/problem+json" {
					t.Errorf("content type is %q", ct)
				}
				if id := got.header.Get("X-Request-Id"); id == "" || got.at("instance") != id {
					t.Errorf("instance is %q, the request's id %q", got.at("instance"), id)
				}
			}
		})
	}
}

func TestBodies(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.do("POST", "/api/v1/tasks", strings.Repeat(" ", 1<<20)+oneReport).want(http.StatusRequestEntityTooLarge)
	s.do("POST", "/api/v1/tasks/bulk", strings.Repeat(" ", 1<<20)+`{"items":[`+oneReport+`]}`).want(http.StatusOK)
	s.do("POST", "/api/v1/tasks/bulk", strings.Repeat(" ", 8<<20)+`{"items":[`+oneReport+`]}`).want(http.StatusRequestEntityTooLarge)
	s.do("POST", "/api/v1/tasks", oneReport, "Content-Type", "text/plain").want(http.StatusUnsupportedMediaType)
	s.do("POST", "/api/v1/tasks", oneReport, "Content-Encoding", "gzip").want(http.StatusUnsupportedMediaType)
	s.do("POST", "/api/v1/tasks", oneReport, "Content-Type", "application/json; charset=utf-8").want(http.StatusAccepted)
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	got := s.do("GET", "/api/v1/kinds", "", "X-Request-Id", "mine-1").want(200)
	for name, want := range map[string]string{
		"X-Request-Id": "mine-1", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
		"Cross-Origin-Resource-Policy": "same-origin", "Strict-Transport-Security": "", "Server": "",
		"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'", "Link": "",
	} {
		if have := got.header.Get(name); have != want {
			t.Errorf("%s is %q, want %q", name, have, want)
		}
	}
	if id := s.do("GET", "/api/v1/kinds", "", "X-Request-Id", "a b").header.Get("X-Request-Id"); id == "a b" || id == "" {
		t.Errorf("request id is %q", id)
	}
	if allow := s.do("PUT", "/api/v1/tasks/x", "").want(405).header.Get("Allow"); allow != "GET, HEAD, DELETE" {
		t.Errorf("Allow is %q", allow)
	}
	head := s.do("HEAD", "/api/v1/tasks", "").want(200)
	if head.body != "" || head.header.Get("Content-Type") != "application/json" {
		t.Errorf("HEAD: %q, %v", head.body, head.header)
	}
	if !strings.Contains(s.log.String(), `"request_id":"mine-1","method":"GET","route":"/api/v1/kinds","status":200`) {
		t.Errorf("access log: %s", s.log.String())
	}
}

func TestPages(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.do("GET", "/livez", "").want(200) // so that there is a request to be counted
	for path, want := range map[string]string{
		"/docs": `id="submitTask"`, "/redoc": "TestReportInput", "/problems": "idempotency_key_reused",
		"/problems/no-result": "no_result", "/openapi.json": `"openapi": "3.1.0"`, "/openapi.yaml": "openapi: 3.1.0",
		"/livez": "ok", "/healthz": "ok", "/readyz": `"status":"ready"`, "/metrics": "windlass_event_streams",
	} {
		got := s.do("GET", path, "").want(200)
		if !strings.Contains(got.body, want) {
			t.Errorf("%s lacks %q: %.300s", path, want, got.body)
		}
		for _, outside := range []string{"<script", "//unpkg", "//cdn", "https://fonts"} {
			if strings.Contains(got.body, outside) {
				t.Errorf("%s holds %s", path, outside)
			}
		}
	}
	s.do("GET", "/problems/nothing", "").want(404)
	tag := s.do("GET", "/docs", "").header.Get("ETag")
	s.do("GET", "/docs", "", "If-None-Match", tag).want(304)
	for _, p := range problemViews() {
		s.do("GET", "/problems/"+p.Slug, "").want(200)
	}
}
