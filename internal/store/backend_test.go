package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"windlass/internal/redistest"
	"windlass/internal/task"
)

// backends are the servers that every behaviour is tried on.
func backends() map[string]func(testing.TB) redis.UniversalClient {
	return map[string]func(testing.TB) redis.UniversalClient{
		"redis":    openRedis,
		"embedded": openEmbedded,
		"cluster": func(t testing.TB) redis.UniversalClient {
			return connect(t, redistest.StartCluster(t, 3).URL())
		},
		"sentinel":                        openSentinel,
		"TLS with own authority and user": openTLSUser,
	}
}

func openRedis(t testing.TB) redis.UniversalClient {
	return connect(t, redistest.Start(t).URL())
}

func openEmbedded(t testing.TB) redis.UniversalClient {
	e := OpenEmbedded()
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Errorf("close embedded redis: %v", err)
		}
	})
	return e.Client
}

func connect(t testing.TB, url string) redis.UniversalClient {
	t.Helper()
	return connectTo(t, Address{URL: url})
}

func connectTo(t testing.TB, a Address) redis.UniversalClient {
	t.Helper()
	rdb, err := Connect(a)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := rdb.Close(); err != nil {
			t.Errorf("close client: %v", err)
		}
	})
	return rdb
}

// behaviours is every test of what the store does, by name.
func behaviours() map[string]func(*env) {
	return map[string]func(*env){
		"submit pending":              testSubmitPending,
		"submit start times":          testSubmitStartTimes,
		"submit the same id twice":    testSubmitTwice,
		"submit after script flush":   testScriptFlush,
		"too many queues":             testTooManyQueues,
		"bulk keeps its order":        testSubmitAll,
		"claim":                       testClaim,
		"claim drops stale ids":       testClaimStale,
		"claim honours the pause":     testClaimPaused,
		"extend":                      testExtend,
		"report":                      testReport,
		"end outcomes":                testEndOutcomes,
		"end fenced":                  testEndFenced,
		"attempts kept":               testAttemptsKept,
		"log lines kept":              testLogLinesKept,
		"cancel waiting":              testCancelWaiting,
		"cancel active":               testCancelActive,
		"cancel and retry in line":    testCancelRetryInLine,
		"retry final states":          testRetryFinal,
		"retry ends the wait":         testRetryEndsTheWait,
		"retry refused":               testRetryRefused,
		"delete":                      testDelete,
		"unknown ids":                 testUnknownIDs,
		"unique key":                  testUnique,
		"unique key outlives nobody":  testUniqueStale,
		"cache":                       testCache,
		"cache lets go":               testCacheLetsGo,
		"cache without time":          testCacheNoTime,
		"cache keeps the fresher":     testCacheFresher,
		"idempotency":                 testIdempotency,
		"idempotency after a death":   testIdempotencyDeath,
		"idempotency of many":         testIdempotencyOfMany,
		"idempotency, many at once":   testIdempotencyOfManyRace,
		"idempotency, interrupted":    testIdempotencyOfManyInterrupted,
		"idempotency, mixed":          testIdempotencyOfManyMixed,
		"queues are forgotten":        testForgetQueues,
		"forgotten queues make room":  testForgottenMakeRoom,
		"a late step of forgetting":   testForgetLate,
		"forgetting and submits":      testForgetRace,
		"start deadline":              testStartDeadline,
		"upkeep due":                  testUpkeepDue,
		"upkeep after a real wait":    testUpkeepWait,
		"lease runs out":              testLeaseRunsOut,
		"upkeep lost":                 testUpkeepLost,
		"upkeep lost and canceled":    testUpkeepLostCanceled,
		"upkeep in steps":             testUpkeepSteps,
		"trim by age":                 testTrimAge,
		"trim by number":              testTrimNumber,
		"oldest pending":              testOldestPending,
		"list filters":                testListFilters,
		"list tags beyond the budget": testListTagBudget,
		"list cursors":                testListCursors,
		"list rows":                   testListRows,
		"peek":                        testPeek,
		"keep up":                     testKeepUp,
		"message of a claim":          testMessage,
		"secrets":                     testSecrets,
		"secrets used":                testSecretsUsed,
		"secrets at once":             testSecretsAtOnce,
		"too many secrets":            testTooManySecrets,
		"sealed input":                testSealedInput,
		"workers":                     testWorkers,
		"processes":                   testProcesses,
		"vitals":                      testVitals,
		"queues":                      testQueues,
		"snapshot":                    testSnapshot,
		"periods":                     testPeriods,
		"watch":                       testWatch,
		"watch coalesces":             testWatchCoalesces,
		"watch a new queue":           testWatchNewQueue,
		"watch from a position":       testWatchReplay,
		"watch missed":                testWatchMissed,
		"watch starves nobody":        testWatchStarvesNobody,
		"signals":                     testSignals,
		"tokens":                      testTokens,
		"use of tokens":               testTokenUse,
		"tokens are revoked at once":  testRevokeAtOnce,
		"tokens are forgotten":        testTokensForgotten,
		"sessions":                    testSessions,
		"sessions end":                testSessionEnds,
		"sessions of the admin token": testAdminSession,
		"links":                       testLinks,
		"submitted by":                testSubmittedBy,
		"check":                       testCheck,
		"clock":                       testClock,
		"permits":                     testPermits,
		"permits come back":           testPermitsComeBack,
		"audit trail":                 testTrail,
		"audit trail bounded":         testTrailBounded,
		"audit trail cursors":         testTrailCursors,
		"random interleavings":        testInterleavings,
	}
}

