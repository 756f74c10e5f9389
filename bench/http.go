package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// answerTimeout is for a peer whose worker is still being started, too.
const answerTimeout = time.Minute

// client is how a program of somebody's talks to one of the stacks: with keep-alive.
type client struct {
	base   string
	http   *http.Client
	header map[string]string // of each request
}

// newClient keeps up to so many connections open.
func newClient(base string, connections int) *client {
	return &client{base: base, http: &http.Client{Timeout: answerTimeout, Transport: &http.Transport{
		MaxIdleConnsPerHost: connections, MaxConnsPerHost: connections,
		DisableCompression: true, // as wrk
	}}}
}

// do sends one request and decodes its answer into out, unless that is nil. A status of 400
// and above is an error.
func (c *client) do(ctx context.Context, method, path, body string, header map[string]string, out any) error {
	r, err := http.NewRequestWithContext(ctx, method, c.base+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, fields := range []map[string]string{c.header, header} {
		for name, value := range fields {
			r.Header.Set(name, value)
		}
	}
	answer, err := c.http.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	if answer.StatusCode >= http.StatusBadRequest {
		return fmt.Errorf("%s %s: status %d: %.200s", method, path, answer.StatusCode, text)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(text, out); err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	return nil
}

// read fetches a file as it is.
func (c *client) read(ctx context.Context, path string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+path, nil)
	if err != nil {
		return nil, err
	}
	answer, err := c.http.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("GET %s: status %d", path, answer.StatusCode)
	}
	return io.ReadAll(answer.Body)
}

// repeat calls do n times, so many at once.
func repeat(ctx context.Context, n, atOnce int, do func(context.Context) error) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	for range n {
		g.Go(func() error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return do(ctx)
		})
	}
	return g.Wait()
}
