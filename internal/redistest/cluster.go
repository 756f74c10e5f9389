package redistest

import (
	"context"
	"fmt"
	"slices"
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

// Cluster is a Redis Cluster of masters that share all slots evenly.
type Cluster struct {
	// Nodes are the first masters in the order of their slots. Each may be killed, restarted
	// and paused by itself; a restarted node is a member again.
	Nodes []*Server
	// Replicas are those of the first node, then those of the second, and so on.
	Replicas []*Server
}

// StartCluster runs masters redis-server processes as one cluster without replicas and
// returns once every node says that the cluster is well, which takes about three seconds.
// The args are given to every node, as by [Start].
func StartCluster(t testing.TB, masters int, args ...string) *Cluster {
	t.Helper()
	return StartReplicatedCluster(t, masters, 0, args...)
}

// StartReplicatedCluster is [StartCluster] with replicas for each master. It returns once all
// of them follow. Three masters is the least that can agree on a failover.
func StartReplicatedCluster(t testing.TB, masters, replicas int, args ...string) *Cluster {
	t.Helper()
	if masters < 1 || replicas < 0 {
		t.Fatalf("start a cluster: want 1 master or more and no less than 0 replicas, got %d and %d", masters, replicas)
	}
	args = append([]string{
		"--cluster-enabled", "yes",
		"--cluster-announce-ip", "127.0.0.1",
		"--cluster-node-timeout", "2000",
		"--repl-diskless-sync-delay", "0",
	}, args...)
	c := &Cluster{}
	for range masters {
		c.Nodes = append(c.Nodes, start(&Server{t: t, args: args}, 65535-clusterBusOffset))
	}
	for range masters * replicas {
		c.Replicas = append(c.Replicas, start(&Server{t: t, args: args}, 65535-clusterBusOffset))
	}
	ctx, cancel := context.WithTimeout(t.Context(), clusterTimeout)
	defer cancel()
	err := c.join(ctx, t)
	if err == nil && replicas > 0 {
		err = c.follow(ctx, t, replicas)
	}
	if err != nil {
		t.Fatalf("start a cluster of %d with %d replicas each: %v", masters, replicas, err)
	}
	return c
}

// WaitFailover returns when one of the dead master's replicas has taken its place, as that
// replica says itself: clients may take a moment longer to find it.
func (c *Cluster) WaitFailover(t testing.TB, dead *Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), clusterTimeout)
	defer cancel()
	each := len(c.Replicas) / len(c.Nodes)
	i := slices.Index(c.Nodes, dead)
	if err := waitMaster(ctx, t, c.Replicas[i*each:(i+1)*each]); err != nil {
		t.Fatalf("wait until a replica of node %d is master: %v", i, err)
	}
}

// URL names all nodes in the form that the program's -redis-url takes:
// redis+cluster://127.0.0.1:7000?addr=127.0.0.1:7001&addr=127.0.0.1:7002.
func (c *Cluster) URL() string {
	u := c.Nodes[0].url()
	u.Scheme = "redis+cluster"
	var others []string
	for _, n := range append(c.Nodes[1:len(c.Nodes):len(c.Nodes)], c.Replicas...) {
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
	for i, n := range c.Replicas {
		if err := clients[0].ClusterMeet(ctx, "127.0.0.1", strconv.Itoa(n.port)).Err(); err != nil {
			return fmt.Errorf("introduce replica %d: %w", i, err)
		}
		clients = append(clients, n.Client(t))
	}
	for i, client := range clients {
		if err := waitClusterOK(ctx, client, len(clients)); err != nil {
			return fmt.Errorf("wait for node %d: %w", i, err)
		}
	}
	return nil
}

// follow makes the replicas, as many for each master, follow.
func (c *Cluster) follow(ctx context.Context, t testing.TB, each int) error {
	for i, n := range c.Replicas {
		master, err := c.Nodes[i/each].Client(t).ClusterMyID(ctx).Result()
		if err != nil {
			return fmt.Errorf("ask node %d for its id: %w", i/each, err)
		}
		if err := n.Client(t).ClusterReplicate(ctx, master).Err(); err != nil {
			return fmt.Errorf("make replica %d follow: %w", i, err)
		}
	}
	return waitFollow(ctx, t, c.Replicas)
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
