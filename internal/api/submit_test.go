package api

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"windlass/internal/store"
	"windlass/internal/task"
)

func TestSubmitAnswersWithLocation(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	got := s.do("POST", "/api/v1/tasks", oneReport).want(202)
	where := got.header.Get("Location")
	if where != "/api/v1/tasks/"+got.task().ID {
		t.Fatalf("Location is %q", where)
	}
	if back := s.do("GET", where, "").want(200).task(); back.ID != got.task().ID || string(back.Input) != `{"name":"monthly"}` {
		t.Errorf("the task there is %+v", back)
	}
}

func TestIdempotencyKey(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	post := func(body, key string) answer {
		return s.do("POST", "/api/v1/tasks", body, "Idempotency-Key", key)
	}
	first := post(oneReport, `"k 1"`).want(202)
	again := post(` {"input":{"name":"monthly"},"kind":"test.report"} `, "k 1").want(200)
	if again.task().ID != first.task().ID || again.header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("replay is %s, %v", again.task().ID, again.header)
	}
	if first.header.Get("Idempotency-Replayed") != "" {
		t.Error("the first request is called a replay")
	}
	other := post(`{"kind":"test.report","input":{"name":"weekly"}}`, "k 1").want(422)
	if other.at("code") != "idempotency_key_reused" {
		t.Errorf("code is %s", other.at("code"))
	}
	s.do("POST", "/api/v1/tasks/"+first.task().ID+"/cancel", "").want(200)
	s.do("DELETE", "/api/v1/tasks/"+first.task().ID, "").want(204)
	if gone := post(oneReport, "k 1").want(410); gone.at("code") != "idempotency_key_gone" {
		t.Errorf("code is %s", gone.at("code"))
	}
	bad := post(oneReport, strings.Repeat("k", 256)).want(422)
	if bad.at("errors.0.location") != "header.Idempotency-Key" {
		t.Errorf("problem is %s", bad.body)
	}
}

// A header that is there names a key: a client that sends an empty one believes itself safe.
func TestIdempotencyKeyIsNamed(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	for path, body := range map[string]string{"/api/v1/tasks": oneReport, "/api/v1/tasks/bulk": `{"items":[` + oneReport + `]}`} {
		for _, values := range [][]string{{""}, {" "}, {`""`}, {strings.Repeat("k", 256)}, {"a", "b"}} {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.server.URL+path, strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/json")
			r.Header["Idempotency-Key"] = values
			response, err := s.server.Client().Do(r)
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(response.Body)
			_ = response.Body.Close()
			if err != nil {
				t.Fatal(err)
			}
			got := answer{t, response.StatusCode, response.Header, string(text)}
			if got.want(422).at("errors.0.location") != "header.Idempotency-Key" || !strings.HasPrefix(got.at("errors.0.message"), "must be ") {
				t.Errorf("%s with %q: %s", path, values, got.body)
			}
		}
	}
	s.do("GET", "/api/v1/tasks", "").want(200)
	if got := s.do("GET", "/api/v1/tasks", ""); got.at("items.0.id") != "" {
		t.Errorf("a task was made: %s", got.body)
	}
}

