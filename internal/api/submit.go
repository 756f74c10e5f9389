package api

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"windlass/internal/store"
	"windlass/internal/task"
	"windlass/internal/tracing"
)

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
	key, p := idempotencyKey(ctx, p)
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
	fingerprint, err := fingerprint(pathTasks, body)
	if err != nil {
		return store.Accepted{}, err
	}
	return a.store.SubmitOnce(ctx, CallerOf(ctx).scope(), key, fingerprint, sub)
}

// fingerprint tells requests with the same Idempotency-Key apart: by what their bodies mean.
func fingerprint(path string, body []byte) (string, error) {
	form, err := canonical(body)
	if err != nil {
		return "", problem(codeInvalidJSON, "")
	}
	return digest([]byte(http.MethodPost), []byte(path), form), nil
}

// scope is whose an Idempotency-Key is.
func (c *Caller) scope() string { return cmp.Or(c.ID, "anonymous") }

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
	exchangeOf(ctx).place.giveBack()
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
