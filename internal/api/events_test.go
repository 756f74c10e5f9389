package api

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"windlass/internal/store"
	"windlass/internal/task"
)

// event is one that arrived. Comments arrive as name ":" with their text.
type event struct{ name, id, data string }

func (e event) task(t *testing.T) task.Task {
	t.Helper()
	var got task.Task
	if err := json.Unmarshal([]byte(e.data), &got); err != nil {
		t.Fatalf("%v in %+v", err, e)
	}
	return got
}

type listener struct {
	t      *testing.T
	events chan event // closed when the stream ends
	header http.Header
}

func (s *site) listen(path string, headers ...string) *listener {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), "GET", s.server.URL+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	response, err := s.server.Client().Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	if response.StatusCode != 200 || !strings.HasPrefix(response.Header.Get("Content-Type"), "text/event-stream") {
		s.t.Fatalf("stream is %d %v", response.StatusCode, response.Header)
	}
	l := &listener{s.t, make(chan event, 10_000), response.Header}
	go func() {
		defer close(l.events)
		defer response.Body.Close()
		lines := bufio.NewScanner(response.Body)
		lines.Buffer(nil, 4<<20)
		var e event
		for lines.Scan() {
			name, value, _ := strings.Cut(lines.Text(), ":")
			value = strings.TrimPrefix(value, " ")
			switch name {
			case "event":
				e.name = value
			case "id":
				e.id = value
			case "data":
				e.data = value
			case "retry":
				l.events <- event{name: "retry", data: value}
			case "":
				if value != "" {
					l.events <- event{name: ":", data: value}
				} else if e.name != "" {
					l.events <- e
					e = event{}
				}
			}
		}
	}()
	return l
}

func (l *listener) next() event {
	l.t.Helper()
	select {
	case e, open := <-l.events:
		if !open {
			l.t.Fatal("the stream ended")
		}
		return e
	case <-time.After(10 * time.Second):
		l.t.Fatal("no event within 10 s")
	}
	return event{}
}

// until passes over events of other names.
func (l *listener) until(name string) event {
	l.t.Helper()
	for {
		if e := l.next(); e.name == name {
			return e
		}
	}
}

func (l *listener) closed() {
	l.t.Helper()
	for {
		select {
		case _, open := <-l.events:
			if !open {
				return
			}
		case <-time.After(10 * time.Second):
			l.t.Fatal("the stream goes on")
		}
	}
}

func lines(at time.Time, messages ...string) store.Report {
	var r store.Report
	for _, m := range messages {
		r.Lines = append(r.Lines, store.Line{At: at, Message: m})
	}
	return r
}

func TestTaskEvents(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	id := s.submit(`{"kind":"test.report","input":{"name":"monthly","secret":"hush"}}`).ID
	path := "/api/v1/tasks/" + id + "/events"
	l := s.listen(path)
	if l.header.Get("X-Accel-Buffering") != "no" || l.header.Get("Cache-Control") != "no-store" {
		t.Errorf("header is %v", l.header)
	}
	if e := l.next(); e.name != "retry" || e.data != "3000" {
		t.Errorf("the stream begins with %+v", e)
	}
	if e := l.next(); e.name != "task" || e.task(t).State != task.Pending || e.id != "1.0" || strings.Contains(e.data, `"input"`) {
		t.Errorf("first is %+v", e)
	}
	c := s.claim("reports")
	if e := l.next(); e.task(t).State != task.Active || len(e.task(t).Attempts) != 1 {
		t.Errorf("then %+v", e)
	}
	held := store.Held{ID: id, Attempt: c.Attempt}
	if err := s.store.Report(t.Context(), held, lines(c.StartedAt, "one", "two")); err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"one", "two"} {
		if e := l.next(); e.name != "log" || e.id != fmt.Sprintf("2.%d", i+1) || !strings.Contains(e.data, want) {
			t.Errorf("line %d is %+v", i, e)
		}
	}
	if err := s.store.Report(t.Context(), held, lines(c.StartedAt, "three")); err != nil {
		t.Fatal(err)
	}
	s.end(c, done(`{"rows":["secret row"]}`))
	var names []string
	var last event
	for last.name != "end" {
		last = l.next()
		if last.name != "task" || last.task(t).State.Final() {
			names = append(names, last.name)
		}
	}
	if got := strings.Join(names, " "); got != "log task end" && got != "task log end" {
		t.Errorf("the end is %s", got)
	}
	if strings.Contains(last.data, "secret row") || last.task(t).State != task.Succeeded {
		t.Errorf("end is %+v", last)
	}
	l.closed()

	resumed := s.listen(path, "Last-Event-ID", "2.2")
	resumed.next()
	if e := resumed.next(); e.name != "task" {
		t.Errorf("an older version resumes with %+v", e)
	}
	if e := resumed.next(); e.name != "log" || !strings.Contains(e.data, "three") {
		t.Errorf("an older version goes on with %+v", e)
	}
	current := s.listen(path + "?last_event_id=" + last.id)
	current.next()
	if e := current.next(); e.name != "end" {
		t.Errorf("the current version resumes with %+v", e)
	}
	head := s.do("HEAD", path, "").want(200)
	if head.header.Get("Content-Type") != "text/event-stream; charset=utf-8" {
		t.Errorf("HEAD: %v", head.header)
	}
}

