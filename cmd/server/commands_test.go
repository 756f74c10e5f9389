package main

import (
	"bytes"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestCommands(t *testing.T) {
	well := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/livez" {
			http.NotFound(w, r)
		}
	}))
	defer well.Close()
	ill := httptest.NewServer(http.NotFoundHandler())
	defer ill.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := l.Addr().String()
	_ = l.Close()
	port := strings.TrimPrefix(well.URL, "http://127.0.0.1:")

	for name, tt := range map[string]struct {
		args []string
		env  []string
		code int
		want string
	}{
		"well":                 {args: []string{"healthcheck", "-listen", "127.0.0.1:" + port}, want: "ok\n"},
		"variable":             {args: []string{"healthcheck"}, env: []string{"WINDLASS_LISTEN", "0.0.0.0:" + port}, want: "ok\n"},
		"no host":              {args: []string{"healthcheck", "-listen", ":" + port}, want: "ok\n"},
		"other options' fault": {args: []string{"healthcheck", "-listen", ":" + port}, env: []string{"WINDLASS_ROLE", "cook"}, want: "ok\n"},
		"ill":                  {args: []string{"healthcheck", "-listen", strings.TrimPrefix(ill.URL, "http://")}, code: 1, want: "404"},
		"nobody":               {args: []string{"healthcheck", "-listen", nobody}, code: 1, want: "WINDLASS_LISTEN"},
		"any port":             {args: []string{"healthcheck", "-listen", "127.0.0.1:0"}, code: 1, want: "choose one"},
		"not its option":       {args: []string{"healthcheck", "-role", "api"}, code: 1, want: "-role"},
		"help":                 {args: []string{"healthcheck", "-h"}, want: "Usage: windlass healthcheck"},
		"no such command":      {args: []string{"serve"}, code: 2, want: `"serve" is not a command: it is one of healthcheck`},
		"listed":               {args: []string{"-h"}, want: "windlass healthcheck [options]"},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			code := run(t.Context(), tt.args, env(tt.env...), &out, &out)
			if code != tt.code || !strings.Contains(out.String(), tt.want) {
				t.Errorf("exit code %d, said %q", code, out.String())
			}
		})
	}
}

// What a worker listens on is not said unless it is chosen, so a health check of
// it needs -listen for both.
func TestHealthcheckOfAWorker(t *testing.T) {
	c := start(t, "-role", "worker")
	var out bytes.Buffer
	if code := run(t.Context(), []string{"healthcheck", "-listen", strings.TrimPrefix(c.url, "http://")}, env(), &out, &out); code != 0 {
		t.Errorf("exit code %d, said %q", code, out.String())
	}
}
