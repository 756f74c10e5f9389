package store

import (
	"context"
	"fmt"
	"time"
)

// leadQueue names the slot of the lead. No queue may have this name.
const leadQueue = ".lead"

// LeadTerm is how long a leader leads without saying so again.
const LeadTerm = 6 * time.Second

// Lead is what a process knows of who leads.
type Lead struct {
	Number int64     // of this process's lead; 0 when another has it
	Holder string    // process that leads
	Until  time.Time // until when the lead is sure, by this machine's monotonic clock
}

// Lead takes or keeps the lead for process, when no other has it. Call it well
// within LeadTerm again.
func (s *Store) Lead(ctx context.Context, process string) (Lead, error) {
	asked := time.Now()
	reply, err := s.run(ctx, s.scripts.lead, leadQueue, "", process, LeadTerm.Milliseconds()).Slice()
	if err != nil {
		return Lead{}, fmt.Errorf("ask for the lead: %w", err)
	}
	l := Lead{Until: asked.Add(LeadTerm)}
	l.Number, _ = reply[0].(int64)
	l.Holder, _ = reply[1].(string)
	return l, nil
}

// GiveUpLead lets another process lead at once.
func (s *Store) GiveUpLead(ctx context.Context, process string) error {
	if err := s.run(ctx, s.scripts.lead, leadQueue, "", process, 0).Err(); err != nil {
		return fmt.Errorf("give up the lead: %w", err)
	}
	return nil
}

// DuePeriod asks, for the leader with that number, which period of the given length it should
// publish now. Periods are as long as that and begin at multiples of it since 1970, by Redis's
// clock. It gives false when this one is published or another process leads. See PublishedPeriod.
func (s *Store) DuePeriod(ctx context.Context, number int64, length time.Duration) (start time.Time, due bool, err error) {
	ms, err := s.run(ctx, s.scripts.period, leadQueue, "", number, length.Milliseconds(), "").Int64()
	if err != nil {
		return time.Time{}, false, fmt.Errorf("ask for the period: %w", err)
	}
	return time.UnixMilli(ms), ms > 0, nil
}

// PublishedPeriod notes that the period is published. Another leader does not publish it again then.
func (s *Store) PublishedPeriod(ctx context.Context, number int64, start time.Time) error {
	if err := s.run(ctx, s.scripts.period, leadQueue, "", number, 0, start.UnixMilli()).Err(); err != nil {
		return fmt.Errorf("note the period as published: %w", err)
	}
	return nil
}
