package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"windlass/internal/store"
	"windlass/internal/task"
	"windlass/internal/tracing"
)

const maxBulk = 10_000

type submitInput struct {
	IdempotencyKey string `header:"Idempotency-Key" doc:"A key of your making, up to 255 characters. The same request with the same key within 24 hours makes one task only." example:"\"8e03978e-40d5-43dd-bc93-6894a57f9324\""`
	Prefer         string `header:"Prefer" doc:"wait=N: wait up to N seconds (at most 60) for the task to end (RFC 7240)." example:"wait=10"`
	CacheControl   string `header:"Cache-Control" doc:"no-cache: run anew, even when a result is kept." example:"no-cache"`
	Traceparent    string `header:"traceparent" doc:"W3C trace context: the task joins the trace, and http.request hands it on. One that is not valid is passed over."`
	RawBody        []byte `contentType:"application/json"`
}

type taskOutput struct {
	Status            int
	Location          string `header:"Location" doc:"The task's address."`
	ETag              string `header:"ETag" doc:"Changes with the task."`
	Age               string `header:"Age" doc:"Given when a kept result answers: its age in seconds."`
	Replayed          string `header:"Idempotency-Replayed" doc:"true when an earlier request with this Idempotency-Key made the task."`
	PreferenceApplied string `header:"Preference-Applied" doc:"The wait that was granted."`
	CacheControl      string `header:"Cache-Control"`
	Body              *task.Task
}

func (a *API) submit(ctx context.Context, in *submitInput) (*taskOutput, error) {
	sub, p := a.submission(in.RawBody, "body", a.store.Now())
	key := ""
	if in.IdempotencyKey != "" {
		var ok bool
		if key, ok = parseIdempotencyKey(in.IdempotencyKey); !ok {
			p = addFault(p, Fault{"header.Idempotency-Key",
				fmt.Sprintf("must be 1 to %d printable ASCII characters, quoted or not", maxIdempotencyKey)})
		}
	}
	if p != nil {
		return nil, p
	}
	caller := CallerOf(ctx)
	if !caller.sees(sub.Kind, sub.Queue) {
		return nil, outside(caller)
	}
	if p := (&secretCheck{api: a}).faults(ctx, sub, "body"); p != nil {
		return nil, p
	}
	sub.SubmittedBy = caller.mark()
	sub.Fresh = noCache(in.CacheControl)
	accepted, err := a.keep(ctx, key, in.RawBody, sub)
	if err != nil {
		return nil, err
	}
	if p := unseen(caller, accepted.Task); p != nil {
		return nil, p
	}
	out := &taskOutput{Body: accepted.Task, Location: taskPath(accepted.Task.ID)}
	out.Status = outcome(accepted.Cause)
	switch accepted.Cause {
	case store.CauseCached:
		if ended := accepted.Task.FinishedAt; ended != nil {
			out.Age = strconv.FormatInt(max(int64(a.store.Now().Sub(*ended).Seconds()), 0), 10)
		}
	case store.CauseIdempotent:
		out.Replayed = "true"
	}
	if wait := parsePrefer(in.Prefer); wait > 0 {
		out.PreferenceApplied = fmt.Sprintf("wait=%d", int(wait.Seconds()))
		out.Body = a.await(ctx, out.Body, wait)
		if err := a.still(ctx); err != nil {
			return nil, err // what came out meanwhile is not the caller's to see any more
		}
		if out.Body.State.Final() {
			out.Status = http.StatusOK
		}
	}
	a.show(ctx, out.Body)
	out.ETag = etag(ctx, out.Body)
	return out, nil
}

func addFault(p *Problem, f Fault) *Problem {
	if p == nil {
		return faulty(f)
	}
	p.Errors = append(p.Errors, f)
	return p
}

