package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"
)

const (
	politeRounds = 2_400
	politePause  = 5 * time.Millisecond // between two rounds of the client that is measured
	submitEach   = 4                    // of so many rounds one hands a task in, the others read
	politeFrom   = "127.0.0.2"          // the address that it comes from
)

// rude is what a well-mannered client feels while others behave badly, each in every way
// that is in behaviours. Beside it the same client alone. An idle server of net/http that
// runs beside both, and that nobody is rude to, tells what sharing the cores costs.
func rude(name, crowd string, bots int) measurement {
	among := " among " + crowd
	return measurement{
		name:    name,
		against: "the same client alone",
		rows: []row{
			{"read" + among + ", p99", seconds, atMost(2)},
			{"submit" + among + ", p99", seconds, atMost(2)},
			{"read of an idle net/http server beside" + among + ", p99", seconds, goal{}},
			{"memory" + among, byteCount, valueAtMost(400 << 20)},
			{"rude requests that are answered", perSecond, goal{}},
			{"cores that Windlass takes" + among, share, goal{}},
			{"cores that the clients take" + among, share, goal{}},
		},
		ours: func(ctx context.Context, s *stage) ([]float64, error) { return s.politely(ctx, &crowdPlan{Bots: bots}) },
		peer: func(ctx context.Context, s *stage) ([]float64, error) { return s.politely(ctx, nil) },
	}
}

// politely measures one client, with a crowd of rude ones around it or, with no plan, without.
func (s *stage) politely(ctx context.Context, plan *crowdPlan) ([]float64, error) {
	w, err := s.guardedWindlass(ctx)
	if err != nil {
		return nil, err
	}
	beside, err := s.plainServer(ctx)
	if err != nil {
		return nil, err
	}
	p := &polite{beside: beside}
	if p.windlass, err = w.holder(ctx, "submitter"); err != nil {
		return nil, err
	}
	if err := p.firstTask(ctx); err != nil {
		return nil, err
	}
	var c *crowd
	if plan != nil {
		if c, err = s.gather(ctx, w, plan, p.task); err != nil {
			return nil, err
		}
	}
	if err := pause(ctx, settle); err != nil {
		return nil, err
	}
	watch, err := startShares(w.process, c)
	if err != nil {
		return nil, err
	}
	join, err := s.separate(ctx, c)
	if err != nil {
		return nil, err
	}
	defer join()
	if err := p.rounds(ctx); err != nil {
		return nil, err
	}
	shares, err := watch.end()
	if err != nil {
		return nil, err
	}
	memory, err := w.memory()
	return append([]float64{percentile(p.reads, 99), percentile(p.submits, 99), percentile(p.besides, 99), memory}, shares...), err
}

// guardedWindlass starts one that asks for tokens.
func (s *stage) guardedWindlass(ctx context.Context) (*windlass, error) {
	addr, err := freeAddr(ctx)
	if err != nil {
		return nil, err
	}
	argv := []string{s.path(windlassBin), "-listen", addr, "-redis-url", "redis://" + s.addr + "/0", "-role", "api,scheduler"}
	argv = append(argv, s.extra...)
	p, err := s.start("windlass", s.root, []string{"WINDLASS_ADMIN_TOKEN=" + adminToken}, argv...)
	if err != nil {
		return nil, err
	}
	w := &windlass{p, newClient("http://"+addr, 64)}
	return w, w.ready(ctx)
}

// adminToken is that of a Windlass that lives for one sample.
const adminToken = "the-token-of-a-measurement-0123456789"

// token makes a token.
func (w *windlass) token(ctx context.Context, role string) (string, error) {
	var made struct{ Token string }
	body := fmt.Sprintf(`{"name":"measurement","role":%q}`, role)
	err := w.do(ctx, http.MethodPost, "/api/v1/tokens", body, map[string]string{"Authorization": "Bearer " + adminToken}, &made)
	return made.Token, err
}

// holder is a client from an address of its own with a token of its own.
func (w *windlass) holder(ctx context.Context, role string) (*client, error) {
	token, err := w.token(ctx, role)
	if err != nil {
		return nil, err
	}
	c := newClient(w.base, 1)
	c.header = map[string]string{"Authorization": "Bearer " + token}
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(politeFrom)}}
	c.http.Transport.(*http.Transport).DialContext = d.DialContext //nolint:forcetypeassert // newClient made it
	return c, nil
}

// polite is a client that asks one thing after the other.
type polite struct {
	windlass, beside        *client
	task                    string    // what it reads
	reads, submits, besides []float64 // seconds
}

func (p *polite) firstTask(ctx context.Context) error {
	var task struct{ ID string }
	later := `{"kind":"demo.echo","input":{"message":"hello"},"delay":"1h"}`
	err := p.windlass.do(ctx, http.MethodPost, tasksPath, later, nil, &task)
	p.task = task.ID
	return err
}

// rounds does what is measured: in each round one request to Windlass and one to the idle
// server, each on a connection that stays.
func (p *polite) rounds(ctx context.Context) error {
	tick := time.NewTicker(politePause)
	defer tick.Stop()
	for i := range politeRounds {
		method, path, body, into := http.MethodGet, tasksPath+"/"+p.task, "", &p.reads
		if i%submitEach == 0 {
			method, path, body, into = http.MethodPost, tasksPath, echoTask, &p.submits
		}
		for _, r := range []struct {
			to                 *client
			method, path, body string
			into               *[]float64
		}{{p.windlass, method, path, body, into}, {p.beside, http.MethodGet, "/", "", &p.besides}} {
			start := time.Now()
			if err := r.to.do(ctx, r.method, r.path, r.body, nil, nil); err != nil {
				return err
			}
			*r.into = append(*r.into, time.Since(start).Seconds())
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// plainCommand is the argument that makes this program an idle server, on the address after it.
const plainCommand = "plain"

// plainServer starts one and returns a client of it.
func (s *stage) plainServer(ctx context.Context) (*client, error) {
	addr, err := freeAddr(ctx)
	if err != nil {
		return nil, err
	}
	p, err := s.start(plainCommand, s.root, nil, s.self, plainCommand, addr)
	if err != nil {
		return nil, err
	}
	c := newClient("http://"+addr, 1)
	return c, poll(ctx, readyPause, func() (bool, error) {
		return c.do(ctx, http.MethodGet, "/", "", nil, nil) == nil, p.alive()
	})
}

// servePlain answers everything with a few hundred bytes.
func servePlain(addr string) error {
	answer := []byte(`{"text":"` + strings.Repeat("x", 500) + `"}`)
	server := &http.Server{Addr: addr, ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(answer)
	})}
	return server.ListenAndServe()
}
