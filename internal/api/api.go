// Package api is the REST role: tasks in, tasks out, live events, and the
// document that describes all of it. One file a resource; routes.go lists them.
package api

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"windlass/internal/front"
	"windlass/internal/metric"
	"windlass/internal/oidc"
	"windlass/internal/secret"
	"windlass/internal/store"
	"windlass/internal/task"
	"windlass/internal/tracing"
)

const (
	prefix      = "/api/v1"
	compression = 5 // of 9: gzip's own middle
	pathTasks   = prefix + "/tasks"
	pathBulk    = pathTasks + "/bulk"
	pathTask    = pathTasks + "/{id}"
	pathSession = prefix + "/session"
	pathTokens  = prefix + "/tokens"
)

// Config sets an API up. Store and Kinds are needed.
type Config struct {
	Store      *store.Store
	Kinds      []task.Kind
	Log        *slog.Logger                // nil: slog.Default()
	Version    string                      // the program's, shown to clients
	AdminToken string                      // admits its holder as admin; empty: there is none
	TokensOnly bool                        // ask for tokens of the store even without an admin token; else nobody needs one then
	OIDC       *oidc.Verifier              // reads whom a load balancer vouches for; nil: nobody is vouched for
	Origins    []string                    // whose pages may call with a token of their own (CORS); none: nobody's
	Embedded   bool                        // tasks are kept in memory only
	Ready      func(context.Context) error // whether to take traffic; nil: Store.Ready
	Metrics    *metric.Registry            // of this process; nil: one of its own
	Keys       *secret.Keys                // seals stored secrets and those of inputs; nil: no secrets are stored, and inputs are kept as they are
	Tracer     *tracing.Tracer             // nil: nothing is traced
	Process    func() store.Process        // this process as it is now; nil: nothing is known but its version
	LogsURL    func(*task.Task) string     // where a task's log lines are, empty when that is not known; nil: nowhere
	Proxies    front.Proxies               // whose word on a client's address counts
	Limits     Limits                      // how much one client may ask for
}

// kindInfo is a kind with the schema of its input.
type kindInfo struct {
	task.Kind
	schema *huma.Schema
}

// API answers HTTP requests. Close it before the server's Shutdown, and Wait after that.
type API struct {
	config       Config
	store        *store.Store
	log          *slog.Logger
	kinds        map[string]kindInfo
	kindList     Kinds
	registry     huma.Registry
	submitSchema *huma.Schema
	credentials  credentials
	protection   *http.CrossOriginProtection
	actionOf     map[string]Action // by method and pattern, of every route
	operationOf  map[string]string // its name, likewise
	open         []string          // paths below prefix that serve those who are not signed in, too
	metrics      *httpMetrics
	limits       *limits
	fair         *fair
	crew         *recent[[]store.Worker]
	counts       *recent[[]store.Count]
	vitals       *recent[store.Vitals]
	keyholders   *recent[store.Keyholders]
	retold       retold
	document     document
	handler      http.Handler

	closed    context.Context
	close     context.CancelFunc
	streams   atomic.Int64
	running   sync.WaitGroup // streams, to their last byte
	followers atomic.Int64   // streams of all tasks
	bodies    atomic.Int64   // bytes of bodies that are held
	heartbeat time.Duration  // how often an event stream says that it lives
	turns     turns          // of event streams
	buffers   buffers        // of event streams
	teller    *teller        // for event streams
}

// New gives an API. It contacts nothing. It panics on a kind whose types have
// no schema: kinds are written at compile time, and a faulty one must not start.
func New(c Config) *API {
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.Ready == nil {
		c.Ready = c.Store.Ready
	}
	if c.Process == nil {
		c.Process = func() store.Process { return store.Process{Version: c.Version, Roles: []string{}} }
	}
	if c.LogsURL == nil {
		c.LogsURL = func(*task.Task) string { return "" }
	}
	if c.Metrics == nil {
		c.Metrics = metric.NewRegistry()
	}
	a := &API{
		config: c, store: c.Store, log: c.Log, kinds: map[string]kindInfo{},
		registry: newRegistry(c.Kinds), credentials: newCredentials(c),
		protection: http.NewCrossOriginProtection(), actionOf: map[string]Action{}, operationOf: map[string]string{},
		retold:  retold{tasks: map[string]telling{}},
		metrics: newHTTPMetrics(c.Metrics), limits: newLimits(c.Limits, c.Store), fair: newFair(), heartbeat: 15 * time.Second,
	}
	a.turns.begun = time.Now()
	const fresh = time.Second
	a.crew = newRecent(fresh, func(ctx context.Context) ([]store.Worker, error) { return a.store.Workers(ctx) })
	a.counts = newRecent(fresh, func(ctx context.Context) ([]store.Count, error) { return a.store.Counts(ctx) })
	a.vitals = newRecent(fresh, func(ctx context.Context) (store.Vitals, error) { return a.store.Vitals(ctx) })
	a.keyholders = newRecent(10*fresh, func(ctx context.Context) (store.Keyholders, error) { return a.store.Keyholders(ctx) })
	a.closed, a.close = context.WithCancel(context.Background())
	a.teller = newTeller(a.closed)

	router := chi.NewRouter()
	router.Use(identify, c.Tracer.Handler, a.observe, secure, a.recoverer, a.cors, a.takePlaces, a.guard, a.boundAddress, a.limitClients, a.singleQuery, middleware.GetHead, a.readBody,
		middleware.Compress(compression, typeJSON, problemType, typeCSV, "text/html")) // never event streams: they must not be held back
	router.NotFound(a.notFound)
	router.MethodNotAllowed(a.methodNotAllowed)
	h := humachi.New(router, a.humaConfig())
	a.routes(h)
	a.ownSchemas()
	a.addKinds(c.Kinds)
	if err := a.describe(h.OpenAPI()); err != nil {
		panic(fmt.Sprintf("api: write the OpenAPI document: %v", err))
	}
	a.pages(router)
	a.handler = router
	return a
}