func TestIdempotencyKeyOfBulk(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	post := func(body, key string) answer {
		return s.do("POST", "/api/v1/tasks/bulk", body, "Idempotency-Key", key)
	}
	body := `{"items":[` + oneReport + `,{"kind":"test.report","input":{"name":"x"}},` + oneReport + `]}`
	first := post(body, `"k"`).want(200)
	again := post(" "+strings.ReplaceAll(body, ":", " : "), "k").want(200)
	for i, status := range []string{"202", "422", "202"} {
		at := fmt.Sprintf("items.%d.", i)
		if first.at(at+"status") != status {
			t.Errorf("item %d at first: %s", i, first.at(at+"status"))
		}
		if status == "202" {
			status = "200"
		}
		if again.at(at+"status") != status || again.at(at+"task.id") != first.at(at+"task.id") {
			t.Errorf("item %d again: %s of %s", i, again.at(at+"status"), again.body)
		}
	}
	if first.header.Get("Idempotency-Replayed") != "" || again.header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("replayed is %q, then %q", first.header.Get("Idempotency-Replayed"), again.header.Get("Idempotency-Replayed"))
	}
	if all := s.do("GET", "/api/v1/tasks", "").want(200); all.at("items.1.id") == "" || all.at("items.2.id") != "" {
		t.Errorf("two tasks were to be made: %s", all.body)
	}
	for _, got := range []answer{post(`{"items":[`+oneReport+`]}`, "k"), s.do("POST", "/api/v1/tasks", oneReport, "Idempotency-Key", "k")} {
		if got.want(422).at("code") != "idempotency_key_reused" {
			t.Errorf("another request with the key: %s", got.body)
		}
	}
	id := first.at("items.2.task.id")
	s.do("POST", "/api/v1/tasks/"+id+"/cancel", "").want(200)
	s.do("DELETE", "/api/v1/tasks/"+id, "").want(204)
	gone := post(body, "k").want(200)
	if gone.at("items.2.status") != "410" || gone.at("items.2.problem.code") != "idempotency_key_gone" || gone.at("items.0.status") != "200" {
		t.Errorf("after one was deleted: %s", gone.body)
	}
}

func TestUnique(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	body := `{"kind":"test.report","input":{"name":"monthly"},"unique":"november"}`
	first := s.submit(body)
	if second := s.do("POST", "/api/v1/tasks", body).want(200).task(); second.ID != first.ID {
		t.Errorf("the second is %s, want %s", second.ID, first.ID)
	}
	s.do("POST", "/api/v1/tasks/"+first.ID+"/cancel", "").want(200)
	third := s.submit(body)
	held := s.do("POST", "/api/v1/tasks/"+first.ID+"/retry", "").want(409)
	if held.at("code") != "unique_key_held" || !strings.Contains(held.at("detail"), third.ID) {
		t.Errorf("problem is %s", held.body)
	}
}

func TestCache(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	body := `{"kind":"test.report","input":{"name":"monthly","cached":true}}`
	first := s.submit(body)
	joined := s.do("POST", "/api/v1/tasks", `{"kind":"test.report","input":{"cached":true, "name":"monthly"}}`).want(202).task()
	if joined.ID != first.ID {
		t.Fatalf("the same work runs twice: %s and %s", first.ID, joined.ID)
	}
	s.end(s.claim("reports"), done(`{"rows":["a"]}`))
	hit := s.do("POST", "/api/v1/tasks", body).want(200)
	age, err := strconv.Atoi(hit.header.Get("Age"))
	if hit.task().ID != first.ID || err != nil || age < 0 || age > 60 || hit.at("result.rows") != "[a]" {
		t.Errorf("hit is %s with age %q", hit.body, hit.header.Get("Age"))
	}
	if fresh := s.submit(body, "Cache-Control", "no-cache"); fresh.ID == first.ID {
		t.Error("no-cache was answered from the cache")
	}
	if later := s.submit(`{"kind":"test.report","input":{"name":"monthly","cached":true},"delay":"1h"}`); later.ID == first.ID {
		t.Error("a delayed task was answered from the cache")
	}
}

func TestPreferWait(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	ended := make(chan error, 1)
	go func() {
		for {
			c, _, err := s.store.Claim(t.Context(), store.Want{Queue: "reports", Worker: "w1", Many: 1})
			if len(c) == 0 && err == nil {
				continue
			}
			if err == nil {
				_, err = s.store.End(t.Context(), store.Held{ID: c[0].Task.ID, Attempt: c[0].Attempt}, done(`{"rows":[]}`))
			}
			ended <- err
			return
		}
	}()
	got := s.do("POST", "/api/v1/tasks", oneReport, "Prefer", "respond-async, wait=30").want(200)
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if got.at("state") != "succeeded" || got.header.Get("Preference-Applied") != "wait=30" {
		t.Errorf("answer is %s with %q", got.body, got.header.Get("Preference-Applied"))
	}
	late := s.do("POST", "/api/v1/tasks", oneReport, "Prefer", "wait=1").want(202)
	if late.at("state") != "pending" {
		t.Errorf("answer is %s", late.body)
	}
}

