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
	Version     string  `json:"version" doc:"Of the server; empty for the embedded one." example:"8.0.2"`
	Masters     int     `json:"masters" doc:"How many servers hold tasks."`
	Replicas    int     `json:"replicas" doc:"The least that a master has."`
	UsedBytes   int64   `json:"used_bytes" doc:"Memory in use, of all masters."`
	MaxBytes    int64   `json:"max_bytes" doc:"Memory that they may use; 0 when one of them knows no bound."`
	MemoryShare float64 `json:"memory_share" doc:"How full the fullest master is, from 0 to 1; 0 when it knows no bound."`
	Eviction    string  `json:"eviction" doc:"What a full one does; anything but noeviction throws tasks away." example:"noeviction"`
	LatencyMS   float64 `json:"latency_ms" doc:"How long the slowest took to answer, in milliseconds."`
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
	v.MemoryShare = max(v.MemoryShare, other.MemoryShare)
	v.LatencyMS = max(v.LatencyMS, other.LatencyMS)
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
		LatencyMS: float64(latency.Microseconds()) / 1000,
	}
	if v.MaxBytes > 0 {
		v.MemoryShare = float64(v.UsedBytes) / float64(v.MaxBytes)
	}
	return v, nil
}
