// Command asynq is bare asynq, as its own users write it: it hands in tasks, or runs them.
//
//	asynq fill ADDR COUNT              hand in COUNT no-op tasks
//	asynq work ADDR SERVERS CONCURRENCY   run them until it is told to end
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/hibiken/asynq"
	"golang.org/x/sync/errgroup"
)

const (
	kind = "demo:echo"
	// producers is how many goroutines fill the line at once.
	producers = 16
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "asynq: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	var numbers []int
	for _, a := range args[min(2, len(args)):] {
		n, err := strconv.Atoi(a)
		if err != nil || n < 1 {
			return fmt.Errorf("want a number above 0, got %q", a)
		}
		numbers = append(numbers, n)
	}
	switch {
	case len(args) == 3 && args[0] == "fill":
		return fill(ctx, asynq.RedisClientOpt{Addr: args[1]}, numbers[0])
	case len(args) == 4 && args[0] == "work":
		return work(ctx, asynq.RedisClientOpt{Addr: args[1]}, numbers[0], numbers[1])
	default:
		return errors.New("usage: asynq fill ADDR COUNT | asynq work ADDR SERVERS CONCURRENCY")
	}
}

// fill hands in count tasks that are kept for a day when they are done.
func fill(ctx context.Context, redis asynq.RedisConnOpt, count int) error {
	client := asynq.NewClient(redis)
	defer client.Close()
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(producers)
	for range count {
		g.Go(func() error {
			t := asynq.NewTask(kind, []byte(`{"message":"hello"}`), asynq.Retention(24*time.Hour))
			_, err := client.EnqueueContext(ctx, t)
			return err
		})
	}
	return g.Wait()
}

// work runs tasks by so many Servers, each with its concurrency, until ctx ends.
func work(ctx context.Context, redis asynq.RedisConnOpt, servers, concurrency int) error {
	mux := asynq.NewServeMux()
	mux.HandleFunc(kind, func(context.Context, *asynq.Task) error { return nil })
	for range servers {
		s := asynq.NewServer(redis, asynq.Config{Concurrency: concurrency})
		if err := s.Start(mux); err != nil {
			return fmt.Errorf("start a server: %w", err)
		}
		defer s.Shutdown()
	}
	<-ctx.Done()
	return nil
}
