package api

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"
)

const (
	cookieName = "windlass_session"
	cookieAge  = 30 * 24 * time.Hour
)

// credentials are what a request may prove itself with. The zero value asks for nothing.
type credentials struct {
	token  string
	cookie string // derived from the token, so that the browser never keeps the token itself
}

func newCredentials(token string) credentials {
	if token == "" {
		return credentials{}
	}
	h := hmac.New(sha256.New, []byte(token))
	h.Write([]byte("windlass session 1"))
	return credentials{token: token, cookie: hex.EncodeToString(h.Sum(nil))}
}

func (c credentials) required() bool { return c.token != "" }

// same compares in a time that tells neither content nor length.
func same(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

// bearer reports whether the header Authorization carries the token (RFC 6750).
func (c credentials) bearer(r *http.Request) bool {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	return c.required() && strings.EqualFold(scheme, "Bearer") && same(strings.TrimSpace(token), c.token)
}

func (c credentials) signedIn(r *http.Request) bool {
	if !c.required() || c.bearer(r) {
		return true
	}
	for _, cookie := range r.CookiesNamed(cookieName) {
		if same(cookie.Value, c.cookie) {
			return true
		}
	}
	return false
}

// guard lets signed-in requests through. Whatever changes something and does
// not carry the token itself must not come from another site: browsers send
// cookies, and reach a server on loopback, on behalf of any page.
func (a *API) guard(next http.Handler) http.Handler {
	crossSite := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, prefix+"/") {
			next.ServeHTTP(w, r)
			return
		}
		if !a.credentials.required() && !loopbackHost(r.Host) {
			a.writeProblem(w, r, problem(codeCrossSite, "Without an admin token this server answers to localhost and loopback addresses only."))
			return
		}
		if !a.credentials.bearer(r) && crossSite.Check(r) != nil {
			a.writeProblem(w, r, problem(codeCrossSite, ""))
			return
		}
		if r.URL.Path != pathSession && !a.credentials.signedIn(r) {
			a.writeProblem(w, r, unauthorized("Send the admin token as Authorization: Bearer, or sign in."))
			return
		}
		next.ServeHTTP(w, r)
	})
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

func unauthorized(detail string) *Problem {
	return problem(codeUnauthorized, detail).with("WWW-Authenticate", `Bearer realm="windlass"`)
}

// Session says who is asking and what this server is.
type Session struct {
	Required      bool   `json:"required" doc:"Whether this server asks for its admin token."`
	SignedIn      bool   `json:"signed_in" doc:"Whether this request may use the API."`
	Version       string `json:"version" doc:"The server's version."`
	EmbeddedRedis bool   `json:"embedded_redis" doc:"Tasks are kept in memory only and do not outlive the process."`
}

type sessionOutput struct {
	Body Session
}

func (a *API) getSession(ctx context.Context, _ *struct{}) (*sessionOutput, error) {
	return &sessionOutput{Session{
		Required: a.credentials.required(), SignedIn: a.credentials.signedIn(httpRequest(ctx)),
		Version: a.config.Version, EmbeddedRedis: a.config.Embedded,
	}}, nil
}

type signInInput struct {
	Body struct {
		Token string `json:"token" minLength:"1" maxLength:"1000" format:"password" doc:"The server's admin token."`
	} `nameHint:"SignIn"`
}

type cookieOutput struct {
	SetCookie string `header:"Set-Cookie"`
}

func (a *API) signIn(ctx context.Context, in *signInInput) (*cookieOutput, error) {
	if !a.credentials.required() {
		return &cookieOutput{}, nil
	}
	if !same(in.Body.Token, a.credentials.token) {
		return nil, unauthorized("This is not the server's admin token.")
	}
	return a.setCookie(ctx, a.credentials.cookie, int(cookieAge.Seconds())), nil
}

func (a *API) signOut(ctx context.Context, _ *struct{}) (*cookieOutput, error) {
	return a.setCookie(ctx, "", -1), nil
}

func (a *API) setCookie(ctx context.Context, value string, maxAge int) *cookieOutput {
	r := httpRequest(ctx)
	cookie := http.Cookie{
		Name: cookieName, Value: value, Path: "/", MaxAge: maxAge, HttpOnly: true, SameSite: http.SameSiteStrictMode,
		// Behind a load balancer that ends TLS, its header tells.
		Secure: r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https",
	}
	return &cookieOutput{cookie.String()}
}

// httpRequest gives the request that ctx belongs to, for what huma does not hand on.
func httpRequest(ctx context.Context) *http.Request {
	r, _ := ctx.Value(requestKey).(*http.Request)
	return r
}
