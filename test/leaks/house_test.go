package leaks

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"windlass/internal/api"
	"windlass/internal/awslogs"
	"windlass/internal/egress"
	"windlass/internal/kind"
	"windlass/internal/metric"
	"windlass/internal/redistest"
	"windlass/internal/secret"
	"windlass/internal/store"
	"windlass/internal/task"
	"windlass/internal/tracing"
	"windlass/internal/web"
	"windlass/internal/worker"
)

// house is every role in one process, with all ways out watched.
type house struct {
	*plants
	t      *testing.T
	redis  *redis.Client
	server *httptest.Server
	token  string
	keys   *secret.Keys

	log   sink // the process's own lines
	cloud sink // what CloudWatch was sent
	spans sink // what the collector of traces was sent
	out   sink // what clients were answered
	spool string
	ship  *awslogs.Shipper
	stop  func()

	tracer *tracing.Tracer
}

// sink keeps what was written to it.
type sink struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *sink) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *sink) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{plants: &plants{}, t: t, spool: t.TempDir()}
	h.token = h.add("the admin token")
	key := make([]byte, 32)
	copy(key, h.add("the key for secrets"))
	keys, err := secret.ParseKeys(fmt.Sprintf("%x", key))
	if err != nil {
		t.Fatal(err)
	}
	h.keys = keys
	server := redistest.Start(t)
	h.redis = server.Client(t)
	s, err := store.New(h.redis, store.Options{Lease: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	log := h.openLog()
	h.openTracer(log)
	registry := metric.NewRegistry()
	guard := egress.New(egress.Policy{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}})
	path, err := task.ParseSecretPath("http.request:input.json.card.number")
	if err != nil {
		t.Fatal(err)
	}
	var kinds []task.Kind
	for _, k := range append(kind.All(guard, "Windlass/test"), crash()) {
		kinds = append(kinds, k.WithSecretPaths([]task.SecretPath{path}))
	}
	a := api.New(api.Config{Store: s, Kinds: kinds, Log: log, Version: "test", AdminToken: h.token, Metrics: registry, Keys: h.keys, Tracer: h.tracer})
	mux := http.NewServeMux()
	for _, path := range slices.Concat(api.Paths(), api.HealthPaths()) {
		mux.Handle(path, a.Handler())
	}
	page, err := web.New()
	if err != nil {
		t.Fatal(err)
	}
	mux.Handle("/", page)
	h.server = httptest.NewServer(mux)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- worker.Run(ctx, worker.Config{
			Store: s, Kinds: kinds, Queues: map[string]int{"default": 1}, Concurrency: 8, Drain: 10 * time.Second,
			Version: "test", Log: log, Metrics: worker.NewMetrics(registry), Keys: h.keys, Tracer: h.tracer,
		})
	}()
	h.stop = sync.OnceFunc(func() {
		a.Close()
		h.server.Close()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(h.stop)
	return h
}

// openLog writes lines where the program does: to its own output and to CloudWatch.
func (h *house) openLog() *slog.Logger {
	h.t.Helper()
	cloud := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(&h.cloud, r.Body)
		_, _ = io.WriteString(w, "{}")
	}))
	h.t.Cleanup(cloud.Close)
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL_CLOUDWATCH_LOGS": cloud.URL, "AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "AKIDTEST",
		"AWS_SECRET_ACCESS_KEY": h.add("the key of AWS"), "AWS_EC2_METADATA_DISABLED": "true",
	} {
		h.t.Setenv(name, value)
	}
	var err error
	if h.ship, err = awslogs.Open(awslogs.Config{Group: "/windlass/test", Role: "all", SpoolDir: h.spool}); err != nil {
		h.t.Fatal(err)
	}
	local := slog.NewJSONHandler(&h.log, &slog.HandlerOptions{Level: slog.LevelDebug})
	return slog.New(slog.NewMultiHandler(local, h.ship.Handler(slog.LevelDebug)))
}

// openTracer sends spans to a collector of its own.
func (h *house) openTracer(log *slog.Logger) {
	h.t.Helper()
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(&h.spans, r.Body) }))
	h.t.Cleanup(collector.Close)
	h.t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL)
	var err error
	if h.tracer, err = tracing.Open(h.t.Context(), tracing.Config{Version: "test", Log: log}); err != nil {
		h.t.Fatal(err)
	}
}

