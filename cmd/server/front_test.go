package main

import (
	"io"
	"net/http"
	"strings"
	"testing"

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
	for path, want := range map[string]string{"/": "Windlass", "/docs": "demo.echo", "/health": "ok", "/readyz": "ok", "/problems/backend-lost": "Idempotency-Key", "/metrics": "go_goroutines"} {
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
