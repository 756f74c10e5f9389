package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// PermitAsk asks for permits of one rate.
type PermitAsk struct {
	// Client and Rate name whose permits of what they are. Any text; only a hash of it is kept.
	Client, Rate string
	// Interval is how long one permit takes to earn: at least a microsecond.
	Interval time.Duration
	// Burst is how many may be had at once: 1 or more.
	Burst int
	// Owed is how many were used already. They are charged in any case.
	Owed int
	// Need is the least that is of use, and Want the most: both at most Burst.
	Need, Want int
}

// PermitGrant is the answer.
type PermitGrant struct {
	Granted int           // Need to Want, or 0
	Left    int           // what could be had beside it
	Wait    time.Duration // until Need could be had; 0 when it was granted
	Full    time.Duration // until all could be had
}

// permitsTimeout is how long a request may be held up by the question whether it
// comes too often.
const permitsTimeout = 250 * time.Millisecond

// Permits takes permits of a rate that all processes share. Questions that come at
// the same time share a round trip. Errors: Redis gave no answer within 250 ms;
// the permits may be charged all the same.
func (s *Store) Permits(ctx context.Context, ask PermitAsk) (PermitGrant, error) {
	ctx, cancel := context.WithTimeout(ctx, permitsTimeout)
	defer cancel()
	got, err := s.permits.do(ctx, ask)
	if err == nil {
		err = got.err
	}
	if err != nil {
		return PermitGrant{}, fmt.Errorf("take permits: %w", err)
	}
	return got.PermitGrant, nil
}

// granted is a grant or why there is none.
type granted struct {
	PermitGrant
	err error
}

func (s *Store) flushPermits(asks []PermitAsk) []granted {
	ctx, cancel := context.WithTimeout(context.Background(), permitsTimeout)
	defer cancel()
	pipe := s.rdb.Pipeline()
	cmds := make([]*redis.Cmd, len(asks))
	for i, ask := range asks {
		cmds[i] = s.scripts.permits.EvalSha(ctx, pipe, ask.keys(), ask.args()...)
	}
	_, _ = pipe.Exec(ctx) // each command carries its own error
	out := make([]granted, len(asks))
	for i, cmd := range cmds {
		if redis.HasErrorPrefix(cmd.Err(), "NOSCRIPT") {
			cmd = s.scripts.permits.Run(ctx, s.rdb, asks[i].keys(), asks[i].args()...)
		}
		out[i] = grantedOf(cmd)
	}
	return out
}

// keys gives the one key of a rate: a hash, because clients are named by addresses
// and tokens, and of a fixed length.
func (p PermitAsk) keys() []string {
	sum := sha256.Sum256([]byte(p.Rate + "\x00" + p.Client))
	return []string{"wl:rate:" + hex.EncodeToString(sum[:16])}
}

func (p PermitAsk) args() []any {
	return []any{float64(p.Interval.Nanoseconds()) / 1000, p.Burst, p.Owed, p.Need, p.Want}
}

func grantedOf(cmd *redis.Cmd) granted {
	n, err := cmd.Int64Slice()
	if err == nil && len(n) != 4 {
		err = fmt.Errorf("the script answers %d numbers", len(n))
	}
	if err != nil {
		return granted{err: err}
	}
	return granted{PermitGrant: PermitGrant{
		Granted: int(n[0]), Left: int(n[1]),
		Wait: time.Duration(n[2]) * time.Microsecond, Full: time.Duration(n[3]) * time.Microsecond,
	}}
}
