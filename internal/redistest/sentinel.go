package redistest

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	masterName = "mymaster"
	sentinels  = 3
	quorum     = 2
	// sentinelTimeout bounds the waits for Sentinels to agree. A failover takes about two
	// seconds here: half of one until the master counts as down.
	sentinelTimeout = 30 * time.Second
)

// Sentinel is a master with replicas, and three Sentinels that watch over them.
type Sentinel struct {
	// Nodes are the first master and its replicas. Each may be killed, restarted and paused.
	Nodes []*Server
	// Sentinels are processes of the same sort.
	Sentinels []*Server

	t testing.TB
}

// StartSentinel runs them and returns once the replicas follow and every Sentinel knows them
// and the other two, which takes about three seconds. The args are given to every node, as by [Start].
func StartSentinel(t testing.TB, replicas int, args ...string) *Sentinel {
	t.Helper()
	s := &Sentinel{t: t}
	args = append([]string{"--repl-diskless-sync-delay", "0"}, args...)
	for range replicas + 1 {
		s.Nodes = append(s.Nodes, Start(t, args...))
	}
	for _, n := range s.Nodes[1:] {
		n.Follow(s.Nodes[0])
	}
	master := s.Nodes[0]
	for range sentinels {
		file := filepath.Join(t.TempDir(), "sentinel.conf")
		// Sentinels write what they learn into the file: each has its own.
		text := fmt.Sprintf("sentinel monitor %[1]s 127.0.0.1 %[2]d %[3]d\nsentinel down-after-milliseconds %[1]s 500\n"+
			"sentinel failover-timeout %[1]s 3000\n", masterName, master.port, quorum)
		if p := master.password(); p != "" {
			text += fmt.Sprintf("sentinel auth-pass %s %q\n", masterName, p)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatalf("write a Sentinel's file: %v", err)
		}
		s.Sentinels = append(s.Sentinels, start(&Server{t: t, config: file}, 65535))
	}
	ctx, cancel := context.WithTimeout(t.Context(), sentinelTimeout)
	defer cancel()
	for _, watcher := range s.Sentinels {
		s.wait(ctx, watcher, func(master map[string]string) bool {
			return master["num-slaves"] == strconv.Itoa(replicas) && master["num-other-sentinels"] == strconv.Itoa(sentinels-1)
		})
	}
	return s
}

// URL names the Sentinels in the form that the program's -redis-url takes:
// redis+sentinel://127.0.0.1:7000,127.0.0.1:7001,127.0.0.1:7002/mymaster, with the nodes'
// password if there is one.
func (s *Sentinel) URL() string {
	var hosts []string
	for _, n := range s.Sentinels {
		hosts = append(hosts, n.Addr())
	}
	u := s.Nodes[0].url()
	user := ""
	if u.User != nil {
		user = u.User.String() + "@"
	}
	return "redis+sentinel://" + user + strings.Join(hosts, ",") + "/" + masterName
}

// Master is the node that all Sentinels name now, nil while they do not agree.
func (s *Sentinel) Master() *Server {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), sentinelTimeout)
	defer cancel()
	var named []string
	for _, watcher := range s.Sentinels {
		addr, err := s.ask(watcher).GetMasterAddrByName(ctx, masterName).Result()
		if err != nil {
			s.t.Fatalf("ask a Sentinel for the master: %v", err)
		}
		named = append(named, net.JoinHostPort(addr[0], addr[1]))
	}
	if slices.Sort(named); named[0] != named[len(named)-1] {
		return nil
	}
	return s.node(named[0])
}

// Demote lets the Sentinels make a replica the master while the old one lives on as a
// replica, as an operator does before maintenance. It does not wait: see [Sentinel.WaitFailover].
func (s *Sentinel) Demote() {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), sentinelTimeout)
	defer cancel()
	if err := s.ask(s.Sentinels[0]).Failover(ctx, masterName).Err(); err != nil {
		s.t.Fatalf("ask a Sentinel for a failover: %v", err)
	}
}

// WaitFailover returns when every Sentinel names another master than old.
func (s *Sentinel) WaitFailover(old *Server) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), sentinelTimeout)
	defer cancel()
	for _, watcher := range s.Sentinels {
		s.wait(ctx, watcher, func(master map[string]string) bool { return master["port"] != strconv.Itoa(old.port) })
	}
}

func (s *Sentinel) node(addr string) *Server {
	s.t.Helper()
	for _, n := range s.Nodes {
		if n.Addr() == addr {
			return n
		}
	}
	s.t.Fatalf("the Sentinel names %s, which is none of the nodes", addr)
	return nil
}

func (s *Sentinel) ask(watcher *Server) *redis.SentinelClient {
	c := redis.NewSentinelClient(&redis.Options{Addr: watcher.Addr()})
	s.t.Cleanup(func() { _ = c.Close() }) // the test is over
	return c
}

// wait returns when what the Sentinel says of the master holds.
func (s *Sentinel) wait(ctx context.Context, watcher *Server, holds func(map[string]string) bool) {
	s.t.Helper()
	client := s.ask(watcher)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		master, err := client.Master(ctx, masterName).Result()
		if err == nil && holds(master) {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			s.t.Fatalf("wait for a Sentinel: %v; it said: %v, %v", ctx.Err(), master, err)
		}
	}
}
