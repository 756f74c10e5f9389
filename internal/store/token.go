package store

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/redis/go-redis/v9"
)

const (
	// MaxTokens is how many tokens may exist, revoked ones that are still listed among them.
	MaxTokens = 1000
	// MaxTokenName is the length of a token's name in characters.
	MaxTokenName = 100
	// MaxTokenLife is how long a token may be valid.
	MaxTokenLife = 10 * 365 * 24 * time.Hour
	// tokenKept is how long a token is listed after its end, so that what it did can be told.
	tokenKept = 30 * 24 * time.Hour
	// usedEvery is how often the use of a token or session is written down at most.
	usedEvery = time.Minute
)

// A token is a hash at wl:token:<id>: h hash of the secret (gone: revoked), n name,
// r role, on kinds and queues (JSON), b who made it, c created, x expires, u last used,
// e revoked (all ms). wl:tokens is the set of all ids. Each key is changed by single
// commands or a transaction of its own, so no two need to share a cluster slot.
const tokensKey = "wl:tokens"

const tokenID = "tok_"

func tokenKey(id string) string { return "wl:token:" + id }

// Token is a credential for the API, without its secret.
type Token struct {
	ID         string     `json:"id" doc:"Names the token; it is no secret." example:"tok_3x9k2m8v3n5p"`
	Name       string     `json:"name" doc:"What it is for, in the words of who made it." example:"Shop, production"`
	Role       Role       `json:"role" enum:"viewer,submitter,operator,admin" doc:"What it may do."`
	Kinds      []string   `json:"kinds" nullable:"false" doc:"The kinds that it is bound to; none means all."`
	Queues     []string   `json:"queues" nullable:"false" doc:"The queues that it is bound to; none means all."`
	CreatedBy  string     `json:"created_by,omitempty" doc:"The token or person that made it; left out when the command did, or where nobody signs in."`
	CreatedAt  time.Time  `json:"created_at"`
	ExpiresAt  time.Time  `json:"expires_at" doc:"From then on it is refused."`
	LastUsedAt *time.Time `json:"last_used_at,omitempty" doc:"When it was used last, to the minute; left out until then."`
	RevokedAt  *time.Time `json:"revoked_at,omitempty" doc:"When it was revoked; it is listed for 30 days after that."`
}

// TokenNameRule is what ValidTokenName asks for, in words.
const TokenNameRule = "must hold a word, and printable characters only"

// ValidTokenName reports whether name can be a token's. Control characters would forge
// lines of lists and logs, and those that nobody sees, or that turn the order of what
// follows, the name of another token.
func ValidTokenName(name string) bool {
	unprintable := func(r rune) bool { return !unicode.IsPrint(r) || r == utf8.RuneError }
	return strings.TrimSpace(name) != "" && utf8.RuneCountInString(name) <= MaxTokenName && !strings.ContainsFunc(name, unprintable)
}

// Usable reports whether the token admits anybody at that time.
func (t Token) Usable(now time.Time) bool { return t.RevokedAt == nil && now.Before(t.ExpiresAt) }

// TooManyTokensError says that there are MaxTokens tokens already.
type TooManyTokensError struct{}

func (e *TooManyTokensError) Error() string {
	return fmt.Sprintf("there are %d tokens already", MaxTokens)
}

// CreateToken makes a token with t's name, role, bounds and maker that is valid for life. It
// gives the token and its text, which is kept nowhere and cannot be had again.
// The caller has checked t. Errors: *TooManyTokensError.
func (s *Store) CreateToken(ctx context.Context, t Token, life time.Duration) (Token, string, error) {
	all, err := s.Tokens(ctx)
	if err != nil {
		return Token{}, "", err
	}
	if len(all) >= MaxTokens {
		return Token{}, "", &TooManyTokensError{}
	}
	text, secret := newSecret(tokenPrefix)
	t.ID = tokenID + secret.name
	t.CreatedAt = s.Now().UTC().Truncate(time.Millisecond)
	t.ExpiresAt = t.CreatedAt.Add(life)
	bounds, err := json.Marshal([][]string{t.Kinds, t.Queues})
	if err != nil {
		return Token{}, "", fmt.Errorf("write token: %w", err)
	}
	_, err = s.rdb.TxPipelined(ctx, func(p redis.Pipeliner) error {
		p.HSet(ctx, tokenKey(t.ID), "h", secret.hash, "n", t.Name, "r", string(t.Role), "on", bounds, "b", t.CreatedBy,
			"c", t.CreatedAt.UnixMilli(), "x", t.ExpiresAt.UnixMilli())
		p.PExpireAt(ctx, tokenKey(t.ID), t.ExpiresAt.Add(tokenKept))
		return nil
	})
	if err == nil {
		// Only then: a list takes out ids that have no record.
		err = s.rdb.SAdd(ctx, tokensKey, t.ID).Err()
	}
	if err != nil {
		return Token{}, "", fmt.Errorf("keep token: %w", err)
	}
	return t, text, nil
}

