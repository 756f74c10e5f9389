package store

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"windlass/internal/redistest"
	"windlass/internal/redistest/proxy"
	"windlass/internal/task"
)

// The faults of asynq, go-redis and Redis that could reach a task, and the test
// that each has. Where no file is named it stands in this package or in
// internal/worker/fault_test.go.
//
//	asynq's syncer is dead: one failed done runs the task again   TestSyncerIsDead
//	go-redis stays with a dead master                             TestStickyTopology (connect_test.go)
//	one fetch a round trip bounds a worker                        TestOneFetchARoundTrip
//	a reply is lost, the command is sent again                    TestLostReplyOf… (Submit, SubmitOnce, SubmitAllOnce, Claim, End, Report, Retry, Delete, Cancel, Extend, Upkeep)
//	a request is lost                                             the same tests
//	the last attempt is begun by a lost dequeue and never runs    TestLostReplyOfTheLastClaim
//	a handler ignores its context: its slot is given away         TestHandlerThatIgnoresItsContext
//	a second attempt runs beside the first                        TestSecondAttemptBesideTheFirst, TestFailoverForgetsTheClaim
//	cancel means retry                                            TestCancelIsNotARetry
//	a retried cancel misses a worker that reconnects              TestCancelThatNobodyHeard
//	asynq's archive drops tasks, its tools leak them              TestInspectorArchivesOurs
//	a task is active and has no lease                             TestActiveWithoutLease
//	a task waits and nothing carries it                           TestNothingCarries
//	a set of times lost a task                                       TestNoClockHolds
//	a clock of asynq's Redis looks at every key                   TestEmbeddedClockCost
//	a failover loses what was acknowledged                        TestReplicas… (confirm_test.go)
//	a failover loses a queue's name                               TestQueueMemberLostInFailover
//	Redis stands still for longer than a lease                    TestStallLosesNothing, TestUpkeepHeldUp
//	the heartbeat fails for longer than a lease                   TestLeaseEndsTheHandler
//	asynq's own lease ends and frees the slot                     TestAsynqLeaseExpiryDoesNotFreeSlot
//	the heartbeat carries every input                             TestBeatCarriesNoInput
//	asynq's writes fill Redis                                     TestAsynqWritesNothing
//	a failed dequeue is asked again without a pause               TestNoHotLoopWhenRedisIsGone
//	a subscriber leaks connections                                TestSubscriberLeaksNoConnections
//	the client is closed before the worker has ended              TestShutdownWithClosedClient
//	shutdown waits for a Redis that does not answer               TestShutdownWhileRedisHangs
//	seconds are cut off delays and timeouts                       TestSubSecondTimes
//	clocks of workers differ                                      TestClocksDiffer…, TestClockJumps (internal/worker/clock_test.go)
//	a script gets more arguments than a server takes              TestServerlessArgumentLimit, TestManyHeldArgumentLimit
//	a brace in a queue's name splits its slot                     TestBraceInQueueName
//	a lost attempt ends after its task was retried by hand        TestLateEndAfterARetry
//	the index or a count does not agree with the records          TestIndexMended
//	Redis runs a torn transaction of its append-only file twice   TestTornTransactionOfTheAppendOnlyFile
//	asynq's tools delete a task                                   TestInspectorDeletesOurs
//	Redis evicts                                                  TestCheckMemoryPolicy (connect_test.go)
//	Redis is older than 6.2                                       TestCheckRefusesOldServers (connect_test.go)
//	a unique key outlives or leaves its task                      "unique key" (held_test.go)
//	a script reads thousands of records at once                   "trim by age", "upkeep in steps" (upkeep_test.go)
//	two sweepers at once                                          TestDeposedLeaderChangesNothing
//
// What nothing here calls has no test: asynq's scheduler, aggregator, recoverer,
// unique locks, retention and its Inspector.

// line is a store whose connection to a real Redis loses what a test says.
type line struct {
	*env
	proxy *proxy.Proxy
	seen  atomic.Int64 // how often the script of lose came
}

