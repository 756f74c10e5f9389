package api

import (
	"context"
	"net/http"
	"slices"
	"time"

	"windlass/internal/store"
)

// Caller is who sends a request and what that allows.
type Caller struct {
	// ID names the token (tok_…), the person (per_…) or, as store.AdminID, the
	// admin token of the configuration. Empty where nobody signs in.
	ID string
	// Name is for people.
	Name string
	// Role is what the caller may do: see actions.
	Role store.Role
	// Via is how the caller was proved.
	Via Via
	// Kinds and Queues bound what the caller may see and do. Empty: all.
	Kinds, Queues []string
	// Task is the only task that the caller may see: a link's. Empty: no such bound.
	Task string
	// Expires is when the credential ends. Zero: never, or nobody knows.
	Expires time.Time

	session string // the session's id, when Via is ViaSession
}

// Via is how a caller was proved.
type Via string

// The ways. All but ViaToken and ViaLink are a browser's, which another site may make send requests.
const (
	ViaNothing Via = "nothing" // nobody signs in here
	ViaToken   Via = "token"   // in the header Authorization
	ViaSession Via = "session" // the cookie of the sign-in
	ViaOIDC    Via = "oidc"    // the load balancer vouches for a person
	ViaLink    Via = "link"    // a link to one task
)

// CallerOf gives who sent the request that ctx belongs to, nil for somebody who
// proved nothing (open routes serve them too) or before that was looked at.
func CallerOf(ctx context.Context) *Caller {
	if e := exchangeOf(ctx); e != nil {
		return e.caller
	}
	return nil
}

// exchange is what belongs to one request on its way through the API.
type exchange struct {
	id         string        // the request's
	request    *http.Request // nil once it is over
	begun      time.Time
	credential credential
	caller     *Caller // nil: see CallerOf
	shown      string  // the id of the token that it shows, valid or not
	object     string  // what it acts on, for the audit trail; empty: what its address names
	charged    bool    // whether limitRefused was charged for it
	place      place   // among the requests of its address that are worked on
}

func exchangeOf(ctx context.Context) *exchange {
	e, _ := ctx.Value(exchangeKey).(*exchange)
	return e
}

// sees reports whether the caller's bounds hold the kind and the queue.
func (c *Caller) sees(kind, queue string) bool {
	return (len(c.Kinds) == 0 || slices.Contains(c.Kinds, kind)) && (len(c.Queues) == 0 || slices.Contains(c.Queues, queue))
}

// bound reports whether there is anything that the caller does not see.
func (c *Caller) bound() bool { return len(c.Kinds) > 0 || len(c.Queues) > 0 }

// may reports whether the caller's role may do the action.
func (c *Caller) may(action Action) bool { return c.Role.Includes(actions()[action]) }

// mark is what the caller's tasks are marked with. The admin token of the
// configuration is everybody's who runs the server, and names nobody.
func (c *Caller) mark() string {
	if c.ID == store.AdminID {
		return ""
	}
	return c.ID
}
