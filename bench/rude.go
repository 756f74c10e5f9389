package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	rudeStreams  = 10_000 // event streams that are open and hear little
	rudeEvents   = 1_000  // of these, such as follow all tasks
	rudeHeaders  = 500    // connections whose header fields trickle
	rudeBodies   = 500    // requests whose bodies trickle
	rudeReaders  = 200    // answers and streams that nobody reads
	rudeDialers  = 64     // streams that are opened at once
	politeReads  = 3_000
	politePause  = 5 * time.Millisecond // between two requests of the client that is measured
	perAddress   = 400                  // of the streams that one address may hold, 500 by default
	trickleEvery = time.Second
	holdFor      = 15 * time.Second // longer than a server of ours bears it
)

// rude is what a well-mannered client feels while others behave badly: ten thousand
// event streams, and hundreds of connections that trickle or do not read. Beside it
// the same client alone.
func rude() measurement {
	return measurement{
		name:    "rude",
		against: "the same client alone",
		rows: []row{
			{"read among rude clients, p99", seconds, atMost(2)},
			{"submit among rude clients, p99", seconds, atMost(2)},
			{"memory with " + thousands(rudeStreams) + " event streams", byteCount, valueAtMost(400 << 20)},
		},
		ours: func(ctx context.Context, s *stage) ([]float64, error) { return politely(ctx, s, true) },
		peer: func(ctx context.Context, s *stage) ([]float64, error) { return politely(ctx, s, false) },
	}
}

// politely measures one client, with a crowd of rude ones around it or without.
func politely(ctx context.Context, s *stage, crowd bool) ([]float64, error) {
	w, err := s.windlass(ctx, "-role", "api,scheduler")
	if err != nil {
		return nil, err
	}
	var task struct{ ID string }
	later := `{"kind":"demo.echo","input":{"message":"hello"},"delay":"1h"}`
	if err := w.do(ctx, http.MethodPost, tasksPath, later, nil, &task); err != nil {
		return nil, err
	}
	if crowd {
		c := &rudeCrowd{addr: strings.TrimPrefix(w.base, "http://"), task: task.ID}
		ctx, end := context.WithCancel(ctx)
		defer c.all.Wait()
		defer end()
		if err := c.gather(ctx); err != nil {
			return nil, err
		}
	}
	if err := pause(ctx, settle); err != nil {
		return nil, err
	}
	reads, submits, err := politeTimes(ctx, w, task.ID)
	if err != nil {
		return nil, err
	}
	memory, err := s.memory()
	return []float64{percentile(reads, 99), percentile(submits, 99), memory}, err
}

// politeTimes reads a task, and hands one in each tenth time.
func politeTimes(ctx context.Context, w *windlass, id string) (reads, submits []float64, err error) {
	tick := time.NewTicker(politePause)
	defer tick.Stop()
	for i := range politeReads {
		start := time.Now()
		if i%10 == 0 {
			if err := w.submit(ctx, echoTask); err != nil {
				return nil, nil, err
			}
			submits = append(submits, time.Since(start).Seconds())
		} else {
			if err := w.do(ctx, http.MethodGet, tasksPath+"/"+id, "", nil, nil); err != nil {
				return nil, nil, err
			}
			reads = append(reads, time.Since(start).Seconds())
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		}
	}
	return reads, submits, nil
}

// rudeCrowd is many clients without manners. Whoever is thrown out comes again.
type rudeCrowd struct {
	addr, task string
	all        sync.WaitGroup
}

// gather opens the streams, which must all be let in, and starts the others. They go
// on until ctx ends.
func (c *rudeCrowd) gather(ctx context.Context) error {
	g, opening := errgroup.WithContext(ctx)
	g.SetLimit(rudeDialers)
	for i := range rudeStreams {
		path := tasksPath + "/" + c.task + "/events"
		if i < rudeEvents {
			path = "/api/v1/events"
		}
		g.Go(func() error {
			conn, r, err := c.stream(opening, path, i)
			if err != nil {
				return fmt.Errorf("open event stream %d: %w", i, err)
			}
			c.keep(ctx, conn, func() { _, _ = io.Copy(io.Discard, r) })
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	c.again(ctx, rudeHeaders, "GET /api/v1/kinds HTTP/1.1\r\nHost: x\r\n", "X-A: b\r\n")
	c.again(ctx, rudeBodies, "POST /api/v1/tasks HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n", " ")
	c.again(ctx, rudeReaders/2, strings.Repeat("GET /openapi.json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 100), "")
	c.again(ctx, rudeReaders/2, "GET /api/v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", "")
	return nil
}

// dial connects from an address of the loopback network that few others use.
func (c *rudeCrowd) dial(ctx context.Context, i int) (net.Conn, error) {
	from := net.IPv4(127, 1, 1, byte(1+i/perAddress))
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: from}}
	return d.DialContext(ctx, "tcp", c.addr)
}

// stream opens an event stream and reads its header.
func (c *rudeCrowd) stream(ctx context.Context, path string, i int) (net.Conn, *bufio.Reader, error) {
	conn, err := c.dial(ctx, i)
	if err != nil {
		return nil, nil, err
	}
	r := bufio.NewReaderSize(conn, 16)
	_, err = fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", path)
	line := ""
	if err == nil {
		line, err = r.ReadString('\n')
	}
	if err == nil && !strings.Contains(line, " 200 ") {
		err = errors.New(strings.TrimSpace(line))
	}
	if err != nil {
		conn.Close()
		return nil, nil, err
	}
	return conn, r, nil
}

// keep runs use until it returns, and closes the connection then or when ctx ends.
func (c *rudeCrowd) keep(ctx context.Context, conn net.Conn, use func()) {
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	c.all.Go(func() {
		defer conn.Close()
		defer stop()
		use()
	})
}

// again keeps n connections of one sort: each says first, then bit by bit more, reads
// nothing, and is replaced by another when the server has had enough.
func (c *rudeCrowd) again(ctx context.Context, n int, first, more string) {
	for i := range n {
		c.all.Go(func() {
			for ctx.Err() == nil {
				if conn, err := c.dial(ctx, rudeStreams+i); err == nil {
					end := context.AfterFunc(ctx, func() { conn.Close() })
					beRude(ctx, conn, first, more)
					end()
					conn.Close()
				}
				_ = pause(ctx, trickleEvery)
			}
		})
	}
}

// beRude trickles until the server closes the connection, or, with no more to say, holds
// it and reads nothing.
func beRude(ctx context.Context, conn net.Conn, first, more string) {
	_, err := io.WriteString(conn, first)
	if more == "" {
		_ = pause(ctx, holdFor)
		return
	}
	for err == nil {
		if err = pause(ctx, trickleEvery); err == nil {
			_, err = io.WriteString(conn, more)
		}
	}
}
