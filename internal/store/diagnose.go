package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// Diagnosis is what a Redis says of itself, and how it is reached. On a cluster
// numbers are those of the master that fares worst.
type Diagnosis struct {
	Version string
	TLS     bool
	User    string        // empty: the default one
	Latency time.Duration // of one question, the median of several
	Ahead   time.Duration // this machine's clock before Redis's; negative: behind
	// UsedMemory and MaxMemory are bytes. MaxMemory 0 means no bound is set.
	UsedMemory, MaxMemory int64
	Evicted               int64 // keys thrown away for want of room, since its start
	AppendOnly            bool  // writes go to a file before anybody asks for a snapshot
	Warnings              []string
}

// pings is how many questions Latency is the median of.
const pings = 15

// Diagnose asks the Redis at a what Check asks, and how it fares. The error is
// Check's; Warnings are its warnings, with what replicas means there.
func Diagnose(ctx context.Context, a Address, replicas int) (d Diagnosis, err error) {
	u, err := parseURL(a.URL)
	if err != nil {
		return d, err
	}
	rdb, err := Connect(a)
	if err != nil {
		return d, err
	}
	defer func() { err = errors.Join(err, rdb.Close()) }()
	d.TLS, d.User = u.secure, a.Username
	if d.User == "" {
		d.User = u.user.Username()
	}
	if d.Warnings, err = Check(ctx, rdb, replicas); err != nil {
		return d, err
	}
	return d, explain(d.ask(ctx, rdb))
}

func (d *Diagnosis) ask(ctx context.Context, rdb redis.UniversalClient) error {
	var mu sync.Mutex // the masters are asked at the same time
	node := func(ctx context.Context, node *redis.Client) error {
		one, err := askNode(ctx, node)
		mu.Lock()
		defer mu.Unlock()
		d.Version = one.Version
		d.AppendOnly = one.AppendOnly
		d.Latency, d.Evicted = max(d.Latency, one.Latency), max(d.Evicted, one.Evicted)
		if one.Ahead.Abs() >= d.Ahead.Abs() {
			d.Ahead = one.Ahead
		}
		if one.fill() >= d.fill() {
			d.UsedMemory, d.MaxMemory = one.UsedMemory, one.MaxMemory
		}
		return err
	}
	switch c := rdb.(type) {
	case *redis.ClusterClient:
		return c.ForEachMaster(ctx, node)
	case *redis.Client:
		return node(ctx, c)
	}
	return fmt.Errorf("a client of type %T", rdb)
}

// fill is the share of the memory that is used; without a bound more is more.
func (d *Diagnosis) fill() float64 {
	return float64(d.UsedMemory) / float64(max(d.MaxMemory, 1))
}

func askNode(ctx context.Context, rdb *redis.Client) (d Diagnosis, err error) {
	var took []time.Duration
	for range pings {
		before := time.Now()
		now, err := rdb.Time(ctx).Result()
		if err != nil {
			return d, fmt.Errorf("ask redis for its time: %w", err)
		}
		took = append(took, time.Since(before))
		d.Ahead = before.Add(took[len(took)-1] / 2).Sub(now)
	}
	slices.Sort(took)
	d.Latency = took[len(took)/2]
	info, err := rdb.Info(ctx).Result()
	if err != nil {
		return d, fmt.Errorf("ask redis what it is: %w", err)
	}
	number := func(name string) int64 {
		n, _ := strconv.ParseInt(infoField(info, name), 10, 64) // 0 where it is not told
		return n
	}
	d.Version, d.AppendOnly = infoField(info, "redis_version"), infoField(info, "aof_enabled") == "1"
	d.UsedMemory, d.MaxMemory, d.Evicted = number("used_memory"), number("maxmemory"), number("evicted_keys")
	return d, nil
}
