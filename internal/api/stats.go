package api

import (
	"context"
	"slices"
	"time"

	"windlass/internal/store"
)

// Counts is how many tasks there are of each sort.
type Counts struct {
	At     time.Time     `json:"at"`
	Totals StateCounts   `json:"totals" doc:"Over all queues and kinds."`
	Items  []store.Count `json:"items" nullable:"false" doc:"Every count above zero."`
}

// Load is how much waits for workers, in numbers that autoscalers can read.
type Load struct {
	Backlog              int64   `json:"backlog" doc:"How many tasks wait for a worker: those that are pending."`
	OldestPendingSeconds float64 `json:"oldest_pending_seconds" doc:"How long the first of them has waited; 0 when none does."`
	Workers              int     `json:"workers" doc:"How many workers serve the queue, or one of the queues."`
	SlotsUsed            int     `json:"slots_used" doc:"How many tasks those workers run, of any queue."`
	SlotsFree            int     `json:"slots_free" doc:"How many more they could run."`
	BacklogPerWorker     float64 `json:"backlog_per_worker" doc:"The backlog divided by the workers; all of it when there is none."`
}

// QueueStats is a queue's part of Stats.
type QueueStats struct {
	Load
	Counts StateCounts `json:"counts" doc:"How many tasks it has in each state."`
}

// Stats is what the leading scheduler publishes as metrics, at this moment.
type Stats struct {
	Counts
	Load
	Queues map[string]QueueStats `json:"queues" doc:"By name: those that were asked for; else those that were ever used and those that a worker serves."`
	Leader *string               `json:"leader" doc:"The scheduler that leads; null when none does."`
	Redis  RedisStats            `json:"redis"`
}

// RedisStats is how Redis fares.
type RedisStats struct {
	MemoryShare    *float64 `json:"memory_share" doc:"How much of its memory it uses, from 0 to 1: of maxmemory, or of the machine's where that is not set; of a cluster's masters the fullest. Null when it does not say."`
	LatencySeconds float64  `json:"latency_seconds" doc:"How long it took to answer a ping."`
}

type statsInput struct {
	Queue []string `query:"queue" maxItems:"100" pattern:"^[a-z0-9_-]{1,40}$" doc:"Only what concerns these queues, separated by commas. One that nobody has used yet has nothing."`
}

type statsOutput struct {
	Body Stats
}

func (a *API) getStats(ctx context.Context, in *statsInput) (*statsOutput, error) {
	snapshot, err := a.store.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	return &statsOutput{statsOf(CallerOf(ctx).seenOf(snapshot), in.Queue)}, nil
}

// statsOf gives what concerns the queues; none named: all.
func statsOf(s store.Snapshot, queues []string) Stats {
	wanted := func(name string) bool { return len(queues) == 0 || slices.Contains(queues, name) }
	items := slices.DeleteFunc(slices.Clone(s.Counts), func(c store.Count) bool { return !wanted(c.Queue) })
	out := Stats{
		Counts: countsOf(s.At, items), Load: loadOf(s.Load(queues...)), Queues: map[string]QueueStats{},
		Redis: RedisStats{MemoryShare: s.Redis.MemoryShare, LatencySeconds: s.Redis.LatencySeconds},
	}
	if s.Leader != "" {
		out.Leader = &s.Leader
	}
	if len(queues) == 0 {
		queues = s.Queues
	}
	for _, name := range queues { // A scaler that asks for a queue finds it, whether it was used yet or not.
		q := QueueStats{Load: loadOf(s.Load(name))}
		for _, c := range items {
			if c.Queue == name {
				q.Counts.add(c.State, c.Count)
			}
		}
		out.Queues[name] = q
	}
	return out
}

func loadOf(l store.Load) Load {
	return Load{
		Backlog: l.Pending, OldestPendingSeconds: l.Oldest.Seconds(), Workers: l.Workers,
		SlotsUsed: l.SlotsUsed, SlotsFree: l.SlotsFree, BacklogPerWorker: l.PerWorker(),
	}
}

func countsOf(at time.Time, items []store.Count) Counts {
	c := Counts{At: at.UTC().Truncate(time.Millisecond), Items: items}
	for _, i := range items {
		c.Totals.add(i.State, i.Count)
	}
	return c
}
