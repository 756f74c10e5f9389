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
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	rudeStreams  = 10_000 // event streams that are open and hear little
	rudeEvents   = 1_000  // of these, such as follow all tasks
	perToken     = 400    // of the streams that a token may hold, 500 by default
	rudeDialers  = 64     // streams that are opened at once
	rudeHeaders  = 500    // connections whose header fields trickle
	rudeBodies   = 500    // requests whose bodies trickle
	rudeReaders  = 100    // clients that do not read their answers, and as many that do not read their streams
	rudeGiants   = 32     // senders of bodies and of header fields that are too large, each
	rudeDeep     = 32     // senders of JSON that is nested too deep
	rudeFlood    = 100    // connections of each flood
	rudeBots     = 2      // connections of each address of a botnet
	trickleEvery = time.Second
	holdFor      = 15 * time.Second // longer than a server of ours bears it
)

// behaviour is one sort of bad manners. start returns once it is under way; it ends with ctx.
type behaviour struct {
	name  string
	bots  bool // of a botnet
	start func(ctx context.Context, m *mob) error
}

// behaviours is the one list of them. Whoever is thrown out comes again.
func behaviours() []behaviour {
	host := "Host: 127.0.0.1\r\n"
	submit := func(m *mob) string {
		return "POST /api/v1/tasks HTTP/1.1\r\n" + host + "Content-Type: application/json\r\nAuthorization: Bearer " + m.Token + "\r\n"
	}
	get := func(path, token string) string {
		return "GET " + path + " HTTP/1.1\r\n" + host + "Authorization: Bearer " + token + "\r\n\r\n"
	}
	wrong := get("/api/v1/kinds", "wl_"+strings.Repeat("a", 64))
	return []behaviour{
		{"streams", false, func(ctx context.Context, m *mob) error { return m.streams(ctx) }},
		{"headers", false, func(ctx context.Context, m *mob) error {
			return m.again(ctx, rudeHeaders, 2, trickle("GET /api/v1/kinds HTTP/1.1\r\n"+host, "X-A: b\r\n"))
		}},
		{"bodies", false, func(ctx context.Context, m *mob) error {
			return m.again(ctx, rudeBodies, 3, trickle(submit(m)+"Content-Length: 100000\r\n\r\n", " "))
		}},
		{"readers", false, func(ctx context.Context, m *mob) error {
			_ = m.again(ctx, rudeReaders, 4, deaf(strings.Repeat("GET /openapi.json HTTP/1.1\r\n"+host+"\r\n", 100)))
			return m.again(ctx, rudeReaders, 4, deaf(get("/api/v1/events", m.Token)))
		}},
		{"giants", false, func(ctx context.Context, m *mob) error {
			_ = m.again(ctx, rudeGiants, 5, m.ask(submit(m)+"Content-Length: 100000000\r\n\r\n"+strings.Repeat(" ", 2<<20), time.Second, false))
			return m.again(ctx, rudeGiants, 5, m.ask("GET / HTTP/1.1\r\n"+host+"X-A: "+strings.Repeat("x", 64<<10)+"\r\n\r\n", time.Second, false))
		}},
		{"deep", false, func(ctx context.Context, m *mob) error {
			const levels = 100_000
			body := `{"kind":"demo.echo","input":{"message":` + strings.Repeat("[", levels) + strings.Repeat("]", levels) + `}}`
			return m.again(ctx, rudeDeep, 6, m.ask(fmt.Sprintf("%sContent-Length: %d\r\n\r\n%s", submit(m), len(body), body), time.Second, true))
		}},
		// Each flood offers 4,000 requests a second from one address.
		{"guesses", false, func(ctx context.Context, m *mob) error {
			return m.again(ctx, rudeFlood, 7, m.ask(wrong, 25*time.Millisecond, true))
		}},
		{"strangers", false, func(ctx context.Context, m *mob) error { // a connection a request
			return m.again(ctx, rudeFlood, 8, m.ask("GET /api/v1/kinds HTTP/1.1\r\n"+host+"\r\n", 25*time.Millisecond, false))
		}},
		{"beyond", false, func(ctx context.Context, m *mob) error { // its rate of streams, with a right token
			return m.again(ctx, rudeFlood, 9, m.ask(get("/api/v1/tasks/none/events", m.Token), 25*time.Millisecond, true))
		}},
		{"greedy", false, func(ctx context.Context, m *mob) error { // within its rates
			return m.again(ctx, rudeFlood, 10, m.ask(get("/api/v1/tasks/"+m.Task, m.Token), 100*time.Millisecond, true))
		}},
		{"botnet", true, func(ctx context.Context, m *mob) error { // together 8,000 a second
			for bot := range m.Bots {
				_ = m.again(ctx, rudeBots/2, 20+bot, m.ask(wrong, 50*time.Millisecond, true))
				_ = m.again(ctx, rudeBots/2, 20+bot, m.ask("GET /api/v1/kinds HTTP/1.1\r\n"+host+"\r\n", 50*time.Millisecond, false))
			}
			return nil
		}},
	}
}

