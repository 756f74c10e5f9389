package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"
)

// ErrNoProof says that a token, session or link proves nothing: it is unknown,
// was revoked or ended, or is past its time.
var ErrNoProof = errors.New("unknown, revoked or expired")

// proofs reads the records that requests must be proved by. Nothing is kept from
// one request to the next: a record that is gone when a request arrives admits it
// in no process, which makes revocation work at once. Requests that come at the
// same time share a round trip, and each record is read once in it, so that a
// busy token costs Redis one read a round trip and not one a request.
type proofs = shared[[]string, proof]

// proof is what the records of one question hold, in order; those that are gone are empty.
type proof struct {
	records []fields
	err     error
}

// prove reads the records at keys as they are after the call began.
func (s *Store) prove(ctx context.Context, keys ...string) ([]fields, error) {
	got, err := s.proofs.do(ctx, keys)
	if err == nil {
		err = got.err
	}
	if err != nil {
		return nil, fmt.Errorf("read credentials: %w", err)
	}
	return got.records, nil
}

func (s *Store) flushProofs(questions [][]string) []proof {
	ctx, cancel := context.WithTimeout(context.Background(), flushTimeout)
	defer cancel()
	pipe := s.rdb.Pipeline()
	asked := map[string]*redis.MapStringStringCmd{}
	for _, keys := range questions {
		for _, key := range keys {
			if asked[key] == nil {
				asked[key] = pipe.HGetAll(ctx, key)
			}
		}
	}
	_, _ = pipe.Exec(ctx) // each command carries its own error
	answers := make([]proof, len(questions))
	for i, keys := range questions {
		for _, key := range keys {
			record, err := asked[key].Result()
			if err != nil {
				answers[i].err = err
			}
			answers[i].records = append(answers[i].records, record)
		}
	}
	return answers
}
