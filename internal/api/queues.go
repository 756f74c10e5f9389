package api

import (
	"context"
	"maps"
	"slices"
	"time"

	"windlass/internal/store"
	"windlass/internal/task"
)

// StateCounts is how many tasks are in each state.
type StateCounts struct {
	Scheduled int64 `json:"scheduled"`
	Pending   int64 `json:"pending"`
	Active    int64 `json:"active"`
	Retrying  int64 `json:"retrying"`
	Succeeded int64 `json:"succeeded"`
	Failed    int64 `json:"failed"`
	Canceled  int64 `json:"canceled"`
	Expired   int64 `json:"expired"`
}

func (c *StateCounts) add(s task.State, n int64) {
	switch s {
	case task.Scheduled:
		c.Scheduled += n
	case task.Pending:
		c.Pending += n
	case task.Active:
		c.Active += n
	case task.Retrying:
		c.Retrying += n
	case task.Succeeded:
		c.Succeeded += n
	case task.Failed:
		c.Failed += n
	case task.Canceled:
		c.Canceled += n
	case task.Expired:
		c.Expired += n
	}
}

// Queue is a named line of tasks.
type Queue struct {
	Name            string      `json:"name" example:"default"`
	Counts          StateCounts `json:"counts" doc:"How many tasks it has in each state."`
	OldestPendingAt *time.Time  `json:"oldest_pending_at" doc:"Since when its first task waits for a worker; null when none does."`
	Workers         int         `json:"workers" doc:"How many workers serve it."`
}

// Queues is every queue, sorted by name.
type Queues struct {
	Items []*Queue `json:"items" nullable:"false"`
}

type queuesOutput struct {
	Body Queues
}

// listQueues gives the queues that were ever used and those that a worker serves.
func (a *API) listQueues(ctx context.Context, _ *struct{}) (*queuesOutput, error) {
	names, err := a.store.Queues(ctx)
	if err != nil {
		return nil, err
	}
	counts, err := a.store.Counts(ctx)
	if err != nil {
		return nil, err
	}
	crew, err := a.store.Workers(ctx)
	if err != nil {
		return nil, err
	}
	byName := map[string]*Queue{}
	line := func(name string) *Queue {
		if byName[name] == nil {
			byName[name] = &Queue{Name: name}
		}
		return byName[name]
	}
	caller := CallerOf(ctx)
	for _, name := range names {
		line(name)
	}
	for _, c := range caller.seen(counts) {
		line(c.Queue).Counts.add(c.State, c.Count)
	}
	for _, w := range crew {
		for name := range w.Queues {
			line(name).Workers++
		}
	}
	maps.DeleteFunc(byName, func(name string, _ *Queue) bool {
		return len(caller.Queues) > 0 && !slices.Contains(caller.Queues, name)
	})
	out := &queuesOutput{Queues{Items: []*Queue{}}}
	for name, q := range byName {
		if q.Counts.Pending > 0 {
			if q.OldestPendingAt, err = a.store.OldestPending(ctx, name); err != nil {
				return nil, err
			}
		}
		out.Body.Items = append(out.Body.Items, q)
	}
	slices.SortFunc(out.Body.Items, func(x, y *Queue) int {
		if x.Name < y.Name {
			return -1
		}
		return 1
	})
	return out, nil
}

// Workers is every worker that gave a sign of life lately.
type Workers struct {
	Items []store.Worker `json:"items" nullable:"false"`
}

type workersOutput struct {
	Body Workers
}

func (a *API) listWorkers(ctx context.Context, _ *struct{}) (*workersOutput, error) {
	crew, err := a.store.Workers(ctx)
	if err != nil {
		return nil, err
	}
	return &workersOutput{Workers{CallerOf(ctx).seenCrew(crew)}}, nil
}
