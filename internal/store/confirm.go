package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"
)

var errUnconfirmed = errors.New("too few replicas answered in time")

// confirm is runAll for scripts that store what a client is told is kept: with
// Options.Replicas it then waits until so many replicas have it (WAIT). A call
// whose replicas did not answer in time fails with errUnconfirmed, although
// Redis has carried it out.
func (s *Store) confirm(ctx context.Context, script *redis.Script, calls []call) []*redis.Cmd {
	if s.opts.Replicas == 0 {
		return s.runAll(ctx, script, calls)
	}
	cmds := make([]*redis.Cmd, len(calls))
	for i, c := range calls {
		cmds[i] = s.confirmOne(ctx, script, c)
	}
	return cmds
}

func (s *Store) confirmOne(ctx context.Context, script *redis.Script, c call) *redis.Cmd {
	keys, argv := scriptArgs(c.queue, "", c.args)
	for {
		var cmd *redis.Cmd
		err := s.replicated(ctx, c.queue, func(pipe redis.Pipeliner) {
			cmd = script.EvalSha(ctx, pipe, keys, argv...)
		})
		switch {
		case cmd != nil && redis.HasErrorPrefix(cmd.Err(), "NOSCRIPT"):
			if err = script.Load(ctx, s.rdb).Err(); err == nil {
				continue
			}
			fallthrough
		case cmd == nil:
			cmd = redis.NewCmd(ctx)
			cmd.SetErr(err)
		case cmd.Err() == nil && err != nil:
			cmd.SetErr(err)
		}
		return cmd
	}
}

// confirmed waits until the replicas have everything that the queue's master
// has now. Errors: *UnconfirmedError.
func (s *Store) confirmed(ctx context.Context, queue, id string) error {
	if s.opts.Replicas == 0 {
		return nil
	}
	err := s.replicated(ctx, queue, func(pipe redis.Pipeliner) { pipe.Exists(ctx, recordKey(queue, id)) })
	return named(err, id)
}

// replicated sends commands and WAIT on one connection to the queue's master:
// WAIT counts what came before it on its own connection, and a read counts as
// well (Redis's processCommand notes the offset after every command).
func (s *Store) replicated(ctx context.Context, queue string, commands func(redis.Pipeliner)) error {
	node := s.rdb
	if cluster, ok := s.rdb.(*redis.ClusterClient); ok {
		master, err := cluster.MasterForKey(ctx, countsKey(queue))
		if err != nil {
			return fmt.Errorf("find the master of queue %s: %w", queue, err)
		}
		node = master
	}
	pipe := node.Pipeline()
	commands(pipe)
	wait := pipe.Do(ctx, "wait", s.opts.Replicas, s.opts.ReplicaTimeout.Milliseconds())
	_, _ = pipe.Exec(ctx) // each command carries its own error
	n, err := wait.Int()
	if err != nil {
		return fmt.Errorf("wait for replicas: %w", err)
	}
	if n < s.opts.Replicas {
		return errUnconfirmed
	}
	return nil
}

// named gives errUnconfirmed the task's id.
func named(err error, id string) error {
	if errors.Is(err, errUnconfirmed) {
		return &UnconfirmedError{ID: id}
	}
	return err
}