// newLine gives a store. params are go-redis's own, such as max_retries=-1.
func newLine(t *testing.T, params string) *line {
	t.Helper()
	p := proxy.Start(t, redistest.Start(t).Addr())
	l := &line{env: newEnv(t, connect(t, p.URL()+"?"+params), Options{Lease: time.Hour}), proxy: p}
	s := l.scripts
	for _, script := range []*redis.Script{s.submit, s.claim, s.extend, s.report, s.end, s.cancel, s.retry, s.delete, s.upkeep, s.mend} {
		l.ok(script.Load(l.ctx, l.rdb).Err())
	}
	return l
}

// lose loses the next run of a script.
func (l *line) lose(script *redis.Script, fate proxy.Fate) {
	l.seen.Store(0)
	l.proxy.Judge(func(command []string) proxy.Fate {
		if command[0] != "evalsha" || command[1] != script.Hash() {
			return proxy.Pass
		}
		if l.seen.Add(1) > 1 {
			return proxy.Pass
		}
		return fate
	})
}

// wantAgain checks that the script was sent a second time.
func (l *line) wantAgain() {
	l.t.Helper()
	if n := l.seen.Load(); n != 2 {
		l.t.Errorf("the script came %d times, want 2", n)
	}
	l.proxy.Judge(nil)
}

func (l *line) wantRecords(want int) {
	l.t.Helper()
	if n := len(l.records("default")); n != want {
		l.t.Errorf("%d records, want %d", n, want)
	}
	l.audit()
}

// onFates runs a test for a reply and for a request that is lost.
func onFates(t *testing.T, params string, test func(l *line, fate proxy.Fate)) {
	t.Parallel()
	for name, fate := range map[string]proxy.Fate{"reply": proxy.LoseReply, "request": proxy.LoseRequest} {
		t.Run(name, func(t *testing.T) { test(newLine(t, params), fate) })
	}
}

func TestLostReplyOfSubmit(t *testing.T) {
	subs := map[string]Submission{
		"plain":   sub(nil),
		"delayed": sub(func(s *Submission) { s.Delay = time.Hour }),
		"unique":  sub(func(s *Submission) { s.Unique = "u" }),
		"cached":  cacheable(nil),
	}
	onFates(t, "", func(l *line, fate proxy.Fate) {
		for name, s := range subs {
			l.lose(l.scripts.submit, fate)
			got, err := l.Submit(l.ctx, s)
			l.ok(err)
			l.wantAgain()
			if got.Cause != CauseNew {
				l.t.Errorf("%s: answered by %s (%s), want a new task", name, got.Task.ID, got.Cause)
			}
			if kept := l.get(got.Task.ID); kept.State != got.Task.State || !kept.RunAt.Equal(got.Task.RunAt) {
				l.t.Errorf("%s: told %s at %s, kept %s at %s", name, got.Task.State, got.Task.RunAt, kept.State, kept.RunAt)
			}
		}
		l.wantRecords(len(subs))

		l.lose(l.scripts.submit, fate)
		for i, got := range l.SubmitAll(l.ctx, many(150)) { // two scripts in one pipeline
			if l.ok(got.Err); got.Cause != CauseNew {
				l.t.Errorf("item %d: %s", i, got.Cause)
			}
		}
		l.proxy.Judge(nil)
		l.wantRecords(len(subs) + 150)
	})
}

func TestLostReplyOfSubmitOnce(t *testing.T) {
	onFates(t, "", func(l *line, fate proxy.Fate) {
		for i, command := range []string{"set", "evalsha"} { // the key, then the task
			lost := false
			l.proxy.Judge(func(words []string) proxy.Fate {
				if lost || words[0] != command {
					return proxy.Pass
				}
				lost = true
				return fate
			})
			key := fmt.Sprint("k", i)
			first, err := l.SubmitOnce(l.ctx, "me", key, "p", sub(nil))
			l.ok(err)
			again, err := l.SubmitOnce(l.ctx, "me", key, "p", sub(nil))
			l.ok(err)
			if !lost || first.Cause != CauseNew || again.Cause != CauseIdempotent || again.Task.ID != first.Task.ID {
				l.t.Errorf("%s lost (%v): made %s (%s), then %s (%s)", command, lost, first.Task.ID, first.Cause, again.Task.ID, again.Cause)
			}
		}
		l.proxy.Judge(nil)
		l.wantRecords(2)
	})
}

