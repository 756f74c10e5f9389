package api

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"windlass/internal/store"
	"windlass/internal/task"
)

func TestSystemFindsTrouble(t *testing.T) {
	t.Parallel()
	var logs, metrics atomic.Pointer[store.LogShipping]
	s := newSite(t, func(c *Config) {
		c.Process = func() store.Process {
			return store.Process{ID: "host-7-A", Host: "host", PID: 7, Version: "test", Roles: []string{"api"}, Logs: logs.Load(), Metrics: metrics.Load()}
		}
	})
	if _, err := s.store.Lead(t.Context(), "host-7-A"); err != nil {
		t.Fatal(err)
	}
	system := func() answer { t.Helper(); return s.do("GET", "/api/v1/system", "").want(200) }
	got := system()
	if got.at("well") != "true" || got.at("process") != "host-7-A" || got.at("leader") != "host-7-A" || got.at("processes.0.seen_at") == "" {
		t.Errorf("got %s", got.body)
	}
	if got.at("redis.eviction") != "noeviction" || got.at("redis.masters") != "1" || got.at("redis.reachable") != "true" {
		t.Errorf("redis: %s", got.body)
	}

	early, lately := time.Now().Add(-time.Hour), time.Now().Add(-2*time.Minute)
	for _, tt := range []struct {
		name, where, message string
		bring                func()
	}{
		{"late lines", "logs", "have waited for CloudWatch for 1h0m0s. It refuses.", func() {
			logs.Store(&store.LogShipping{OldestUnshippedAt: &early, LastError: "It refuses."})
		}},
		{"metrics that are refused", "logs", "Metrics of host, process 7, have waited for CloudWatch for 2m0s. It refuses.", func() {
			logs.Store(nil)
			metrics.Store(&store.LogShipping{OldestUnshippedAt: &lately, LastError: "It refuses."})
		}},
		{"a broken disk", "logs", "cannot be written to the disk", func() { logs.Store(&store.LogShipping{DiskFailing: true}) }},
		{"lost lines", "logs", "damaged disk: 5.", func() { logs.Store(&store.LogShipping{DroppedLines: 3, DamagedLines: 2}) }},
		{"lines not taken", "logs", "not valid: 4.", func() { logs.Store(&store.LogShipping{RejectedLines: 4}) }},
		{"a queue that nobody serves", "queue", "No worker serves the queue reports. Tasks that wait in it: 1.", func() {
			logs.Store(nil)
			s.do("POST", "/api/v1/tasks", `{"kind":"test.report","input":{"name":"ab"}}`).want(202)
		}},
		{"handlers that do not end", "worker", "told to end: 2.", func() {
			if err := s.store.Beat(t.Context(), store.Worker{ID: "w", Host: "h", Queues: map[string]int{"reports": 1}, Overrunning: 2}); err != nil {
				t.Fatal(err)
			}
		}},
		{"an eviction policy", "redis", "maxmemory-policy is allkeys-lru", func() {
			if err := s.store.Leave(t.Context(), "w"); err != nil {
				t.Fatal(err)
			}
			s.config("maxmemory-policy", "allkeys-lru")
		}},
		{"a full Redis", "redis", "of its memory", func() {
			s.config("maxmemory-policy", "noeviction")
			v, err := s.store.Vitals(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			s.config("maxmemory", fmt.Sprint(v.UsedBytes*11/10))
		}},
		{"a Redis that takes nothing", "redis", "takes nothing that is written: Redis is full.", func() { s.config("maxmemory", "1") }},
	} {
		tt.bring()
		eventually(t, func() bool { // what is asked of the store is kept for a second
			got = system()
			return strings.Contains(got.body, tt.message)
		})
		if got.at("well") != "false" || !strings.Contains(got.body, `"where":"`+tt.where+`"`) {
			t.Errorf("%s: got %s", tt.name, got.body)
		}
	}
	s.redis.Kill()
	eventually(t, func() bool { got = system(); return got.at("redis.reachable") == "false" })
	if got.at("findings.0.where") != "redis" || got.at("processes.0.id") != "host-7-A" || strings.Contains(got.body, "127.0.0.1") {
		t.Errorf("without the store: %s", got.body)
	}
}

func TestSystemNamesAFewOfManyUnservedQueues(t *testing.T) {
	t.Parallel()
	var counts []store.Count
	for i := range 100 {
		counts = append(counts, store.Count{Queue: fmt.Sprintf("q%d", i), State: task.Pending, Count: int64(i + 1)})
	}
	var s System
	s.Leader = "host-7-A"
	s.findWork(counts, nil)
	if len(s.Findings) != mostUnserved+1 || !strings.Contains(s.Findings[0].Message, "the queue q99.") {
		t.Errorf("got %d, the first %+v", len(s.Findings), s.Findings[0])
	}
	if last := s.Findings[mostUnserved].Message; !strings.Contains(last, "95 further queues") || !strings.Contains(last, "in them: 4560.") {
		t.Errorf("the rest: %s", last)
	}
}

// config sets something of the site's Redis.
func (s *site) config(name, value string) {
	s.t.Helper()
	if err := s.redis.Client(s.t).ConfigSet(s.t.Context(), name, value).Err(); err != nil {
		s.t.Fatal(err)
	}
}

func TestTraceIsShownAndStoredOnlyWhereThereIsOne(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	const trace = "0af7651916cd43dd8448eb211c80319c"
	const body = `{"kind":"test.report","input":{"name":"ab"}}`
	stored := func(a answer) bool {
		t.Helper()
		there, err := s.redis.Client(t).HExists(t.Context(), "wl:{reports}:t:"+a.at("id"), "tp").Result()
		if err != nil {
			t.Fatal(err)
		}
		return there
	}
	with := s.do("POST", "/api/v1/tasks", body, "Traceparent", "00-"+trace+"-b7ad6b7169203331-01").want(202)
	if with.at("trace_id") != trace || !stored(with) {
		t.Errorf("got %s", with.body)
	}
	if got := s.do("GET", "/api/v1/tasks/"+with.at("id"), "").want(200); got.at("trace_id") != trace {
		t.Errorf("read again: %s", got.body)
	}
	for _, without := range []answer{
		s.do("POST", "/api/v1/tasks", body),
		s.do("POST", "/api/v1/tasks", body, "Traceparent", "00-"+trace+"-0000000000000000-01"),
	} {
		if without.want(202); strings.Contains(without.body, "trace_id") || stored(without) {
			t.Errorf("got %s", without.body)
		}
	}
	if log := s.log.String(); strings.Count(log, `"trace_id":"`+trace+`"`) != 1 {
		t.Errorf("the log names the trace where it should not, or not at all:\n%s", log)
	}
}