func TestStore(t *testing.T) {
	for name, open := range backends() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rdb := open(t)
			for name, behaviour := range behaviours() {
				t.Run(name, func(t *testing.T) {
					e := newEnv(t, rdb, Options{Lease: time.Hour})
					behaviour(e)
					e.audit()
				})
			}
		})
	}
}

// env is a store on an empty Redis, for one test.
type env struct {
	*Store
	t   testing.TB
	ctx context.Context
	rdb redis.UniversalClient

	doubled map[string]bool // ids that a test put into the line a second time
}

func newEnv(t testing.TB, rdb redis.UniversalClient, o Options) *env {
	t.Helper()
	e := &env{t: t, ctx: t.Context(), rdb: rdb}
	e.onMasters(func(ctx context.Context, node redis.Cmdable) error { return node.FlushAll(ctx).Err() })
	return e.with(o)
}

// with gives another store, as of another process, on the same Redis.
func (e *env) with(o Options) *env {
	e.t.Helper()
	s, err := New(e.rdb, o)
	e.ok(err)
	return &env{Store: s, t: e.t, ctx: e.ctx, rdb: e.rdb}
}

func (e *env) onMasters(do func(context.Context, redis.Cmdable) error) {
	e.t.Helper()
	if c, ok := e.rdb.(*redis.ClusterClient); ok {
		e.ok(c.ForEachMaster(e.ctx, func(ctx context.Context, node *redis.Client) error { return do(ctx, node) }))
		return
	}
	e.ok(do(e.ctx, e.rdb))
}

// keys lists every key that fits the pattern.
func (e *env) keys(pattern string) []string {
	e.t.Helper()
	var mu sync.Mutex
	var all []string
	e.onMasters(func(ctx context.Context, node redis.Cmdable) error {
		found, err := node.Keys(ctx, pattern).Result()
		mu.Lock()
		defer mu.Unlock()
		all = append(all, found...)
		return err
	})
	slices.Sort(all)
	return all
}

func (e *env) ok(err error) {
	e.t.Helper()
	if err != nil {
		e.t.Fatal(err)
	}
}

func policy() task.Policy {
	return task.Policy{
		MaxAttempts: 3, MinBackoff: task.Duration(time.Second), MaxBackoff: task.Duration(time.Minute),
		Timeout: task.Duration(time.Minute), Deadline: task.Duration(time.Hour),
	}
}

