package main

import (
	"context"
	"fmt"
	"time"

	"windlass/internal/store"
)

// askStore gives what look finds in the store; nothing when that cannot be had, which is said of Redis.
func askStore(ctx context.Context, c config, look func(*store.Store) []finding) []finding {
	if c.redis.URL == "" || !c.needsRedis() {
		return nil
	}
	client, err := store.Connect(c.redis)
	if err != nil {
		return nil
	}
	defer func() { _ = client.Close() }()
	s, err := store.New(client, store.Options{})
	if err != nil {
		return []finding{{fault, err.Error(), ""}}
	}
	if s.SyncClock(ctx) != nil {
		return nil
	}
	return look(s)
}

func lookAtWorkers(ctx context.Context, c config) []finding {
	return askStore(ctx, c, func(s *store.Store) []finding { return crewOf(ctx, s) })
}

// lookAtTokens looks whether an admin can come in, now and for a while, when only tokens let anybody in.
func lookAtTokens(ctx context.Context, c config) []finding {
	if !c.tokensOnly || c.oidc.admits() {
		return nil
	}
	return askStore(ctx, c, func(s *store.Store) []finding {
		k, err := s.Keyholders(ctx)
		if err != nil {
			return nil
		}
		trouble := k.Trouble(s.Now())
		switch {
		case !k.Any:
			return []finding{{fault, trouble, "no process with the role api starts until then"}}
		case trouble != "":
			return []finding{{warning, trouble, ""}}
		}
		return []finding{{verdict: well, found: "an admin's is valid until " + k.AdminUntil.Format(time.DateOnly)}}
	})
}

func crewOf(ctx context.Context, s *store.Store) []finding {
	workers, err := s.Workers(ctx)
	if err != nil {
		return nil // said of Redis
	}
	slots := 0
	for _, w := range workers {
		slots += w.Concurrency
	}
	if len(workers) == 0 {
		return []finding{{warning, "no worker gave a sign of life within 10 s: tasks wait", "start one: windlass -role worker"}}
	}
	return []finding{{verdict: well, found: fmt.Sprintf("%d alive, room for %d tasks at once, serving %d queues", len(workers), slots, len(store.ServedQueues(workers)))}}
}