// Whether go-redis sends it again or the worker asks again with the token.
func TestLostReplyOfClaim(t *testing.T) {
	onFates(t, "max_retries=-1", func(l *line, fate proxy.Fate) {
		ids := []string{l.submit(nil).ID, l.submit(nil).ID}
		want := Want{Queue: "default", Worker: "w1", Many: 3, Token: "once"}
		l.lose(l.scripts.claim, fate)
		if claims, _, err := l.Claim(l.ctx, want); err == nil {
			l.t.Fatalf("the answer came: %v", claims)
		}
		third := l.submit(nil).ID // came since
		kept := base("default") + "take:w1"
		l.ok(l.rdb.PExpire(l.ctx, kept, time.Minute).Err()) // the lease is nearly over
		claims, more, err := l.Claim(l.ctx, want)
		l.ok(err)
		l.wantAgain()
		if ttl := l.rdb.PTTL(l.ctx, kept).Val(); ttl <= time.Minute {
			l.t.Errorf("the answer is kept for %s more", ttl)
		}
		if fate == proxy.LoseRequest {
			ids = append(ids, third)
		} else if !more {
			l.t.Error("more may wait, and the answer says no")
		}
		got := []string{}
		for _, c := range claims {
			got = append(got, c.Task.ID)
			kept := l.wantState(c.Task.ID, task.Active)
			if c.Attempt != 1 || len(kept.Attempts) != 1 || c.Task.Version != kept.Version || len(c.Task.Attempts) != 1 {
				l.t.Errorf("claimed %+v, kept %+v", c.Task, kept)
			}
		}
		if !slices.Equal(got, ids) {
			l.t.Errorf("claimed %v, want %v", got, ids)
		}
		want.Token = "twice"
		if claims, _, err := l.Claim(l.ctx, want); err != nil || len(claims) != 3-len(ids) {
			l.t.Errorf("the next claim gave %d, %v", len(claims), err)
		}
		l.audit()
	})
}

func TestLostReplyOfEnd(t *testing.T) {
	onFates(t, "", func(l *line, fate proxy.Fate) {
		for _, tt := range []struct {
			end   End
			state task.State
			used  int
		}{
			{succeed(), task.Succeeded, 0}, {fail(true), task.Retrying, 1}, {fail(false), task.Failed, 1},
			{End{Outcome: task.OutcomeCanceled}, task.Canceled, 0}, {End{Outcome: task.OutcomeReleased}, task.Pending, 0},
		} {
			c := l.start(nil)
			l.lose(l.scripts.end, fate)
			if state := l.end(c, tt.end); state != tt.state {
				l.t.Errorf("%s: told %s, want %s", tt.end.Outcome, state, tt.state)
			}
			l.wantAgain()
			got := l.wantState(c.Task.ID, tt.state)
			if len(got.Attempts) != 1 || got.AttemptsUsed != tt.used || got.Attempts[0].Outcome != tt.end.Outcome {
				l.t.Errorf("%s: %+v", tt.end.Outcome, got)
			}
			if string(got.Result) != string(tt.end.Result) { // the result is part of the end: no write of it can be lost alone
				l.t.Errorf("%s: result %s", tt.end.Outcome, got.Result)
			}
		}
		l.audit()
	})
}

// The one who gave it back asks again after another has begun.
func TestLostReplyOfEndOvertaken(t *testing.T) {
	t.Parallel()
	l := newLine(t, "max_retries=-1")
	c := l.start(nil)
	l.lose(l.scripts.end, proxy.LoseReply)
	if _, err := l.End(l.ctx, c.held(), End{Outcome: task.OutcomeReleased}); err == nil {
		t.Fatal("the answer came")
	}
	next := l.claim("default")
	if state := l.end(c, End{Outcome: task.OutcomeReleased}); state != task.Active || next.Attempt != 2 {
		t.Errorf("told %s; attempt %d runs", state, next.Attempt)
	}
	if state := l.end(next, succeed()); state != task.Succeeded {
		t.Errorf("attempt 2 ended as %s", state)
	}
	l.audit()
}

