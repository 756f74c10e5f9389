package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"windlass/internal/api"
	"windlass/internal/awslogs"
	"windlass/internal/egress"
	"windlass/internal/front"
	"windlass/internal/kind"
	"windlass/internal/metric"
	"windlass/internal/scheduler"
	"windlass/internal/store"
	"windlass/internal/task"
	"windlass/internal/tracing"
	"windlass/internal/web"
	"windlass/internal/worker"
)

const (
	// httpDrain is how long requests may go on after the signal. It is below the
	// shortest sensible -drain, so that a process ends when its tasks have.
	httpDrain = 10 * time.Second
)

// role does one part until ctx ends, drains, and returns nil or why it could not run.
type role func(ctx context.Context) error

// process is what the roles of one process share.
type process struct {
	config
	id, host  string
	started   time.Time
	shipper   *awslogs.Shipper // nil: log lines are not shipped
	source    *store.Source    // nil without Redis
	store     *store.Store     // nil without Redis
	backend   *web.Backend     // nil where the page has the API beside it, or none
	kinds     []task.Kind
	log       *slog.Logger
	metrics   *metric.Registry
	publisher *publisher      // nil: metrics do not go to CloudWatch
	tracer    *tracing.Tracer // nil: nothing is traced
	draining  atomic.Bool
	// working is done when every role but the front has ended: health is answered until then.
	working sync.WaitGroup
}

func newProcess(c config, logs *logs) (*process, error) {
	host, err := os.Hostname()
	if err != nil {
		return nil, fmt.Errorf("find this machine's name: %w", err)
	}
	p := &process{
		config: c, id: processID(host), host: host, started: time.Now().UTC().Truncate(time.Millisecond),
		shipper: logs.shipper, log: logs.log,
	}
	for _, k := range kind.All(egress.New(c.egress), "Windlass/"+version) {
		p.kinds = append(p.kinds, k.WithSecretPaths(c.redact))
	}
	return p, nil
}

// roles gives the chosen roles, ready to start. Faults that show at once, such
// as a port in use, are returned here.
func (p *process) roles(ctx context.Context, stdout io.Writer) ([]role, error) {
	front, err := p.front(ctx, stdout)
	if err != nil {
		return nil, err
	}
	roles := []role{front}
	if p.store != nil {
		roles = append(roles, p.present)
	}
	if p.has(roleWorker) {
		c := worker.Config{
			Store: p.store, Kinds: p.kinds, Queues: p.queues, Strict: p.strict, Concurrency: p.concurrency,
			Drain: p.drain, Version: version, Log: p.log, Metrics: worker.NewMetrics(p.metrics), Tracer: p.tracer,
			Keys: p.keys,
		}
		roles = append(roles, p.work(func(ctx context.Context) error { return worker.Run(ctx, c) }))
	}
	if p.has(roleScheduler) {
		c := scheduler.Config{ID: p.id, Store: p.store, Log: p.log, Metrics: scheduler.NewMetrics(p.metrics)}
		if p.publisher != nil {
			c.Publish = p.publisher.fleet
		}
		roles = append(roles, p.work(func(ctx context.Context) error { return scheduler.Run(ctx, c) }))
	}
	return roles, nil
}

// work makes the front outlive the role.
func (p *process) work(r role) role {
	p.working.Add(1)
	return func(ctx context.Context) error {
		defer p.working.Done()
		return r(ctx)
	}
}

