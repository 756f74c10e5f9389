package api

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"windlass/internal/front"
	"windlass/internal/redistest"
	"windlass/internal/store"
	"windlass/internal/task"
)

// reportInput is the input of the tests' own kind, which has all that a kind can have.
type reportInput struct {
	Name   string        `json:"name" minLength:"2" maxLength:"20"`
	Size   int           `json:"size,omitempty" minimum:"1" maximum:"9"`
	Pause  task.Duration `json:"pause,omitempty" default:"5ms"`
	Wait   task.Duration `json:"wait,omitempty" exclusiveMinimum:"0"`
	Secret string        `json:"secret,omitempty"`
	Cached bool          `json:"cached,omitempty"`
	Parts  []reportPart  `json:"parts,omitempty" maxItems:"3"`
}

type reportPart struct {
	Colour string `json:"colour" enum:"red,green"`
}

type reportResult struct {
	Rows []string `json:"rows"`
}

func reportKind() task.Kind {
	return task.Definition[reportInput, reportResult]{
		Name: "test.report", Title: "Report", Description: "For tests.", Queue: "reports",
		Policy: task.Policy{
			MaxAttempts: 3, MinBackoff: task.Duration(time.Second), MaxBackoff: task.Duration(time.Minute),
			Timeout: task.Duration(time.Minute), Deadline: task.Duration(time.Hour),
		},
		Example: reportInput{Name: "first"},
		Check: func(in reportInput) task.FieldErrors {
			var faults task.FieldErrors
			if strings.HasPrefix(in.Name, "bad") {
				faults.Add("name", "must not be bad")
			}
			return faults
		},
		CacheFor: func(in reportInput) time.Duration {
			if in.Cached {
				return time.Minute
			}
			return 0
		},
		Subject: func(in reportInput) string { return "Report " + in.Name },
		Redact: func(in reportInput) reportInput {
			if in.Secret != "" {
				in.Secret = "[redacted]"
			}
			return in
		},
		CSV: func(out reportResult, w io.Writer) error {
			c := csv.NewWriter(w)
			for _, row := range out.Rows {
				if err := c.Write([]string{row}); err != nil {
					return err
				}
			}
			c.Flush()
			return c.Error()
		},
		Run: func(context.Context, reportInput, *task.Run) (reportResult, error) { return reportResult{}, nil },
	}.Kind()
}

func plainKind() task.Kind {
	return task.Definition[struct {
		Message json.RawMessage `json:"message"`
	}, struct{}]{
		Name: "test.plain", Title: "Plain", Queue: "default", Policy: reportKind().Policy,
		Example: struct {
			Message json.RawMessage `json:"message"`
		}{json.RawMessage(`1`)},
		Subject: func(struct {
			Message json.RawMessage `json:"message"`
		}) string {
			return "Plain"
		},
		Run: func(context.Context, struct {
			Message json.RawMessage `json:"message"`
		}, *task.Run) (struct{}, error) {
			return struct{}{}, nil
		},
	}.Kind()
}

// site is an API on a real server and a real Redis.
type site struct {
	t      *testing.T
	redis  *redistest.Server
	store  *store.Store
	api    *API
	server *httptest.Server
	log    *logBuffer
}

// logBuffer keeps what was logged.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func newSite(t *testing.T, change func(*Config)) *site {
	t.Helper()
	server := redistest.Start(t)
	// Without retries a dead server is known at once.
	client := redis.NewClient(&redis.Options{Addr: server.Addr(), MaxRetries: -1, DialerRetries: 1})
	return newSiteOn(t, server, client, change)
}

// newSiteOn is newSite with a client of the test's own, which it closes.
func newSiteOn(t *testing.T, server *redistest.Server, client redis.UniversalClient, change func(*Config)) *site {
	t.Helper()
	t.Cleanup(func() { _ = client.Close() })
	s, err := store.New(client, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	log := &logBuffer{}
	c := Config{
		Store: s, Kinds: []task.Kind{reportKind(), plainKind()}, Version: "test",
		Log: slog.New(slog.NewJSONHandler(log, nil)),
	}
	if change != nil {
		change(&c)
	}
	a := New(c)
	h := httptest.NewServer(front.NewServer(front.Config{Proxies: c.Proxies}, a.Handler()).Handler)
	t.Cleanup(h.Close)
	t.Cleanup(a.Close) // first, or open streams would hold the server
	return &site{t, server, s, a, h, log}
}

// answer is what came back, whole.
type answer struct {
	t      *testing.T
	status int
	header http.Header
	body   string
}

func (s *site) do(method, path, body string, headers ...string) answer {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.server.URL+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	response, err := s.server.Client().Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer{s.t, response.StatusCode, response.Header, string(text)}
}

func (a answer) want(status int) answer {
	a.t.Helper()
	if a.status != status {
		a.t.Fatalf("status is %d, want %d: %s", a.status, status, a.body)
	}
	return a
}

// at gives the value at a dotted path of the JSON body, as text.
func (a answer) at(path string) string {
	a.t.Helper()
	var v any
	if err := json.Unmarshal([]byte(a.body), &v); err != nil {
		a.t.Fatalf("%v in %s", err, a.body)
	}
	for part := range strings.SplitSeq(path, ".") {
		switch now := v.(type) {
		case map[string]any:
			v = now[part]
		case []any:
			var i int
			if _, err := fmt.Sscan(part, &i); err != nil || i >= len(now) {
				return ""
			}
			v = now[i]
		default:
			return ""
		}
	}
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

func (a answer) task() task.Task {
	a.t.Helper()
	var t task.Task
	if err := json.Unmarshal([]byte(a.body), &t); err != nil {
		a.t.Fatalf("%v in %s", err, a.body)
	}
	return t
}

const oneReport = `{"kind":"test.report","input":{"name":"monthly"}}`

func (s *site) submit(body string, headers ...string) task.Task {
	s.t.Helper()
	return s.do("POST", "/api/v1/tasks", body, headers...).want(http.StatusAccepted).task()
}

// claim begins an attempt at the next task of a queue.
func (s *site) claim(queue string) *store.Claim {
	s.t.Helper()
	c, _, err := s.store.Claim(s.t.Context(), store.Want{Queue: queue, Worker: "w1", Many: 1})
	if err != nil || len(c) != 1 {
		s.t.Fatalf("claim: %v, %v", c, err)
	}
	return c[0]
}

func (s *site) end(c *store.Claim, e store.End) {
	s.t.Helper()
	if _, err := s.store.End(s.t.Context(), store.Held{ID: c.Task.ID, Attempt: c.Attempt}, e); err != nil {
		s.t.Fatal(err)
	}
}

func done(result string) store.End {
	return store.End{Outcome: task.OutcomeSucceeded, Result: json.RawMessage(result)}
}

// newFuzzSite is an API alone, for what needs no listener.
func newFuzzSite(f *testing.F) *API {
	f.Helper()
	s, err := store.New(redistest.Start(f).Client(f), store.Options{})
	if err != nil {
		f.Fatal(err)
	}
	a := New(Config{Store: s, Kinds: []task.Kind{reportKind()}, Log: slog.New(slog.DiscardHandler)})
	f.Cleanup(a.Close)
	return a
}