// sub gives a submission with every needed field.
func sub(change func(*Submission)) Submission {
	s := Submission{
		Kind: "demo.echo", Queue: "default", Input: json.RawMessage(`{"message":"hi"}`),
		Subject: "say hi", Policy: policy(),
	}
	if change != nil {
		change(&s)
	}
	return s
}

func (e *env) submit(change func(*Submission)) *task.Task {
	e.t.Helper()
	got, err := e.Submit(e.ctx, sub(change))
	e.ok(err)
	if got.Cause != CauseNew {
		e.t.Fatalf("submit: answered by %s (%s), want a new task", got.Task.ID, got.Cause)
	}
	return got.Task
}

// claimOne is Claim for one task, nil when nothing waits.
func (e *env) claimOne(queue string) (*Claim, error) {
	for more := true; more; {
		var claims []*Claim
		var err error
		if claims, more, err = e.Claim(e.ctx, Want{Queue: queue, Worker: "w1", Many: 1}); err != nil {
			return nil, err
		}
		if len(claims) > 0 {
			return claims[0], nil
		}
	}
	return nil, nil
}

func (e *env) claim(queue string) *Claim {
	e.t.Helper()
	c, err := e.claimOne(queue)
	e.ok(err)
	if c == nil {
		e.t.Fatalf("claim from %s: nothing waits", queue)
	}
	return c
}

// start submits a task and claims it.
func (e *env) start(change func(*Submission)) *Claim {
	e.t.Helper()
	made := e.submit(change)
	c := e.claim(made.Queue)
	if c.Task.ID != made.ID {
		e.t.Fatalf("claimed %s, want %s", c.Task.ID, made.ID)
	}
	return c
}

func (c *Claim) held() Held { return Held{ID: c.Task.ID, Attempt: c.Attempt} }

func (e *env) end(c *Claim, end End) task.State {
	e.t.Helper()
	state, err := e.End(e.ctx, c.held(), end)
	e.ok(err)
	return state
}

func succeed() End {
	return End{Outcome: task.OutcomeSucceeded, Result: json.RawMessage(`{"message":"hi"}`), Summary: "said hi"}
}

func fail(again bool) End {
	return End{
		Outcome: task.OutcomeFailed, Again: again, Delay: time.Hour,
		Error: &task.Failure{Code: "boom", Message: "It broke | badly."},
	}
}

func (e *env) get(id string) *task.Task {
	e.t.Helper()
	got, err := e.Get(e.ctx, id)
	e.ok(err)
	return got
}

func (e *env) wantState(id string, want task.State) *task.Task {
	e.t.Helper()
	got := e.get(id)
	if got.State != want {
		e.t.Fatalf("state of %s: got %s, want %s", id, got.State, want)
	}
	return got
}

func (e *env) upkeep(queue string) Upkept {
	e.t.Helper()
	got, err := e.Upkeep(e.ctx, queue)
	e.ok(err)
	return got
}

// lapse moves a task in one of the queue's sets of times to long ago, as if its
// lease, wait or deadline had ended.
func (e *env) lapse(set, id string) {
	e.t.Helper()
	queue, _, _ := parseID(id)
	changed, err := e.rdb.ZAddArgs(e.ctx, base(queue)+set, redis.ZAddArgs{
		XX: true, Ch: true, Members: []redis.Z{{Score: 1, Member: id}},
	}).Result()
	e.ok(err)
	if changed != 1 {
		e.t.Fatalf("%s is not in %s%s", id, base(queue), set)
	}
}

// eventually waits until the condition holds.
func (e *env) eventually(what string, holds func() bool) {
	e.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(15 * time.Second)
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			e.t.Fatalf("waited 15 s for %s", what)
		}
	}
}

func names(prefix string, n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprint(prefix, i)
	}
	return all
}