// keep hands the submission to the store, under its Idempotency-Key when there is one. The task
// belongs to the trace of the request, or to the caller's where requests are not traced.
func (a *API) keep(ctx context.Context, key string, body []byte, sub store.Submission) (got store.Accepted, err error) {
	ctx, span := a.config.Tracer.Submit(ctx, sub.Queue, sub.Kind)
	defer func() { span.Accepted(got.Task, string(got.Cause), err) }()
	sub.Traceparent = tracing.Traceparent(ctx)
	if key == "" {
		return a.store.Submit(ctx, sub)
	}
	form, err := canonical(body)
	if err != nil {
		return store.Accepted{}, problem(codeInvalidJSON, "")
	}
	scope := CallerOf(ctx).ID
	if scope == "" {
		scope = "anonymous"
	}
	fingerprint := digest([]byte(http.MethodPost), []byte(pathTasks), form)
	return a.store.SubmitOnce(ctx, scope, key, fingerprint, sub)
}

// outcome gives the status of an accepted submission: 202 when work is to be
// done because of it, 200 when a task that was there already answers it.
func outcome(c store.Cause) int {
	if c == store.CauseNew || c == store.CauseJoined {
		return http.StatusAccepted
	}
	return http.StatusOK
}

// await waits until the task is final, at most for the given time, and gives it
// as it is then. The task is accepted already, so a store that cannot tell more
// is no error.
func (a *API) await(ctx context.Context, t *task.Task, wait time.Duration) *task.Task {
	if t.State.Final() {
		return t
	}
	w, _, err := a.store.Watch(ctx, t.ID, "")
	if err != nil {
		a.log.WarnContext(ctx, "a submit cannot wait for its task", "error", err, "request_id", requestID(ctx))
		return t
	}
	defer w.Close()
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		latest, err := a.store.Get(ctx, t.ID)
		if err != nil {
			return t // deleted, or the store is away
		}
		if t = latest; t.State.Final() {
			return t
		}
		if !a.changed(ctx, w, timer.C) {
			if latest, err = a.store.Get(ctx, t.ID); err == nil { // an active task's start is no reason to wake up
				t = latest
			}
			return t
		}
	}
}

// changed waits for a change of more than the log. It is false when the time is
// over, the client gone or the API closing.
func (a *API) changed(ctx context.Context, w *store.Watcher, over <-chan time.Time) bool {
	for {
		select {
		case <-w.C:
			changes, _, missed := w.Take()
			for _, c := range changes {
				missed = missed || c.Record && c.State != task.Active
			}
			if missed {
				return true
			}
		case <-over:
			return false
		case <-ctx.Done():
			return false
		case <-a.closed.Done():
			return false
		}
	}
}

type bulkInput struct {
	IdempotencyKey string `header:"Idempotency-Key" doc:"Not supported here: give each item a unique key instead."`
	CacheControl   string `header:"Cache-Control" doc:"no-cache: run anew, even when results are kept."`
	Traceparent    string `header:"traceparent" doc:"W3C trace context: the task joins the trace, and http.request hands it on. One that is not valid is passed over."`
	RawBody        []byte `contentType:"application/json"`
}

// Bulk is many tasks as they are handed in.
type Bulk struct {
	Items []Submit `json:"items" minItems:"1" maxItems:"10000" nullable:"false" doc:"1 to 10,000 tasks; the whole request at most 8 MiB."`
}

// BulkResult is one outcome per item, in order.
type BulkResult struct {
	Items []BulkItem `json:"items" nullable:"false"`
}

// BulkItem is the outcome of one item: the task or the problem.
type BulkItem struct {
	Status  int        `json:"status" doc:"The status that the item would have had alone." example:"202"`
	Task    *task.Task `json:"task,omitempty" doc:"The task, when there is one."`
	Problem *Problem   `json:"problem,omitempty" doc:"Why there is no task."`
}

type bulkOutput struct {
	RateLimit       string `header:"RateLimit" doc:"What is left of the client's limit."`
	RateLimitPolicy string `header:"RateLimit-Policy" doc:"The client's limit."`
	Body            BulkResult
}

