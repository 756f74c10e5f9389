package store

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// A link is a hash at wl:link:<id>: h hash of the secret, t the only task that it shows,
// o and p as in a session, x its end (ms).
func linkKey(name string) string { return "wl:link:" + name }

// MaxLinkLife is how long a link to a task may be valid.
const MaxLinkLife = 7 * 24 * time.Hour

// CreateLink makes a secret that shows one task, for life or until owner's token ends. An owner
// without an ID ends with nothing. Nothing but the secret's hash is kept.
func (s *Store) CreateLink(ctx context.Context, owner Owner, task string, life time.Duration) (text string, ends time.Time, err error) {
	text, secret := newSecret(LinkPrefix)
	ends = s.Now().UTC().Add(life).Truncate(time.Millisecond)
	_, err = s.rdb.TxPipelined(ctx, func(p redis.Pipeliner) error {
		p.HSet(ctx, linkKey(secret.name), "h", secret.hash, "o", owner.ID, "p", owner.Proof, "t", task,
			"x", ends.UnixMilli())
		p.PExpireAt(ctx, linkKey(secret.name), ends)
		return nil
	})
	if err != nil {
		return "", time.Time{}, fmt.Errorf("make link: %w", err)
	}
	if owner.ID != "" {
		text += "." + owner.ID
	}
	return text, ends, nil
}

// VerifyLink gives the task that a link shows. Errors: ErrNoProof, or Redis could not be asked.
func (s *Store) VerifyLink(ctx context.Context, text, adminProof string) (task string, ends time.Time, err error) {
	f, _, _, err := s.verifyGrant(ctx, LinkPrefix, text, adminProof, linkKey)
	if err != nil {
		return "", time.Time{}, err
	}
	return f["t"], f.time("x"), nil
}
