package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"windlass/internal/redistest"
	"windlass/internal/store"
)

// consult runs the doctor with variables and gives what it says.
func consult(t *testing.T, pairs ...string) (code int, said string) {
	t.Helper()
	var out bytes.Buffer
	code = run(t.Context(), []string{"doctor"}, env(append([]string{"WINDLASS_LISTEN", freeAddress(t)}, pairs...)...), &out, &out)
	return code, out.String()
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

func TestDoctorFindsNothingWrong(t *testing.T) {
	aws(t, &cloudwatch{})
	redis := redistest.Start(t, "--maxmemory", "100mb", "--maxmemory-policy", "noeviction")
	c := start(t, "-redis-url", redis.URL())
	listen := strings.TrimPrefix(c.url, "http://")
	c.submit("wait=20", `{"kind":"demo.echo","input":{"message":1}}`) // the worker is there
	code, said := consult(t, "WINDLASS_REDIS_URL", redis.URL(), "WINDLASS_LOG_GROUP", "/windlass/test", "WINDLASS_LOG_SPOOL_DIR", t.TempDir(), "WINDLASS_LISTEN", listen)
	for _, want := range []string{listen + " is served", "without TLS, as the default user, answers in", "MiB of 100.0 MiB of memory used", "clock is within", "1 alive", "can be written to", "a line was put into /windlass/test", "Nothing must be put right"} {
		if !strings.Contains(said, want) {
			t.Errorf("it does not say %q", want)
		}
	}
	if code != 0 || strings.Contains(said, string(fault)) || strings.Contains(said, string(warning)) {
		t.Errorf("exit code %d, said:\n%s", code, said)
	}
}

func TestDoctorOnRedis(t *testing.T) {
	authority := redistest.NewAuthority(t)
	secure := redistest.StartTLS(t, authority, redistest.UserArgs(t, "windlass", "first")...)
	loose := redistest.Start(t, "--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru")
	locked := redistest.Start(t, "--requirepass", "secret")
	full := redistest.Start(t, "--maxmemory-policy", "noeviction")
	fill(t, full, 0.9)
	leaking := redistest.Start(t, "--maxmemory-policy", "allkeys-lru")
	fill(t, leaking, 1)
	lockedURL := strings.Replace(locked.URL(), ":secret@", "", 1)
	for name, tt := range map[string]struct {
		env  []string
		code int
		want []string
	}{
		"none":           {nil, 0, []string{"no Redis is configured", "do: set WINDLASS_REDIS_URL"}},
		"away":           {[]string{"WINDLASS_REDIS_URL", "redis://" + freeAddress(t)}, 1, []string{"FAIL  redis", "nobody listens"}},
		"password":       {[]string{"WINDLASS_REDIS_URL", lockedURL}, 1, []string{"FAIL  redis", "WINDLASS_REDIS_PASSWORD"}},
		"policy":         {[]string{"WINDLASS_REDIS_URL", loose.URL()}, 0, []string{"warn  redis", "maxmemory-policy is allkeys-lru", "no worker gave a sign of life"}},
		"nearly full":    {[]string{"WINDLASS_REDIS_URL", full.URL()}, 0, []string{"warn  redis", "new tasks are refused"}},
		"evicted":        {[]string{"WINDLASS_REDIS_URL", leaking.URL()}, 1, []string{"FAIL  redis", "keys were thrown away"}},
		"TLS and a user": {[]string{"WINDLASS_REDIS_URL", secure.URL(), "WINDLASS_REDIS_USERNAME", "windlass", "WINDLASS_REDIS_PASSWORD", "first", "WINDLASS_REDIS_CA_FILE", authority.File}, 0, []string{"over TLS, as windlass"}},
		"no trust":       {[]string{"WINDLASS_REDIS_URL", secure.URL(), "WINDLASS_REDIS_USERNAME", "windlass", "WINDLASS_REDIS_PASSWORD", "first"}, 1, []string{"FAIL  redis", "-redis-ca-file"}},
	} {
		t.Run(name, func(t *testing.T) {
			code, said := consult(t, tt.env...)
			if code != tt.code {
				t.Errorf("exit code %d", code)
			}
			for _, want := range tt.want {
				if !strings.Contains(said, want) {
					t.Errorf("it does not say %q:\n%s", want, said)
				}
			}
		})
	}
}

// fill makes a server use this share of its memory.
func fill(t *testing.T, s *redistest.Server, share float64) {
	t.Helper()
	rdb := s.Client(t)
	put := func(name string) { // in pieces, so that buffers on their way count little
		t.Helper()
		for i := range 128 {
			if err := rdb.Set(t.Context(), fmt.Sprint(name, i), strings.Repeat("x", 64<<10), 0).Err(); err != nil {
				t.Fatal(err)
			}
		}
	}
	put("ballast")
	info, err := rdb.Info(t.Context(), "memory").Result()
	if err != nil {
		t.Fatal(err)
	}
	var used int64
	for line := range strings.Lines(info) {
		_, _ = fmt.Sscanf(line, "used_memory:%d", &used) // one of them is it
	}
	if err := rdb.ConfigSet(t.Context(), "maxmemory", fmt.Sprint(int64(float64(used)/share))).Err(); err != nil {
		t.Fatal(err)
	}
	if share >= 1 {
		put("more") // some keys must go
	}
}

// Clocks cannot be set here, so the words are tried alone.
func TestDoctorOnClocks(t *testing.T) {
	for ahead, want := range map[time.Duration]verdict{
		time.Millisecond: well, -3 * time.Second: warning, 3 * time.Second: warning, -6 * time.Minute: fault, time.Hour: fault,
	} {
		if got := redisClock(store.Diagnosis{Ahead: ahead}); got.verdict != want || (want != well) != (got.do != "") {
			t.Errorf("%s ahead: %+v", ahead, got)
		}
	}
}

func TestDoctorOnThePort(t *testing.T) {
	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	code, said := consult(t, "WINDLASS_LISTEN", strings.TrimPrefix(other.URL, "http://"))
	if code != 1 || !strings.Contains(said, "FAIL  listen") || !strings.Contains(said, "end what holds the port") {
		t.Errorf("exit code %d, said:\n%s", code, said)
	}
	code, said = consult(t, "WINDLASS_LISTEN", "0.0.0.0:0")
	if code != 0 || !strings.Contains(said, "no admin token is set") {
		t.Errorf("exit code %d, said:\n%s", code, said)
	}
	code, said = consult(t, "WINDLASS_DRAIN", "soon", "WINDLASS_ROLE", "cook")
	if code != 2 || !strings.Contains(said, "WINDLASS_DRAIN") || !strings.Contains(said, "WINDLASS_ROLE") {
		t.Errorf("exit code %d, said:\n%s", code, said)
	}
}

func TestDoctorOnLogs(t *testing.T) {
	cw := &cloudwatch{down: true}
	aws(t, cw)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	spool := t.TempDir()
	c := start(t, "-role", "api", "-log-group", "/windlass/test", "-log-spool-dir", spool)
	c.stop() // leaves its lines
	for name, tt := range map[string]struct {
		refuse, spool string
		want          []string
	}{
		"away and lines wait": {"", spool, []string{"segments to be shipped", "FAIL  cloudwatch", "does not answer"}},
		"no folder":           {"", filepath.Join(file, "spool"), []string{"FAIL  log spool", "-log-spool-dir"}},
		"no group":            {"ResourceNotFoundException", spool, []string{"FAIL  cloudwatch", "there is no such log group"}},
		"no right":            {"AccessDeniedException", spool, []string{"FAIL  cloudwatch", "docs/logs.md has the rights"}},
	} {
		t.Run(name, func(t *testing.T) {
			cw.mu.Lock()
			cw.refuse = tt.refuse
			cw.mu.Unlock()
			code, said := consult(t, "WINDLASS_LOG_GROUP", "/windlass/test", "WINDLASS_LOG_SPOOL_DIR", tt.spool)
			for _, want := range tt.want {
				if !strings.Contains(said, want) {
					t.Errorf("it does not say %q:\n%s", want, said)
				}
			}
			if code != 1 {
				t.Errorf("exit code %d", code)
			}
		})
	}
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "")
	t.Setenv("AWS_CONFIG_FILE", file)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", file)
	if _, said := consult(t, "WINDLASS_LOG_GROUP", "/windlass/test", "WINDLASS_LOG_SPOOL_DIR", spool); !strings.Contains(said, "no credentials are found") {
		t.Errorf("said:\n%s", said)
	}
	t.Setenv("AWS_REGION", "")
	if _, said := consult(t, "WINDLASS_LOG_GROUP", "/windlass/test", "WINDLASS_LOG_SPOOL_DIR", spool); !strings.Contains(said, "set AWS_REGION") {
		t.Errorf("without a region it says:\n%s", said)
	}
}

