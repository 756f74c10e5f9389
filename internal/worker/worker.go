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
	"sync"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"windlass/internal/store"
	"windlass/internal/task"
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
	Store *store.Store
	// Redis is a client that only this worker uses, because it gets a hook. Run closes it.
	Redis       redis.UniversalClient
	Kinds       []task.Kind
	Queues      map[string]int // name -> weight, 1 or more
	Concurrency int            // how many attempts at once, 1 or more
	Drain       time.Duration  // how long handlers may go on after Run's ctx ended
	Version     string
	Log         *slog.Logger
	Metrics     *Metrics
}

// releaseGrace is how long a handler has to return after its context ended at
// shutdown. After it the task is handed back though the handler may still run:
// the process ends next.
const releaseGrace = 3 * time.Second

// Worker is one process's share of the work.
type Worker struct {
	Config

	id      string
	kinds   map[string]task.Kind
	started time.Time
	front   *transport

	mu   sync.Mutex
	held map[string]*holding // by task id
	busy sync.WaitGroup      // one for each in held
}

// holding is one attempt that this process runs.
type holding struct {
	store.Held
	queue  string
	ctx    context.Context
	cancel context.CancelCauseFunc

	mu    sync.Mutex
	until time.Time // our hold is sure until then, by this machine's monotonic clock
}

// Run takes and runs tasks until ctx ends, then lets handlers finish within
// Drain, hands the rest back uncharged, and returns nil. It returns an error
// when Redis cannot be asked at the start.
func Run(ctx context.Context, c Config) error {
	defer func() { _ = c.Redis.Close() }()
	host, err := os.Hostname()
	if err != nil {
		return fmt.Errorf("start worker: %w", err)
	}
	w := &Worker{Config: c, kinds: map[string]task.Kind{}, started: time.Now(), held: map[string]*holding{}}
	w.id = fmt.Sprintf("%s-%d-%s", host, os.Getpid(), shortID())
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
	c.Redis.AddHook(w.front)
	server := w.newServer()
	if err := server.Start(asynq.HandlerFunc(w.handle)); err != nil {
		return fmt.Errorf("start worker: %w", err)
	}
	w.Log.Info("worker started", "worker", w.id, "queues", c.Queues, "concurrency", c.Concurrency)

	nudge := make(chan struct{}, 1)
	var loops sync.WaitGroup
	loops.Go(func() { w.listen(signals, nudge) })
	loops.Go(func() { w.beat(alive) })
	loops.Go(func() {
		c.Store.KeepUp(alive, func(context.Context) ([]string, error) { return queues, nil }, nudge, c.Log)
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

func (w *Worker) newServer() *asynq.Server {
	// What asynq would do at intervals, the store does: they are as long as can be.
	const never = 24 * time.Hour
	return asynq.NewServerFromRedisClient(w.Redis, asynq.Config{
		Concurrency: w.Concurrency, Queues: w.Queues,
		TaskCheckInterval:        time.Millisecond, // the transport waits instead
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
	server.Stop()
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

func (w *Worker) active() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.held)
}

func (w *Worker) cancelAll(cause error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, h := range w.held {
		h.cancel(cause)
	}
}

// releaseAll hands back the tasks of handlers that do not return.
func (w *Worker) releaseAll() {
	ctx, cancel := context.WithTimeout(context.Background(), releaseGrace)
	defer cancel()
	for _, h := range w.holdings() {
		w.Log.Warn("handler does not end; its task is handed back", "task_id", h.ID, "attempt", h.Attempt)
		if _, err := w.Store.End(ctx, h.Held, released()); err != nil && !errors.Is(err, store.ErrFenced) {
			w.Log.Error("task could not be handed back; others take it when its lease ends", "task_id", h.ID, "error", err)
		}
	}
}

func (w *Worker) holdings() []*holding {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := make([]*holding, 0, len(w.held))
	for _, h := range w.held {
		all = append(all, h)
	}
	return all
}
