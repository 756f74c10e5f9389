package chaos

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"windlass/internal/task"
)

// answerTime is how long a client waits for an answer before it asks again.
const answerTime = 5 * time.Second

// load is clients that hand in tasks, each one after the other.
type load struct {
	run      *run
	accepted atomic.Int64
	clients  sync.WaitGroup

	mu     sync.Mutex
	orders []*order
}

// startLoad runs the clients until ctx ends. Each then still gets its last answers.
func startLoad(ctx context.Context, r *run) *load {
	l := &load{run: r}
	for n := range clients {
		l.clients.Go(func() { l.client(ctx, n) })
	}
	return l
}

// wait gives all orders once every client has its last answer.
func (l *load) wait(t *testing.T) []*order {
	t.Helper()
	done := make(chan struct{})
	go func() { l.clients.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(2 * settle):
		t.Fatalf("clients still wait for an answer %s after the trouble", 2*settle)
	}
	return l.orders
}

func (l *load) client(ctx context.Context, n int) {
	things := append(sorts(), l.run.sorts...)
	var mine []*order
	c := client{l, n}
	for i := 0; i < mostTasks && ctx.Err() == nil; i++ {
		o := &order{sort: things[(i+n)%len(things)], key: fmt.Sprintf("c%d-%d", n, i)}
		var err error
		if o.json, err = o.body(o.key, l.run.target.url); err != nil {
			l.run.t.Error(err)
			return
		}
		mine = append(mine, o)
		c.submit(ctx, o)
		if o.after > 0 && o.id != "" {
			rest(ctx, o.after)
			c.cancel(ctx, o)
		}
		c.read(mine[i/2])
		rest(ctx, pace)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.orders = append(l.orders, mine...)
}

// client stays with an API until that does not answer, as behind a load balancer.
type client struct {
	load *load
	n    int // which API it asks
}

// submit hands the order in, again and again with the same Idempotency-Key while there is
// no answer or one of 503. It gives up settle after the trouble.
func (c *client) submit(ctx context.Context, o *order) {
	header := map[string]string{"Idempotency-Key": o.key}
	if o.wait {
		header["Prefer"] = "wait=2"
	}
	c.insist(ctx, func() bool {
		var t task.Task
		status, err := c.ask("POST", "/api/v1/tasks", o.json, header, &t)
		o.hear("submit", status, err, &t)
		switch {
		case again(status):
			return false
		case status == http.StatusAccepted || status == http.StatusOK:
			o.id, o.accepted = t.ID, time.Now()
			c.load.accepted.Add(1)
		default:
			o.fault = fmt.Sprintf("submit was answered with %d", status)
		}
		return true
	})
}

// cancel calls the task off. That it has ended otherwise is a proper answer.
func (c *client) cancel(ctx context.Context, o *order) {
	c.insist(ctx, func() bool {
		var t task.Task
		status, err := c.ask("POST", "/api/v1/tasks/"+o.id+"/cancel", nil, nil, &t)
		o.hear("cancel", status, err, &t)
		switch {
		case again(status):
			return false
		case status == http.StatusAccepted || status == http.StatusOK:
			o.asked = true
		case status != http.StatusConflict && !c.load.run.loses:
			o.fault = fmt.Sprintf("cancel was answered with %d", status)
		}
		return true
	})
}

// read asks once how the task is.
func (c *client) read(o *order) {
	if o.id == "" {
		return
	}
	var t task.Task
	status, err := c.ask("GET", "/api/v1/tasks/"+o.id, nil, nil, &t)
	o.hear("read", status, err, &t)
	if status != http.StatusOK && !again(status) && !c.load.run.loses {
		o.fault = fmt.Sprintf("read was answered with %d", status)
	}
}

// again reports that the same request may be sent again: nobody answered, or not now.
func again(status int) bool { return status == 0 || status == http.StatusServiceUnavailable }

// insist calls try until it is true, or until settle after the end of ctx.
func (c *client) insist(ctx context.Context, try func() bool) {
	over := time.NewTimer(24 * time.Hour)
	defer over.Stop()
	defer context.AfterFunc(ctx, func() { over.Reset(settle) })()
	for !try() {
		select {
		case <-over.C:
			return
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func (c *client) ask(method, path string, body []byte, header map[string]string, into any) (int, error) {
	ctx, cancel := context.WithTimeout(context.Background(), answerTime)
	defer cancel()
	status, err := ask(ctx, method, c.load.run.fleet.front(c.n)+path, body, header, into)
	if again(status) {
		c.n++
	}
	return status, err
}

// ask sends one request. The error says why there is no answer, or gives the answer's text
// when it is not one of 2xx; the status is 0 when there is none.
func ask(ctx context.Context, method, url string, body []byte, header map[string]string, into any) (int, error) {
	r, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	for name, value := range header {
		r.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, err
	}
	if response.StatusCode >= http.StatusMultipleChoices {
		return response.StatusCode, fmt.Errorf("%s", text)
	}
	if err := json.Unmarshal(text, into); err != nil {
		return 0, fmt.Errorf("answer %d is not JSON: %w", response.StatusCode, err)
	}
	return response.StatusCode, nil
}
