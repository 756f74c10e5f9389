package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync/atomic"
	"time"
)

const (
	// crowdCommand is the argument that makes this program a crowd, by the plan after it.
	crowdCommand = "crowd"
	allIn        = "all are in"
)

// idly runs a program when nothing else wants the core (SCHED_IDLE): on a machine of its own,
// where rude clients are in truth, the crowd would not compete for the cores at all.
func idly(argv ...string) []string { return append([]string{"chrt", "--idle", "0"}, argv...) }

// crowdPlan is what the crowd is to do.
type crowdPlan struct {
	Addr    string
	Task    string   // a task to look at
	Tokens  []string // viewers', for the streams: each holds perToken of them
	Token   string   // a submitter's, for the rest
	Bots    int      // above zero: so many addresses flood, and nothing else is done
	Only    string   // a behaviour; empty: all
	Without string   // a behaviour that is left out
}

// crowd is the process of the rude clients.
type crowd struct{ *process }

// gather starts the crowd and returns once its streams are open.
func (s *stage) gather(ctx context.Context, w *windlass, plan *crowdPlan, task string) (*crowd, error) {
	plan.Addr, plan.Task = strings.TrimPrefix(w.base, "http://"), task
	plan.Only, plan.Without = s.only, s.without
	var err error
	if plan.Token, err = w.token(ctx, "submitter"); err != nil {
		return nil, err
	}
	for range rudeStreams / perToken {
		token, err := w.token(ctx, "viewer")
		if err != nil {
			return nil, err
		}
		plan.Tokens = append(plan.Tokens, token)
	}
	text, err := json.Marshal(plan)
	if err != nil {
		return nil, err
	}
	p, err := s.start(crowdCommand, s.root, nil, idly(s.self, crowdCommand, string(text))...)
	if err != nil {
		return nil, err
	}
	return &crowd{p}, poll(ctx, 50*time.Millisecond, func() (bool, error) {
		out, err := p.output()
		if err == nil {
			err = p.alive()
		}
		return strings.Contains(out, allIn), err
	})
}

// tally is what the rude clients did so far.
type tally struct {
	answered [6]atomic.Int64 // by the first digit of the status
	cut      atomic.Int64    // connections that ended without an answer
	streams  atomic.Int64    // that are open
}

// heard is how many requests were answered so far, whatever with, and how many streams are open.
func (c *crowd) heard() (answers, streams float64, err error) {
	out, err := c.output()
	if err != nil {
		return 0, 0, err
	}
	whole := out[:strings.LastIndexByte(out, '\n')+1] // the last line may be half written
	lines := strings.Split(strings.TrimSpace(whole), "\n")
	if _, err := fmt.Sscan(lines[len(lines)-1], &answers, &streams); err != nil {
		return 0, 0, fmt.Errorf("read what the crowd says: %w", err)
	}
	return answers, streams, nil
}

// beRude is the life of the process: it ends when it is killed.
func beRude(ctx context.Context, text string, stdout io.Writer) error {
	var plan crowdPlan
	if err := json.Unmarshal([]byte(text), &plan); err != nil {
		return fmt.Errorf("read the crowd's plan: %w", err)
	}
	m := &mob{crowdPlan: plan}
	for _, b := range behaviours() {
		if (plan.Only == "" || plan.Only == b.name) && plan.Without != b.name && b.bots == (plan.Bots > 0) {
			if err := b.start(ctx, m); err != nil {
				return fmt.Errorf("%s: %w", b.name, err)
			}
		}
	}
	fmt.Fprintln(stdout, allIn)
	for ctx.Err() == nil {
		all := int64(0)
		words := ""
		for class := range m.tally.answered {
			n := m.tally.answered[class].Load()
			all += n
			words += fmt.Sprintf(" %dxx:%d", class, n)
		}
		fmt.Fprintf(stdout, "%d %d%s cut:%d\n", all, m.tally.streams.Load(), words, m.tally.cut.Load())
		_ = pause(ctx, 250*time.Millisecond)
	}
	return nil
}

// shares is what processes take of all cores, from its start to its end.
type shares struct {
	server  *process
	crowd   *crowd // nil: none
	began   time.Time
	answers float64
	streams float64
	times   [2]float64
}

func startShares(server *process, c *crowd) (*shares, error) {
	s := &shares{server: server, crowd: c}
	return s, s.read()
}

func (s *shares) read() (err error) {
	s.began = time.Now()
	if s.times[0], err = s.server.cpu(); err != nil || s.crowd == nil {
		return err
	}
	if s.times[1], err = s.crowd.cpu(); err == nil {
		s.answers, s.streams, err = s.crowd.heard()
	}
	return err
}

// end gives the answers a second that the crowd got, and the shares of server and crowd. It is
// an error when streams were lost meanwhile: what they cost would not have been measured.
func (s *shares) end() ([]float64, error) {
	now := &shares{server: s.server, crowd: s.crowd}
	if err := now.read(); err != nil {
		return nil, err
	}
	if lost := s.streams - now.streams; lost > s.streams/100 {
		return nil, fmt.Errorf("%.0f of %.0f event streams were lost", lost, s.streams)
	}
	took := now.began.Sub(s.began).Seconds()
	of := func(i int) float64 { return (now.times[i] - s.times[i]) / took / float64(runtime.NumCPU()) }
	return []float64{(now.answers - s.answers) / took, of(0), of(1)}, nil
}
