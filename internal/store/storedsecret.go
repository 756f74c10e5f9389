package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// MaxSecrets is how many secrets may be stored.
const MaxSecrets = 1000

const (
	secretsKey = "wl:secrets"
	usedKey    = "wl:secrets:used" // name -> when an attempt last used it, in ms
)

// Errors of stored secrets beside those of Redis.
var (
	ErrNoSecret       = errors.New("there is no secret of this name")
	ErrTooManySecrets = errors.New("there are too many secrets")
)

// Secret is a stored secret. Its values are sealed: the store cannot read them.
type Secret struct {
	Name          string    `json:"-"`
	Sealed        string    `json:"v"`            // the value
	Previous      string    `json:"p,omitempty"`  // the value before; empty when there is none
	PreviousUntil time.Time `json:"pu,omitzero"`  // how long that is good
	Hosts         []string  `json:"h,omitempty"`  // where it may be sent
	Scheme        string    `json:"sc,omitempty"` // of its signatures; empty when it is no signing secret
	Public        string    `json:"pk,omitempty"` // the public half of a signing key
	CreatedAt     time.Time `json:"c"`
	UpdatedAt     time.Time `json:"u"`
	LastUsedAt    time.Time `json:"-"` // zero: not yet; noted once a minute

	stored string // as Redis has it
}

// PreviousAt gives the sealed value before, if it is still good at this time.
func (s Secret) PreviousAt(now time.Time) string {
	if now.Before(s.PreviousUntil) {
		return s.Previous
	}
	return ""
}

func readSecret(name, text, used string) (Secret, error) {
	s := Secret{Name: name, stored: text}
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return Secret{}, fmt.Errorf("read secret %s: %w", name, err)
	}
	if ms, err := strconv.ParseInt(used, 10, 64); err == nil {
		s.LastUsedAt = time.UnixMilli(ms).UTC()
	}
	return s, nil
}

// Secrets lists every stored secret by name.
func (s *Store) Secrets(ctx context.Context) ([]Secret, error) {
	pipe := s.rdb.Pipeline()
	texts, used := pipe.HGetAll(ctx, secretsKey), pipe.HGetAll(ctx, usedKey)
	if _, err := pipe.Exec(ctx); err != nil {
		return nil, fmt.Errorf("list secrets: %w", err)
	}
	all := make([]Secret, 0, len(texts.Val()))
	for name, text := range texts.Val() {
		secret, err := readSecret(name, text, used.Val()[name])
		if err != nil {
			return nil, err
		}
		all = append(all, secret)
	}
	slices.SortFunc(all, func(a, b Secret) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

// SecretNames gives the set of names of stored secrets.
func (s *Store) SecretNames(ctx context.Context) (map[string]bool, error) {
	names, err := s.rdb.HKeys(ctx, secretsKey).Result()
	if err != nil {
		return nil, fmt.Errorf("list names of secrets: %w", err)
	}
	set := make(map[string]bool, len(names))
	for _, name := range names {
		set[name] = true
	}
	return set, nil
}

// Secret reads one stored secret. Errors: ErrNoSecret.
func (s *Store) Secret(ctx context.Context, name string) (Secret, error) {
	pipe := s.rdb.Pipeline()
	text, used := pipe.HGet(ctx, secretsKey, name), pipe.HGet(ctx, usedKey, name)
	_, _ = pipe.Exec(ctx) // each command carries its own error
	switch {
	case errors.Is(text.Err(), redis.Nil):
		return Secret{}, ErrNoSecret
	case text.Err() != nil:
		return Secret{}, fmt.Errorf("read secret: %w", text.Err())
	}
	return readSecret(name, text.Val(), used.Val())
}

// UseSecret is Secret for an attempt: it notes that the secret was used, once a minute.
func (s *Store) UseSecret(ctx context.Context, name string) (Secret, error) {
	secret, err := s.Secret(ctx, name)
	if now := s.Now(); err == nil {
		s.used.note("secret "+name, now, func(ctx context.Context) {
			// A full Redis refuses this; the attempt goes on.
			_ = s.rdb.HSet(ctx, usedKey, name, now.UnixMilli()).Err()
		})
	}
	return secret, err
}

// PutSecret keeps a secret as change makes it of the one that is there; of the
// zero one when there is none. It calls change again when another process was
// faster. Errors: ErrTooManySecrets, or change's own.
func (s *Store) PutSecret(ctx context.Context, name string, change func(*Secret) error) (Secret, error) {
	for {
		secret, err := s.Secret(ctx, name)
		isNew := errors.Is(err, ErrNoSecret)
		if err != nil && !isNew {
			return Secret{}, err
		}
		secret.Name = name
		if err := change(&secret); err != nil {
			return Secret{}, err
		}
		text, err := json.Marshal(secret)
		if err != nil {
			return Secret{}, fmt.Errorf("write secret: %w", err)
		}
		switch done, err := s.swapSecret(ctx, name, secret.stored, string(text)); {
		case err != nil:
			return Secret{}, err
		case done:
			return secret, nil
		}
	}
}

// DeleteSecret forgets a secret. Errors: ErrNoSecret.
func (s *Store) DeleteSecret(ctx context.Context, name string) error {
	for {
		secret, err := s.Secret(ctx, name)
		if err != nil {
			return err
		}
		done, err := s.swapSecret(ctx, name, secret.stored, "")
		if err != nil {
			return err
		}
		if done {
			_ = s.rdb.HDel(ctx, usedKey, name).Err() // a leftover of it shows nowhere
			return nil
		}
	}
}

// swapSecret reports false when something else than before stands there.
func (s *Store) swapSecret(ctx context.Context, name, before, after string) (bool, error) {
	reply, err := s.scripts.secret.Run(ctx, s.rdb, []string{secretsKey}, name, before, after, MaxSecrets).Text()
	switch {
	case err != nil:
		return false, fmt.Errorf("write secret: %w", err)
	case reply == "full":
		return false, ErrTooManySecrets
	}
	return reply == "ok", nil
}