// do sends a request and keeps the whole answer for the search.
func (h *house) do(method, path, body string, headers ...string) (int, string) {
	h.t.Helper()
	response, text := h.send(method, path, body, headers...)
	fmt.Fprintf(&h.out, "%s %s: %d %v\n%s\n", method, strings.Split(path, "?")[0], response.StatusCode, response.Header, text)
	return response.StatusCode, text
}

// ask sends a request whose answer is not searched.
func (h *house) ask(method, path, body string) (int, string) {
	h.t.Helper()
	response, text := h.send(method, path, body)
	return response.StatusCode, text
}

func (h *house) send(method, path, body string, headers ...string) (*http.Response, string) {
	h.t.Helper()
	r, err := http.NewRequestWithContext(h.t.Context(), method, h.server.URL+path, strings.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+h.token)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	response, err := h.server.Client().Do(r)
	if err != nil {
		h.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return response, string(text)
}

// run hands a task in, follows its events to its end, and reads all that the page
// would. It gives the task at its end.
func (h *house) run(kind string, input any) task.Task {
	h.t.Helper()
	raw, err := json.Marshal(map[string]any{
		"kind": kind, "input": input,
		"policy": map[string]any{"max_attempts": 2, "min_backoff": "10ms", "max_backoff": "10ms", "timeout": "20s"},
	})
	if err != nil {
		h.t.Fatal(err)
	}
	status, text := h.do("POST", "/api/v1/tasks", string(raw))
	var t task.Task
	if err := json.Unmarshal([]byte(text), &t); err != nil || status != http.StatusAccepted && status != http.StatusOK {
		h.t.Fatalf("submit %s: %d %s", kind, status, text)
	}
	path := "/api/v1/tasks/" + t.ID
	h.do("GET", path+"/events", "") // ends with the task
	_, text = h.do("GET", path, "")
	if err := json.Unmarshal([]byte(text), &t); err != nil || !t.State.Final() {
		h.t.Fatalf("%s ended as %s", kind, text)
	}
	h.do("GET", path+"/logs", "")
	h.do("GET", path+"/result", "")
	return t
}

// stored gives everything in Redis as text, compressed values unpacked.
func (h *house) stored() string {
	h.t.Helper()
	ctx := context.Background()
	var all strings.Builder
	keys, err := h.redis.Keys(ctx, "*").Result()
	if err != nil {
		h.t.Fatal(err)
	}
	for _, key := range keys {
		fmt.Fprintf(&all, "\n%s: ", key)
		kind, err := h.redis.Type(ctx, key).Result()
		if err != nil {
			h.t.Fatal(err)
		}
		var value any
		switch kind {
		case "string":
			text, err := h.redis.Get(ctx, key).Result()
			if err != nil {
				h.t.Fatal(err)
			}
			value = text + unpacked(text)
		case "hash":
			value, err = h.redis.HGetAll(ctx, key).Result()
		case "list":
			value, err = h.redis.LRange(ctx, key, 0, -1).Result()
		case "set":
			value, err = h.redis.SMembers(ctx, key).Result()
		case "zset":
			value, err = h.redis.ZRange(ctx, key, 0, -1).Result()
		case "stream":
			value, err = h.redis.XRange(ctx, key, "-", "+").Result()
		default:
			h.t.Fatalf("%s is a %s, which this test cannot read", key, kind)
		}
		if err != nil {
			h.t.Fatal(err)
		}
		fmt.Fprint(&all, value)
	}
	return all.String()
}

func unpacked(text string) string {
	z, err := gzip.NewReader(strings.NewReader(text))
	if err != nil {
		return ""
	}
	plain, _ := io.ReadAll(z) // as far as it is one
	return string(plain)
}

// spooled gives what waits on the disk for CloudWatch.
func (h *house) spooled() string {
	var all strings.Builder
	_ = filepath.WalkDir(h.spool, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			b, _ := os.ReadFile(path)
			all.Write(b)
		}
		return nil
	})
	return all.String()
}