func TestDoctorOnVariables(t *testing.T) {
	t.Setenv("WINDLASS_RETENTON", "720h")
	t.Setenv("WINDLASS_ADMIN_TOKEN_FILE", "") // what is empty says nothing
	code, said := consult(t)
	if code != 0 || !strings.Contains(said, "warn  variables   WINDLASS_RETENTON is no option") || strings.Contains(said, "WINDLASS_ADMIN_TOKEN_FILE is no option") {
		t.Errorf("exit code %d, said:\n%s", code, said)
	}
}

// A page alone has a backend and no Redis.
func TestDoctorOnTheBackend(t *testing.T) {
	back := start(t, "-role", "api")
	variables := []string{"WINDLASS_ROLE", "web", "WINDLASS_BACKEND_URL", back.url, "WINDLASS_REDIS_URL", "redis://" + freeAddress(t)}
	code, said := consult(t, variables...)
	if code != 0 || !strings.Contains(said, "ok    backend") || !strings.Contains(said, "-     redis") {
		t.Errorf("exit code %d, said:\n%s", code, said)
	}
	back.stop()
	code, said = consult(t, variables...)
	if code != 1 || !strings.Contains(said, "FAIL  backend") || !strings.Contains(said, "role api") {
		t.Errorf("without a backend: exit code %d, said:\n%s", code, said)
	}
}

// aws makes cw the only AWS there is.
func aws(t *testing.T, cw *cloudwatch) {
	t.Helper()
	for _, v := range cw.variables(t) {
		name, value, _ := strings.Cut(v, "=")
		t.Setenv(name, value)
	}
}

// refuseWith answers as the service does when it will not.
func refuseWith(w http.ResponseWriter, code string) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.WriteHeader(http.StatusBadRequest)
	_, _ = io.WriteString(w, `{"__type":"`+code+`","message":"no"}`)
}
