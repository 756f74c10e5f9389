package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"windlass/internal/store"
	"windlass/internal/task"
)

// Names of the session's cookie. The first is refused by browsers unless it
// came over TLS, from this very host, for all of it: no neighbour can plant it.
// Browsers count loopback as secure. The second is for plain HTTP to other
// hosts, where nobody is safe from whoever listens.
const (
	cookieSecure = "__Host-windlass_session"
	cookiePlain  = "windlass_session"
)

// secureRequest reports whether the browser takes cookies for secure connections.
func (a *API) secureRequest(r *http.Request) bool {
	return a.config.Proxies.TLS(r) || loopbackHost(r.Host)
}

func (a *API) cookieName(r *http.Request) string {
	if a.secureRequest(r) {
		return cookieSecure
	}
	return cookiePlain
}

// Session says who is asking and what this server is.
type Session struct {
	Required      bool   `json:"required" doc:"Whether one must sign in here."`
	SignedIn      bool   `json:"signed_in" doc:"Whether this request may use the API."`
	Version       string `json:"version" doc:"The server's version; empty for somebody who is not signed in."`
	EmbeddedRedis bool   `json:"embedded_redis" doc:"Tasks are kept in memory only and do not outlive the process."`
	Me            *Me    `json:"me,omitempty" doc:"Who is asking; left out for somebody who is not signed in."`
}

type sessionOutput struct {
	Body Session
}

func (a *API) getSession(ctx context.Context, _ *struct{}) (*sessionOutput, error) {
	out := &sessionOutput{Session{Required: a.credentials.required, EmbeddedRedis: a.config.Embedded}}
	if c := CallerOf(ctx); c != nil {
		me := describe(c)
		out.Body.SignedIn, out.Body.Me = true, &me
		out.Body.Version = a.config.Version
	}
	return out, nil
}

// Me is who is asking, and what that allows.
type Me struct {
	ID        string     `json:"id" doc:"The token or person; admin for the admin token of the configuration, empty where nobody signs in."`
	Name      string     `json:"name" doc:"The same for people."`
	Role      store.Role `json:"role" enum:"viewer,submitter,operator,admin"`
	Via       Via        `json:"via" enum:"nothing,token,session,oidc,link" doc:"How it was proved."`
	Actions   []Action   `json:"actions" nullable:"false" doc:"What the role allows."`
	Kinds     []string   `json:"kinds" nullable:"false" doc:"Only tasks of these kinds; none means all."`
	Queues    []string   `json:"queues" nullable:"false" doc:"Only tasks of these queues; none means all."`
	ExpiresAt *time.Time `json:"expires_at,omitempty" doc:"When the token ends."`
}

type meOutput struct {
	Body Me
}

func describe(c *Caller) Me {
	me := Me{
		ID: c.ID, Name: c.Name, Role: c.Role, Via: c.Via, Actions: actionsOf(c.Role),
		Kinds: append([]string{}, c.Kinds...), Queues: append([]string{}, c.Queues...),
	}
	if c.Task != "" {
		me.Actions = []Action{ActionReadTask}
	}
	if !c.Expires.IsZero() {
		me.ExpiresAt = &c.Expires
	}
	return me
}

func (a *API) getMe(ctx context.Context, _ *struct{}) (*meOutput, error) {
	return &meOutput{describe(CallerOf(ctx))}, nil
}

type signInInput struct {
	UserAgent string `header:"User-Agent" hidden:"true"`
	Body      struct {
		Token string `json:"token" minLength:"1" maxLength:"1000" format:"password" doc:"A token, or the server's admin token."`
	} `nameHint:"SignIn"`
}

type cookieOutput struct {
	SetCookie string `header:"Set-Cookie"`
}

// maxUserAgent is how much a session keeps of what the browser says of itself, in bytes.
const maxUserAgent = 200