func TestLostReplyOfReport(t *testing.T) {
	onFates(t, "", func(l *line, fate proxy.Fate) {
		c := l.start(nil)
		for number := 1; number <= 2; number++ {
			l.lose(l.scripts.report, fate)
			l.ok(l.Report(l.ctx, c.held(), Report{
				Number: number, Progress: &task.Progress{Done: int64(number)}, Checkpoint: []byte("here"),
				Lines: []Line{{At: time.Now(), Level: slog.LevelInfo, Message: fmt.Sprint("line ", number)}},
			}))
			l.wantAgain()
		}
		logs, err := l.Logs(l.ctx, c.Task.ID, 0, 10)
		l.ok(err)
		if logs.Written != 2 || len(logs.Lines) != 2 || logs.Lines[1].Message != "line 2" {
			l.t.Errorf("log %+v", logs)
		}
	})
}

func TestLostReplyOfRetry(t *testing.T) {
	onFates(t, "", func(l *line, fate proxy.Fate) {
		for _, state := range []task.State{task.Failed, task.Scheduled, task.Retrying} {
			made := l.reach("default", state, nil)
			l.lose(l.scripts.retry, fate)
			l.ok(l.Retry(l.ctx, made.ID))
			l.wantAgain()
			l.wantState(made.ID, task.Pending)
			l.audit()
			if c := l.claim("default"); c.Task.ID != made.ID {
				l.t.Errorf("claimed %s, want %s", c.Task.ID, made.ID)
			}
			if err := l.Retry(l.ctx, made.ID); err == nil {
				l.t.Error("retry by another call while it runs was taken for the first")
			}
		}
	})
}

func TestLostReplyOfDelete(t *testing.T) {
	onFates(t, "", func(l *line, fate proxy.Fate) {
		made := l.reach("default", task.Failed, nil)
		l.lose(l.scripts.delete, fate)
		l.ok(l.Delete(l.ctx, made.ID))
		l.wantAgain()
		if err := l.Delete(l.ctx, made.ID); !errors.Is(err, ErrNotFound) {
			l.t.Errorf("delete by another call: got %v, want ErrNotFound", err)
		}
		l.wantRecords(0)
	})
}

func TestLostReplyOfCancel(t *testing.T) {
	onFates(t, "", func(l *line, fate proxy.Fate) {
		for _, state := range []task.State{task.Pending, task.Active} {
			made := l.reach("default", state, nil)
			want := task.Canceled
			if state == task.Active {
				want = task.Active
			}
			l.lose(l.scripts.cancel, fate)
			if got, err := l.Cancel(l.ctx, made.ID); err != nil || got != want {
				l.t.Errorf("cancel while %s: got %s, %v", state, got, err)
			}
			l.wantAgain()
			l.audit()
		}
	})
}

func TestLostReplyOfExtend(t *testing.T) {
	onFates(t, "", func(l *line, fate proxy.Fate) {
		c := l.start(nil)
		l.lapse("lease", c.Task.ID)
		l.lose(l.scripts.extend, fate)
		got, err := l.Extend(l.ctx, "default", []Sign{{Held: c.held(), Overrunning: true}})
		l.ok(err)
		l.wantAgain()
		if len(got.Lost) != 0 || !l.get(c.Task.ID).Overrunning || l.upkeep("default").Lost != 0 {
			l.t.Errorf("extended: %+v, %+v", got, l.get(c.Task.ID))
		}
	})
}

func TestLostReplyOfUpkeep(t *testing.T) {
	onFates(t, "", func(l *line, fate proxy.Fate) {
		due := l.submit(func(s *Submission) { s.Delay = time.Hour })
		lost := l.start(nil)
		l.lapse("due", due.ID)
		l.lapse("lease", lost.Task.ID)
		l.lose(l.scripts.upkeep, fate)
		l.upkeep("default")
		l.wantAgain()
		l.wantState(due.ID, task.Pending)
		if got := l.wantState(lost.Task.ID, task.Pending); len(got.Attempts) != 1 {
			l.t.Errorf("lost once, and has %d attempts", len(got.Attempts))
		}
		l.audit()
	})
}

func TestBraceInQueueName(t *testing.T) {
	for _, name := range []string{"a{b", "a}b", "{a}", "}{", ".lead", "", strings.Repeat("a", MaxQueueName+1)} {
		if ValidQueue(name) {
			t.Errorf("%q may name a queue", name)
		}
		var ids idSource
		if _, _, ok := parseID(ids.next(time.Now(), name)); ok {
			t.Errorf("an id of queue %q is one", name)
		}
	}
}

