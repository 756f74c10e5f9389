package api

import (
	"errors"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"

	"windlass/internal/store"
)

// guard finds out who calls, and turns away whom no route of the API proper
// would serve, before anything else of the request is read. What the caller may
// do is looked at by allow, which belongs to the route itself.
func (a *API) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, prefix+"/") {
			next.ServeHTTP(w, r)
			return
		}
		if !a.credentials.required && !loopbackHost(r.Host) {
			a.writeProblem(w, r, problem(codeCrossSite, "Without an admin token this server answers to localhost and loopback addresses only."))
			return
		}
		e := exchangeOf(r.Context())
		e.credential = a.credentialOf(r)
		caller, err := a.authenticate(r.Context(), e.credential)
		if err != nil && !errors.Is(err, store.ErrNoProof) {
			a.writeProblem(w, r, a.problemOf(r.Context(), err))
			return
		}
		if a.crossSite(r, caller) {
			a.turnAway(w, r, problem(codeCrossSite, ""))
			return
		}
		if caller == nil && !slices.Contains(a.open, r.URL.Path) {
			if err != nil {
				a.turnAway(w, r, notSignedIn(err))
				return
			}
			a.writeProblem(w, r, notSignedIn(nil))
			return
		}
		e.caller = caller
		next.ServeHTTP(w, r)
	})
}

// byBrowser reports whether a browser adds the credential by itself, on behalf of any site.
func (c *Caller) byBrowser() bool { return c.Via != ViaToken && c.Via != ViaLink }

// crossSite reports whether another site had the browser send the request, so
// that the caller may know nothing of it. What changes something is looked at
// as net/http does it. What reads is refused too, event streams above all: they
// are for our own pages. Whoever follows a link comes from another site, and is
// let in, for only the reader sees that answer. A browser that does not send
// Sec-Fetch-Site keeps answers from other sites by itself.
func (a *API) crossSite(r *http.Request, c *Caller) bool {
	if c != nil && (!c.byBrowser() || c.Via == ViaNothing && a.welcome(r)) {
		return false
	}
	if a.protection.Check(r) != nil {
		return true
	}
	site := r.Header.Get("Sec-Fetch-Site")
	return site != "" && site != "same-origin" && site != "none" && r.Header.Get("Sec-Fetch-Dest") != "document"
}

func notSignedIn(err error) *Problem {
	if err != nil {
		return unauthorized("What this request shows is unknown, revoked or expired. Use another token, or sign in again.")
	}
	return unauthorized("Send a token as Authorization: Bearer, or sign in.")
}

func unauthorized(detail string) *Problem {
	return problem(codeUnauthorized, detail).with("WWW-Authenticate", `Bearer realm="windlass"`)
}

// loopbackHost keeps a web site from reaching a server without a token under a
// name of its own that it lets point to loopback (DNS rebinding).
func loopbackHost(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = strings.Trim(host, "[]")
	}
	ip, err := netip.ParseAddr(name)
	return strings.EqualFold(name, "localhost") || err == nil && ip.Unmap().IsLoopback()
}

// allow lets callers through to a route whose role may do its action. A caller
// who is bound to one task gets no further than to that task.
func (a *API) allow(action Action) func(huma.Context, func(huma.Context)) {
	least := actions()[action]
	return func(ctx huma.Context, next func(huma.Context)) {
		r, w := humachi.Unwrap(ctx)
		caller := CallerOf(r.Context())
		switch {
		case action == ActionOpen:
			next(ctx)
		case caller == nil:
			a.writeProblem(w, r, notSignedIn(nil))
		case caller.Task != "" && (action != ActionReadTask || ctx.Param("id") != caller.Task):
			a.turnAway(w, r, problem(codeForbidden, "This link shows one task and nothing else."))
		case !caller.Role.Includes(least):
			a.turnAway(w, r, forbidden(caller, least))
		default:
			next(ctx)
		}
	}
}

func forbidden(c *Caller, least store.Role) *Problem {
	return problem(codeForbidden, "This takes the role "+string(least)+"; yours is "+string(c.Role)+".")
}