// Handler serves everything that Paths and HealthPaths list. Serve it by
// front.NewServer, which ends clients that are too slow.
func (a *API) Handler() http.Handler { return a.handler }

// Paths lists the patterns of http.ServeMux that belong to Handler, beside
// those of HealthPaths, for a listener that serves more than the API.
func Paths() []string {
	return []string{"/api/", "/docs", "/redoc", "/openapi.json", "/openapi.yaml", "/problems", "/problems/"}
}

// Close ends event streams and requests that wait for a result, so that the
// server's Shutdown does not wait for them. It may be called more than once.
func (a *API) Close() { a.close() }

// Wait returns when event streams have ended, which the server's Shutdown knows nothing of:
// call it after that. The error is that of a ctx that is over earlier.
func (a *API) Wait(ctx context.Context) error {
	ended := make(chan struct{})
	go func() {
		a.running.Wait()
		close(ended)
	}()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("end event streams: %w", context.Cause(ctx))
	}
}

// Document gives the OpenAPI document as JSON. It depends on the kinds only.
func (a *API) Document() []byte { return a.document.json }

func (a *API) addKinds(kinds []task.Kind) {
	a.kindList.Items = []KindInfo{}
	for _, k := range kinds {
		input := registerKind(a.registry, k)
		a.kinds[k.Name] = kindInfo{k, input}
		info, err := a.describeKind(k)
		if err != nil {
			panic(fmt.Sprintf("api: kind %q: %v", k.Name, err))
		}
		a.kindList.Items = append(a.kindList.Items, info)
	}
}

func (a *API) kindNames() []string {
	names := make([]string, len(a.kindList.Items))
	for i, k := range a.kindList.Items {
		names[i] = k.Name
	}
	return names
}

// humaConfig leaves out what huma adds by itself: its documentation loads from
// another host, and its links name the Host header.
func (a *API) humaConfig() huma.Config {
	c := huma.DefaultConfig("Windlass", "1")
	c.OpenAPIPath, c.DocsPath, c.SchemasPath, c.CreateHooks = "", "", "", nil
	c.Components.Schemas = a.registry
	c.RejectUnknownQueryParameters = true
	// huma looks a type ending in +json up as "json".
	format := huma.Format{Marshal: huma.DefaultJSONFormat.Marshal, Unmarshal: unmarshal}
	c.Formats = map[string]huma.Format{typeJSON: format, "json": format}
	c.Transformers = []huma.Transformer{a.replaceError}
	return c
}

// replaceError puts our problem in the place of huma's own error, which holds
// the values that were sent.
func (a *API) replaceError(ctx huma.Context, _ string, v any) (any, error) {
	e, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	var p *Problem
	switch e.Status {
	case http.StatusBadRequest:
		p = problem(codeInvalidJSON, "")
	case http.StatusUnprocessableEntity:
		errs := make([]error, len(e.Errors))
		for i, d := range e.Errors {
			errs[i] = d
		}
		p = faulty(tidy(humaFaults(errs))...)
	default:
		a.log.ErrorContext(ctx.Context(), "huma refused a request", "status", e.Status, "request_id", requestID(ctx.Context()))
		p = problem(codeInternal, "Something went wrong here. The log tells more under this request's id.")
	}
	p.Status, p.Instance = e.Status, requestID(ctx.Context())
	return p, nil
}

// register adds a route whose errors leave as problems and as nothing else, and
// which lets in who may do its action.
func register[I, O any](a *API, h huma.API, action Action, op huma.Operation, handle func(context.Context, *I) (*O, error)) {
	a.actionOf[op.Method+" "+op.Path], a.operationOf[op.Method+" "+op.Path] = action, op.OperationID
	op.Middlewares = append(op.Middlewares, a.allow(action))
	if action == ActionOpen {
		a.open = append(a.open, op.Path)
		op.Security = []map[string][]string{{}}
	} else {
		op.Errors = append(op.Errors, http.StatusUnauthorized, http.StatusForbidden)
		op.Extensions = map[string]any{"x-role": string(actions()[action])}
	}
	op.BodyReadTimeout = -1 // readBody has it already
	op.SkipValidateBody = op.RequestBody != nil
	if _, has := reflect.TypeFor[I]().FieldByName("Body"); has {
		op.RequestBody = &huma.RequestBody{} // huma writes its schema there
		op.Middlewares = append(op.Middlewares, a.exact(op.RequestBody))
	}
	if op.Responses == nil {
		op.Responses = map[string]*huma.Response{}
	}
	// 422 is for unknown parameters, if for nothing else.
	everywhere := []int{http.StatusRequestURITooLong, http.StatusUnprocessableEntity, http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusServiceUnavailable}
	for _, code := range append(op.Errors, everywhere...) {
		op.Responses[fmt.Sprint(code)] = problemResponse(code)
	}
	op.Errors = nil
	huma.Register(h, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := handle(ctx, in)
		if err != nil {
			return nil, a.problemOf(ctx, err)
		}
		return out, nil
	})
}

func problemResponse(status int) *huma.Response {
	return &huma.Response{
		Description: http.StatusText(status),
		Content:     map[string]*huma.MediaType{problemType: {Schema: &huma.Schema{Ref: schemaPrefix + "Problem"}}},
	}
}
