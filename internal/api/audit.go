package api

import (
	"cmp"
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"windlass/internal/oidc"
	"windlass/internal/store"
	"windlass/internal/task"
)

const (
	// auditTimeout is how long an answer may be held up by writing the audit trail.
	auditTimeout = 2 * time.Second
	// maxObject is how much of an address stands in the trail, in bytes.
	maxObject = 100
)

// audit adds what a request did to the audit trail, once it was answered, and to the
// log, which has it even when the store is away. Audited is every request that
// changes something, and every one whose credential or role was refused. Left to the
// log alone, which names the caller of every request, are tasks that programs hand in,
// because they would fill the trail, and what anybody can send as often as they like:
// requests without any credential, and those that are over a limit.
func (a *API) audit(r *http.Request, route string, status int) {
	caller := CallerOf(r.Context())
	refused := status == http.StatusForbidden || status == http.StatusUnauthorized && (a.hasCredential(r) || r.URL.Path == pathSession)
	if !strings.HasPrefix(r.URL.Path, prefix+"/") || !refused && !audited(r, a.actionOf[r.Method+" "+route], caller) || status == http.StatusTooManyRequests {
		return
	}
	ex := exchangeOf(r.Context())
	if status == http.StatusForbidden && !ex.charged && a.charge(r.Context(), http.Header{}, limitRefused, 1) != nil {
		return
	}
	found := chi.RouteContext(r.Context())
	if found.RoutePattern() == "" { // it was refused before its route was looked for
		routes := found.Routes
		found = chi.NewRouteContext()
		if routes.Match(found, r.Method, r.URL.Path) {
			route = found.RoutePattern()
		}
	}
	e := store.Entry{
		Action: a.operationOf[r.Method+" "+route], Object: ex.object,
		Address: a.config.Proxies.Address(r).String(), RequestID: requestID(r.Context()), Status: status, Outcome: outcomeOf(status, refused),
	}
	if e.Object == "" {
		e.Object = task.Cut(cmp.Or(found.URLParam("id"), found.URLParam("name")), maxObject)
	}
	if caller != nil {
		e.Actor, e.Name, e.Role, e.Via = caller.ID, caller.Name, caller.Role, string(caller.Via)
	} else if ex.shown != "" { // revoked or expired, as a rule: its holder should know
		e.Actor, e.Via = ex.shown, string(ViaToken)
	}
	a.log.InfoContext(r.Context(), "audit", "action", e.Action, "actor", e.Actor, "role", e.Role, "via", e.Via, "object", e.Object,
		"client", e.Address, "outcome", e.Outcome, "status", e.Status, "request_id", e.RequestID)
	// The client may be gone, but what it did is done.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), auditTimeout)
	defer cancel()
	if err := a.store.Record(ctx, e); err != nil {
		a.log.WarnContext(ctx, "an entry of the audit trail stands in the log alone", "error", err, "request_id", e.RequestID)
	}
}

// audited reports whether a request that was let in belongs into the trail.
func audited(r *http.Request, action Action, c *Caller) bool {
	if c == nil || action == "" || r.Method == http.MethodGet || r.Method == http.MethodHead || r.Method == http.MethodOptions {
		return false
	}
	return action != ActionSubmit || c.Via == ViaSession || c.Via == ViaOIDC
}

func outcomeOf(status int, refused bool) string {
	switch {
	case refused:
		return store.OutcomeRefused
	case status >= http.StatusBadRequest:
		return store.OutcomeFailed
	}
	return store.OutcomeDone
}

// hasCredential reports whether a request shows anything to be let in by.
func (a *API) hasCredential(r *http.Request) bool {
	_, err := r.Cookie(a.cookieName(r))
	return err == nil || r.Header.Get("Authorization") != "" || linkOf(r) != "" || r.Header.Get(oidc.Header) != ""
}

type auditInput struct {
	Actor   string    `query:"actor" maxLength:"100" doc:"By this token or person."`
	Action  string    `query:"action" maxLength:"60" doc:"This action: an operation of this document, such as cancelTask."`
	Object  string    `query:"object" maxLength:"100" doc:"On this task, token, session or secret."`
	Outcome string    `query:"outcome" enum:"done,refused,failed" doc:"That ended like this."`
	After   time.Time `query:"after" doc:"At this time or later."`
	Before  time.Time `query:"before" doc:"Before this time."`
	Limit   int       `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"How many entries at most."`
	Cursor  string    `query:"cursor" maxLength:"200" doc:"The next_cursor of the page before."`
}

// AuditPage is a stretch of the audit trail, newest first.
type AuditPage struct {
	Items      []store.Entry `json:"items" nullable:"false"`
	NextCursor *string       `json:"next_cursor" doc:"Give it as cursor to get the next page; null at the end."`
}

type auditOutput struct {
	Body AuditPage
}

func (a *API) listAudit(ctx context.Context, in *auditInput) (*auditOutput, error) {
	page, err := a.store.Trail(ctx, store.EntryFilter{
		Actor: in.Actor, Action: in.Action, Object: in.Object, Outcome: in.Outcome, After: in.After, Before: in.Before,
	}, in.Limit, in.Cursor)
	if err != nil {
		return nil, err
	}
	out := &auditOutput{AuditPage{Items: page.Entries}}
	if page.Next != "" {
		out.Body.NextCursor = &page.Next
	}
	return out, nil
}
