package store

import (
	"context"
	"strings"
)

// AdminID stands for the admin token of the configuration where a token's id is wanted.
const AdminID = "admin"

// Owner is a token that sessions and links stand for.
type Owner struct {
	// ID is the token's, or AdminID.
	ID string
	// Proof is derived from the configuration's admin token, so that its sessions
	// and links end when it changes. Empty for all others.
	Proof string
}

// maxOwner is the length of an owner's id in what a request brings.
const maxOwner = 40

// verifyGrant reads what a session's cookie or a link holds: <secret>.<owner>. Both records are
// read in one round trip. It gives the grant's record, its name and its owner's token.
func (s *Store) verifyGrant(ctx context.Context, prefix, text, adminProof string, key func(name string) string) (fields, string, Token, error) {
	text, owner, _ := strings.Cut(text, ".")
	secret, ok := parseSecret(prefix, text)
	if !ok || len(owner) > maxOwner {
		return nil, "", Token{}, ErrNoProof
	}
	keys := []string{key(secret.name)}
	if strings.HasPrefix(owner, tokenID) {
		keys = append(keys, tokenKey(owner))
	}
	records, err := s.prove(ctx, keys...)
	if err != nil {
		return nil, "", Token{}, err
	}
	grant := records[0]
	if !secret.proves(grant["h"]) || grant["o"] != owner || grant["p"] != "" && grant["p"] != adminProof || !s.Now().Before(grant.time("x")) {
		return nil, "", Token{}, ErrNoProof
	}
	var t Token
	switch {
	case len(records) > 1:
		if t, err = s.admit(records[1], owner); err != nil {
			return nil, "", Token{}, err
		}
	case owner == AdminID && (grant["p"] == "" || adminProof == ""):
		return nil, "", Token{}, ErrNoProof
	case owner == AdminID:
		t = Token{ID: AdminID, Role: RoleAdmin}
	}
	return grant, secret.name, t, nil
}
