package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"windlass/internal/store"
	"windlass/internal/task"
	"windlass/internal/tracing"
)

const maxBulk = 10_000

type bulkInput struct {
	IdempotencyKey string `header:"Idempotency-Key" doc:"A key of your making, up to 255 characters, for the whole request. The same request with the same key within 24 hours makes no task twice: tasks that it made are found again (status 200, without input and result), items that failed are tried again." example:"\"8e03978e-40d5-43dd-bc93-6894a57f9324\""`
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
	Replayed        string `header:"Idempotency-Replayed" doc:"true when an earlier request with this Idempotency-Key made some of the tasks."`
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
	key, p := idempotencyKey(ctx, p)
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
	kept, err := a.keepAll(ctx, key, in.RawBody, subs, places)
	if err != nil {
		return nil, err
	}
	away := 0
	for j, got := range kept {
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
		if got.Cause == store.CauseIdempotent {
			out.Replayed = "true"
		}
		result.Items[places[j]] = BulkItem{Status: outcome(got.Cause), Task: a.show(ctx, got.Task)}
	}
	out.Body = result
	return out, nil
}

// keepAll is keep for many.
func (a *API) keepAll(ctx context.Context, key string, body []byte, subs []store.Submission, places []int) ([]store.SubmitResult, error) {
	if key == "" {
		return a.store.SubmitAll(ctx, subs), nil
	}
	fingerprint, err := fingerprint(pathBulk, body)
	if err != nil {
		return nil, err
	}
	return a.store.SubmitAllOnce(ctx, CallerOf(ctx).scope(), key, fingerprint, subs, places)
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
