package tracing

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"windlass/internal/task"
)

// Attributes of the semantic conventions for messaging, and our own.
const (
	keySystem        = attribute.Key("messaging.system")
	keyOperation     = attribute.Key("messaging.operation.name")
	keyOperationType = attribute.Key("messaging.operation.type")
	keyQueue         = attribute.Key("messaging.destination.name")
	keyTask          = attribute.Key("messaging.message.id")
	keyMany          = attribute.Key("messaging.batch.message_count")
	keyError         = attribute.Key("error.type")
	keyKind          = attribute.Key("windlass.task.kind")
	keyAttempt       = attribute.Key("windlass.attempt.number")
	keyOutcome       = attribute.Key("windlass.attempt.outcome")
	keyAnsweredBy    = attribute.Key("windlass.submit.answered_by")
)

// Span is one that has begun. Nil is none.
type Span struct{ span trace.Span }

// Submit begins the span of handing in a task. The context that it gives is what the task's
// record keeps: see Traceparent.
func (t *Tracer) Submit(ctx context.Context, queue, kind string) (context.Context, *Span) {
	return t.submit(ctx, "submit "+queue, keyQueue.String(queue), keyKind.String(kind))
}

// SubmitMany begins the span of handing in many tasks, which all belong to it.
func (t *Tracer) SubmitMany(ctx context.Context, tasks int) (context.Context, *Span) {
	return t.submit(ctx, "submit", keyMany.Int(tasks))
}

func (t *Tracer) submit(ctx context.Context, name string, more ...attribute.KeyValue) (context.Context, *Span) {
	if t == nil {
		return ctx, nil
	}
	ctx, span := t.tracer.Start(ctx, name, trace.WithSpanKind(trace.SpanKindProducer), trace.WithAttributes(
		append(more, keySystem.String("windlass"), keyOperation.String("submit"), keyOperationType.String("send"))...))
	return ctx, &Span{span}
}

// Accepted ends the span of a submit with the task that answers it. cause says why that is one
// which was there already, and is empty if it is not; then its trace is linked.
func (s *Span) Accepted(by *task.Task, cause string, err error) {
	if s == nil {
		return
	}
	if err != nil {
		s.span.SetStatus(codes.Error, err.Error())
	}
	if by != nil {
		s.span.SetAttributes(keyTask.String(by.ID))
	}
	if by != nil && cause != "" {
		s.span.SetAttributes(keyAnsweredBy.String(cause))
		if other := parse(by.Traceparent); other.IsValid() {
			s.span.AddLink(trace.Link{SpanContext: other})
		}
	}
	s.span.End()
}

// End ends the span of a submit of many tasks.
func (s *Span) End() {
	if s != nil {
		s.span.End()
	}
}

// Attempt begins the span of an attempt at a task, and makes that of the wait before it. A task
// whose submit was not traced begins a trace of its own. startedAt is when the attempt began, by
// the clock by which the task's times are.
//
// Both are children of the submit, in whose trace retries stay too; the attempt is linked to it
// as well, as the conventions ask of whoever processes a message.
func (t *Tracer) Attempt(ctx context.Context, of *task.Task, number int, startedAt time.Time) (context.Context, *Span) {
	submit := parse(of.Traceparent)
	ctx = trace.ContextWithRemoteSpanContext(ctx, submit)
	if t == nil {
		return ctx, nil
	}
	now := time.Now()
	attributes := trace.WithAttributes(
		keySystem.String("windlass"), keyQueue.String(of.Queue), keyTask.String(of.ID),
		keyKind.String(of.Kind), keyAttempt.Int(number))
	options := []trace.SpanStartOption{
		trace.WithSpanKind(trace.SpanKindConsumer), trace.WithTimestamp(now), attributes,
		trace.WithAttributes(keyOperation.String("attempt"), keyOperationType.String("process")),
	}
	if submit.IsValid() {
		options = append(options, trace.WithLinks(trace.Link{SpanContext: submit}))
		t.wait(ctx, of, now.Sub(startedAt), now, attributes)
	}
	ctx, span := t.tracer.Start(ctx, "attempt "+of.Queue, options...)
	return ctx, &Span{span}
}

// wait makes the span of the time before an attempt. ahead is how far this machine's clock is
// ahead of the one by which the task's times are: the spans of one process shall fit together.
func (t *Tracer) wait(ctx context.Context, of *task.Task, ahead time.Duration, until time.Time, attributes trace.SpanStartOption) {
	since := waitsSince(of)
	_, span := t.tracer.Start(ctx, "wait "+of.Queue, trace.WithTimestamp(since.Add(ahead)), attributes)
	if of.RunAt.After(since) {
		span.AddEvent("may start", trace.WithTimestamp(of.RunAt.Add(ahead)))
	}
	span.End(trace.WithTimestamp(until))
}

// waitsSince gives when a task whose attempt has just begun started to wait for it: when it was
// handed in, when the attempt before ended, or when it was retried by hand.
func waitsSince(of *task.Task) time.Time {
	if len(of.Attempts) < 2 {
		return of.CreatedAt
	}
	before := of.Attempts[len(of.Attempts)-2]
	final := before.Outcome == task.OutcomeSucceeded || before.Outcome == task.OutcomeCanceled ||
		before.Outcome == task.OutcomeFailed && of.AttemptsUsed == 0 // a new series of attempts
	if before.FinishedAt == nil || final {
		return of.RunAt
	}
	return *before.FinishedAt
}

// Ended ends the span of an attempt.
func (s *Span) Ended(outcome task.Outcome, failure *task.Failure) {
	if s == nil {
		return
	}
	s.span.SetAttributes(keyOutcome.String(string(outcome)))
	switch {
	case failure != nil:
		s.span.SetAttributes(keyError.String(failure.Code))
		s.span.SetStatus(codes.Error, failure.Message)
	case outcome == task.OutcomeLost:
		s.span.SetAttributes(keyError.String(string(outcome)))
		s.span.SetStatus(codes.Error, "The worker lost its hold on the task.")
	}
	s.span.End()
}
