package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"
)

// How long a browser stays signed in.
const (
	// SessionIdle is for how long without a request.
	SessionIdle = 24 * time.Hour
	// SessionLife is for how long in all.
	SessionLife = 7 * 24 * time.Hour
	// MaxSessions is how many sessions a token may have at once; a further one ends the oldest.
	MaxSessions = 50
)

// A session is a hash at wl:session:<id>: h hash of the secret, o id of the token that it stands
// for, p proof of the admin token, a user agent, c created, u last used, x ends at the
// latest (all ms). wl:sessions:<token's id> is a sorted set of a token's sessions by x.
const sessionID = "ses_"

func sessionKey(id string) string     { return "wl:session:" + id }
func sessionsKey(owner string) string { return "wl:sessions:" + owner }

// Session is a browser that signed in with a token.
type Session struct {
	ID         string    `json:"id" doc:"Names the session; it is no secret." example:"ses_3x9k2m8v3n5p"`
	TokenID    string    `json:"token_id" doc:"The token that it was opened with; admin for the configuration's."`
	UserAgent  string    `json:"user_agent" doc:"What the browser says of itself."`
	CreatedAt  time.Time `json:"created_at"`
	LastUsedAt time.Time `json:"last_used_at" doc:"To the minute."`
	ExpiresAt  time.Time `json:"expires_at" doc:"When it ends at the latest; it ends earlier after 24 hours without use, or with its token."`
}

// OpenSession signs a browser in for owner. It gives the value of its cookie, which is kept nowhere.
func (s *Store) OpenSession(ctx context.Context, owner Owner, userAgent string) (Session, string, error) {
	text, secret := newSecret(sessionPrefix)
	now := s.Now().UTC().Truncate(time.Millisecond)
	made := Session{
		ID: sessionID + secret.name, TokenID: owner.ID, UserAgent: userAgent,
		CreatedAt: now, LastUsedAt: now, ExpiresAt: now.Add(SessionLife),
	}
	all := sessionsKey(owner.ID)
	_, err := s.rdb.TxPipelined(ctx, func(p redis.Pipeliner) error {
		p.HSet(ctx, sessionKey(made.ID), "h", secret.hash, "o", owner.ID, "p", owner.Proof, "a", userAgent,
			"c", now.UnixMilli(), "u", now.UnixMilli(), "x", made.ExpiresAt.UnixMilli())
		p.PExpireAt(ctx, sessionKey(made.ID), now.Add(SessionIdle))
		return nil
	})
	if err == nil {
		_, err = s.rdb.TxPipelined(ctx, func(p redis.Pipeliner) error {
			p.ZAdd(ctx, all, redis.Z{Score: float64(made.ExpiresAt.UnixMilli()), Member: made.ID})
			p.PExpireAt(ctx, all, made.ExpiresAt)
			return nil
		})
	}
	if err == nil {
		err = s.endOldest(ctx, owner.ID)
	}
	if err != nil {
		return Session{}, "", fmt.Errorf("open session: %w", err)
	}
	return made, text + "." + owner.ID, nil
}

// endOldest ends sessions beyond MaxSessions.
func (s *Store) endOldest(ctx context.Context, owner string) error {
	ids, err := s.rdb.ZRange(ctx, sessionsKey(owner), 0, -MaxSessions-1).Result()
	for _, id := range ids {
		if err == nil {
			err = s.EndSession(ctx, Session{ID: id, TokenID: owner})
		}
	}
	return err
}

// Sessions lists the open sessions of tokens, newest first.
func (s *Store) Sessions(ctx context.Context, owners ...string) ([]Session, error) {
	pipe := s.rdb.Pipeline()
	lists := make([]*redis.StringSliceCmd, len(owners))
	for i, owner := range owners {
		lists[i] = pipe.ZRange(ctx, sessionsKey(owner), 0, -1)
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return nil, fmt.Errorf("list sessions: %w", err)
	}
	var ids []string
	for _, list := range lists {
		ids = append(ids, list.Val()...)
	}
	records, err := s.readAll(ctx, ids, sessionKey)
	if err != nil {
		return nil, fmt.Errorf("list sessions: %w", err)
	}
	sessions := []Session{}
	for i, f := range records {
		if f["h"] != "" {
			sessions = append(sessions, f.session(ids[i]))
		}
	}
	slices.SortFunc(sessions, func(a, b Session) int {
		return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	return sessions, nil
}

// Session reads one session. Errors: ErrNoSession.
func (s *Store) Session(ctx context.Context, id string) (Session, error) {
	f, err := s.rdb.HGetAll(ctx, sessionKey(id)).Result()
	if err != nil {
		return Session{}, fmt.Errorf("read session: %w", err)
	}
	if f["h"] == "" {
		return Session{}, ErrNoSession
	}
	return fields(f).session(id), nil
}

// EndSession signs the browser out, in every process at once.
func (s *Store) EndSession(ctx context.Context, session Session) error {
	if err := s.rdb.Del(ctx, sessionKey(session.ID)).Err(); err != nil {
		return fmt.Errorf("end session: %w", err)
	}
	if err := s.rdb.ZRem(ctx, sessionsKey(session.TokenID), session.ID).Err(); err != nil && !Unavailable(err) {
		return fmt.Errorf("take session off the list: %w", err)
	}
	return nil // a list passes over sessions that have ended
}

// VerifySession gives the session of a cookie's value, and the token that it stands for
// (one with AdminID for that of the configuration, of which adminProof is the proof).
// Errors: ErrNoProof, or Redis could not be asked.
func (s *Store) VerifySession(ctx context.Context, cookie, adminProof string) (Session, Token, error) {
	f, id, t, err := s.verifyGrant(ctx, sessionPrefix, cookie, adminProof, func(name string) string { return sessionKey(sessionID + name) })
	if err != nil {
		return Session{}, Token{}, err
	}
	session := f.session(sessionID + id)
	now := s.Now()
	if now.Sub(session.LastUsedAt) >= usedEvery {
		s.used.note(session.ID, now, func(ctx context.Context) { s.touchSession(ctx, session, now) })
	}
	return session, t, nil
}

// touchSession moves the session's idle end. The next use tries again when it
// fails. A session that ended meanwhile becomes no session: it has no hash.
func (s *Store) touchSession(ctx context.Context, session Session, now time.Time) {
	end := now.Add(SessionIdle)
	if end.After(session.ExpiresAt) {
		end = session.ExpiresAt
	}
	_, _ = s.rdb.TxPipelined(ctx, func(p redis.Pipeliner) error {
		p.HSet(ctx, sessionKey(session.ID), "u", now.UnixMilli())
		p.PExpireAt(ctx, sessionKey(session.ID), end)
		return nil
	})
}

func (f fields) session(id string) Session {
	return Session{
		ID: id, TokenID: f["o"], UserAgent: f["a"],
		CreatedAt: f.time("c"), LastUsedAt: f.time("u"), ExpiresAt: f.time("x"),
	}
}
