// Package proxy stands between a Redis client and its server and loses what a
// network may lose: a request before it arrives, or the answer to one that was
// carried out. It is for tests only, as its parent is.
package proxy

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// Fate is what becomes of a command.
type Fate int

// The fates.
const (
	Pass        Fate = iota // it arrives, and so does its answer
	LoseReply               // it is carried out, then the connection breaks instead of the answer
	LoseRequest             // the connection breaks before it arrives
)

// Proxy is one listener on loopback. Its methods are safe for concurrent use.
type Proxy struct {
	target string
	l      net.Listener
	dials  atomic.Int64
	open   atomic.Int64
	sent   atomic.Int64

	mu    sync.Mutex
	judge func(command []string) Fate
	conns map[net.Conn]bool
}

// Start forwards to the server at target until t ends.
func Start(t testing.TB, target string) *Proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("start proxy: %v", err)
	}
	p := &Proxy{target: target, l: l, conns: map[net.Conn]bool{}}
	p.Judge(nil)
	go p.accept()
	t.Cleanup(func() {
		_ = l.Close() // the test is over
		p.Cut()
	})
	return p
}

// URL is the address as Redis clients write it.
func (p *Proxy) URL() string { return "redis://" + p.l.Addr().String() }

// Judge has every later command judged by f, one at a time; the first word is in
// small letters. Nil: all pass.
func (p *Proxy) Judge(f func(command []string) Fate) {
	if f == nil {
		f = func([]string) Fate { return Pass }
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.judge = f
}

// Cut breaks every connection.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		_ = c.Close() // that is the point
	}
}

// Dials is how many connections were made so far.
func (p *Proxy) Dials() int64 { return p.dials.Load() }

// Open is how many connections there are now.
func (p *Proxy) Open() int64 { return p.open.Load() }

// Sent is how many bytes clients sent so far.
func (p *Proxy) Sent() int64 { return p.sent.Load() }

func (p *Proxy) accept() {
	for client, err := p.l.Accept(); err == nil; client, err = p.l.Accept() {
		p.dials.Add(1)
		go p.serve(client)
	}
}

func (p *Proxy) serve(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", p.target)
	if err != nil {
		return
	}
	defer server.Close()
	p.keep(client, 1)
	defer p.keep(client, -1)

	var silent atomic.Bool // answers no longer reach the client
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		defer client.Close()
		b := make([]byte, 64<<10)
		for {
			n, err := server.Read(b)
			if n > 0 && !silent.Load() {
				_, _ = client.Write(b[:n]) // a client that is gone is noticed by reading from it
			}
			if err != nil {
				return
			}
		}
	}()
	p.forward(client, server.(*net.TCPConn), &silent)
	<-answered
}

func (p *Proxy) keep(c net.Conn, by int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open.Add(by)
	if by > 0 {
		p.conns[c] = true
	} else {
		delete(p.conns, c)
	}
}

// forward hands commands on until one is lost or the client goes. Then the
// server sees the end of what was sent, carries it out, and closes.
func (p *Proxy) forward(client io.Reader, server *net.TCPConn, silent *atomic.Bool) {
	defer func() { _ = server.CloseWrite() }()
	lines := bufio.NewReader(client)
	for {
		raw, words, err := readCommand(lines)
		if err != nil {
			return
		}
		p.sent.Add(int64(len(raw)))
		p.mu.Lock()
		fate := p.judge(words)
		p.mu.Unlock()
		if fate != Pass {
			silent.Store(true)
		}
		if fate == LoseRequest {
			return
		}
		if _, err := server.Write(raw); err != nil || fate == LoseReply {
			return
		}
	}
}

// readCommand reads a RESP array of bulk strings: *<n>, then $<length> and text n times.
func readCommand(r *bufio.Reader) (raw []byte, words []string, err error) {
	n, raw, err := readNumber(r, '*', raw)
	if err != nil {
		return nil, nil, err
	}
	for range n {
		var length int
		if length, raw, err = readNumber(r, '$', raw); err != nil {
			return nil, nil, err
		}
		text := make([]byte, length+2)
		if _, err := io.ReadFull(r, text); err != nil {
			return nil, nil, fmt.Errorf("read command: %w", err)
		}
		raw, words = append(raw, text...), append(words, string(text[:length]))
	}
	if len(words) > 0 {
		words[0] = strings.ToLower(words[0])
	}
	return raw, words, nil
}

func readNumber(r *bufio.Reader, sort byte, raw []byte) (int, []byte, error) {
	line, err := r.ReadBytes('\n')
	if err != nil || line[0] != sort {
		return 0, nil, fmt.Errorf("read command: %q: %w", line, err)
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(line[1:])))
	if err != nil {
		return 0, nil, fmt.Errorf("read command: %w", err)
	}
	return n, append(raw, line...), nil
}
