package store

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"windlass/internal/redistest"
	"windlass/internal/task"
)

// replicated gives a store that waits for a replica, and the replica.
func replicated(t *testing.T) (*env, *redistest.Server) {
	t.Helper()
	master := redistest.Start(t, "--repl-diskless-sync-delay", "0")
	host, port, _ := strings.Cut(master.Addr(), ":")
	replica := redistest.Start(t, "--replicaof", host, port)
	e := newEnv(t, connect(t, master.URL()), Options{Lease: time.Hour, Replicas: 1, ReplicaTimeout: time.Second})
	e.awaitReplica()
	return e, replica
}

// awaitReplica waits until the replica follows.
func (e *env) awaitReplica() {
	e.t.Helper()
	e.eventually("the replica to follow", func() bool {
		return e.replicated(e.ctx, e.rdb, func(pipe redis.Pipeliner) { pipe.Set(e.ctx, "follow", 1, 0) }) == nil
	})
}

func (e *env) wantUnconfirmed(err error) *task.Task {
	e.t.Helper()
	u, ok := errors.AsType[*UnconfirmedError](err)
	if !ok {
		e.t.Fatalf("got %v, want that too few replicas confirmed", err)
	}
	return e.wantState(u.ID, task.Pending)
}

// What is acknowledged is on the replica.
func TestReplicasHoldWhatIsAcknowledged(t *testing.T) {
	t.Parallel()
	e, replica := replicated(t)
	e.ok(e.rdb.ScriptFlush(e.ctx).Err()) // the first submit finds no script
	made := e.submit(nil)
	other := replica.Client(t)
	if n := other.Exists(e.ctx, recordKey("default", made.ID)).Val(); n != 1 {
		t.Error("the replica lacks the task")
	}
	for _, got := range e.SubmitAll(e.ctx, many(150)) {
		e.ok(got.Err)
	}
	if n := len(other.Keys(e.ctx, recordKey("default", "*")).Val()); n != 151 {
		t.Errorf("the replica holds %d tasks", n)
	}
	e.audit()
}

// Who waits for fewer replicas than there are, or for more, is told what that means.
func TestReplicasAreCounted(t *testing.T) {
	t.Parallel()
	e, _ := replicated(t)
	for replicas, want := range []string{"", "", "No task is accepted: -wait-replicas is 2, and Redis has 1."} {
		warnings, err := Check(e.ctx, e.rdb, replicas)
		e.ok(err)
		if got := strings.Join(warnings, ""); got != want {
			t.Errorf("%d: got %q, want %q", replicas, got, want)
		}
	}
	if got := waitWarning("2", 1); len(got) != 1 || !strings.Contains(got[0], "Redis has 2 replicas, and -wait-replicas is 1. Set it to 2.") {
		t.Errorf("got %q", got)
	}
}

// forgetful is a master that has lost its scripts whenever it is asked: as a client meets them
// when one failover follows another.
type forgetful struct{ node *redis.Client }

func (forgetful) DialHook(next redis.DialHook) redis.DialHook { return next }

func (forgetful) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }

func (f forgetful) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if err := f.node.ScriptFlush(ctx).Err(); err != nil {
			return err
		}
		return next(ctx, cmds)
	}
}

func TestReplicasOfAMasterWithoutScripts(t *testing.T) {
	t.Parallel()
	e, replica := replicated(t)
	e.rdb.AddHook(forgetful{connect(t, "redis://"+e.rdb.(*redis.Client).Options().Addr).(*redis.Client)})
	e.submit(nil)
	for _, got := range e.SubmitAll(e.ctx, many(150)) {
		e.ok(got.Err)
	}
	if n := len(replica.Client(t).Keys(e.ctx, recordKey("default", "*")).Val()); n != 151 {
		t.Errorf("the replica holds %d tasks", n)
	}
}

// Where no task would be accepted the process is not ready, and says why.
func TestReplicasLag(t *testing.T) {
	t.Parallel()
	e, replica := replicated(t)
	e.eventually("readiness", func() bool { return e.Ready(e.ctx) == nil })
	replica.Pause()
	var err error
	e.eventually("readiness to be lost", func() bool { err = e.Ready(e.ctx); return err != nil })
	if TroubleOf(err) != TroubleLagging {
		t.Errorf("got %q of %v", TroubleOf(err), err)
	}
	replica.Resume()
	e.eventually("readiness to come back", func() bool { return e.Ready(e.ctx) == nil })
}

func TestReplicasThatDoNotAnswer(t *testing.T) {
	t.Parallel()
	e, replica := replicated(t)
	replica.Pause()
	_, err := e.Submit(e.ctx, sub(nil))
	one := e.wantUnconfirmed(err)
	ids := map[string]bool{one.ID: true}
	for _, got := range e.SubmitAll(e.ctx, []Submission{sub(nil), sub(nil)}) {
		ids[e.wantUnconfirmed(got.Err).ID] = true
	}
	if len(ids) != 3 {
		t.Errorf("three tasks have the ids %v", ids)
	}
	_, err = e.SubmitOnce(e.ctx, "me", "k", "p", sub(nil))
	first := e.wantUnconfirmed(err)
	_, err = e.SubmitOnce(e.ctx, "me", "k", "p", sub(nil))
	if again := e.wantUnconfirmed(err); again.ID != first.ID {
		t.Errorf("one key made %s and %s", first.ID, again.ID)
	}
	replica.Resume()
	e.awaitReplica()
	got, err := e.SubmitOnce(e.ctx, "me", "k", "p", sub(nil))
	e.ok(err)
	if got.Task.ID != first.ID || got.Cause != CauseIdempotent {
		t.Errorf("confirmed %s (%s), want %s", got.Task.ID, got.Cause, first.ID)
	}
	if n := len(e.records("default")); n != 4 {
		t.Errorf("%d records, want 4", n)
	}
	e.audit()
}

// In a cluster the wait is for the replicas of the queue's own master: here they have none.
func TestReplicasOfACluster(t *testing.T) {
	t.Parallel()
	e := newEnv(t, connect(t, redistest.StartCluster(t, 3).URL()), Options{Replicas: 1, ReplicaTimeout: 50 * time.Millisecond})
	if err := e.Ready(e.ctx); TroubleOf(err) != TroubleLagging {
		t.Errorf("ready: %v", err)
	}
	for _, queue := range []string{"default", "a", "b", "c"} {
		_, err := e.Submit(e.ctx, sub(func(s *Submission) { s.Queue = queue }))
		e.wantUnconfirmed(err)
	}
}
