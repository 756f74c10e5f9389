package api

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"windlass/internal/store"
	"windlass/internal/task"
)

func TestETag(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	id := s.submit(oneReport).ID
	path := "/api/v1/tasks/" + id
	first := s.do("GET", path, "").want(200)
	tag := first.header.Get("ETag")
	if tag == "" || strings.HasPrefix(tag, "W/") || first.header.Get("Cache-Control") != "private, no-cache" {
		t.Fatalf("header is %v", first.header)
	}
	same := s.do("GET", path, "", "If-None-Match", `"x", `+tag).want(304)
	if same.body != "" || same.header.Get("ETag") != tag {
		t.Errorf("304 is %q, %v", same.body, same.header)
	}
	s.claim("reports")
	s.do("GET", path, "", "If-None-Match", tag).want(200)
}

func TestLife(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	id := s.submit(oneReport).ID
	path := "/api/v1/tasks/" + id
	if got := s.do("GET", path+"/result", "").want(404); got.at("code") != "no_result" {
		t.Errorf("problem is %s", got.body)
	}
	if got := s.do("DELETE", path, "").want(409); got.at("detail") != "The task is pending." {
		t.Errorf("problem is %s", got.body)
	}
	s.do("POST", path+"/retry", "").want(409)
	c := s.claim("reports")
	if got := s.do("POST", path+"/cancel", "").want(202); got.at("cancel_requested") != "true" {
		t.Errorf("task is %s", got.body)
	}
	s.end(c, store.End{Outcome: task.OutcomeCanceled})
	s.do("POST", path+"/cancel", "").want(200)
	if got := s.do("POST", path+"/retry", "").want(202); got.at("state") != "pending" {
		t.Errorf("task is %s", got.body)
	}
	s.end(s.claim("reports"), done(`{"rows":["a,b","c"]}`))
	s.do("POST", path+"/cancel", "").want(409)
	if got := s.do("GET", path+"/result", "").want(200); got.body != `{"rows":["a,b","c"]}`+"\n" || got.header.Get("Content-Type") != "application/json" {
		t.Errorf("result is %q %v", got.body, got.header)
	}
	for _, headers := range [][]string{{"Accept", "text/csv"}, {"Accept", "text/html, text/csv;q=0.9"}} {
		got := s.do("GET", path+"/result", "", headers...).want(200)
		if got.body != "\"a,b\"\nc\n" || got.header.Get("Content-Type") != "text/csv; charset=utf-8" {
			t.Errorf("CSV is %q %v", got.body, got.header)
		}
	}
	got := s.do("GET", path+"/result?format=csv", "", "Accept", "application/json").want(200)
	if got.header.Get("Content-Disposition") != `attachment; filename="`+id+`.csv"` {
		t.Errorf("header is %v", got.header)
	}
	s.do("DELETE", path, "").want(204)
	s.do("GET", path, "").want(404)
	s.do("DELETE", path, "").want(404)
}

func TestNoCSV(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	id := s.submit(`{"kind":"test.plain","input":{"message":null}}`).ID
	s.end(s.claim("default"), done(`{}`))
	s.do("GET", "/api/v1/tasks/"+id+"/result?format=csv", "").want(406)
}

func TestPaging(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	var items []string
	for i := range 250 {
		items = append(items, fmt.Sprintf(`{"kind":"test.report","input":{"name":"nr %d"},"queue":"q%d","tags":["t%d"]}`, i, i%3, i%2))
	}
	s.do("POST", "/api/v1/tasks/bulk", `{"items":[`+strings.Join(items, ",")+`]}`).want(200)
	var subjects []string
	pages, cursor := 0, ""
	for {
		got := s.do("GET", "/api/v1/tasks?limit=100&cursor="+cursor, "").want(200)
		pages++
		var page TaskPage
		if err := json.Unmarshal([]byte(got.body), &page); err != nil {
			t.Fatal(err)
		}
		for _, item := range page.Items {
			subjects = append(subjects, item.Subject)
			if item.Input != nil {
				t.Fatal("a list shows the input")
			}
		}
		if cursor = got.at("next_cursor"); cursor == "" {
			if !strings.Contains(got.body, `"next_cursor":null`) {
				t.Errorf("the end is %s", got.body[len(got.body)-60:])
			}
			break
		}
	}
	if pages != 3 || len(subjects) != 250 {
		t.Fatalf("%d tasks on %d pages", len(subjects), pages)
	}
	for i, subject := range subjects {
		if want := fmt.Sprintf("Report nr %d", 249-i); subject != want {
			t.Fatalf("place %d is %q, want %q", i, subject, want)
		}
	}
	filtered := s.do("GET", "/api/v1/tasks?state=pending,active&kind=test.report&queue=q0,q1&tag=t1&limit=200", "").want(200)
	if n := strings.Count(filtered.body, `"id":`); n != 84 {
		t.Errorf("%d tasks are in q0 or q1 with t1, want 84", n)
	}
	if none := s.do("GET", "/api/v1/tasks?before=2020-01-01T00:00:00Z", "").want(200); none.at("items") != "[]" {
		t.Errorf("before 2020: %s", none.body)
	}
}

