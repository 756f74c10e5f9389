package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
)

// SubmitAllOnce is SubmitAll under an Idempotency-Key, with scope and fingerprint as in
// SubmitOnce. places tells where each submission stands in the request: a task's id comes from the
// key's first claim and its place, so a request that was interrupted makes none twice. When it
// comes again, what was accepted is found (without input and result), and the rest is tried anew.
// Errors: ErrKeyReused, or Redis could not be asked; of one submission beside Submit's: ErrKeyGone.
func (s *Store) SubmitAllOnce(ctx context.Context, scope, key, fingerprint string, subs []Submission, places []int) ([]SubmitResult, error) {
	name := onceKey(scope, key)
	m := &manyOnce{first: s.ids.mint(s.Now()), fingerprint: fingerprint}
	won, err := s.rdb.SetNX(ctx, name, m.text("claimed"), s.opts.IdempotencyTTL).Result()
	if err != nil {
		return nil, fmt.Errorf("claim idempotency key: %w", err)
	}
	results := make([]SubmitResult, len(subs))
	if !won {
		value, err := s.readOnce(ctx, name)
		if err != nil {
			return nil, err
		}
		var ok bool
		if m, ok = parseManyOnce(value); !ok || m.fingerprint != fingerprint {
			return nil, ErrKeyReused
		}
		if err := s.findAgain(ctx, m, subs, places, results); err != nil {
			return nil, err
		}
	}
	var rest []Submission
	var at []int // where each of the rest stands in subs
	for i, r := range results {
		if r.Task == nil && r.Err == nil {
			rest, at = append(rest, subs[i]), append(at, i)
		}
	}
	if len(rest) == 0 && m.kept {
		return results, nil
	}
	id := func(j int) string { return m.id(places[at[j]], rest[j].Queue) }
	for j, r := range s.submitAllAs(ctx, rest, id) {
		results[at[j]] = r
	}
	for i, r := range results {
		if r.Err == nil {
			m.note(places[i], r.Task.ID, subs[i].Queue)
		}
	}
	again, err := s.keepOnce(ctx, name, m.text("kept"))
	if err != nil {
		return nil, err
	}
	if again {
		s.confirmAll(ctx, results)
	}
	return results, nil
}

// manyOnce is what the Idempotency-Key of several tasks stands for.
type manyOnce struct {
	first       idNumber
	fingerprint string
	kept        bool           // the request came to its end once
	made        *big.Int       // since then: the places whose task has the id of the place, a bit each
	others      map[int]string // since then: the ids of tasks that were there already, by place
}

func (m *manyOnce) id(place int, queue string) string { return m.first.plus(place).id(queue) }

// note keeps that the task of this id answers a place.
func (m *manyOnce) note(place int, id, queue string) {
	if id == m.id(place, queue) {
		m.made.SetBit(m.made, place, 1)
		delete(m.others, place)
	} else {
		m.others[place] = id
	}
}

// text is phase, first number, fingerprint, made and others.
func (m *manyOnce) text(phase string) string {
	if m.made == nil {
		m.made, m.others = new(big.Int), map[int]string{}
	}
	others, _ := json.Marshal(m.others) // numbers and text
	return fmt.Sprintf("%s %s %s %s %s", phase, m.first, m.fingerprint, m.made.Text(big.MaxBase), others)
}

// parseManyOnce is false for what text did not write, such as the value of a single task's key.
func parseManyOnce(value string) (*manyOnce, bool) {
	p := strings.SplitN(value, " ", 5)
	if len(p) != 5 {
		return nil, false
	}
	m := &manyOnce{fingerprint: p[2], kept: p[0] == "kept"}
	var ok1, ok2 bool
	m.first, ok1 = parseNumber(p[1])
	m.made, ok2 = new(big.Int).SetString(p[3], big.MaxBase)
	return m, ok1 && ok2 && json.Unmarshal([]byte(p[4]), &m.others) == nil
}

// findAgain puts into results what an earlier request left: its tasks, and ErrKeyGone for those
// that were deleted since.
func (s *Store) findAgain(ctx context.Context, m *manyOnce, subs []Submission, places []int, results []SubmitResult) error {
	ids := make([]string, len(subs))
	for i, place := range places {
		if ids[i] = m.others[place]; ids[i] == "" {
			ids[i] = m.id(place, subs[i].Queue)
		}
	}
	at := 0
	for some := range slices.Chunk(ids, submitBatch) {
		tasks, err := s.Peek(ctx, attemptsListed, some...)
		if err != nil {
			return err
		}
		for _, t := range tasks {
			switch place := places[at]; {
			case t != nil:
				results[at].Accepted = Accepted{Task: t, Cause: CauseIdempotent}
			case m.others[place] != "" || m.made.Bit(place) == 1:
				results[at].Err = ErrKeyGone
			}
			at++
		}
	}
	s.confirmAll(ctx, results)
	return nil
}

// confirmAll is confirmed for the tasks of all results. One that is not confirmed gets the error.
func (s *Store) confirmAll(ctx context.Context, results []SubmitResult) {
	if s.opts.Replicas == 0 {
		return
	}
	asked := map[string]bool{} // by queue
	var failed error           // one wait that was in vain is enough
	for i, r := range results {
		if r.Task == nil || r.Err != nil {
			continue
		}
		if queue := r.Task.Queue; failed == nil && !asked[queue] {
			asked[queue], failed = true, s.confirmed(ctx, queue, r.Task.ID)
		}
		if err := failed; err != nil {
			if _, unconfirmed := errors.AsType[*UnconfirmedError](err); unconfirmed {
				err = &UnconfirmedError{ID: r.Task.ID}
			}
			results[i] = SubmitResult{Err: err}
		}
	}
}
