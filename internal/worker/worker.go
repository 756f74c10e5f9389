// Package worker takes tasks off their queues and runs kinds.
//
// asynq's Server gives the concurrency and the weighing of queues; what it
// reads from Redis is replaced by store.Claim (transport.go), so an attempt
// begins in the same step in which the task leaves the line. Leases, retries and
// ends are the store's; asynq decides nothing.
package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"windlass/internal/secret"
	"windlass/internal/store"
	"windlass/internal/task"
	"windlass/internal/tracing"
)

// Why a handler's context ended, as context.Cause tells it.
var (
	errCanceled = errors.New("the task was canceled")
	errLost     = errors.New("the worker lost its hold on the task")
	errShutdown = errors.New("the worker shuts down")
	errTimeout  = errors.New("the attempt took too long")
)

// Config sets a worker up. Every field is needed unless it says otherwise.
type Config struct {
	Store       *store.Store
	Kinds       []task.Kind
	Queues      map[string]int // name -> weight, 1 or more
	Strict      bool           // a queue is served only while all of greater weight are empty
	Concurrency int            // how many attempts at once, 1 or more
	Drain       time.Duration  // how long handlers may go on after Run's ctx ended
	Version     string
	Log         *slog.Logger
	Metrics     *Metrics
	Tracer      *tracing.Tracer // nil: nothing is traced
	// Keys opens stored secrets and the secrets of inputs. Nil: this worker has no key.
	Keys *secret.Keys
}

// releaseGrace is how long a handler has to return after its context ended at
// shutdown. After it the task is handed back though the handler may still run:
// the process ends next.
const releaseGrace = 3 * time.Second

// endPatience is how long a draining worker tries to write an end that Redis does not take.
const endPatience = 5 * time.Second

// keepInterval is how often a worker looks for what time demands of its queues.
const keepInterval = time.Second

// Worker is one process's share of the work.
type Worker struct {
	Config
	books

	id      string
	kinds   map[string]task.Kind
	started time.Time
	front   *transport
}

// Run takes and runs tasks until ctx ends, then lets handlers finish within
// Drain, hands the rest back uncharged, and returns nil. It returns an error
// when Redis cannot be asked at the start, unless ctx has ended by then.
func Run(ctx context.Context, c Config) error {
	err := run(ctx, c)
	if ctx.Err() != nil {
		err = nil
	}
	return err
}

func run(ctx context.Context, c Config) error {
	host, err := os.Hostname()
	if err != nil {
		return fmt.Errorf("start worker: %w", err)
	}
	w := &Worker{Config: c, kinds: map[string]task.Kind{}, started: time.Now(), books: books{held: map[string]*holding{}}}
	w.id = workerID(host)
	for _, k := range c.Kinds {
		w.kinds[k.Name] = k
	}
	queues := w.queueNames()
	if err := c.Store.Register(ctx, queues); err != nil {
		return fmt.Errorf("start worker: %w", err)
	}

	// Signs of life go on while handlers drain, so they have a context of their own.
	alive, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	signals, err := c.Store.Signals(alive, queues)
	if err != nil {
		return fmt.Errorf("start worker: %w", err)
	}
	w.front = newTransport(w, queues)
	asynqs := store.OpenEmbedded() // asynq writes there what nobody reads: see transport
	defer func() { _ = asynqs.Close() }()
	asynqs.Client.AddHook(w.front)
	server := w.newServer(asynqs.Client)
	if err := server.Start(asynq.HandlerFunc(w.handle)); err != nil {
		return fmt.Errorf("start worker: %w", err)
	}
	w.Log.Info("worker started", "worker", w.id, "queues", c.Queues, "concurrency", c.Concurrency)

	nudge := make(chan struct{}, 1)
	var loops sync.WaitGroup
	loops.Go(func() { w.listen(signals, nudge) })
	loops.Go(func() { w.beat(alive) })
	loops.Go(func() {
		c.Store.KeepUp(alive, store.Keeping{
			Queues: func(context.Context) ([]string, error) { return queues, nil },
			Every:  keepInterval, Nudge: nudge, Waiting: w.front.signal, Log: c.Log,
		})
	})

	<-ctx.Done()
	w.drain(server)
	stop()
	loops.Wait()
	leave, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if err := c.Store.Leave(leave, w.id); err != nil {
		w.Log.Warn("worker stays listed for a while", "error", err)
	}
	return nil
}

func (w *Worker) queueNames() []string {
	names := make([]string, 0, len(w.Queues))
	for name := range w.Queues {
		names = append(names, name)
	}
	return names
}

// workerID names this process, short enough for a record to stay packed: the
// host without its domain, the process, and something that a restart changes.
func workerID(host string) string {
	const most = 40
	name, _, _ := strings.Cut(host, ".")
	return fmt.Sprintf("%.*s-%d-%s", most, name, os.Getpid(), shortID()[:8])
}

func (w *Worker) newServer(client redis.UniversalClient) *asynq.Server {
	// What asynq would do at intervals, the store does: they are as long as can be.
	const never = 24 * time.Hour
	return asynq.NewServerFromRedisClient(client, asynq.Config{
		Concurrency: w.Concurrency, Queues: w.Queues, StrictPriority: w.Strict,
		TaskCheckInterval:        1, // the transport waits instead
		DelayedTaskCheckInterval: never, JanitorInterval: never, HealthCheckInterval: never,
		ShutdownTimeout: releaseGrace,
		Logger:          asynqLog{w.Log}, LogLevel: asynq.WarnLevel,
	})
}

// drain stops taking, waits for handlers, and hands back what is left. The
// order matters: asynq's Shutdown waits for every slot, so handlers must have
// been told to end before it is called.
func (w *Worker) drain(server *asynq.Server) {
	w.front.close()
	server.Stop() // asynq dequeues no more
	w.handBack(w.front.unserved())
	done := make(chan struct{})
	go func() { w.busy.Wait(); close(done) }()
	w.Log.Info("worker drains", "worker", w.id, "active", w.active(), "for", w.Drain.String())
	select {
	case <-done:
	case <-time.After(w.Drain):
		w.cancelAll(errShutdown)
		select {
		case <-done:
		case <-time.After(releaseGrace):
			w.releaseAll()
		}
	}
	server.Shutdown()
}

func (w *Worker) cancelAll(cause error) {
	for _, h := range w.holdings() {
		h.end(cause)
	}
}

// releaseAll hands back the tasks of handlers that do not return.
func (w *Worker) releaseAll() {
	for _, h := range w.holdings() {
		w.Log.Warn("handler does not end; its task is handed back", "task_id", h.ID, "attempt", h.Attempt)
	}
	w.handBack(w.holdings())
}

// handBack ends attempts so that another worker takes their tasks at once.
func (w *Worker) handBack(all []*holding) {
	ctx, cancel := context.WithTimeout(context.Background(), releaseGrace)
	defer cancel()
	var ends sync.WaitGroup
	for _, h := range all {
		ends.Go(func() {
			if _, err := w.Store.End(ctx, h.Held, released()); err != nil && !fenced(err) {
				w.Log.Error("task could not be handed back; others take it when its lease ends", "task_id", h.ID, "error", err)
			}
		})
	}
	ends.Wait()
}
