package main

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"windlass/internal/api"
	"windlass/internal/redistest"
	"windlass/internal/store"
	"windlass/internal/task"
)

func (c *child) system() api.System {
	c.t.Helper()
	response, err := http.Get(c.url + "/api/v1/system")
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	var got api.System
	if err := json.NewDecoder(response.Body).Decode(&got); err != nil || response.StatusCode != http.StatusOK {
		c.t.Fatalf("status %d, %v", response.StatusCode, err)
	}
	return got
}

// untilSystem asks until the condition holds.
func (c *child) untilSystem(what string, holds func(api.System) bool) api.System {
	c.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	var got api.System
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); <-tick.C {
		if got = c.system(); holds(got) {
			return got
		}
	}
	c.t.Fatalf("never %s: %+v", what, got)
	return got
}

// TestSystemShowsEveryProcess has three, of which one ships its log lines to a CloudWatch that is
// away, and one dies.
func TestSystemShowsEveryProcess(t *testing.T) {
	redis := redistest.Start(t)
	front := start(t, "-role", "api", "-redis-url", redis.URL())
	got := front.untilSystem("without a scheduler", func(s api.System) bool { return s.Redis.Reachable })
	if got.Well || len(got.Findings) != 1 || got.Findings[0].Where != "scheduler" {
		t.Errorf("without a scheduler it finds %+v", got.Findings)
	}
	scheduler := start(t, "-role", "scheduler", "-redis-url", redis.URL())
	cw := &cloudwatch{down: true}
	startWith(t, cw.variables(t), "-role", "worker", "-redis-url", redis.URL(), "-log-group", "/windlass/test", "-log-spool-dir", t.TempDir())

	of := func(s api.System, role string) *store.Process {
		i := slices.IndexFunc(s.Processes, func(p store.Process) bool { return slices.Contains(p.Roles, role) })
		if i < 0 {
			return nil
		}
		return &s.Processes[i]
	}
	got = front.untilSystem("all three, and the trouble with the log", func(s api.System) bool {
		w := of(s, "worker")
		return len(s.Processes) == 3 && s.Leader != "" && w != nil && w.Logs != nil && w.Logs.LastError != ""
	})
	if !got.Well || len(got.Findings) != 0 { // the trouble is young
		t.Errorf("it finds %+v", got.Findings)
	}
	if got.Leader != of(got, "scheduler").ID || got.Process != of(got, "api").ID || got.Processes[0].ID != got.Process {
		t.Errorf("got %+v", got)
	}
	logs := of(got, "worker").Logs
	if logs.Group != "/windlass/test" || logs.QueuedLines == 0 || logs.OldestUnshippedAt == nil || logs.LastErrorAt == nil || logs.FailedCalls == 0 {
		t.Errorf("the worker's log: %+v", logs)
	}
	if m := of(got, "worker").Metrics; m == nil || m.Stream != logs.Stream+"/metrics" {
		t.Errorf("the worker's metrics: %+v beside %+v", m, logs)
	}
	if strings.Contains(logs.LastError, "127.0.0.1") {
		t.Errorf("it names an address: %s", logs.LastError)
	}
	if v := got.Redis.Vitals; v.Masters != 1 || v.UsedBytes == 0 || v.Version == "" || v.LatencySeconds <= 0 {
		t.Errorf("redis: %+v", v)
	}

	if code := scheduler.stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	front.untilSystem("the scheduler gone", func(s api.System) bool { return len(s.Processes) == 2 && s.Leader == "" && !s.Well })
	redis.Kill()
	got = front.untilSystem("the store away", func(s api.System) bool { return !s.Redis.Reachable })
	if got.Well || got.Findings[0].Where != "redis" || len(got.Processes) != 1 {
		t.Errorf("without the store: %+v", got)
	}
}

func TestTaskLeadsToItsLogLines(t *testing.T) {
	cw := &cloudwatch{}
	c := startWith(t, cw.variables(t), "-log-group", "/windlass/test", "-log-spool-dir", t.TempDir())
	id := c.submit("wait=20", `{"kind":"demo.echo","input":{"message":1}}`).ID
	got := c.until(id, 20*time.Second, func(t task.Task) bool { return t.LogsURL != "" })
	if !strings.HasPrefix(got.LogsURL, "https://eu-central-1.console.aws.amazon.com/") || !strings.Contains(got.LogsURL, id) {
		t.Errorf("got %s", got.LogsURL)
	}
}
