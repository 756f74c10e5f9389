package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	queuesKey = "wl:queues"
	goneKey   = "wl:{" + queuesKey + "}:gone"
)

// registerAge is for how long a queue that was made known counts as known: a
// failover may lose its name, and then nobody else would find it.
const registerAge = time.Minute

// registerQueue makes the queue known, again after a while. asynq's own set makes
// it visible to asynq's tools.
func (s *Store) registerQueue(ctx context.Context, queue string) error {
	if s.registered(queue) {
		return nil
	}
	all, err := s.Queues(ctx)
	if err != nil {
		return err
	}
	known := false
	for _, q := range all {
		known = known || q == queue
	}
	if !known && len(all) >= MaxQueues {
		return &TooManyQueuesError{}
	}
	if err := s.addQueue(ctx, queue); err != nil {
		return err
	}
	s.queues.Store(queue, s.clock())
	select {
	case s.watch.newQueue <- struct{}{}:
	default:
	}
	return nil
}

func (s *Store) registered(queue string) bool {
	at, _ := s.queues.Load(queue)
	since, ok := at.(time.Time)
	return ok && s.clock().Sub(since) < registerAge
}

func (s *Store) addQueue(ctx context.Context, queue string) error {
	if err := s.rdb.SAdd(ctx, queuesKey, queue).Err(); err != nil {
		return fmt.Errorf("register queue: %w", err)
	}
	if err := s.rdb.SAdd(ctx, "asynq:queues", queue).Err(); err != nil {
		return fmt.Errorf("register queue with asynq: %w", err)
	}
	return nil
}

// Queues lists every queue that is known, sorted: those used or served lately, and those that hold a task.
func (s *Store) Queues(ctx context.Context) ([]string, error) {
	names, err := s.rdb.SMembers(ctx, queuesKey).Result()
	if err != nil {
		return nil, fmt.Errorf("list queues: %w", err)
	}
	return sorted(names), nil
}

// A queue that nobody uses is forgotten in two steps, because its keys and the list of queues
// are in different slots: it is closed where its keys are, then taken off the list. Whoever
// finds it closed puts it on the list before it opens it. What can go wrong in between (a step
// that comes late, a process that dies) is put right by a second look: an open queue
// belongs on the list.
const (
	// queueIdle is how long nothing must have happened in a queue that is forgotten.
	queueIdle = 6 * time.Hour
	// queueClosed is how long it refuses those who think that it is on the list: longer than
	// they may think so (registerAge), or than a command is under way.
	queueClosed = 24 * time.Hour
	// queueGone is for how long it is looked at again: longer than registerAge, too.
	queueGone = 5 * registerAge
	// openTries is how often one submit opens a queue that is closed again.
	openTries = 5
)

// errClosed says that a queue was closed each time when it had been opened.
var errClosed = errors.New("the queue is being forgotten")

// writeOpened gives the answer to a run of the submit script. If the queue was closed,
// it opens it and runs the script again.
func (s *Store) writeOpened(ctx context.Context, c call, cmd *redis.Cmd) ([]string, error) {
	for range openTries {
		reply, err := cmd.StringSlice()
		if err != nil || len(reply) != 1 {
			return reply, err
		}
		if err := s.openQueue(ctx, c.queue); err != nil {
			return nil, err
		}
		cmd = s.confirm(ctx, s.scripts.submit, []call{c})[0]
	}
	return nil, errClosed
}

// openQueue registers a queue that was forgotten, and opens it. It is registered on both sides of
// that: the one who closed it may be about to take it off the list.
func (s *Store) openQueue(ctx context.Context, queue string) error {
	s.queues.Delete(queue)
	if err := s.registerQueue(ctx, queue); err != nil {
		return err
	}
	if err := s.rdb.Del(ctx, base(queue)+"closed").Err(); err != nil {
		return fmt.Errorf("open queue %s: %w", queue, err)
	}
	return s.addQueue(ctx, queue)
}

// ForgetQueues takes those queues off the list that hold nothing, that no worker serves and in which
// nothing happened for hours, and gives their names. Any number of processes may call it.
// A queue comes back with its next task, or with a worker that serves it.
func (s *Store) ForgetQueues(ctx context.Context) ([]string, error) {
	return s.forgetQueues(ctx, queueIdle)
}

func (s *Store) forgetQueues(ctx context.Context, idle time.Duration) (forgotten []string, err error) {
	crew, err := s.Workers(ctx)
	if err != nil {
		return nil, err
	}
	served := ServedQueues(crew)
	queues, err := s.Queues(ctx)
	if err != nil {
		return nil, err
	}
	for _, q := range queues {
		if served[q] {
			continue
		}
		gone, failed := s.forgetQueue(ctx, q, idle)
		if gone {
			forgotten = append(forgotten, q)
		}
		err = errors.Join(err, failed)
	}
	return forgotten, errors.Join(err, s.lookAgain(ctx))
}

func (s *Store) forgetQueue(ctx context.Context, queue string, idle time.Duration) (bool, error) {
	closed, err := s.run(ctx, s.scripts.close, queue, "", idle.Milliseconds(), queueClosed.Milliseconds()).Int()
	if err != nil {
		return false, fmt.Errorf("close queue %s: %w", queue, err)
	}
	if closed == 0 {
		return false, nil
	}
	s.queues.Delete(queue)
	if err := s.scripts.forget.Run(ctx, s.rdb, []string{queuesKey, goneKey}, queue).Err(); err != nil {
		return false, fmt.Errorf("forget queue %s: %w", queue, err)
	}
	if err := s.rdb.SRem(ctx, "asynq:queues", queue).Err(); err != nil {
		return true, fmt.Errorf("forget queue %s with asynq: %w", queue, err)
	}
	return true, nil
}

// lookAgain puts queues back on the list that were taken off it lately and are open.
func (s *Store) lookAgain(ctx context.Context) error {
	over := s.Now().Add(-queueGone)
	gone, err := s.rdb.ZRange(ctx, goneKey, 0, -1).Result()
	if err != nil {
		return fmt.Errorf("list forgotten queues: %w", err)
	}
	for _, q := range gone {
		closed, err := s.rdb.Exists(ctx, base(q)+"closed").Result()
		if err == nil && closed == 0 {
			err = s.addQueue(ctx, q)
		}
		if err != nil {
			return fmt.Errorf("look again at queue %s: %w", q, err)
		}
	}
	// Those that were noted since then stay: they are looked at once more.
	if err := s.rdb.ZRemRangeByScore(ctx, goneKey, "-inf", fmt.Sprint(over.UnixMilli())).Err(); err != nil {
		return fmt.Errorf("forget forgotten queues: %w", err)
	}
	return nil
}