// A lost attempt speaks up after somebody retried its task by hand.
func TestLateEndAfterARetry(t *testing.T) {
	t.Parallel()
	e := newEnv(t, openRedis(t), Options{Lease: time.Hour})
	c := e.start(nil)
	_, err := e.Cancel(e.ctx, c.Task.ID)
	e.ok(err)
	e.lapse("lease", c.Task.ID)
	e.upkeep("default")
	e.ok(e.Retry(e.ctx, c.Task.ID))
	if _, err := e.End(e.ctx, c.held(), succeed()); !errors.Is(err, ErrFenced) {
		t.Errorf("got %v, want ErrFenced", err)
	}
	e.wantState(c.Task.ID, task.Pending)
	e.audit()
}

// When nobody did a queue's upkeep for half a lease, Redis was away: nothing counts as lost for as
// long again, whoever asks, a process that has just begun too. A look at the leases follows.
func TestUpkeepHeldUp(t *testing.T) {
	t.Parallel()
	e := newEnv(t, openRedis(t), Options{Lease: 6 * time.Second})
	c := e.start(nil)
	e.upkeep("default")
	e.lapse("lease", c.Task.ID)
	long := time.Now().Add(-4 * time.Second).UnixMilli()
	e.ok(e.rdb.Set(e.ctx, base("default")+"kept", fmt.Sprint(long, " 0"), 0).Err())
	for range 2 {
		if n := e.with(Options{Lease: 6 * time.Second}).upkeep("default").Lost; n != 0 {
			t.Errorf("after four seconds of silence: %d lost", n)
		}
	}
	e.eventually("the grace is over", func() bool { return e.upkeep("default").Lost == 1 })
	e.audit()
}

// A failover between the claim of an Idempotency-Key and its task loses the claim: the key is kept
// with the task all the same.
func TestFailoverLosesTheClaimOfAKey(t *testing.T) {
	t.Parallel()
	e := newEnv(t, openRedis(t), Options{Lease: time.Hour})
	const name = "wl:idem:anonymous:k"
	made, err := e.submitClaimed(e.ctx, name, e.ids.next(e.Now(), "default"), "print", sub(nil))
	e.ok(err)
	again, err := e.SubmitOnce(e.ctx, "anonymous", "k", "print", sub(nil))
	if err != nil || again.Task.ID != made.Task.ID || again.Cause != CauseIdempotent {
		t.Errorf("sent again: %+v, %v, want %s", again, err, made.Task.ID)
	}
	if ttl := e.rdb.PTTL(e.ctx, name).Val(); ttl <= 0 {
		t.Errorf("the key is kept for %s", ttl)
	}
}

// Upkeep tells what o'clock it is.
func TestUpkeepTellsTheTime(t *testing.T) {
	t.Parallel()
	e := newEnv(t, openRedis(t), Options{Lease: time.Hour})
	late := e.with(Options{Lease: time.Hour, Clock: func() time.Time { return time.Now().Add(-time.Minute) }})
	late.upkeep("default")
	if off := time.Since(late.Now()).Abs(); off > time.Second {
		t.Errorf("it takes the time for %s off", off)
	}
}

// The worker of an attempt that counts as lost lives: it could not reach Redis. That is not charged.
func TestWorkerCutOffIsNotCharged(t *testing.T) {
	t.Parallel()
	e := newEnv(t, openRedis(t), Options{Lease: time.Hour})
	c := e.start(nil)
	for range 2 * MaxLost {
		e.lapse("lease", c.Task.ID)
		if n := e.upkeep("default").Lost; n != 1 {
			t.Fatalf("%d lost", n)
		}
		next := e.claim("default")
		for range 2 { // the second time its reply was lost
			if state := e.end(c, End{Outcome: task.OutcomeReleased}); state != task.Active {
				t.Fatalf("state is %s", state)
			}
		}
		c = next
	}
	got := e.wantState(c.Task.ID, task.Active)
	if got.Attempts[0].Outcome != task.OutcomeReleased || got.AttemptsUsed != 0 {
		t.Errorf("task is %+v", got)
	}
	e.audit()
}
