package store

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"windlass/internal/redistest"
	"windlass/internal/redistest/proxy"
	"windlass/internal/task"
)

// sweeper gives a store whose clock is a minute ahead, so that what waits just
// now is old enough for it, and the number of its lead.
func (e *env) sweeper() (*env, int64) {
	e.t.Helper()
	s := e.with(Options{Lease: time.Hour, Clock: func() time.Time { return time.Now().Add(time.Minute) }})
	l, err := s.Lead(s.ctx, "sweeper")
	s.ok(err)
	if l.Number == 0 {
		e.t.Fatalf("%s leads", l.Holder)
	}
	return s, l.Number
}

// sweep sweeps the default queue, twice: the second time there is nothing left to do.
func (e *env) sweep(whole bool) Repairs {
	e.t.Helper()
	s, number := e.sweeper()
	done, err := s.Sweep(s.ctx, "default", number, whole)
	e.ok(err)
	if again, err := s.Sweep(s.ctx, "default", number, true); err != nil || again.Total() != 0 {
		e.t.Errorf("the second sweep: %+v, %v", again, err)
	}
	e.audit()
	return done
}

// inspector is asynq's own tool, as an operator may use it.
func inspector(t *testing.T, server *redistest.Server) *asynq.Inspector {
	i := asynq.NewInspector(asynq.RedisClientOpt{Addr: server.Addr()})
	t.Cleanup(func() {
		if err := i.Close(); err != nil {
			t.Errorf("close inspector: %v", err)
		}
	})
	return i
}

// asynq's archive holds 9,999 tasks; its tools cut it and leave the rest behind (its issues 730 and 885).
func TestInspectorArchivesOurs(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	e := newEnv(t, connect(t, server.URL()), Options{Lease: time.Hour})
	ids := []string{}
	for range 3 {
		ids = append(ids, e.submit(nil).ID)
	}
	canceled := e.submit(nil).ID
	_, err := e.Cancel(e.ctx, canceled)
	e.ok(err)
	if n, err := inspector(t, server).ArchiveAllPendingTasks("default"); err != nil || n != 4 {
		t.Fatalf("asynq archived %d, %v", n, err)
	}
	if c, err := e.claimOne("default"); c != nil || err != nil {
		t.Fatalf("claimed what asynq archived: %v, %v", c, err)
	}
	if done := e.sweep(false); done != (Repairs{Carried: 3}) {
		t.Errorf("repairs %+v", done)
	}
	if left := e.keys("asynq:{default}:[^p]*"); len(left) != 3 { // the messages of the three
		t.Errorf("asynq still keeps %v", left)
	}
	for _, id := range ids {
		if state := e.end(e.claim("default"), succeed()); state != task.Succeeded {
			t.Errorf("%s ended as %s", id, state)
		}
	}
}

func TestInspectorDeletesOurs(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	e := newEnv(t, connect(t, server.URL()), Options{Lease: time.Hour})
	id := e.submit(nil).ID
	e.ok(inspector(t, server).DeleteTask("default", id))
	if done := e.sweep(false); done != (Repairs{Carried: 1}) {
		t.Errorf("repairs %+v", done)
	}
	if c := e.claim("default"); c.Task.ID != id {
		t.Errorf("claimed %s, want %s", c.Task.ID, id)
	}
}

// asynq's recoverer looks at leases alone (its issues 1144, 1051 and 764).
func TestActiveWithoutLease(t *testing.T) {
	t.Parallel()
	e := newEnv(t, openRedis(t), Options{Lease: time.Hour})
	c := e.start(nil)
	e.ok(e.rdb.ZRem(e.ctx, base("default")+"lease", c.Task.ID).Err())
	if done := e.sweep(false); done != (Repairs{Leased: 1}) {
		t.Errorf("repairs %+v", done)
	}
	e.lapse("lease", c.Task.ID) // and nobody extends it
	if n := e.upkeep("default").Lost; n != 1 {
		t.Errorf("%d lost, want 1", n)
	}
	if next := e.claim("default"); next.Task.ID != c.Task.ID || next.Attempt != 2 {
		t.Errorf("claimed %s, attempt %d", next.Task.ID, next.Attempt)
	}
}

func TestNothingCarries(t *testing.T) {
	t.Parallel()
	e := newEnv(t, openRedis(t), Options{Lease: time.Hour})
	lost, stays := e.submit(nil), e.submit(nil)
	e.ok(e.rdb.LRem(e.ctx, asynqKey("default", "pending"), 0, lost.ID).Err())
	fresh := e.with(Options{Lease: time.Hour}) // by a right clock it waits since a moment: a script may be about to carry it
	l, err := fresh.Lead(e.ctx, "sweeper")
	e.ok(err)
	if done, err := fresh.Sweep(e.ctx, "default", l.Number, true); err != nil || done.Total() != 0 {
		t.Errorf("what waits since a moment was touched: %+v, %v", done, err)
	}
	if done := e.sweep(false); done != (Repairs{Carried: 1}) {
		t.Errorf("repairs %+v", done)
	}
	for _, want := range []string{stays.ID, lost.ID} {
		if c := e.claim("default"); c.Task.ID != want {
			t.Errorf("claimed %s, want %s", c.Task.ID, want)
		}
	}
}