func TestCloseEndsWaits(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	events := s.listen("/api/v1/events")
	events.until("counts")
	got := make(chan int, 1)
	go func() {
		got <- s.do("POST", "/api/v1/tasks", oneReport, "Prefer", "wait=60").status
	}()
	events.until("task")
	s.api.Close()
	if status := <-got; status != 202 {
		t.Errorf("status is %d", status)
	}
	events.closed()
	s.do("GET", "/api/v1/events", "").want(503)
}

func TestBulk(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	var items []string
	for i := range 20 {
		switch i % 4 {
		case 3:
			items = append(items, `{"kind":"test.report","input":{"name":"x","secret":"hush"}}`)
		case 2:
			items = append(items, `17`)
		default:
			items = append(items, fmt.Sprintf(`{"kind":"test.report","input":{"name":"nr %d"}}`, i))
		}
	}
	got := s.do("POST", "/api/v1/tasks/bulk", `{"items":[`+strings.Join(items, ",")+`]}`).want(200)
	for i := range items {
		at := func(path string) string { return got.at(fmt.Sprintf("items.%d.%s", i, path)) }
		switch i % 4 {
		case 3:
			if at("status") != "422" || at("problem.errors.0.location") != fmt.Sprintf("body.items[%d].input.name", i) {
				t.Errorf("item %d is %s", i, at("problem"))
			}
		case 2:
			if at("status") != "422" || at("problem.errors.0.location") != fmt.Sprintf("body.items[%d]", i) {
				t.Errorf("item %d is %s", i, at("problem"))
			}
		default:
			if at("status") != "202" || at("task.subject") != fmt.Sprintf("Report nr %d", i) {
				t.Errorf("item %d is %s %s", i, at("status"), at("task"))
			}
		}
	}
	if strings.Contains(got.body, "hush") {
		t.Error("a secret came back")
	}
}

func TestWaiting(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	show := func(id string) answer { return s.do("GET", "/api/v1/tasks/"+id, "").want(200) }
	first := s.submit(oneReport)
	if first.Waiting == nil || first.Waiting.Reason != task.WaitNoWorker || !strings.Contains(first.Waiting.Message, "-queues reports=1") {
		t.Fatalf("without a worker: %+v", first.Waiting)
	}
	worker := store.Worker{ID: "w1", Queues: map[string]int{"reports": 1}, Concurrency: 1, Active: 1}
	if err := s.store.Beat(t.Context(), worker); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool { return show(first.ID).at("waiting.reason") == "worker_busy" })
	if got := show(first.ID).at("waiting.message"); got != "The worker of the queue reports is busy. This task is the only one that waits." {
		t.Errorf("message is %q", got)
	}
	c := s.claim("reports")
	if got := show(first.ID); got.at("waiting") != "" || got.at("state") != "active" {
		t.Errorf("while it runs: %s", got.body)
	}
	s.end(c, store.End{Outcome: task.OutcomeFailed, Again: true, Delay: time.Hour, Error: &task.Failure{Code: "http_status", Message: "The target answered 503."}})
	got := show(first.ID)
	if got.at("waiting.reason") != "retry" || got.at("waiting.until") != got.at("run_at") ||
		!strings.HasPrefix(got.at("waiting.message"), "Attempt 1 of 3 failed: The target answered 503. It is tried again at ") {
		t.Errorf("after a failure: %s", got.body)
	}
}

// eventually waits for something that a short cache or another goroutine delays.
func eventually(t *testing.T, is func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(10 * time.Second)
	for !is() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("it did not come about within 10 s")
		}
	}
}