// mob does what the plan says.
type mob struct {
	crowdPlan
	tally tally
}

// dial connects from an address of the loopback network that is one behaviour's.
func (m *mob) dial(ctx context.Context, from int) (net.Conn, error) {
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 1, byte(from/250), byte(1+from%250))}}
	return d.DialContext(ctx, "tcp", m.Addr)
}

// streams opens the streams, which must all be let in. One that ends is opened again.
func (m *mob) streams(ctx context.Context) error {
	g, opening := errgroup.WithContext(ctx)
	g.SetLimit(rudeDialers)
	for i := range rudeStreams {
		g.Go(func() error {
			conn, r, err := m.stream(opening, i)
			if err != nil {
				return fmt.Errorf("open event stream %d: %w", i, err)
			}
			go func() {
				for ctx.Err() == nil {
					if err == nil {
						m.tally.streams.Add(1)
						end := context.AfterFunc(ctx, func() { conn.Close() })
						_, _ = io.Copy(io.Discard, r)
						end()
						conn.Close()
						m.tally.streams.Add(-1)
					}
					_ = pause(ctx, trickleEvery)
					conn, r, err = m.stream(ctx, i)
				}
			}()
			return nil
		})
	}
	return g.Wait()
}

// stream opens one and reads the first line of its answer.
func (m *mob) stream(ctx context.Context, i int) (net.Conn, *bufio.Reader, error) {
	path := tasksPath + "/" + m.Task + "/events"
	if i < rudeEvents {
		path = "/api/v1/events"
	}
	conn, err := m.dial(ctx, 1000+i/perToken)
	if err != nil {
		return nil, nil, err
	}
	r := bufio.NewReaderSize(conn, 16)
	_, err = fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer %s\r\n\r\n", path, m.Tokens[i/perToken])
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

// again keeps n connections from one address: whatever use makes of each, it is replaced
// by another when it has ended.
func (m *mob) again(ctx context.Context, n, from int, use func(context.Context, net.Conn)) error {
	for range n {
		go func() {
			for ctx.Err() == nil {
				conn, err := m.dial(ctx, from)
				if err != nil {
					_ = pause(ctx, trickleEvery)
					continue
				}
				end := context.AfterFunc(ctx, func() { conn.Close() })
				use(ctx, conn)
				end()
				_ = conn.(*net.TCPConn).SetLinger(0) //nolint:forcetypeassert // its port is free again at once
				conn.Close()
			}
		}()
	}
	return nil
}

// trickle says first, then bit by bit more, until the server closes the connection.
func trickle(first, more string) func(context.Context, net.Conn) {
	return func(ctx context.Context, conn net.Conn) {
		_, err := io.WriteString(conn, first)
		for err == nil {
			if err = pause(ctx, trickleEvery); err == nil {
				_, err = io.WriteString(conn, more)
			}
		}
		_ = pause(ctx, trickleEvery)
	}
}

// deaf asks and reads nothing.
func deaf(first string) func(context.Context, net.Conn) {
	return func(ctx context.Context, conn net.Conn) {
		_, _ = io.WriteString(conn, first)
		_ = pause(ctx, holdFor)
	}
}

// ask sends a request and, once it is answered, no sooner than every after the last one,
// the next: on the same connection, if that is to be kept and the server leaves it open.
func (m *mob) ask(request string, every time.Duration, keep bool) func(context.Context, net.Conn) {
	return func(ctx context.Context, conn net.Conn) {
		r := bufio.NewReader(conn)
		for more := true; more; {
			next := time.Now().Add(every)
			go func() { _, _ = io.WriteString(conn, request) }() // the answer may come before all is sent
			more = m.heard(r) && keep
			_ = pause(ctx, time.Until(next))
		}
	}
}

// heard reads an answer and counts it. It is false when the connection is over.
func (m *mob) heard(r *bufio.Reader) bool {
	response, err := http.ReadResponse(r, nil)
	if err != nil {
		m.tally.cut.Add(1)
		return false
	}
	defer response.Body.Close()
	m.tally.answered[response.StatusCode/100].Add(1)
	_, err = io.Copy(io.Discard, response.Body)
	return err == nil && !response.Close
}