// Each of the sets that time is read from loses a task. (One that is pending and
// missing from expire is seen by claim: testStartDeadline.)
func TestNoClockHolds(t *testing.T) {
	t.Parallel()
	for set, state := range map[string]task.State{"due": task.Retrying, "done": task.Failed, "expire": task.Scheduled} {
		t.Run(set, func(t *testing.T) {
			e := newEnv(t, openRedis(t), Options{Lease: time.Hour})
			made := e.reach("default", state, func(s *Submission) { s.ExpiresAt = e.Now().Add(time.Hour) })
			e.ok(e.rdb.ZRem(e.ctx, base("default")+set, made.ID).Err())
			if done := e.sweep(set == "expire"); done != (Repairs{Timed: 1}) {
				t.Errorf("repairs %+v", done)
			}
		})
	}
}

func TestIndexMended(t *testing.T) {
	t.Parallel()
	e := newEnv(t, openRedis(t), Options{Lease: time.Hour})
	made, ended := e.submit(nil), e.reach("q1", task.Failed, nil)
	name := made.Kind + ":" + string(task.Pending)
	e.ok(e.rdb.HSet(e.ctx, countsKey("default"), name, 7).Err())
	e.sweep(false)
	e.ok(e.rdb.ZAdd(e.ctx, base("default")+"i:"+made.Kind+":failed", redis.Z{Member: made.ID}).Err())
	e.ok(e.rdb.HSet(e.ctx, countsKey("default"), made.Kind+":failed", 1).Err())
	if done := e.sweep(true); done.Indexed == 0 {
		t.Errorf("repairs %+v", done)
	}
	e.wantState(ended.ID, task.Failed)
}

// A kill in the middle of a write tears a script's transaction. Redis (seen with 7.0.15) does not
// run it and cuts the file at its last whole command, but leaves the MULTI before it: at the next
// start what is left of it runs together with the transaction that came after it, and what a
// script had added to a count or to the line is there twice.
func TestTornTransactionOfTheAppendOnlyFile(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, "--appendonly", "yes", "--appendfsync", "always")
	e := newEnv(t, connect(t, server.URL()), Options{Lease: time.Hour})
	first, second := e.submit(nil), e.submit(nil)
	e.claim("default")
	server.Kill()
	server.Tear(60) // the end of the claim
	server.Restart()
	e.eventually("Redis is back", func() bool { return e.rdb.Ping(e.ctx).Err() == nil })
	e.wantState(first.ID, task.Pending)
	e.end(e.claim("default"), succeed())
	server.Kill()
	server.Restart()
	e.eventually("Redis is back", func() bool { return e.rdb.Ping(e.ctx).Err() == nil })
	e.sweep(true)
	e.wantState(first.ID, task.Succeeded)
	e.wantState(second.ID, task.Pending)
	e.end(e.claim("default"), succeed())
	e.audit()
}

func TestDeposedLeaderChangesNothing(t *testing.T) {
	t.Parallel()
	e := newEnv(t, openRedis(t), Options{Lease: time.Hour})
	old, number := e.sweeper()
	if l, err := e.Lead(e.ctx, "other"); err != nil || l.Number != 0 || l.Holder != "sweeper" {
		t.Errorf("two lead: %+v, %v", l, err)
	}
	e.ok(e.GiveUpLead(e.ctx, "other")) // not its to give
	e.ok(e.GiveUpLead(e.ctx, "sweeper"))
	l, err := e.Lead(e.ctx, "other")
	e.ok(err)
	if l.Number != number+1 {
		t.Errorf("the next lead is %d, want %d", l.Number, number+1)
	}
	c := e.start(nil)
	if _, err := e.Sweep(e.ctx, "default", l.Number, true); err != nil {
		t.Fatal(err)
	}
	e.ok(e.rdb.ZRem(e.ctx, base("default")+"lease", c.Task.ID).Err())
	before := e.dump()
	if done, err := old.Sweep(e.ctx, "default", number, true); !errors.Is(err, ErrDeposed) || done.Total() != 0 {
		t.Errorf("the earlier leader's sweep: %+v, %v", done, err)
	}
	if after := e.dump(); !slices.Equal(before, after) {
		t.Errorf("it changed %v to %v", before, after)
	}
	if done, err := e.Sweep(e.ctx, "default", l.Number, false); err != nil || done.Leased != 1 {
		t.Errorf("the leader's sweep: %+v, %v", done, err)
	}
}

// dump gives every key with its value as Redis serializes it.
func (e *env) dump() []string {
	e.t.Helper()
	all := []string{}
	for _, key := range e.keys("*") {
		all = append(all, key+" "+e.rdb.Dump(e.ctx, key).Val())
	}
	return all
}

