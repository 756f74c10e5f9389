package redistest_test

import (
	"testing"

	"windlass/internal/redistest"
)

func TestTLS(t *testing.T) {
	t.Parallel()
	s := redistest.StartTLS(t, redistest.NewAuthority(t), "--requirepass", "secret")
	set(t, s.Client(t), "k", "v")
}

func TestSentinelFailover(t *testing.T) {
	t.Parallel()
	s := redistest.StartSentinel(t, 1, "--requirepass", "secret", "--masterauth", "secret")
	old := s.Master()
	if old != s.Nodes[0] {
		t.Errorf("the master is %s, want %s", old.Addr(), s.Nodes[0].Addr())
	}
	set(t, old.Client(t), "k", "v")
	old.Kill()
	s.WaitFailover(old)
	if now := s.Master(); now != s.Nodes[1] {
		t.Errorf("the master is %s, want the replica %s", now.Addr(), s.Nodes[1].Addr())
	}
	set(t, s.Master().Client(t), "k", "v")
}

func TestClusterFailover(t *testing.T) {
	t.Parallel()
	c := redistest.StartReplicatedCluster(t, 3, 1)
	c.Nodes[1].Kill()
	c.WaitFailover(t, c.Nodes[1])
}