// Tokens lists every token, newest first, also those that ended within the last 30 days.
func (s *Store) Tokens(ctx context.Context) ([]Token, error) {
	ids, err := s.rdb.SMembers(ctx, tokensKey).Result()
	if err != nil {
		return nil, fmt.Errorf("list tokens: %w", err)
	}
	records, err := s.readAll(ctx, ids, tokenKey)
	if err != nil {
		return nil, fmt.Errorf("list tokens: %w", err)
	}
	tokens := []Token{}
	var gone []any
	for i, f := range records {
		t, err := f.token(ids[i])
		switch {
		case len(f) == 0:
			gone = append(gone, ids[i])
		case err != nil:
			return nil, err
		default:
			tokens = append(tokens, t)
		}
	}
	if len(gone) > 0 {
		_ = s.rdb.SRem(ctx, tokensKey, gone...).Err() // the next list tries again
	}
	slices.SortFunc(tokens, func(a, b Token) int {
		return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	return tokens, nil
}

// Keyholders tells who may come in by a token.
type Keyholders struct {
	Any        bool      // some token is valid
	AdminUntil time.Time // when the last one of role admin ends; zero: none is valid
}

// Keyholders looks at all tokens.
func (s *Store) Keyholders(ctx context.Context) (Keyholders, error) {
	tokens, err := s.Tokens(ctx)
	if err != nil {
		return Keyholders{}, err
	}
	var k Keyholders
	for _, t := range tokens {
		if !t.Usable(s.Now()) {
			continue
		}
		k.Any = true
		if t.Role == RoleAdmin && t.ExpiresAt.After(k.AdminUntil) {
			k.AdminUntil = t.ExpiresAt
		}
	}
	return k, nil
}

// AdminWarning is how long before the last admin's end it is worth a word.
const AdminWarning = 14 * 24 * time.Hour

// Trouble says what somebody should do while only tokens let admins in; empty: nothing.
func (k Keyholders) Trouble(now time.Time) string {
	const command = "windlass token create -role admin"
	switch left := k.AdminUntil.Sub(now); {
	case left <= 0:
		return "No token of role admin is valid: nobody can make or revoke tokens over page and API. Make one beside Redis: " + command + "."
	case left < AdminWarning:
		return fmt.Sprintf("The last valid token of role admin ends at %s. Make another one before that, on the page or beside Redis: %s.", k.AdminUntil.Format("2006-01-02 15:04 UTC"), command)
	}
	return ""
}

// readAll reads hashes in one round trip; those that are gone are empty.
func (s *Store) readAll(ctx context.Context, ids []string, key func(string) string) ([]fields, error) {
	pipe := s.rdb.Pipeline()
	cmds := make([]*redis.MapStringStringCmd, len(ids))
	for i, id := range ids {
		cmds[i] = pipe.HGetAll(ctx, key(id))
	}
	if len(ids) == 0 {
		return nil, nil
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return nil, err
	}
	records := make([]fields, len(ids))
	for i, cmd := range cmds {
		records[i] = cmd.Val()
	}
	return records, nil
}

// Token reads one token. Errors: ErrNoToken.
func (s *Store) Token(ctx context.Context, id string) (Token, error) {
	f, err := s.rdb.HGetAll(ctx, tokenKey(id)).Result()
	if err != nil {
		return Token{}, fmt.Errorf("read token: %w", err)
	}
	if len(f) == 0 {
		return Token{}, ErrNoToken
	}
	return fields(f).token(id)
}

// RevokeToken ends a token, and with it its sessions and links. Requests that
// arrive after it has returned are refused in every process. Revoking twice is
// no error. Errors: ErrNoToken.
func (s *Store) RevokeToken(ctx context.Context, id string) error {
	// Taking the hash away needs no memory: it works when Redis is full, too.
	ended, err := s.rdb.HDel(ctx, tokenKey(id), "h").Result()
	if err != nil {
		return fmt.Errorf("revoke token: %w", err)
	}
	if ended == 0 {
		_, err := s.Token(ctx, id)
		return err
	}
	now := s.Now()
	_, err = s.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		p.HSet(ctx, tokenKey(id), "e", now.UnixMilli())
		p.PExpireAt(ctx, tokenKey(id), now.Add(tokenKept))
		return nil
	})
	if err != nil && !Unavailable(err) {
		return fmt.Errorf("note the revocation: %w", err)
	}
	return nil // without the note it is revoked all the same
}