// asynq's processes name a queue once, and a failover may lose that.
func TestQueueMemberLostInFailover(t *testing.T) {
	t.Parallel()
	now := time.Now()
	e := newEnv(t, openRedis(t), Options{Lease: time.Hour, Clock: func() time.Time { return now }})
	for who, works := range map[string]func(){
		"submit": func() { e.submit(nil) },
		"upkeep": func() {
			_, err := e.keepQueue(e.ctx, "default", Keeping{})
			e.ok(err)
		},
	} {
		e.submit(nil)
		e.ok(e.rdb.Del(e.ctx, queuesKey, "asynq:queues").Err())
		now = now.Add(registerAge)
		works()
		for _, key := range []string{queuesKey, "asynq:queues"} {
			if got := e.rdb.SMembers(e.ctx, key).Val(); !slices.Equal(got, []string{"default"}) {
				t.Errorf("%s: %s holds %v", who, key, got)
			}
		}
	}
}

// ElastiCache Serverless takes 3,999 arguments; a Lua script unpacks about 8,000.
func TestServerlessArgumentLimit(t *testing.T) {
	t.Parallel()
	l := newLine(t, "")
	most, longest := 0, ""
	l.proxy.Judge(func(command []string) proxy.Fate {
		if len(command)-1 > most {
			most, longest = len(command)-1, fmt.Sprintf("%.100q", command)
		}
		return proxy.Pass
	})
	subs := many(submitBatch + 500)
	for i := range subs {
		s := &subs[i]
		s.Unique, s.CacheKey, s.CacheFor, s.Traceparent = fmt.Sprint("u", i), fmt.Sprint("c", i), time.Hour, "00-1-2-01"
		s.ExpiresAt, s.Tags = l.Now().Add(time.Hour), names("tag", 10)
	}
	for _, got := range l.SubmitAll(l.ctx, subs) {
		l.ok(got.Err)
	}
	not := names("tsk_", MaxNot)
	claims, _, err := l.Claim(l.ctx, Want{Queue: "default", Worker: "w1", Many: 5000, Not: not})
	l.ok(err)
	if len(claims) != scriptTasks {
		t.Errorf("claimed %d, want %d", len(claims), scriptTasks)
	}
	if c, more, err := l.Claim(l.ctx, Want{Queue: "default", Worker: "w1", Many: 1, Not: append(not, "one more")}); len(c) != 0 || more || err != nil {
		t.Errorf("with too many to leave: %v, %v, %v", c, more, err)
	}
	endings := []ending{}
	for _, c := range claims {
		for range 15 { // as many as share a round trip at most, and more
			endings = append(endings, ending{queue: "default", args: []any{c.Task.ID, 1, "succeeded", "final", 0, "", "{}", ""}})
		}
	}
	for _, got := range l.flushEnds(endings) {
		l.ok(got.err)
	}
	lines := make([]Line, task.MaxLogLines)
	c := l.claim("default")
	l.ok(l.Report(l.ctx, c.held(), Report{Lines: lines, Progress: &task.Progress{}}))
	l.sweep(true)
	if _, _, err := l.Trim(l.ctx); err != nil {
		t.Error(err)
	}
	if most > 3999 {
		t.Errorf("a command has %d arguments: %s", most, longest)
	}
}

// miniredis's ClockTTL looks at every key on each command.
func TestEmbeddedClockCost(t *testing.T) {
	e := newEnv(t, openEmbedded(t), Options{})
	turn := func() time.Duration {
		took := make([]time.Duration, 101)
		for i := range took {
			begun := time.Now()
			e.ok(e.Ping(e.ctx))
			took[i] = time.Since(begun)
		}
		slices.Sort(took)
		return took[len(took)/2]
	}
	few := turn()
	pipe := e.rdb.Pipeline()
	for i := range 30_000 {
		pipe.Set(e.ctx, fmt.Sprint("k", i), "v", time.Hour)
	}
	_, err := pipe.Exec(e.ctx)
	e.ok(err)
	if lots := turn(); lots > 10*few {
		t.Errorf("a command takes %s with 30,000 keys and %s without", lots, few)
	}
}

// asynq's subscriber opens a connection more for each that fails (its issue 1095).
func TestSubscriberLeaksNoConnections(t *testing.T) {
	t.Parallel()
	l := newLine(t, "")
	signals, err := l.Signals(l.ctx, []string{"default"})
	l.ok(err)
	before := l.proxy.Open()
	for range 10 {
		l.proxy.Cut()
		heard := false
		l.eventually("a signal after the cut", func() bool {
			if _, err := l.rdb.Publish(l.ctx, wakeChannel("default"), "").Result(); err != nil {
				return false
			}
			select {
			case <-signals:
				heard = true
			default:
			}
			return heard
		})
	}
	l.eventually("the old connections to be gone", func() bool { return l.proxy.Open() <= before+1 })
}