// chargeTasks charges the tasks of a bulk request.
func (a *API) chargeTasks(ctx context.Context, n int, out *bulkOutput) *Problem {
	h := http.Header{}
	if p := a.charge(ctx, h, limitSubmit, n); p != nil {
		return p.with("RateLimit", h.Get("RateLimit")).with("RateLimit-Policy", h.Get("RateLimit-Policy"))
	}
	out.RateLimit, out.RateLimitPolicy = h.Get("RateLimit"), h.Get("RateLimit-Policy")
	return nil
}

func (a *API) submitBulk(ctx context.Context, in *bulkInput) (*bulkOutput, error) {
	items, p := bulkItems(in.RawBody)
	if in.IdempotencyKey != "" {
		p = addFault(p, Fault{"header.Idempotency-Key", "is not supported for bulk requests; give each item a unique key"})
	}
	if p != nil {
		return nil, p
	}
	out := &bulkOutput{}
	if p := a.chargeTasks(ctx, len(items), out); p != nil {
		return nil, p
	}
	traced, span := a.config.Tracer.SubmitMany(ctx, len(items))
	defer span.End()
	traceparent := tracing.Traceparent(traced)
	now, caller := a.store.Now(), CallerOf(ctx)
	result := BulkResult{Items: make([]BulkItem, len(items))}
	var subs []store.Submission
	var places []int
	check := &secretCheck{api: a}
	for i, raw := range items {
		at := fmt.Sprintf("body.items[%d]", i)
		sub, p := a.submission(raw, at, now)
		if p == nil && !caller.sees(sub.Kind, sub.Queue) {
			p = outside(caller)
		}
		if p == nil {
			p = check.faults(ctx, sub, at)
		}
		if p != nil {
			result.Items[i] = a.failedItem(ctx, p)
			continue
		}
		sub.SubmittedBy = caller.mark()
		sub.Fresh = noCache(in.CacheControl)
		sub.Traceparent = traceparent
		subs, places = append(subs, sub), append(places, i)
	}
	away := 0
	for j, got := range a.store.SubmitAll(ctx, subs) {
		if store.Unavailable(got.Err) {
			if away++; away == len(items) { // no item had an outcome of its own
				return nil, got.Err
			}
		}
		if got.Err != nil {
			result.Items[places[j]] = a.failedItem(ctx, got.Err)
			continue
		}
		if p := unseen(caller, got.Task); p != nil {
			result.Items[places[j]] = a.failedItem(ctx, p)
			continue
		}
		result.Items[places[j]] = BulkItem{Status: outcome(got.Cause), Task: a.show(ctx, got.Task)}
	}
	out.Body = result
	return out, nil
}

func (a *API) failedItem(ctx context.Context, err error) BulkItem {
	p := a.problemOf(ctx, err)
	return BulkItem{Status: p.Status, Problem: p}
}

// bulkItems splits a bulk body, so that a fault in one item leaves the others alone.
func bulkItems(body []byte) ([]json.RawMessage, *Problem) {
	var members map[string]json.RawMessage
	err := json.Unmarshal(body, &members)
	if _, broken := errors.AsType[*json.SyntaxError](err); broken {
		return nil, problem(codeInvalidJSON, "")
	}
	if err != nil || members == nil {
		return nil, faulty(Fault{"body", "must be an object"})
	}
	var faults []Fault
	for name := range members {
		if name != "items" {
			faults = append(faults, Fault{"body." + name, "is not a known field"})
		}
	}
	var items []json.RawMessage
	if err := json.Unmarshal(members["items"], &items); err != nil || len(items) < 1 || len(items) > maxBulk {
		faults = append(faults, Fault{"body.items", fmt.Sprintf("must be a list of 1 to %d tasks", maxBulk)})
	}
	if len(faults) > 0 {
		return nil, faulty(tidy(faults)...)
	}
	return items, nil
}
