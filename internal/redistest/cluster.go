package redistest

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	clusterSlots = 16384
	// clusterTimeout bounds the wait for the nodes to agree. A new master holds back for
	// two seconds by Redis's own rule (CLUSTER_WRITABLE_DELAY), so three are usual.
	clusterTimeout = 30 * time.Second
	// The nodes talk to each other on their port plus this; only Redis 7 can move it.
	clusterBusOffset = 10000
)

// Cluster is a Redis Cluster of masters that share all slots evenly, without replicas.
type Cluster struct {
	// Nodes are the masters in the order of their slots. Each may be killed, restarted and
	// paused by itself; a restarted node is a member again.
	Nodes []*Server
}

// StartCluster runs masters redis-server processes as one cluster and returns once every
// node says that the cluster is well, which takes about three seconds. The args are given
// to every node, as by [Start].
func StartCluster(t testing.TB, masters int, args ...string) *Cluster {
	t.Helper()
	if masters < 1 {
		t.Fatalf("start a cluster: want 1 master or more, got %d", masters)
	}
	args = append([]string{
		"--cluster-enabled", "yes",
		"--cluster-announce-ip", "127.0.0.1",
		"--cluster-node-timeout", "2000",
	}, args...)
	c := &Cluster{}
	for range masters {
		c.Nodes = append(c.Nodes, start(t, 65535-clusterBusOffset, args))
	}
	ctx, cancel := context.WithTimeout(t.Context(), clusterTimeout)
	defer cancel()
	if err := c.join(ctx, t); err != nil {
		t.Fatalf("start a cluster of %d: %v", masters, err)
	}
	return c
}

// URL names all nodes in the form that the program's -redis-url takes:
// redis+cluster://127.0.0.1:7000?addr=127.0.0.1:7001&addr=127.0.0.1:7002.
func (c *Cluster) URL() string {
	u := c.Nodes[0].url()
	u.Scheme = "redis+cluster"
	var others []string
	for _, n := range c.Nodes[1:] {
		others = append(others, "addr="+n.Addr())
	}
	u.RawQuery = strings.Join(others, "&")
	return u.String()
}

// Client returns a client of the whole cluster, closed when t ends.
func (c *Cluster) Client(t testing.TB) *redis.ClusterClient {
	t.Helper()
	opts := &redis.ClusterOptions{Password: c.Nodes[0].password()}
	for _, n := range c.Nodes {
		opts.Addrs = append(opts.Addrs, n.Addr())
	}
	client := redis.NewClusterClient(opts)
	t.Cleanup(func() {
		if err := client.Close(); err != nil {
			t.Errorf("close cluster client: %v", err)
		}
	})
	return client
}

// join does what `redis-cli --cluster create` does, so that redis-cli is not needed.
func (c *Cluster) join(ctx context.Context, t testing.TB) error {
	var clients []*redis.Client
	for i, n := range c.Nodes {
		client := n.Client(t)
		clients = append(clients, client)
		// Distinct epochs spare the nodes from settling it among themselves. They can be
		// set only while a node is alone.
		if err := client.Do(ctx, "cluster", "set-config-epoch", i+1).Err(); err != nil {
			return fmt.Errorf("set the epoch of node %d: %w", i, err)
		}
		first, last := i*clusterSlots/len(c.Nodes), (i+1)*clusterSlots/len(c.Nodes)-1
		if err := client.ClusterAddSlotsRange(ctx, first, last).Err(); err != nil {
			return fmt.Errorf("give slots %d to %d to node %d: %w", first, last, i, err)
		}
		if i == 0 {
			continue
		}
		if err := clients[0].ClusterMeet(ctx, "127.0.0.1", strconv.Itoa(n.port)).Err(); err != nil {
			return fmt.Errorf("introduce node %d: %w", i, err)
		}
	}
	for i, client := range clients {
		if err := waitClusterOK(ctx, client, len(c.Nodes)); err != nil {
			return fmt.Errorf("wait for node %d: %w", i, err)
		}
	}
	return nil
}

// waitClusterOK returns when the node knows all the others and sees every slot served.
func waitClusterOK(ctx context.Context, client *redis.Client, nodes int) error {
	want := []string{
		"cluster_state:ok\r\n",
		fmt.Sprintf("cluster_slots_ok:%d\r\n", clusterSlots),
		fmt.Sprintf("cluster_known_nodes:%d\r\n", nodes),
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		info, err := client.ClusterInfo(ctx).Result()
		if err != nil {
			return fmt.Errorf("read cluster info: %w", err)
		}
		if containsAll(info, want) {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("%w; it said:\n%s", ctx.Err(), info)
		}
	}
}

func containsAll(s string, parts []string) bool {
	for _, p := range parts {
		if !strings.Contains(s, p) {
			return false
		}
	}
	return true
}
