package instance

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"windlass/internal/task"
)

// load hands tasks in, at a bounded rate, and notes what it is told.
type load struct {
	url, token string

	mu       sync.Mutex
	requests int
	faults   []string
	accepted []string // ids
}

// run goes on until ctx ends. Half of the requests wait for their task, so that requests are
// open at any time.
func (l *load) run(ctx context.Context) {
	const clients, pause = 6, 200 * time.Millisecond
	var all sync.WaitGroup
	for c := range clients {
		all.Go(func() {
			tick := time.NewTicker(pause)
			defer tick.Stop()
			for n := 0; ; n++ {
				select {
				case <-ctx.Done():
					return
				case <-tick.C:
				}
				prefer := ""
				if n%2 == 0 {
					prefer = "wait=2"
				}
				// What is under way when the load ends is answered all the same.
				l.submit(context.WithoutCancel(ctx), l.url, prefer, fmt.Sprintf("%dms", (c*331+n*197)%1500))
			}
		})
	}
	all.Wait()
}

// submit hands one task in and notes the outcome.
func (l *load) submit(ctx context.Context, url, prefer, sleep string) {
	status, id, err := submit(ctx, url, l.token, prefer, sleep)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.requests++
	if err != nil || status != http.StatusOK && status != http.StatusAccepted {
		l.faults = append(l.faults, fmt.Sprintf("%s: status %d, %v", time.Now().Format("15:04:05.000"), status, err))
		return
	}
	l.accepted = append(l.accepted, id)
}

func submit(ctx context.Context, url, token, prefer, sleep string) (status int, id string, err error) {
	ctx, cancel := context.WithTimeout(ctx, 40*time.Second)
	defer cancel()
	body := fmt.Sprintf(`{"kind":"demo.echo","input":{"message":1,"sleep":%q}}`, sleep)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/api/v1/tasks", strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Prefer", prefer)
	var got task.Task
	status, err = call(r, token, &got)
	return status, got.ID, err
}

func get(ctx context.Context, url, token, id string) (task.Task, error) {
	var got task.Task
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/api/v1/tasks/"+id, nil)
	if err == nil {
		_, err = call(r, token, &got)
	}
	return got, err
}

func call(r *http.Request, token string, into any) (status int, err error) {
	r.Header.Set("Authorization", "Bearer "+token)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err == nil {
		err = json.Unmarshal(body, into)
	}
	return response.StatusCode, err
}
