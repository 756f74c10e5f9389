package api

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"windlass/internal/ratelimit"
	"windlass/internal/store"
)

// The sorts of requests that are limited on their own.
const (
	limitSubmit = "submit" // each task that is handed in, one by one or in bulk
	limitRead   = "read"   // what changes nothing
	limitChange = "change" // what changes something else than by handing a task in
	limitStream = "stream" // event streams that begin

	// By address, whoever it is.
	limitSignIn  = "sign_in" // tries to sign in
	limitRefused = "refused" // requests that were refused for what they show, or for their role
)

func limitSorts() []string {
	return []string{limitSubmit, limitRead, limitChange, limitStream, limitSignIn, limitRefused}
}

// Limits is how much one client may ask for: a token or a person, or an address
// where nobody signs in.
type Limits struct {
	// Rates by sort of request, or by role and sort as in "viewer.read", which
	// comes first. What is not named is not limited.
	Rates map[string]ratelimit.Rate
	// Streams is how many event streams a client may hold open in this process. Zero: any number.
	Streams int
}

// DefaultRates are generous: they keep a client from taking a process for itself,
// not from working.
const DefaultRates = "submit=50000/s,read=20000/s,change=2000/s,stream=600/m,sign_in=30/m,refused=60/m"

// ParseRates reads a comma list such as "submit=100/s,viewer.read=600/m,change=0"
// over the default rates; "0" alone means no limits. Errors name the part and the rule.
func ParseRates(text string) (map[string]ratelimit.Rate, error) {
	rates := map[string]ratelimit.Rate{}
	if text == "0" {
		return rates, nil
	}
	for part := range strings.SplitSeq(DefaultRates+","+text, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		sort := name
		if role, rest, of := strings.Cut(name, "."); of {
			if sort = rest; !store.Role(role).Valid() {
				return nil, fmt.Errorf("%q: %q is not a role", part, role)
			}
		}
		if !slices.Contains(limitSorts(), sort) {
			return nil, fmt.Errorf("%q: %q is not one of %s", part, sort, strings.Join(limitSorts(), ", "))
		}
		rate, err := ratelimit.ParseRate(value)
		if err != nil {
			return nil, err
		}
		rates[name] = rate
	}
	return rates, nil
}

// limits keeps clients within Limits.
type limits struct {
	byName  map[string]*limit
	streams streamCount
}

// limit is one limiter and what answers say of it (draft-ietf-httpapi-ratelimit-headers-11).
type limit struct {
	*ratelimit.Limiter
	sort   string
	policy []string
}

func newLimits(l Limits, s *store.Store) *limits {
	all := &limits{byName: map[string]*limit{}, streams: streamCount{most: l.Streams, open: map[string]int{}}}
	for name, rate := range l.Rates {
		if rate.Count == 0 {
			continue
		}
		sort := name[strings.IndexByte(name, '.')+1:]
		all.byName[name] = &limit{
			Limiter: ratelimit.New(name, rate, s.Permits), sort: sort,
			policy: []string{fmt.Sprintf(`"%s";q=%d;w=%d`, sort, rate.Count, int(rate.Per.Seconds()))},
		}
	}
	return all
}

// of gives the limit of a sort of request for a role, nil when there is none.
func (l *limits) of(role store.Role, sort string) *limit {
	if own := l.byName[string(role)+"."+sort]; own != nil {
		return own
	}
	return l.byName[sort]
}

// take charges n requests of a sort to a client, and tells the answer's reader what is
// left. The problem is nil when the client is within its limit.
func (l *limits) take(ctx context.Context, h http.Header, role store.Role, client, sort string, n int) *Problem {
	limit := l.of(role, sort)
	if limit == nil {
		return nil
	}
	d := limit.Take(ctx, client, n)
	h["Ratelimit-Policy"] = limit.policy
	h.Set("RateLimit", `"`+sort+`";r=`+strconv.Itoa(d.Left)+`;t=`+strconv.FormatInt(seconds(d.Reset), 10))
	if d.OK {
		return nil
	}
	return problem(codeLimited, fmt.Sprintf("More requests of the sort %s came than %s.", sort, limit.Rate())).
		with("Retry-After", strconv.FormatInt(max(seconds(d.Wait), 1), 10))
}

// seconds rounds up: an early client would be refused again.
func seconds(d time.Duration) int64 { return int64((d + time.Second - 1) / time.Second) }

// streamCount counts the open event streams of each client.
type streamCount struct {
	most int
	mu   sync.Mutex
	open map[string]int
}

// begin counts one more stream, unless the client has all it may. The caller ends it.
func (s *streamCount) begin(client string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.most > 0 && s.open[client] >= s.most {
		return false
	}
	s.open[client]++
	return true
}

func (s *streamCount) end(client string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open[client]--; s.open[client] <= 0 {
		delete(s.open, client)
	}
}

// limitClients refuses requests beyond their client's limit. It comes after guard,
// which knows the client, and before the body is read.
func (a *API) limitClients(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, prefix+"/") || r.URL.Path == pathBulk && r.Method == http.MethodPost {
			next.ServeHTTP(w, r) // a bulk request is charged once its tasks are counted
			return
		}
		if p := a.charge(r.Context(), w.Header(), sortOf(r), 1); p != nil {
			a.writeProblem(w, r, p)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// charge charges n requests of a sort to the client that ctx belongs to.
func (a *API) charge(ctx context.Context, h http.Header, sort string, n int) *Problem {
	client, role := a.clientOf(ctx)
	if sort == limitSignIn || sort == limitRefused {
		client, role = a.addressKey(ctx), ""
	}
	p := a.limits.take(ctx, h, role, client, sort, n)
	if p != nil {
		a.metrics.limited.Add(1, sort)
	}
	return p
}

// sortOf tells which limit a request falls under.
func sortOf(r *http.Request) string {
	read := r.Method == http.MethodGet || r.Method == http.MethodHead
	switch {
	case read && strings.HasSuffix(r.URL.Path, "/events"):
		return limitStream
	case read:
		return limitRead
	case r.URL.Path == pathTasks:
		return limitSubmit
	case r.URL.Path == pathSession && r.Method == http.MethodPost:
		return limitSignIn
	}
	return limitChange
}

// turnAway answers a request that is refused for what it shows, or for its role:
// at most so many from one address, so that nobody can try credentials by the
// thousand, or fill the audit trail. What is right is let in whatever others try
// from there: nobody can lock anybody out.
func (a *API) turnAway(w http.ResponseWriter, r *http.Request, p *Problem) {
	exchangeOf(r.Context()).charged = true
	if over := a.charge(r.Context(), w.Header(), limitRefused, 1); over != nil {
		p = over
	}
	a.writeProblem(w, r, p)
}

// clientOf names whose limits a request falls under, and the client's role.
func (a *API) clientOf(ctx context.Context) (client string, role store.Role) {
	if c := CallerOf(ctx); c != nil && c.ID != "" {
		return "caller:" + c.ID, c.Role
	}
	return a.addressKey(ctx), ""
}

// addressKey names an address for limits. Of version 6 the network counts that
// one customer has at least: whoever has it can take any address in it.
func (a *API) addressKey(ctx context.Context) string {
	address := a.config.Proxies.Address(httpRequest(ctx))
	if address.Is6() {
		const customer = 64
		return "address:" + netip.PrefixFrom(address, customer).Masked().String()
	}
	return "address:" + address.String()
}