func (a *API) signIn(ctx context.Context, in *signInInput) (*cookieOutput, error) {
	if !a.credentials.required {
		return &cookieOutput{}, nil
	}
	c, err := a.bearer(ctx, in.Body.Token)
	if errors.Is(err, store.ErrNoProof) || err == nil && c.Via == ViaLink {
		return nil, unauthorized("This is no token of this server, or it was revoked or has expired.")
	}
	if err != nil {
		return nil, err
	}
	// Who signs in anew leaves no session behind that nobody has a cookie for.
	if before := CallerOf(ctx); before != nil && before.Via == ViaSession {
		if err := a.store.EndSession(ctx, store.Session{ID: before.session, TokenID: before.ID}); err != nil {
			return nil, err
		}
	}
	session, cookie, err := a.store.OpenSession(ctx, a.ownerOf(c), task.Cut(in.UserAgent, maxUserAgent))
	if err != nil {
		return nil, err
	}
	e := exchangeOf(ctx)
	e.caller, e.object = c, session.ID
	return &cookieOutput{a.setCookie(ctx, cookie, int(store.SessionLife.Seconds()))}, nil
}

// ownerOf gives what the caller's sessions and links stand and fall with.
func (a *API) ownerOf(c *Caller) store.Owner {
	o := store.Owner{ID: c.ID}
	if c.ID == store.AdminID {
		o.Proof = a.credentials.proof
	}
	return o
}

// signOut ends the session of the cookie. The browser forgets the cookie even
// when the store cannot be told.
func (a *API) signOut(ctx context.Context, _ *struct{}) (*cookieOutput, error) {
	out := &cookieOutput{a.setCookie(ctx, "", -1)}
	c := CallerOf(ctx)
	if c == nil || c.Via != ViaSession {
		return out, nil
	}
	if err := a.store.EndSession(ctx, store.Session{ID: c.session, TokenID: c.ID}); err != nil {
		return nil, a.problemOf(ctx, err).with("Set-Cookie", out.SetCookie)
	}
	return out, nil
}

func (a *API) setCookie(ctx context.Context, value string, maxAge int) string {
	r := httpRequest(ctx)
	cookie := http.Cookie{
		Name: a.cookieName(r), Value: value, Path: "/", MaxAge: maxAge, HttpOnly: true,
		// Lax: whoever follows a link to a task from a mail is signed in at once.
		SameSite: http.SameSiteLaxMode, Secure: a.secureRequest(r),
	}
	return cookie.String()
}

// OpenSession is one of the sessions that are open.
type OpenSession struct {
	store.Session
	Current bool `json:"current" doc:"Whether this request belongs to it."`
}

// Sessions is every open session that the caller may end, newest first.
type Sessions struct {
	Items []OpenSession `json:"items" nullable:"false"`
}

type sessionsInput struct {
	All bool `query:"all" doc:"Those of all tokens, for admins; otherwise those that were opened with the caller's own."`
}

type sessionsOutput struct {
	Body Sessions
}

func (a *API) listSessions(ctx context.Context, in *sessionsInput) (*sessionsOutput, error) {
	c := CallerOf(ctx)
	owners := []string{c.ID}
	if in.All {
		if !c.may(ActionAllSessions) {
			return nil, forbidden(c, actions()[ActionAllSessions])
		}
		tokens, err := a.store.Tokens(ctx)
		if err != nil {
			return nil, err
		}
		owners = []string{store.AdminID}
		for _, t := range tokens {
			if t.RevokedAt == nil {
				owners = append(owners, t.ID)
			}
		}
	}
	sessions, err := a.store.Sessions(ctx, owners...)
	if err != nil {
		return nil, err
	}
	out := &sessionsOutput{Sessions{Items: []OpenSession{}}}
	for _, s := range sessions {
		out.Body.Items = append(out.Body.Items, OpenSession{s, s.ID == c.session})
	}
	return out, nil
}

// SessionRef is a session in an address.
type SessionRef struct {
	ID string `path:"id" maxLength:"40" doc:"The session's id."`
}

// endSession ends one of the caller's sessions; an admin's may be anybody's.
func (a *API) endSession(ctx context.Context, in *SessionRef) (*empty, error) {
	c := CallerOf(ctx)
	session, err := a.store.Session(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if session.TokenID != c.ID && !c.may(ActionAllSessions) {
		return nil, store.ErrNoSession // as if it were not there: it is nobody else's business
	}
	return nil, a.store.EndSession(ctx, session)
}
