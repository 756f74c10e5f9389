package store

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// Vitals is how Redis fares: one server, or the masters of a cluster together.
type Vitals struct {
	Version   string `json:"version" doc:"Of the server; empty for the embedded one." example:"8.0.2"`
	Masters   int    `json:"masters" doc:"How many servers hold tasks."`
	Replicas  int    `json:"replicas" doc:"The least that a master has."`
	UsedBytes int64  `json:"used_bytes" doc:"Memory in use, of all masters."`
	MaxBytes  int64  `json:"max_bytes" doc:"Memory that they may use; 0 when one of them knows no bound."`
	// MemoryShare is nil where it is not told.
	MemoryShare *float64 `json:"memory_share" doc:"How full the fullest master is, from 0 to 1: of what it may use, or of its machine's memory where it knows no bound. Null when it does not say."`
	Eviction    string   `json:"eviction" doc:"What a full one does; anything but noeviction throws tasks away." example:"noeviction"`
	// LatencySeconds is a number of seconds, as in Stats.
	LatencySeconds float64 `json:"latency_seconds" doc:"How long the slowest took to answer a ping."`
}

// Vitals asks Redis how it fares.
func (s *Store) Vitals(ctx context.Context) (Vitals, error) {
	cluster, ok := s.rdb.(*redis.ClusterClient)
	if !ok {
		return nodeVitals(ctx, s.rdb)
	}
	var all Vitals
	var mu sync.Mutex // the masters are asked at the same time
	err := cluster.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error {
		v, err := nodeVitals(ctx, node)
		mu.Lock()
		defer mu.Unlock()
		all = all.and(v)
		return err
	})
	return all, err
}

func (v Vitals) and(other Vitals) Vitals {
	if v.Masters == 0 {
		return other
	}
	if other.Eviction != noEviction {
		v.Eviction = other.Eviction
	}
	v.Masters += other.Masters
	v.Replicas = min(v.Replicas, other.Replicas)
	v.UsedBytes += other.UsedBytes
	if v.MaxBytes > 0 && other.MaxBytes > 0 {
		v.MaxBytes += other.MaxBytes
	} else {
		v.MaxBytes = 0
	}
	if v.MemoryShare == nil || other.MemoryShare != nil && *other.MemoryShare > *v.MemoryShare {
		v.MemoryShare = other.MemoryShare
	}
	v.LatencySeconds = max(v.LatencySeconds, other.LatencySeconds)
	return v
}

// noEviction is the only policy under which Redis keeps what it has accepted.
const noEviction = "noeviction"

func nodeVitals(ctx context.Context, rdb redis.Cmdable) (Vitals, error) {
	asked := time.Now()
	if err := rdb.Ping(ctx).Err(); err != nil {
		return Vitals{}, fmt.Errorf("ping redis: %w", err)
	}
	latency := time.Since(asked)
	info, err := rdb.Info(ctx).Result()
	if err != nil {
		return Vitals{}, fmt.Errorf("ask redis how it fares: %w", err)
	}
	number := func(name string) int64 {
		n, _ := strconv.ParseInt(infoField(info, name), 10, 64) // the embedded one tells little
		return n
	}
	v := Vitals{
		Version: infoField(info, "redis_version"), Masters: 1, Replicas: int(number("connected_slaves")),
		UsedBytes: number("used_memory"), MaxBytes: number("maxmemory"), Eviction: infoField(info, "maxmemory_policy"),
		LatencySeconds: latency.Seconds(),
	}
	if share, ok := memoryShare(info); ok {
		v.MemoryShare = &share
	}
	return v, nil
}

// memoryShare reads INFO's section memory. It gives false where that does not tell.
func memoryShare(info string) (float64, bool) {
	number := func(name string) float64 {
		n, _ := strconv.ParseFloat(infoField(info, name), 64)
		return n
	}
	used, most := number("used_memory"), number("maxmemory")
	if most == 0 {
		most = number("total_system_memory")
	}
	return used / max(1, most), used > 0 && most > 0
}
