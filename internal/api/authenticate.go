package api

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
	"time"

	"windlass/internal/oidc"
	"windlass/internal/store"
)

// credentials is what this process itself knows of who may come in. Tokens,
// sessions and links are the store's.
type credentials struct {
	required bool   // whether anybody must sign in at all
	admin    string // the configuration's admin token; empty: there is none
	proof    string // derived from it, so that its sessions and links end when it changes
}

func newCredentials(c Config) credentials {
	out := credentials{required: c.AdminToken != "" || c.TokensOnly || c.OIDC != nil, admin: c.AdminToken}
	if c.AdminToken != "" {
		h := hmac.New(sha256.New, []byte(c.AdminToken))
		h.Write([]byte("windlass session 2"))
		out.proof = hex.EncodeToString(h.Sum(nil))
	}
	return out
}

// isAdmin compares in a time that tells neither content nor length.
func (c credentials) isAdmin(token string) bool {
	x, y := sha256.Sum256([]byte(token)), sha256.Sum256([]byte(c.admin))
	return c.admin != "" && subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

// credential is what a request shows, for authenticate and, on long answers, for still. The
// zero value shows nothing.
type credential struct {
	via     Via    // ViaToken, ViaLink, ViaSession or empty
	text    string // as it came
	vouched string // the load balancer's word, for who has no session; empty: there is none
}

// credentialOf reads what the request shows.
func (a *API) credentialOf(r *http.Request) credential {
	// RFC 6750 section 2.1. Other schemes are a proxy's in between.
	if scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " "); strings.EqualFold(scheme, "Bearer") {
		return credential{via: ViaToken, text: strings.TrimSpace(token)}
	}
	if link := linkOf(r); link != "" {
		return credential{via: ViaLink, text: link}
	}
	var c credential
	if a.config.OIDC != nil {
		c.vouched = r.Header.Get(oidc.Header)
	}
	if cookie, err := r.Cookie(a.cookieName(r)); err == nil {
		c.via, c.text = ViaSession, cookie.Value
	}
	return c
}

// authenticate finds out whose the credential is. It gives nil for one that shows nothing.
// Errors: store.ErrNoProof for one that admits nobody, or the store could not be asked,
// which is no reason to call anybody a stranger.
func (a *API) authenticate(ctx context.Context, shown credential) (*Caller, error) {
	if !a.credentials.required {
		return &Caller{Role: store.RoleAdmin, Via: ViaNothing}, nil
	}
	switch shown.via {
	case ViaToken:
		return a.bearer(ctx, shown.text)
	case ViaLink:
		return a.byLink(ctx, shown.text)
	case ViaSession:
		c, err := a.bySession(ctx, shown.text)
		if shown.vouched == "" || !errors.Is(err, store.ErrNoProof) {
			return c, err
		}
	}
	if shown.vouched != "" {
		return a.byOIDC(ctx, shown.vouched)
	}
	return nil, nil
}

func (a *API) bearer(ctx context.Context, token string) (*Caller, error) {
	if a.credentials.isAdmin(token) {
		return adminCaller(ViaToken), nil
	}
	if strings.HasPrefix(token, store.LinkPrefix) {
		return a.byLink(ctx, token)
	}
	exchangeOf(ctx).shown = store.TokenID(token)
	t, err := a.store.VerifyToken(ctx, token)
	if err != nil {
		return nil, err
	}
	return tokenCaller(t, ViaToken), nil
}

// linkOf gives the link in the query of a request that reads: EventSource and
// addresses have no other place for it.
func linkOf(r *http.Request) string {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return ""
	}
	return r.URL.Query().Get("link")
}

func (a *API) byLink(ctx context.Context, link string) (*Caller, error) {
	task, ends, err := a.store.VerifyLink(ctx, link, a.credentials.proof)
	if err != nil {
		return nil, err
	}
	return &Caller{Name: "Link", Role: store.RoleViewer, Via: ViaLink, Task: task, Expires: ends}, nil
}

func (a *API) bySession(ctx context.Context, cookie string) (*Caller, error) {
	session, t, err := a.store.VerifySession(ctx, cookie, a.credentials.proof)
	if err != nil {
		return nil, err
	}
	c := adminCaller(ViaSession)
	if t.ID != store.AdminID {
		c = tokenCaller(t, ViaSession)
	}
	c.session = session.ID
	return c, nil
}

// byOIDC takes the load balancer's word. Of several roles the strongest counts;
// somebody without one may sign in with a token.
func (a *API) byOIDC(ctx context.Context, header string) (*Caller, error) {
	p, err := a.config.OIDC.Verify(ctx, header)
	switch {
	case errors.Is(err, oidc.ErrInvalid):
		a.log.WarnContext(ctx, "a header of the load balancer was refused", "error", err, "request_id", requestID(ctx))
		return nil, store.ErrNoProof
	case err != nil:
		return nil, err
	}
	c := &Caller{ID: p.ID, Name: p.Name, Via: ViaOIDC}
	for _, text := range p.Roles {
		if role := store.Role(text); c.Role == "" || role.Includes(c.Role) {
			c.Role = role
		}
	}
	if c.Role == "" {
		return nil, nil
	}
	return c, nil
}

func adminCaller(via Via) *Caller {
	return &Caller{ID: store.AdminID, Name: "Admin token", Role: store.RoleAdmin, Via: via}
}

func tokenCaller(t store.Token, via Via) *Caller {
	return &Caller{ID: t.ID, Name: t.Name, Role: t.Role, Via: via, Kinds: t.Kinds, Queues: t.Queues, Expires: t.ExpiresAt}
}

// vouchedFor is how long an answer may go on on a load balancer's word. A stream's client comes back by itself.
const vouchedFor = time.Hour

// still checks again what admitted a caller, for answers that outlive their
// request's beginning. While the store is away nothing new can be told anyway.
func (a *API) still(ctx context.Context) error {
	e := exchangeOf(ctx)
	if e.caller == nil || e.caller.Via == ViaNothing || e.caller.ID == store.AdminID && e.caller.Via == ViaToken {
		return nil
	}
	if e.caller.Via == ViaOIDC { // its word is good for two minutes, which no stream should have to heed
		if time.Since(e.begun) > vouchedFor {
			return unauthorized("")
		}
		return nil
	}
	_, err := a.authenticate(ctx, e.credential)
	if store.Unavailable(err) {
		return nil
	}
	if errors.Is(err, store.ErrNoProof) {
		return unauthorized("")
	}
	return err
}
