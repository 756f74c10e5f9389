package api

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"windlass/internal/store"
)

// retoldMost is how many tasks are remembered: far more than change within the
// second in which all streams tell a change.
const retoldMost = 4096

// retold remembers tasks that changed lately as streams tell them. A thousand
// streams that tell the same change ask the store once, and write it down once.
type retold struct {
	asking sync.Mutex // held by the one that asks: those that tell the same wait for its answer
	mu     sync.Mutex
	tasks  map[string]telling
}

// telling is a task as it was when, or after, a change was heard.
type telling struct {
	at   string
	body []byte // JSON; nil when the task is gone
}

// tellings gives the tasks that changed, in order, as they are now or were after
// their change. None is asked for that was deleted.
func (a *API) tellings(ctx context.Context, changes []store.Change) ([][]byte, error) {
	bodies := make([][]byte, len(changes))
	if ids, _ := a.retold.look(changes, bodies); len(ids) == 0 {
		return bodies, nil
	}
	a.retold.asking.Lock()
	defer a.retold.asking.Unlock()
	ids, places := a.retold.look(changes, bodies)
	if len(ids) == 0 {
		return bodies, nil
	}
	tasks, err := a.store.Peek(ctx, 1, ids...)
	if err != nil {
		return nil, err
	}
	for j, t := range tasks {
		if t == nil {
			continue
		}
		if bodies[places[j]], err = json.Marshal(a.show(ctx, t)); err != nil {
			return nil, fmt.Errorf("write task %s: %w", t.ID, err)
		}
	}
	a.retold.mu.Lock()
	defer a.retold.mu.Unlock()
	if len(a.retold.tasks)+len(ids) > retoldMost {
		clear(a.retold.tasks)
	}
	for _, i := range places {
		a.retold.tasks[changes[i].ID] = telling{changes[i].At, bodies[i]}
	}
	return bodies, nil
}

// look fills in what is known, and gives the tasks that are not and their places.
func (r *retold) look(changes []store.Change, bodies [][]byte) (ids []string, places []int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, c := range changes {
		if c.State == "deleted" {
			continue
		}
		if known, ok := r.tasks[c.ID]; ok && !store.Earlier(known.at, c.At) {
			bodies[i] = known.body
			continue
		}
		ids, places = append(ids, c.ID), append(places, i)
	}
	return ids, places
}
