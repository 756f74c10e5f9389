package store

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"windlass/internal/redistest"
	"windlass/internal/task"
)

// What the scripts write must be asynq's own format: this pins the version.
func TestAsynqReadsWhatSubmitWrites(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	e := newEnv(t, connect(t, server.URL()), Options{})
	inspector := asynq.NewInspector(asynq.RedisClientOpt{Addr: server.Addr()})
	t.Cleanup(func() {
		if err := inspector.Close(); err != nil {
			t.Errorf("close inspector: %v", err)
		}
	})
	first := e.submit(func(s *Submission) { s.Queue = "a-queue_with-a-name-of-forty-characters0" })
	second := e.submit(func(s *Submission) { s.Queue, s.Kind = first.Queue, "site.audit" })
	e.submit(func(s *Submission) { s.Queue, s.Delay = first.Queue, time.Hour })

	for id, kind := range map[string]string{first.ID: "demo.echo", second.ID: "site.audit"} {
		info, err := inspector.GetTaskInfo(first.Queue, id)
		if err != nil {
			t.Fatal(err)
		}
		if info.ID != id || info.Type != kind || string(info.Payload) != id || info.Queue != first.Queue || info.State != asynq.TaskStatePending {
			t.Errorf("asynq reads %+v", info)
		}
		if info.MaxRetry < 1<<30 || info.Timeout < 50*365*24*time.Hour || !info.Deadline.IsZero() || info.Retention != 0 {
			t.Errorf("asynq would decide by itself: %+v", info)
		}
	}
	queue, err := inspector.GetQueueInfo(first.Queue)
	if err != nil {
		t.Fatal(err)
	}
	if queue.Pending != 2 || queue.Size != 2 || queue.Latency < 0 || queue.Latency > time.Minute {
		t.Errorf("asynq's queue: %+v", queue)
	}
	if all, err := inspector.Queues(); err != nil || !slices.Equal(all, []string{first.Queue}) {
		t.Errorf("asynq's queues: %v, %v", all, err)
	}
}

func TestAsynqRunsWhatIsCarried(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	e := newEnv(t, connect(t, server.URL()), Options{})
	submitted := e.submit(nil)
	due := e.submit(func(s *Submission) { s.Delay = time.Hour })
	retried := e.submit(func(s *Submission) { s.Delay = time.Hour })
	_, err := e.Cancel(e.ctx, retried.ID)
	e.ok(err)
	e.ok(e.Retry(e.ctx, retried.ID))
	e.lapse("due", due.ID)
	e.upkeep("default")

	ran := make(chan string, 10)
	worker := asynq.NewServer(asynq.RedisClientOpt{Addr: server.Addr()}, asynq.Config{
		Concurrency: 1, TaskCheckInterval: time.Millisecond, LogLevel: asynq.FatalLevel,
	})
	err = worker.Start(asynq.HandlerFunc(func(_ context.Context, job *asynq.Task) error {
		ran <- job.Type() + " " + string(job.Payload())
		return nil
	}))
	e.ok(err)
	for _, id := range []string{submitted.ID, retried.ID, due.ID} {
		select {
		case got := <-ran:
			if want := "demo.echo " + id; got != want {
				t.Errorf("asynq ran %q, want %q", got, want)
			}
		case <-time.After(15 * time.Second):
			t.Fatalf("waited 15 s for asynq to run %s", id)
		}
	}
	worker.Shutdown()
	if left := e.keys("asynq:{default}:t:*"); len(left) != 0 {
		t.Errorf("asynq left %v", left)
	}
	e.wantState(submitted.ID, task.Pending) // asynq carries; the record is ours to change
}

// The message that Claim gives is the one that asynq's line had.
func testMessage(e *env) {
	made := e.submit(nil)
	stored, err := e.rdb.HGet(e.ctx, "asynq:{default}:t:"+made.ID, "msg").Result()
	e.ok(err)
	if got := string(e.claim("default").Message()); got != stored {
		e.t.Errorf("message of the claim: got %q, want %q", got, stored)
	}
}
