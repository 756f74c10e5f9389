package chaos

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"windlass/internal/redistest"
)

// backend is the Redis of a scenario. Only what its topology has is set.
type backend struct {
	urls map[string][]string // -redis-url by role, for the processes of the role in turn

	server  *redistest.Server
	proxies map[string][]*proxy // by role, one for each process

	nodes   []*redistest.Server        // masters and replicas
	masters func() []*redistest.Server // as they are now; the first one keeps the tasks
}

// direct is a backend that every process finds under the same address.
func direct(url string) *backend {
	return &backend{urls: map[string][]string{roleAPI: {url}, roleWorker: {url}}}
}

// single is one redis-server with its append-only file. fsync says when what was written
// must have reached the disk: always (before the answer) or everysec.
func single(fsync string) func(*testing.T) *backend {
	return func(t *testing.T) *backend {
		s := redistest.Start(t, "--appendonly", "yes", "--appendfsync", fsync)
		b := direct(s.URL())
		b.server = s
		return b
	}
}

// watched is a master and two replicas under Sentinels. Replication is asynchronous: what
// was acknowledged in the last moment before the master's death may be unknown to the others.
func watched(t *testing.T) *backend {
	s := redistest.StartSentinel(t, 2, "--appendonly", "yes")
	b := direct(s.URL())
	b.nodes = s.Nodes
	b.masters = func() []*redistest.Server {
		if m := s.Master(); m != nil {
			return []*redistest.Server{m}
		}
		return nil
	}
	return b
}

// sharded is a cluster of three masters, each with a replica. The keys that make requests
// idempotent are spread over all of them.
func sharded(t *testing.T) *backend {
	c := redistest.StartReplicatedCluster(t, 3, 1, "--appendonly", "yes")
	b := direct(c.URL())
	b.nodes = slices.Concat(c.Nodes, c.Replicas)
	b.masters = func() []*redistest.Server { return clusterMasters(t, c, b.nodes) }
	return b
}

// clusterMasters asks with a new client, because one that is in use stays with what it
// knows. It gives nil when the cluster cannot tell.
func clusterMasters(t *testing.T, c *redistest.Cluster, nodes []*redistest.Server) []*redistest.Server {
	t.Helper()
	client := c.Client(t)
	first, err := client.MasterForKey(t.Context(), "{default}")
	if err != nil {
		return nil
	}
	addrs := make(chan string, len(nodes))
	err = client.ForEachMaster(t.Context(), func(_ context.Context, m *redis.Client) error {
		addrs <- m.Options().Addr
		return nil
	})
	if err != nil {
		return nil
	}
	close(addrs)
	var masters []*redistest.Server
	for addr := range addrs {
		i := slices.IndexFunc(nodes, func(n *redistest.Server) bool { return n.Addr() == addr })
		at := len(masters)
		if addr == first.Options().Addr {
			at = 0
		}
		masters = slices.Insert(masters, at, nodes[i])
	}
	return masters
}

// distant is single("always") behind a proxy for each process. Every call takes its time,
// so that trouble meets many that are under way.
func distant(t *testing.T) *backend {
	s := redistest.Start(t, "--appendonly", "yes", "--appendfsync", "always")
	b := &backend{server: s, urls: map[string][]string{}, proxies: map[string][]*proxy{}}
	for role, n := range map[string]int{roleAPI: fronts, roleWorker: workers} {
		for range n {
			p := startProxy(t, s.Addr())
			b.proxies[role] = append(b.proxies[role], p)
			b.urls[role] = append(b.urls[role], "redis://"+p.addr())
		}
	}
	b.set(network{}, b.network())
	return b
}

// network gives all proxies.
func (b *backend) network() []*proxy {
	return slices.Concat(b.proxies[roleAPI], b.proxies[roleWorker])
}

// set makes the network of some proxies as it says, and distant in any case.
func (b *backend) set(n network, some []*proxy) {
	n.delay = max(n.delay, 10*time.Millisecond)
	for _, p := range some {
		p.set(n)
	}
}

// mend makes every network as good as it can be.
func (b *backend) mend() {
	for _, p := range b.network() {
		p.set(network{})
	}
}
