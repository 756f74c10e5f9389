// Package scheduler does what must happen although nobody asks: tasks whose
// time has come, attempts whose worker is gone, records kept long enough. Any
// number of processes may do it at once.
package scheduler

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"windlass/internal/store"
)

const (
	// trimInterval is how often old records are looked for.
	trimInterval = 10 * time.Second
	// careEvery is how many of those intervals pass between looks at what changes rarely.
	careEvery = 6
)

// Config sets a scheduler up. Every field is needed.
type Config struct {
	Store *store.Store
	Log   *slog.Logger
}

// Run works until ctx ends and returns nil. What fails is logged and tried again.
func Run(ctx context.Context, c Config) error {
	c.Log.Info("scheduler started")
	kept := make(chan struct{})
	go func() {
		defer close(kept)
		c.Store.KeepUp(ctx, c.Store.Queues, nil, c.Log)
	}()
	tick := time.NewTicker(trimInterval)
	defer tick.Stop()
	for turn := 0; ctx.Err() == nil; turn++ {
		if err := c.turn(ctx, turn); err != nil && ctx.Err() == nil {
			c.Log.Error("scheduler's turn failed", "error", err)
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
	<-kept
	return nil
}

func (c Config) turn(ctx context.Context, turn int) error {
	if turn%careEvery == 0 {
		if err := c.care(ctx); err != nil {
			return err
		}
	}
	for {
		removed, more, err := c.Store.Trim(ctx)
		if removed > 0 {
			c.Log.Info("old tasks removed", "tasks", removed)
		}
		if err != nil || !more {
			return err
		}
	}
}

// care makes good what a failover or a dead process may have left behind.
func (c Config) care(ctx context.Context) error {
	queues, err := c.Store.Queues(ctx)
	if err != nil {
		return err
	}
	return errors.Join(c.Store.SyncClock(ctx), c.Store.Register(ctx, queues), c.Store.ForgetWorkers(ctx))
}
