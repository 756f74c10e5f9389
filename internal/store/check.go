package store

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"
)

// Check asks the server whether Windlass can rely on it: that it is reached, of
// the kind that the address says, new enough, and lets this user do what Windlass does.
// The error says in words for the operator why it cannot be relied on; warnings are sentences for them.
// replicas is what Options.Replicas will be.
func Check(ctx context.Context, rdb redis.UniversalClient, replicas int) (warnings []string, err error) {
	if err := reach(ctx, rdb); err != nil {
		return nil, explain(err)
	}
	if c, ok := rdb.(*redis.ClusterClient); ok {
		var mu sync.Mutex // the masters are asked at the same time
		err = c.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error {
			w, err := checkNode(ctx, node, true, replicas)
			mu.Lock()
			defer mu.Unlock()
			if len(w) > 0 {
				warnings = w // one faulty master is enough, and they have the same words
			}
			return err
		})
	} else {
		warnings, err = checkNode(ctx, rdb, false, replicas)
	}
	if err == nil {
		err = permitted(ctx, rdb)
	}
	if full(err) { // what can free it is here: workers that end tasks, an API that deletes them
		return append(warnings, "Redis is full: its maxmemory is used up. No task is taken until some have ended and are removed."), nil
	}
	return warnings, explain(err)
}

// reach makes one connection without go-redis's tries around it, which would end
// in a timeout and hide why.
func reach(ctx context.Context, rdb redis.UniversalClient) error {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	network, addrs := "tcp", []string(nil)
	var dial func(context.Context, string, string) (net.Conn, error)
	switch c := rdb.(type) {
	case *redis.ClusterClient:
		dial, addrs = c.Options().Dialer, c.Options().Addrs
	case *redis.Client: // behind Sentinels its dialer asks them first
		o := c.Options()
		network, dial, addrs = o.Network, o.Dialer, []string{o.Addr}
	}
	if dial == nil {
		return nil
	}
	var failed error
	for _, addr := range addrs {
		conn, err := dial(ctx, network, addr)
		if err == nil {
			_ = conn.Close() // that it opened is all
			return nil
		}
		failed = errors.Join(failed, err)
	}
	return failed
}

func checkNode(ctx context.Context, rdb redis.Cmdable, cluster bool, replicas int) (warnings []string, err error) {
	info, err := rdb.Info(ctx).Result()
	if err != nil {
		return nil, fmt.Errorf("ask redis what it is: %w", err)
	}
	version := infoField(info, "redis_version")
	switch {
	case version == "":
		return nil, nil // miniredis tells none
	case infoField(info, "redis_mode") == "sentinel":
		return nil, errors.New("this is a Sentinel, not a Redis: write redis+sentinel://host:26379/mymaster")
	case !cluster && infoField(info, "cluster_enabled") == "1":
		return nil, errors.New("this Redis is a node of a cluster: write redis+cluster://, or rediss+cluster:// for TLS")
	case !atLeast(version, 6, 2):
		return nil, fmt.Errorf("this Redis is version %s; Windlass needs 6.2 or newer, or Valkey", version)
	}
	if policy := infoField(info, "maxmemory_policy"); policy != "" && policy != noEviction {
		warnings = append(warnings, fmt.Sprintf("Redis may throw accepted tasks away: maxmemory-policy is %s. Set it to noeviction.", policy))
	}
	return append(warnings, waitWarning(infoField(info, "connected_slaves"), replicas)...), nil
}

// waitWarning compares how many replicas follow a master with how many are waited for. A failover
// may make any of them the master: what it was not waited for is then lost.
func waitWarning(following string, replicas int) []string {
	n, err := strconv.Atoi(following)
	switch {
	case replicas == 0 || err != nil || n == replicas: // a Redis that does not say is not judged
		return nil
	case n < replicas:
		return []string{fmt.Sprintf("No task is accepted: -wait-replicas is %d, and Redis has %d.", replicas, n)}
	}
	return []string{fmt.Sprintf("A failover may lose accepted tasks: Redis has %d replicas, and -wait-replicas is %d. Set it to %[1]d.", n, replicas)}
}

// permitted tries once what is asked of Redis at every turn: scripts that write
// Windlass's keys and asynq's, and both their channels.
func permitted(ctx context.Context, rdb redis.UniversalClient) error {
	script := redis.NewScript(`redis.call('SET', KEYS[1], '1', 'PX', 60000)
redis.call('PUBLISH', KEYS[1], '')
return redis.call('EXISTS', 'asynq:{ready}')`)
	if err := script.Run(ctx, rdb, []string{readyKey}).Err(); err != nil {
		return fmt.Errorf("run a script: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	sub := rdb.Subscribe(ctx, readyKey, "asynq:cancel")
	defer func() { _ = sub.Close() }()
	for range 2 {
		if _, err := sub.ReceiveTimeout(ctx, answerTimeout); err != nil {
			return fmt.Errorf("subscribe: %w", err)
		}
	}
	return nil
}

func infoField(info, name string) string {
	for line := range strings.Lines(info) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func atLeast(version string, major, minor int) bool {
	parts := strings.SplitN(version, ".", 3)
	if len(parts) < 2 {
		return false
	}
	a, err1 := strconv.Atoi(parts[0])
	b, err2 := strconv.Atoi(parts[1])
	return err1 == nil && err2 == nil && (a > major || a == major && b >= minor)
}
