package redistest

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// Follow makes s a replica of master and returns once it has its data.
func (s *Server) Follow(master *Server) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), startTimeout)
	defer cancel()
	err := s.Client(s.t).ReplicaOf(ctx, "127.0.0.1", fmt.Sprint(master.port)).Err()
	if err == nil {
		err = waitFollow(ctx, s.t, []*Server{s})
	}
	if err != nil {
		s.t.Fatalf("follow %s: %v", master.Addr(), err)
	}
}

// waitFollow returns when every one of them is a replica in step with its master.
func waitFollow(ctx context.Context, t testing.TB, replicas []*Server) error {
	for _, n := range replicas {
		if err := waitInfo(ctx, t, []*Server{n}, "role:slave\r\n", "master_link_status:up\r\n"); err != nil {
			return err
		}
	}
	return nil
}

// waitMaster returns when one of them is master.
func waitMaster(ctx context.Context, t testing.TB, of []*Server) error {
	return waitInfo(ctx, t, of, "role:master\r\n")
}

// waitInfo returns when one of the servers that run has all lines in its INFO replication.
func waitInfo(ctx context.Context, t testing.TB, of []*Server, lines ...string) error {
	var clients []*redis.Client
	for _, n := range of {
		if n.proc != nil {
			clients = append(clients, n.Client(t))
		}
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	var said []string
	for {
		said = said[:0]
		for _, client := range clients {
			info, err := client.Info(ctx, "replication").Result()
			if err != nil {
				return fmt.Errorf("ask for the role: %w", err)
			}
			if containsAll(info, lines) {
				return nil
			}
			said = append(said, info)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("%w; they said:\n%s", ctx.Err(), strings.Join(said, "\n"))
		}
	}
}
