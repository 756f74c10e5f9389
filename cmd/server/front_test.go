package main

import (
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"windlass/internal/task"
)

// A page alone, in front of a process with the API: one without Redis, token or tasks.
func TestPageInFrontOfTheAPI(t *testing.T) {
	back := start(t, "-role", "api,worker")
	front := start(t, "-role", "web", "-backend-url", back.url)
	if got := front.submit("wait=20", `{"kind":"demo.echo","input":{"message":1}}`); got.State != task.Succeeded {
		t.Errorf("got %s", got.State)
	}
	ask := func(path string) (status int, body string) {
		t.Helper()
		response, err := http.Get(front.url + path)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = response.Body.Close() }()
		text, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return response.StatusCode, string(text)
	}
	for path, want := range map[string]string{"/": "Windlass", "/docs": "demo.echo", "/health": "ok", "/readyz": `"ready"`, "/problems/backend-lost": "Idempotency-Key", "/metrics": "go_goroutines"} {
		if status, body := ask(path); status != 200 || !strings.Contains(body, want) {
			t.Errorf("%s: %d %.200s", path, status, body)
		}
	}
	if code := back.stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	for path, want := range map[string]int{"/": 200, "/livez": 200, "/readyz": 503, "/api/v1/tasks": 503} {
		if status, body := ask(path); status != want {
			t.Errorf("%s without a backend: %d %s", path, status, body)
		}
	}
	if code := front.stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// The options that bound what is borne of one address.
func TestRudeClients(t *testing.T) {
	c := start(t, "-role", "api", "-max-connections", "2", "-prompt-refusals", "1")
	client := &http.Client{Transport: &http.Transport{MaxConnsPerHost: 1}}
	defer client.CloseIdleConnections()
	refused := func() time.Duration {
		t.Helper()
		start := time.Now()
		response, err := client.Post(c.url+"/api/v1/tasks", "text/plain", strings.NewReader("x"))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = response.Body.Close() }()
		if _, err := io.Copy(io.Discard, response.Body); err != nil || response.StatusCode != http.StatusUnsupportedMediaType {
			t.Errorf("got %d, %v", response.StatusCode, err)
		}
		return time.Since(start)
	}
	refused() // and keeps its connection
	held, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(c.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = held.Close() }()
	third, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", held.RemoteAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = third.Close() }()
	_ = third.SetReadDeadline(time.Now().Add(5 * time.Second)) // headers may take 10 s
	if _, err := third.Read(make([]byte, 1)); err == nil || isTimeout(err) {
		t.Errorf("a third connection stays open: %v", err)
	}
	if took := refused(); took < 5*time.Second {
		t.Errorf("the second refusal took %s", took)
	}
}

func isTimeout(err error) bool {
	e, ok := err.(net.Error) //nolint:errorlint // what Read gives
	return ok && e.Timeout()
}

// What nobody would notice is said at the start.
func TestWarningsOfTheStart(t *testing.T) {
	c := startWith(t, []string{"WINDLASS_RETENTON=720h", "WINDLASS_SECRETS_KEY_FILE="}, "-role", "web")
	if code := c.stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	said := c.log.String()
	for _, want := range []string{`"variable":"WINDLASS_RETENTON"`, "set WINDLASS_BACKEND_URL"} {
		if !strings.Contains(said, want) {
			t.Errorf("the log does not say %s:\n%s", want, said)
		}
	}
	if strings.Count(said, `"variable":`) != 1 {
		t.Errorf("it warns of what is right:\n%s", said)
	}
}

// A process that ends finishes its event streams: else clients and proxies see answers that break off.
func TestStreamsEndBeforeTheProcess(t *testing.T) {
	const streams = 200
	c := start(t, "-role", "api")
	bodies := make([]io.ReadCloser, streams)
	for i := range bodies {
		response, err := http.Get(c.url + "/api/v1/events")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = response.Body.Close() }()
		bodies[i] = response.Body
	}
	if code := c.stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	broken := 0
	for _, b := range bodies {
		if _, err := io.Copy(io.Discard, b); err != nil {
			broken++
		}
	}
	if broken > 0 {
		t.Errorf("%d of %d streams broke off", broken, streams)
	}
}