func TestTaskEventsEndWithTheTask(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.api.heartbeat = 20 * time.Millisecond
	id := s.submit(oneReport).ID
	l := s.listen("/api/v1/tasks/" + id + "/events")
	if e := l.until("heartbeat"); e.data != "{}" {
		t.Errorf("heartbeat is %+v", e)
	}
	s.do("POST", "/api/v1/tasks/"+id+"/cancel", "").want(200)
	if e := l.until("end"); e.task(t).State != task.Canceled {
		t.Errorf("end is %+v", e)
	}
	l.closed()
}

func TestAllEvents(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	l := s.listen("/api/v1/events?kind=test.report")
	first := l.until("counts")
	if first.id == "" || !strings.Contains(first.data, `"pending":0`) {
		t.Errorf("first counts are %+v", first)
	}
	s.submit(`{"kind":"test.plain","input":{"message":1}}`)
	id := s.submit(oneReport).ID
	c := s.claim("reports")
	s.end(c, done(`{"rows":[]}`))
	e := l.until("task")
	if got := e.task(t); got.ID != id || got.Kind != "test.report" {
		t.Errorf("task is %+v", e)
	}
	for e.task(t).State != task.Succeeded {
		e = l.until("task")
	}
	if e.id == "" {
		t.Error("the last of a batch has no id")
	}
	counted := l.until("counts")
	for !strings.Contains(counted.data, `"succeeded":1`) {
		counted = l.until("counts")
	}
	s.do("DELETE", "/api/v1/tasks/"+id, "").want(204)
	if gone := l.until("deleted"); gone.data != `{"id":"`+id+`"}` {
		t.Errorf("deleted is %+v", gone)
	}

	second := s.submit(oneReport).ID
	replayed := s.listen("/api/v1/events", "Last-Event-ID", e.id)
	seen := map[string]bool{}
	for !seen[second] {
		next := replayed.next()
		if next.name == "reset" {
			t.Fatal("a position of a moment ago is too old")
		}
		if next.name == "task" {
			seen[next.task(t).ID] = true
		}
	}
	old := s.listen("/api/v1/events?last_event_id=nonsense")
	old.next()
	if e := old.next(); e.name != "reset" || e.id == "" {
		t.Errorf("a position nobody knows is answered by %+v", e)
	}
}

func TestStreamsAreCounted(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.api.streams.Store(maxStreams)
	if got := s.do("GET", "/api/v1/events", "").want(503); got.at("code") != "too_many_streams" {
		t.Errorf("problem is %s", got.body)
	}
	s.api.streams.Store(0)
	s.do("GET", "/api/v1/tasks/tsk_nothing/events", "").want(404)
	if n := s.api.streams.Load(); n != 0 {
		t.Errorf("%d streams are counted after a refusal", n)
	}
}
