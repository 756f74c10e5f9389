package store

import (
	"context"
	"fmt"
	"time"
)

// leadQueue names the slot of the lead. No queue may have this name.
const leadQueue = ".lead"

// leadHolder is the key that names who leads: see lua/lead.lua.
const leadHolder = "wl:{" + leadQueue + "}:holder"

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