// TokenID gives the id that a token with this text has or had: it is made of the text's
// hash. Empty for what is no token's text.
func TokenID(text string) string {
	secret, ok := parseSecret(tokenPrefix, text)
	if !ok {
		return ""
	}
	return tokenID + secret.name
}

// VerifyToken gives the token whose secret text is. Errors: ErrNoProof, or Redis could not be asked.
func (s *Store) VerifyToken(ctx context.Context, text string) (Token, error) {
	secret, ok := parseSecret(tokenPrefix, text)
	if !ok {
		return Token{}, ErrNoProof
	}
	id := tokenID + secret.name
	records, err := s.prove(ctx, tokenKey(id))
	if err != nil {
		return Token{}, err
	}
	if !secret.proves(records[0]["h"]) {
		return Token{}, ErrNoProof
	}
	return s.admit(records[0], id)
}

// admit gives the token of a record, when it is valid now, and notes its use.
func (s *Store) admit(f fields, id string) (Token, error) {
	if f["h"] == "" {
		return Token{}, ErrNoProof
	}
	t, err := f.token(id)
	if err != nil {
		return Token{}, err
	}
	now := s.Now()
	if !t.Usable(now) {
		return Token{}, ErrNoProof
	}
	if t.LastUsedAt == nil || now.Sub(*t.LastUsedAt) >= usedEvery {
		s.used.note(id, now, func(ctx context.Context) {
			_ = s.rdb.HSet(ctx, tokenKey(id), "u", now.UnixMilli()).Err() // the next use tries again
		})
	}
	return t, nil
}

func (f fields) token(id string) (Token, error) {
	if len(f) == 0 {
		return Token{}, nil
	}
	t := Token{
		ID: id, Name: f["n"], Role: Role(f["r"]), Kinds: []string{}, Queues: []string{}, CreatedBy: f["b"],
		CreatedAt: f.time("c"), ExpiresAt: f.time("x"), LastUsedAt: f.timeOrNil("u"), RevokedAt: f.timeOrNil("e"),
	}
	if f["h"] == "" && t.RevokedAt == nil { // revoked while Redis was full: when, nobody knows
		t.RevokedAt = &t.CreatedAt
	}
	var bounds [][]string
	if err := f.decode("on", &bounds); err != nil {
		return Token{}, err
	}
	if len(bounds) == 2 {
		t.Kinds, t.Queues = append(t.Kinds, bounds[0]...), append(t.Queues, bounds[1]...)
	}
	return t, nil
}

// noted remembers what this process wrote down lately, so that many requests at
// once write once. The zero value is ready.
type noted struct {
	mu sync.Mutex
	at map[string]time.Time
}

// note has write called in the background, unless it was within usedEvery.
func (n *noted) note(name string, now time.Time, write func(context.Context)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if now.Sub(n.at[name]) < usedEvery {
		return
	}
	if n.at == nil || len(n.at) > 2*MaxTokens {
		n.at = map[string]time.Time{}
	}
	n.at[name] = now
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), flushTimeout)
		defer cancel()
		write(ctx)
	}()
}
