// Package scheduler does what must happen although nobody asks: tasks whose
// time has come, attempts whose worker is gone, records that nothing carries,
// records kept long enough. Any number of processes may run it; one leads.
package scheduler

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"windlass/internal/store"
)

const (
	// leadInterval is how often the lead is asked for or kept.
	leadInterval = store.LeadTerm / 3
	// keepInterval is how often the leader looks for what time demands. Workers
	// look for themselves; this is for queues that have none.
	keepInterval = 2 * time.Second
	// sweepInterval is how often records are compared with what stands beside them.
	sweepInterval = 5 * time.Second
	// wholeEvery is how many sweeps pass between two that read everything that waits.
	wholeEvery = 120
	// trimEvery is how many sweeps pass between looks for old records.
	trimEvery = 2
	// careEvery is how many sweeps pass between looks at what changes rarely.
	careEvery = 12
)

// Config sets a scheduler up. Every field is needed unless it says otherwise.
type Config struct {
	ID      string // names the process among those that could lead
	Store   *store.Store
	Log     *slog.Logger
	Metrics *Metrics
	// Publish sends what Metrics shows of all processes, as of a time. It returns when that is sent,
	// or with ctx's error. It is called once a Period, while this process leads. Nil: nobody wants it.
	Publish func(ctx context.Context, at time.Time) error
}

// Run works until ctx ends and returns nil. What fails is logged and tried again.
func Run(ctx context.Context, c Config) error {
	s := &scheduler{Config: c}
	c.Log.Info("scheduler started", "scheduler", s.ID)
	tick := time.NewTicker(leadInterval)
	defer tick.Stop()
	for ctx.Err() == nil {
		s.lead(ctx)
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
	s.stand()
	leave, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if err := c.Store.GiveUpLead(leave, s.ID); err != nil {
		c.Log.Warn("the lead ends by itself in a while", "error", err)
	}
	return nil
}

// scheduler is one process that leads or stands by.
type scheduler struct {
	Config

	now    store.Lead         // what it last heard of the lead
	stop   context.CancelFunc // ends the duties; nil while it stands by
	duties sync.WaitGroup
}

// lead asks for the lead and begins or ends the duties that come with it. They
// end with the term even when Redis cannot be asked.
func (s *scheduler) lead(ctx context.Context) {
	asked, cancel := context.WithTimeout(ctx, leadInterval)
	defer cancel()
	l, err := s.Store.Lead(asked, s.ID)
	if err != nil {
		if ctx.Err() == nil {
			s.Log.Error("the lead could not be asked for", "error", err)
		}
		if l = s.now; !time.Now().Before(l.Until.Add(-leadInterval)) { // it would end before the next look
			l = store.Lead{}
		}
	}
	if l.Number != s.now.Number {
		s.stand()
		if l.Number > 0 {
			s.begin(ctx, l.Number)
		}
	}
	if l.Number == 0 && l.Holder != s.now.Holder {
		s.Log.Info("scheduler stands by", "scheduler", s.ID, "leader", l.Holder)
	}
	s.now = l
}

// stand ends the duties and waits for them.
func (s *scheduler) stand() {
	if s.stop == nil {
		return
	}
	s.stop()
	s.stop = nil
	s.duties.Wait()
	s.Metrics.leads.Set(0)
}

func (s *scheduler) begin(ctx context.Context, number int64) {
	s.Log.Info("scheduler leads", "scheduler", s.ID, "lead", number)
	s.Metrics.leads.Set(1)
	ctx, s.stop = context.WithCancel(ctx)
	s.duties.Go(func() {
		s.Store.KeepUp(ctx, store.Keeping{Queues: s.Store.Queues, Every: keepInterval, Log: s.Log})
	})
	s.duties.Go(func() { s.sweepOn(ctx, number) })
	s.duties.Go(func() { s.publishOn(ctx, number) })
}

// sweepOn sweeps, trims and cares at intervals until ctx ends.
func (s *scheduler) sweepOn(ctx context.Context, number int64) {
	tick := time.NewTicker(sweepInterval)
	defer tick.Stop()
	for turn := 0; ctx.Err() == nil; turn++ {
		if err := s.turn(ctx, number, turn); err != nil && ctx.Err() == nil {
			s.Log.Error("scheduler's turn failed", "error", err)
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}

func (s *scheduler) turn(ctx context.Context, number int64, turn int) error {
	var failed error
	if turn%careEvery == 0 {
		failed = s.care(ctx)
	}
	failed = errors.Join(failed, s.sweep(ctx, number, turn%wholeEvery == 0))
	if turn%trimEvery == 0 {
		failed = errors.Join(failed, s.trim(ctx))
	}
	return failed
}

func (s *scheduler) sweep(ctx context.Context, number int64, whole bool) error {
	queues, err := s.Store.Queues(ctx)
	for _, q := range queues {
		done, failed := s.Store.Sweep(ctx, q, number, whole)
		s.Metrics.count(done)
		if done.Total() > 0 {
			s.Log.Warn("sweeper put records right", "queue", q,
				"carried", done.Carried, "timed", done.Timed, "leased", done.Leased, "indexed", done.Indexed)
		}
		err = errors.Join(err, failed)
	}
	return err
}

func (s *scheduler) trim(ctx context.Context) error {
	for {
		removed, more, err := s.Store.Trim(ctx)
		if removed > 0 {
			s.Log.Info("old tasks removed", "tasks", removed)
		}
		if err != nil || !more {
			return err
		}
	}
}

// care makes good what a failover or a dead process may have left behind.
func (s *scheduler) care(ctx context.Context) error {
	queues, err := s.Store.Queues(ctx)
	if err != nil {
		return err
	}
	err = s.Store.Register(ctx, queues)
	forgotten, failed := s.Store.ForgetQueues(ctx)
	if len(forgotten) > 0 {
		s.Log.Info("queues that nobody used were forgotten", "queues", forgotten)
	}
	return errors.Join(err, failed, s.Store.ForgetGone(ctx))
}
