package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
)

// peerTask is what the peer's API takes.
const peerTask = `{"message":"hello"}`

// peer is a running FastAPI behind nginx.
type peer struct {
	nginx, api *process
	*client    // of nginx
}

// peerWeb starts nginx and FastAPI and returns once they answer.
func (s *stage) peerWeb(ctx context.Context) (*peer, error) {
	p, err := s.launchPeerWeb(ctx)
	if err != nil {
		return nil, err
	}
	return p, p.ready(ctx)
}

// launchPeerWeb starts nginx and FastAPI, with a process for each core, and does not wait.
func (s *stage) launchPeerWeb(ctx context.Context) (*peer, error) {
	apiAddr, err := freeAddr(ctx)
	if err != nil {
		return nil, err
	}
	host, port, _ := net.SplitHostPort(apiAddr)
	api, err := s.python("uvicorn", "web:app", "--host", host, "--port", port,
		"--workers", strconv.Itoa(runtime.NumCPU()), "--no-access-log")
	if err != nil {
		return nil, err
	}
	nginx, c, err := s.nginx(ctx, port)
	return &peer{nginx, api, c}, err
}

// ready returns when FastAPI answers through nginx.
func (p *peer) ready(ctx context.Context) error {
	return poll(ctx, readyPause, func() (bool, error) {
		if err := p.nginx.alive(); err != nil {
			return false, err
		}
		return p.do(ctx, http.MethodGet, "/healthz", "", nil, nil) == nil, p.api.alive()
	})
}

// submit hands in one task.
func (p *peer) submit(ctx context.Context, body string) error {
	return p.do(ctx, http.MethodPost, "/tasks", body, nil, nil)
}

// submitAndWait hands in a task, waits for its end, and gives its id.
func (p *peer) submitAndWait(ctx context.Context) (string, error) {
	var task struct{ ID, State string }
	err := p.do(ctx, http.MethodPost, "/tasks/wait", peerTask, nil, &task)
	if err == nil && task.State != "SUCCESS" {
		err = fmt.Errorf("task %s is %s, not SUCCESS", task.ID, task.State)
	}
	return task.ID, err
}

// peerWorker starts Celery's worker as it is by default: prefork, a process for each core.
func (s *stage) peerWorker() (*process, error) {
	return s.python("celery", "--app", "tasks", "worker")
}

// python starts a program of the peer's Python environment.
func (s *stage) python(program string, args ...string) (*process, error) {
	env := []string{"REDIS_URL=redis://" + s.addr + "/0"}
	return s.start(program, s.path(peerSource), env, append([]string{s.path(python, program)}, args...)...)
}

// bulk hands in n tasks by groups of bulkSize and gives how many seconds that took.
func (s *stage) bulk(ctx context.Context, n int) (float64, error) {
	p, err := s.python("python", "bulk.py", strconv.Itoa(n), strconv.Itoa(bulkSize))
	if err != nil {
		return 0, err
	}
	if err := p.wait(ctx); err != nil {
		return 0, err
	}
	out, err := p.output()
	if err != nil {
		return 0, err
	}
	return strconv.ParseFloat(strings.TrimSpace(out), 64)
}

// nginx starts nginx before an API at that port, with html below the stage's folder.
func (s *stage) nginx(ctx context.Context, apiPort string) (*process, *client, error) {
	addr, err := freeAddr(ctx)
	if err != nil {
		return nil, nil, err
	}
	_, port, _ := net.SplitHostPort(addr)
	values := map[string]string{"PORT": port, "API_PORT": apiPort, "USER_LINE": ""}
	if os.Geteuid() == 0 {
		values["USER_LINE"] = "user root;" // another one might not see the source tree
	}
	template, err := os.ReadFile(s.path(peerSource, "nginx.conf"))
	if err != nil {
		return nil, nil, err
	}
	text := os.Expand(string(template), func(name string) string {
		if value, ok := values[name]; ok {
			return value
		}
		return "$" + name // nginx's own
	})
	config := filepath.Join(s.folder, "nginx.conf")
	if err := os.MkdirAll(filepath.Join(s.folder, "temp"), 0o755); err != nil {
		return nil, nil, err
	}
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		return nil, nil, err
	}
	p, err := s.start("nginx", s.folder, nil, "nginx", "-p", s.folder, "-c", config, "-e", "stderr")
	return p, newClient("http://"+addr, 64), err
}