func TestLogs(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	id := s.submit(oneReport).ID
	c := s.claim("reports")
	held := store.Held{ID: id, Attempt: c.Attempt}
	if err := s.store.Report(t.Context(), held, store.Report{Lines: []store.Line{{At: c.StartedAt, Message: "one"}, {At: c.StartedAt, Level: 8, Message: "two"}, {At: c.StartedAt, Message: "three"}}}); err != nil {
		t.Fatal(err)
	}
	got := s.do("GET", "/api/v1/tasks/"+id+"/logs?after=1&limit=1", "").want(200)
	if got.at("items.0.message") != "two" || got.at("items.0.level") != "error" || got.at("next_after") != "2" || got.at("dropped") != "0" {
		t.Errorf("log is %s", got.body)
	}
	if got := s.do("GET", "/api/v1/tasks/"+id+"/logs?after=3", "").want(200); got.at("items") != "[]" || got.at("next_after") != "3" {
		t.Errorf("the end of the log is %s", got.body)
	}
	var many []store.Line
	for range task.MaxLogLines {
		many = append(many, store.Line{At: c.StartedAt, Message: "more"})
	}
	if err := s.store.Report(t.Context(), held, store.Report{Lines: many}); err != nil {
		t.Fatal(err)
	}
	if got := s.do("GET", "/api/v1/tasks/"+id+"/logs?after=1&limit=1", "").want(200); got.at("items.0.seq") != "4" || got.at("dropped") != "2" {
		t.Errorf("after dropping: %s", got.body)
	}
}

func TestQueuesAndStats(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.submit(oneReport)
	s.submit(`{"kind":"test.plain","input":{"message":1},"delay":"1h"}`)
	if err := s.store.Beat(t.Context(), store.Worker{ID: "w1", Queues: map[string]int{"reports": 1, "extra": 2}, Concurrency: 3}); err != nil {
		t.Fatal(err)
	}
	got := s.do("GET", "/api/v1/queues", "").want(200)
	for path, want := range map[string]string{
		"items.0.name": "default", "items.0.counts.scheduled": "1", "items.0.workers": "0", "items.0.oldest_pending_at": "",
		"items.1.name": "extra", "items.1.workers": "1",
		"items.2.name": "reports", "items.2.counts.pending": "1", "items.2.counts.failed": "0", "items.2.workers": "1",
	} {
		if have := got.at(path); have != want {
			t.Errorf("%s is %q, want %q", path, have, want)
		}
	}
	if got.at("items.2.oldest_pending_at") == "" {
		t.Error("nobody knows since when reports waits")
	}
	if got := s.do("GET", "/api/v1/workers", "").want(200); got.at("items.0.id") != "w1" || got.at("items.0.queues.extra") != "2" {
		t.Errorf("workers are %s", got.body)
	}
}

func TestStatsAreNumbersForAutoscalers(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	if got := s.do("GET", "/api/v1/stats", "").want(200); got.at("backlog") != "0" || got.at("items") != "[]" || got.at("leader") != "" {
		t.Errorf("of nothing: %s", got.body)
	}
	for range 3 {
		s.submit(oneReport)
	}
	s.submit(`{"kind":"test.plain","input":{"message":1}}`)
	s.submit(`{"kind":"test.plain","input":{"message":1},"delay":"1h"}`)
	for id, queues := range map[string]map[string]int{"w1": {"reports": 1, "extra": 2}, "w2": {"reports": 1}} {
		if err := s.store.Beat(t.Context(), store.Worker{ID: id, Queues: queues, Concurrency: 4, Active: 1}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.store.Lead(t.Context(), "s1"); err != nil {
		t.Fatal(err)
	}
	for query, wants := range map[string]map[string]string{
		"": {
			"backlog": "4", "workers": "2", "slots_used": "2", "slots_free": "6", "backlog_per_worker": "2", "leader": "s1",
			"totals.pending": "4", "totals.scheduled": "1", "items.0.queue": "default",
			"queues.reports.backlog": "3", "queues.reports.backlog_per_worker": "1.5", "queues.reports.counts.pending": "3",
			"queues.default.workers": "0", "queues.default.backlog_per_worker": "1", "queues.default.counts.scheduled": "1",
			"queues.extra.backlog": "0", "queues.extra.workers": "1", "queues.extra.slots_free": "3",
		},
		"?queue=reports":       {"backlog": "3", "workers": "2", "totals.pending": "3", "totals.scheduled": "0", "queues.default": "", "queues.reports.workers": "2"},
		"?queue=default,extra": {"backlog": "1", "workers": "1", "backlog_per_worker": "1"},
		"?queue=never":         {"backlog": "0", "workers": "0", "backlog_per_worker": "0", "oldest_pending_seconds": "0", "items": "[]", "queues.never.backlog": "0", "queues.reports": ""},
	} {
		got := s.do("GET", "/api/v1/stats"+query, "").want(200)
		for path, want := range wants {
			if have := got.at(path); have != want {
				t.Errorf("%q: %s is %q, want %q", query, path, have, want)
			}
		}
	}
	got := s.do("GET", "/api/v1/stats?queue=reports", "").want(200)
	for _, path := range []string{"oldest_pending_seconds", "redis.memory_share", "redis.latency_seconds"} {
		if n, err := strconv.ParseFloat(got.at(path), 64); err != nil || n <= 0 {
			t.Errorf("%s is %q", path, got.at(path))
		}
	}
}

func TestAnswersAreCompressedOnRequest(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	id := s.submit(oneReport).ID
	plain := s.do("GET", "/api/v1/tasks/"+id, "", "Accept-Encoding", "identity").want(200)
	packed := s.do("GET", "/api/v1/tasks/"+id, "", "Accept-Encoding", "gzip").want(200)
	if packed.header.Get("Content-Encoding") != "gzip" || !strings.HasPrefix(packed.body, "\x1f\x8b") || packed.header.Get("Vary") == "" {
		t.Errorf("asked for gzip, got %v", packed.header)
	}
	if plain.header.Get("Content-Encoding") != "" || plain.header.Get("ETag") == packed.header.Get("ETag") {
		t.Errorf("plain %v, packed %v", plain.header, packed.header)
	}
	s.do("GET", "/api/v1/tasks/"+id, "", "Accept-Encoding", "gzip", "If-None-Match", packed.header.Get("ETag")).want(304)
}
