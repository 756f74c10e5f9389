package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// roster is a list of what processes say of themselves, by id: see lua/beat.lua. It is named as
// queues are, for its slot; no queue may have its name.
type roster string

func (r roster) key() string { return "wl:{" + string(r) + "}:said" }

// say puts what a process says of itself on a roster.
func (s *Store) say(ctx context.Context, r roster, id string, what any) error {
	info, err := json.Marshal(what)
	if err != nil {
		return fmt.Errorf("write sign of life: %w", err)
	}
	if err := s.run(ctx, s.scripts.beat, string(r), "", id, info).Err(); err != nil {
		return fmt.Errorf("give a sign of life: %w", err)
	}
	return nil
}

// strike takes processes off a roster.
func (s *Store) strike(ctx context.Context, r roster, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	if err := s.rdb.HDel(ctx, r.key(), ids...).Err(); err != nil {
		return fmt.Errorf("take processes off the list: %w", err)
	}
	return nil
}

func readRoster[T any](ctx context.Context, s *Store, r roster) ([]T, error) {
	said, err := s.rdb.HGetAll(ctx, r.key()).Result()
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	all := make([]T, 0, len(said))
	for id, info := range said {
		var one T
		if err := json.Unmarshal([]byte(info), &one); err != nil {
			return nil, fmt.Errorf("read what %s says of itself: %w", id, err)
		}
		all = append(all, one)
	}
	return all, nil
}

// ForgetGone takes workers and processes off their lists that gave no sign of life for ten times
// as long as they are listed without one.
func (s *Store) ForgetGone(ctx context.Context) error {
	return errors.Join(s.forget(ctx, workers, 10*WorkerTTL), s.forget(ctx, processes, 10*ProcessTTL))
}

func (s *Store) forget(ctx context.Context, r roster, after time.Duration) error {
	type sign struct {
		ID     string    `json:"id"`
		SeenAt time.Time `json:"seen_at"`
	}
	all, err := readRoster[sign](ctx, s, r)
	if err != nil {
		return err
	}
	before := s.Now().Add(-after)
	var gone []string
	for _, one := range all {
		if one.SeenAt.Before(before) {
			gone = append(gone, one.ID)
		}
	}
	return s.strike(ctx, r, gone)
}
