package scheduler

import (
	"context"
	"fmt"
	"time"
)

const (
	// Period is how often the leader publishes what it knows of all processes. Periods begin at
	// multiples of it since 1970 by Redis's clock. It is longer than a change of the lead takes,
	// store.LeadTerm and leadInterval together, so none is left out because a leader died.
	Period = 15 * time.Second
	// duePause is how long it waits to ask again whether a period is due.
	duePause = time.Second
	// publishTimeout bounds what a publication may take beyond the end of the lead.
	publishTimeout = 3 * time.Second
)

// publishOn publishes each period once until ctx ends. The leader before may have published the
// present one: Redis remembers the last.
func (s *scheduler) publishOn(ctx context.Context, number int64) {
	defer s.Metrics.fleet.Store(nil)
	var told time.Time // the last period that was handed on here
	said := ""         // of a fault that lasts, once
	for ctx.Err() == nil {
		wait := duePause
		start, err := s.publish(ctx, number, told)
		switch {
		case err == nil && start.After(told):
			said = ""
		case err != nil && err.Error() != said && ctx.Err() == nil:
			said = err.Error()
			s.Log.Error("what is known of all processes could not be published", "error", err)
		}
		if start.After(told) {
			told = start
			wait = max(duePause/10, start.Add(Period).Sub(s.Store.Now()))
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
	}
}

// publish publishes the present period, if that is due and not done here already. It gives the
// start of the period that was handed on, zero if none was: a period that was handed on and could
// not be sent is not handed on again, because it waits in the spool and would be there twice.
func (s *scheduler) publish(ctx context.Context, number int64, told time.Time) (time.Time, error) {
	start, due, err := s.Store.DuePeriod(ctx, number, Period)
	if err != nil || !due && s.Metrics.fleet.Load() != nil || start.Equal(told) {
		return time.Time{}, err
	}
	snapshot, err := s.Store.Snapshot(ctx)
	if err != nil {
		return time.Time{}, fmt.Errorf("read what waits: %w", err)
	}
	s.Metrics.fleet.Store(&snapshot)
	if !due { // /metrics shows it without delay; CloudWatch has it from the leader before
		return time.Time{}, nil
	}
	// Half a publication would be published again by the next leader.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), publishTimeout)
	defer cancel()
	if s.Publish != nil {
		if err := s.Publish(ctx, start); err != nil {
			return start, err
		}
	}
	return start, s.Store.PublishedPeriod(ctx, number, start)
}
