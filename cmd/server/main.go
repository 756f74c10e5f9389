// Command server is Windlass: every role in one program, chosen by -role.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"windlass/internal/metric"
	"windlass/internal/store"
)

// version is set by the linker: see the Makefile.
var version = "dev"

// connectTimeout is how long Redis may take to answer at the start.
const connectTimeout = 10 * time.Second

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	// After the first signal the second one ends the process at once.
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr))
}

// run is the program: it gives the exit code, 2 for a faulty call.
func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		return runCommand(ctx, args, getenv, stdout, stderr)
	}
	c, err := parseConfig(args, getenv, stdout)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		fmt.Fprintf(stderr, "windlass: %v\n", err)
		return 2
	}
	if err := serve(ctx, c, stdout, stderr); err != nil {
		fmt.Fprintf(stderr, "windlass: %v\n", err)
		return 1
	}
	return 0
}

// serve opens the log, connects and runs the roles.
func serve(ctx context.Context, c config, stdout, stderr io.Writer) (fault error) {
	logs, err := c.openLogs(stderr)
	if err != nil {
		return err
	}
	metrics := metric.NewRegistry()
	publisher, err := c.openMetrics(metrics, logs)
	// The log is closed after everything that writes to it.
	defer func() {
		var closing sync.WaitGroup
		closing.Go(func() { publisher.close(logs.local) })
		logs.close(fault)
		closing.Wait()
	}()
	if err != nil {
		return err
	}
	measure(metrics, logs, publisher)
	log := logs.log
	for _, name := range strangers(os.Environ()) {
		log.Warn("this variable is no option and does nothing: look for a slip of the pen, windlass -h lists them", "variable", name)
	}
	if c.has(roleWeb) && !c.has(roleAPI) && c.backendURL == "" {
		log.Warn("this process has the page and no API: set WINDLASS_BACKEND_URL, or let a proxy bring the API's paths to a process that has it")
	}
	store.LogTo(log)
	p, err := newProcess(c, logs)
	if err != nil {
		return err
	}
	p.metrics, p.publisher = metrics, publisher
	if c.needsRedis() {
		closeStore, err := p.openStore(ctx)
		if err != nil {
			return err
		}
		// Redis is closed last: every role's end is written before.
		defer func() { fault = errors.Join(fault, closeStore()) }()
	}
	err = p.run(ctx, stdout)
	log.Info("stopped")
	return err
}

// run starts the roles and waits until they have ended.
func (p *process) run(ctx context.Context, stdout io.Writer) error {
	closeTracer, err := p.openTracer(ctx)
	if err != nil {
		return err
	}
	defer closeTracer()
	closeAdmin, err := p.serveAdmin(ctx, p.log)
	if err != nil {
		return err
	}
	defer closeAdmin()
	roles, err := p.roles(ctx, stdout)
	if err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	for _, role := range roles {
		g.Go(func() error { return role(ctx) })
	}
	if p.store != nil {
		g.Go(func() error { p.store.KeepClock(ctx, p.log); return nil })
	}
	if p.publisher != nil {
		g.Go(func() error { p.publisher.run(ctx, p.log); return nil })
	}
	return g.Wait()
}

// openStore connects to Redis, or starts one in this process, and gives what closes it again.
func (p *process) openStore(ctx context.Context) (_ func() error, err error) {
	source, err := store.OpenSource(p.redis)
	if err != nil {
		return nil, fmt.Errorf("-redis-url: %w", err)
	}
	client, err := source.Client()
	if err != nil {
		return nil, fmt.Errorf("-redis-url: %w", errors.Join(err, source.Close()))
	}
	closeStore := func() error { return errors.Join(client.Close(), source.Close()) }
	defer func() {
		if err != nil {
			err = errors.Join(err, closeStore())
		}
	}()
	if source.Embedded() {
		p.log.Warn("no Redis configured: tasks are kept in memory and nothing outlives this process; set WINDLASS_REDIS_URL to keep them")
	} else if err := checkRedis(ctx, source, p.replicas, p.log); err != nil {
		return nil, err
	}
	s, err := store.New(client, store.Options{
		Retention: p.retention, MaxFinished: p.maxFinished, Replicas: p.replicas, ReplicaTimeout: p.replicaWait,
	})
	if err != nil {
		return nil, err
	}
	if err := s.SyncClock(ctx); err != nil {
		return nil, err
	}
	if err := p.sealSecrets(ctx, s, p.log); err != nil {
		return nil, err
	}
	p.source, p.store, p.started = source, s, s.Now().UTC().Truncate(time.Millisecond)
	return closeStore, nil
}

// checkRedis refuses a server that cannot keep Windlass's promises and warns of
// one that may break them.
func checkRedis(ctx context.Context, source *store.Source, replicas int, log *slog.Logger) error {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	warnings, err := source.Check(ctx, replicas)
	for _, w := range warnings {
		log.Warn(w)
	}
	if err != nil {
		return fmt.Errorf("-redis-url: %w", err)
	}
	return nil
}
