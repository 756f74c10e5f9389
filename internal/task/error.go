package task

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Error is a failure that a kind names itself: a stable code, a sentence for
// people, and whether another attempt is worth it. Any other error that a kind
// returns is retried by the task's policy under the code "error".
type Error struct {
	Code    string        // stable, snake_case
	Message string        // a sentence; must hold no secret
	Final   bool          // another attempt would fail as well
	After   time.Duration // when above zero: wait this long instead of the policy's backoff
	Err     error         // the cause, for the log only; may be nil
}

// Error gives the code and the message.
func (e *Error) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%s: %s (%v)", e.Code, e.Message, e.Err)
	}
	return e.Code + ": " + e.Message
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Permanent marks err as not worth another attempt. It keeps code and message
// of an *Error inside. Permanent(nil) is nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	e := AsError(err)
	e.Final = true
	return &e
}

// RetryAfter asks for the next attempt after d instead of the policy's backoff.
// The attempt counts as failed all the same. RetryAfter(nil, d) is nil.
func RetryAfter(err error, d time.Duration) error {
	if err == nil {
		return nil
	}
	e := AsError(err)
	e.After = d
	return &e
}

// AsError gives err as an Error: itself where it is or wraps one, else code
// "error" with err's own text. err must not be nil.
func AsError(err error) Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return *e
	}
	return Error{Code: "error", Message: err.Error(), Err: err}
}

// Failure gives the part of e that the outside may see, cut to its bound.
func (e *Error) Failure() *Failure {
	return &Failure{Code: e.Code, Message: Cut(e.Message, MaxErrorMessage)}
}

// FieldError is one fault in what was handed in: which field, and the rule it broke.
// It never holds the value.
type FieldError struct {
	Field string // dotted path below the input, such as "headers.Accept"
	Rule  string // a clause that follows the field's name, such as "must be an absolute URL"
}

// FieldErrors is every fault found at once. The nil slice means none.
type FieldErrors []FieldError

// Add appends one fault.
func (f *FieldErrors) Add(field, rule string) { *f = append(*f, FieldError{field, rule}) }

// Error joins the faults to one line.
func (f FieldErrors) Error() string {
	parts := make([]string, len(f))
	for i, e := range f {
		parts[i] = e.Field + " " + e.Rule
	}
	return strings.Join(parts, "; ")
}

// Cut shortens s to at most max bytes without splitting a character, and ends
// what it shortened with an ellipsis. Invalid UTF-8 is replaced.
func Cut(s string, max int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= max {
		return s
	}
	const ellipsis = "…"
	return strings.ToValidUTF8(s[:max-len(ellipsis)], "") + ellipsis
}
