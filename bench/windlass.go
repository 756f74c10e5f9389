package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"
)

const (
	// readyPause is how exactly the time until something is ready is known.
	readyPause = 5 * time.Millisecond

	bulkSize = 1000 // the most that one request may bring
	// bulkConnections is how many requests are on their way at once: one is read while
	// another is stored.
	bulkConnections = 2
	echoTask        = `{"kind":"demo.echo","input":{"message":"hello"}}`
	tasksPath       = "/api/v1/tasks"
)

// windlass is a running bin/windlass.
type windlass struct {
	*process
	*client
}

// windlass starts one on the stage's Redis and returns once it is ready.
func (s *stage) windlass(ctx context.Context, args ...string) (*windlass, error) {
	w, err := s.launchWindlass(ctx, s.addr, args...)
	if err != nil {
		return nil, err
	}
	return w, w.ready(ctx)
}

// launchWindlass starts one on the Redis at addr and does not wait for it.
func (s *stage) launchWindlass(ctx context.Context, redis string, args ...string) (*windlass, error) {
	addr, err := freeAddr(ctx)
	if err != nil {
		return nil, err
	}
	argv := append([]string{s.path(windlassBin), "-listen", addr, "-redis-url", "redis://" + redis + "/0"}, args...)
	p, err := s.start("windlass", s.root, nil, argv...)
	if err != nil {
		return nil, err
	}
	return &windlass{p, newClient("http://"+addr, 64)}, nil
}

// ready returns when it says that it may get traffic.
func (w *windlass) ready(ctx context.Context) error {
	return poll(ctx, readyPause, func() (bool, error) {
		return w.do(ctx, http.MethodGet, "/readyz", "", nil, nil) == nil, w.alive()
	})
}

// submit hands in one task.
func (w *windlass) submit(ctx context.Context, body string) error {
	return w.do(ctx, http.MethodPost, tasksPath, body, nil, nil)
}

// submitAndWait hands in a task, waits for its end, and gives its id.
func (w *windlass) submitAndWait(ctx context.Context) (string, error) {
	var task struct{ ID, State string }
	err := w.do(ctx, http.MethodPost, tasksPath, echoTask, map[string]string{"Prefer": "wait=10"}, &task)
	if err == nil && task.State != "succeeded" {
		err = fmt.Errorf("task %s is %s, not succeeded", task.ID, task.State)
	}
	return task.ID, err
}

// fill hands in n tasks in bulk; n is a multiple of bulkSize.
func (w *windlass) fill(ctx context.Context, n int) error {
	body := `{"items":[` + strings.Repeat(echoTask+",", bulkSize-1) + echoTask + `]}`
	return repeat(ctx, n/bulkSize, bulkConnections, func(ctx context.Context) error {
		return w.do(ctx, http.MethodPost, tasksPath+"/bulk", body, nil, nil)
	})
}

// count is how many tasks are in a state; an empty state stands for all.
func (w *windlass) count(ctx context.Context, state string) (int, error) {
	var stats struct {
		Items []struct {
			State string
			Count int
		}
	}
	if err := w.do(ctx, http.MethodGet, "/api/v1/stats", "", nil, &stats); err != nil {
		return 0, err
	}
	n := 0
	for _, of := range stats.Items {
		if state == "" || of.State == state {
			n += of.Count
		}
	}
	return n, nil
}
