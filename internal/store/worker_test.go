package store

import (
	"slices"
	"time"

	"github.com/google/go-cmp/cmp"
)

func testWorkers(e *env) {
	w := Worker{ID: "w2", Host: "h", PID: 7, Version: "v1", StartedAt: e.Now().UTC().Truncate(time.Millisecond),
		Queues: map[string]int{"default": 3}, Concurrency: 10, Active: 2}
	e.ok(e.Beat(e.ctx, w))
	e.ok(e.Beat(e.ctx, Worker{ID: "w1"}))
	got, err := e.Workers(e.ctx)
	e.ok(err)
	if len(got) != 2 || got[0].ID != "w1" || e.Now().Sub(got[1].SeenAt) > WorkerTTL {
		e.t.Fatalf("workers: %+v", got)
	}
	w.SeenAt = got[1].SeenAt
	if diff := cmp.Diff(w, got[1]); diff != "" {
		e.t.Errorf("worker (-want +got):\n%s", diff)
	}
	e.ok(e.Leave(e.ctx))
	e.ok(e.Leave(e.ctx, "w1", "unknown"))

	quiet := e.with(Options{}) // its clock stands 11 s, then 101 s back
	for _, back := range []time.Duration{WorkerTTL + time.Second, 10*WorkerTTL + time.Second} {
		quiet.skew.Store(-back.Milliseconds())
		e.ok(quiet.Beat(e.ctx, w))
		if got, err := e.Workers(e.ctx); err != nil || len(got) != 0 {
			e.t.Errorf("silent for %s: still listed: %v, %v", back, got, err)
		}
		e.ok(e.ForgetGone(e.ctx))
		kept := e.rdb.HLen(e.ctx, workers.key()).Val()
		if forgotten := back > 10*WorkerTTL; (kept == 0) != forgotten {
			e.t.Errorf("silent for %s: %d kept", back, kept)
		}
	}
}

func testQueues(e *env) {
	for _, q := range []string{"b", "a", "b"} {
		e.submit(func(s *Submission) { s.Queue = q })
	}
	for _, key := range []string{queuesKey, "asynq:queues"} { // lost in a failover
		e.ok(e.rdb.Del(e.ctx, key).Err())
	}
	if got, err := e.Queues(e.ctx); err != nil || len(got) != 0 {
		e.t.Errorf("lost: got %v, %v", got, err)
	}
	e.ok(e.Register(e.ctx, []string{"b", "a"}))
	for range 2 {
		if got, err := e.Queues(e.ctx); err != nil || !slices.Equal(got, []string{"a", "b"}) {
			e.t.Errorf("queues: got %v, %v", got, err)
		}
	}
	if got := sorted(e.rdb.SMembers(e.ctx, "asynq:queues").Val()); !slices.Equal(got, []string{"a", "b"}) {
		e.t.Errorf("asynq knows %v", got)
	}
}

func testClock(e *env) {
	e.skew.Store(time.Hour.Milliseconds())
	e.ok(e.SyncClock(e.ctx))
	if off := time.Until(e.Now()); off < -time.Second || off > time.Second {
		e.t.Errorf("Redis's clock on this machine is %s off", off)
	}
	e.ok(e.Ping(e.ctx))
	if e.Lease() != time.Hour {
		e.t.Errorf("lease: %s", e.Lease())
	}
}
