package store

import (
	"context"
	"errors"
	"fmt"
	"sync"

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
	byNode := map[redis.UniversalClient][]int{}
	for i, c := range calls {
		node, err := s.master(ctx, c.queue)
		if err != nil {
			cmds[i] = redis.NewCmd(ctx)
			cmds[i].SetErr(err)
			continue
		}
		byNode[node] = append(byNode[node], i)
	}
	var nodes sync.WaitGroup
	for node, places := range byNode {
		nodes.Go(func() { s.confirmOn(ctx, node, script, calls, places, cmds) })
	}
	nodes.Wait()
	return cmds
}

// confirmOn runs the calls at places on one master, with one WAIT after them, and
// puts the answers into cmds.
func (s *Store) confirmOn(ctx context.Context, node redis.UniversalClient, script *redis.Script, calls []call, places []int, cmds []*redis.Cmd) {
	write := func(first func(context.Context, redis.Scripter, []string, ...any) *redis.Cmd) error {
		return s.replicated(ctx, node, func(pipe redis.Pipeliner) {
			run := first
			for _, i := range places {
				keys, argv := scriptArgs(calls[i].queue, "", calls[i].args)
				cmds[i] = run(ctx, pipe, keys, argv...)
				run = script.EvalSha
			}
		})
	}
	err := write(script.EvalSha)
	if redis.HasErrorPrefix(cmds[places[0]].Err(), "NOSCRIPT") {
		// The text itself goes along, not before: in a failover the next connection may lead to another master.
		err = write(script.Eval)
	}
	for _, i := range places {
		if cmds[i].Err() == nil && err != nil {
			cmds[i].SetErr(err)
		}
	}
}

// confirmed waits until the replicas have everything that the queue's master
// has now. Errors: *UnconfirmedError.
func (s *Store) confirmed(ctx context.Context, queue, id string) error {
	if s.opts.Replicas == 0 {
		return nil
	}
	node, err := s.master(ctx, queue)
	if err != nil {
		return err
	}
	err = s.replicated(ctx, node, func(pipe redis.Pipeliner) { pipe.Exists(ctx, recordKey(queue, id)) })
	return named(err, id)
}

// master gives a client of the node that holds the queue.
func (s *Store) master(ctx context.Context, queue string) (redis.UniversalClient, error) {
	return s.masterOf(ctx, countsKey(queue))
}

func (s *Store) masterOf(ctx context.Context, key string) (redis.UniversalClient, error) {
	cluster, ok := s.rdb.(*redis.ClusterClient)
	if !ok {
		return s.rdb, nil
	}
	node, err := cluster.MasterForKey(ctx, key)
	if err != nil {
		return nil, fmt.Errorf("find the master of %s: %w", key, err)
	}
	return node, nil
}

// replicated sends commands and WAIT on one connection to a master: WAIT counts
// what came before it on its own connection, and a read counts as well (Redis's
// processCommand notes the offset after every command).
func (s *Store) replicated(ctx context.Context, node redis.UniversalClient, commands func(redis.Pipeliner)) error {
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