// front is what every process has: health and metrics, and on the same
// listener the API and the page where they are chosen.
func (p *process) front(ctx context.Context, stdout io.Writer) (role, error) {
	mux := http.NewServeMux()
	end, rest := func() {}, func(context.Context) error { return nil }
	health := api.HealthHandler(p.ready, p.roleNames, p.metrics.Handler())
	for _, path := range api.HealthPaths() {
		mux.Handle(path, health)
	}
	if p.has(roleAPI) {
		if err := p.checkDoor(ctx); err != nil {
			return nil, err
		}
		a := api.New(api.Config{
			Store: p.store, Kinds: p.kinds, Log: p.log, Version: version,
			AdminToken: p.admin(), TokensOnly: p.tokensOnly, OIDC: p.oidc.verifier(), Origins: p.origins,
			Embedded: p.source.Embedded(), Metrics: p.metrics, Tracer: p.tracer,
			Process: p.describe, LogsURL: p.logsURL,
			Proxies: p.proxies, Limits: api.Limits{Rates: p.rates, Streams: p.maxStreams},
			Keys: p.keys,
		})
		end, rest = a.Close, a.Wait
		for _, path := range api.Paths() {
			mux.Handle(path, a.Handler())
		}
		if !p.has(roleWeb) {
			mux.Handle("/", a.Handler())
		}
	}
	if p.has(roleWeb) {
		page, err := web.New()
		if err != nil {
			return nil, err
		}
		mux.Handle("/", page)
	}
	if p.backendURL != "" {
		var err error
		if p.backend, err = web.NewBackend(p.backendURL, p.proxies, p.log); err != nil {
			return nil, fmt.Errorf("-backend-url: %w", err)
		}
		end = p.backend.Close
		for _, path := range api.Paths() {
			mux.Handle(path, p.backend)
		}
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", p.listen)
	if err != nil {
		return nil, fmt.Errorf("-listen: %w", err)
	}
	listener = front.Door(listener, p.proxies, p.connections)
	return func(ctx context.Context) error { return p.serveHTTP(ctx, listener, mux, end, rest, stdout) }, nil
}

// checkDoor sees to it that somebody can come in when the admin token is no credential.
// Others than admins are reason enough to start: who was let in yesterday must not stand
// before a process that does not start because the last admin's token has expired.
func (p *process) checkDoor(ctx context.Context) error {
	if !p.tokensOnly || p.oidc.admits() {
		return nil
	}
	k, err := p.store.Keyholders(ctx)
	if err != nil {
		return fmt.Errorf("-auth tokens: %w", err)
	}
	if !k.Any {
		return errors.New("-auth tokens: no token is valid; make one of role admin first: windlass token create -role admin")
	}
	if trouble := k.Trouble(p.store.Now()); trouble != "" {
		p.log.WarnContext(ctx, trouble)
	}
	return nil
}

// ready says whether this process may get traffic.
func (p *process) ready(ctx context.Context) error {
	switch {
	case p.draining.Load():
		return api.ErrDraining
	case p.store != nil:
		return p.store.Ready(ctx)
	case p.backend != nil:
		code, err := p.backend.Ready(ctx)
		if err != nil {
			return errors.Join(err, api.NotReady(code))
		}
	}
	return nil // the page alone
}

func (p *process) serveHTTP(ctx context.Context, l net.Listener, h http.Handler, end func(), rest func(context.Context) error, stdout io.Writer) error {
	server := front.NewServer(front.Config{Proxies: p.proxies, Refusals: p.refusals}, h)
	server.ErrorLog = slog.NewLogLogger(p.log.Handler(), slog.LevelWarn)
	server.RegisterOnShutdown(end) // event streams would keep Shutdown waiting
	address := "http://" + l.Addr().String()
	p.log.Info("listening", "address", address, "roles", strings.Join(p.roleNames, ","), "version", version)
	if p.has(roleWeb) {
		fmt.Fprintf(stdout, "Windlass is at %s\n", address)
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve %s: %w", address, err)
	case <-ctx.Done():
	}
	p.draining.Store(true) // readyz says so from now on
	p.working.Wait()
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), httpDrain)
	defer cancel()
	if err := errors.Join(server.Shutdown(drain), rest(drain)); err != nil {
		p.log.Warn("requests were cut off", "error", err)
	}
	return nil
}

// admin is the admin token, as far as it is a credential.
func (p *process) admin() string {
	if p.tokensOnly {
		return ""
	}
	return p.adminToken
}
