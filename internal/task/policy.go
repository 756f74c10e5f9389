package task

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// Duration is a length of time that reads and writes as Go's notation, such as
// "1m30s". The zero value is "0s".
type Duration time.Duration

// MarshalText writes the duration in Go's notation.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText reads Go's notation. Bare numbers are refused: they do not say their unit.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err != nil {
		return errors.New(`not a duration: write a number with a unit, such as "30s", "5m" or "1h30m"`)
	}
	*d = Duration(v)
	return nil
}

// Std gives the duration as the standard library's type.
func (d Duration) Std() time.Duration { return time.Duration(d) }

// Limits of a policy's fields.
const (
	MaxMaxAttempts = 1000
	MaxBackoff     = 24 * time.Hour
	MaxTimeout     = 24 * time.Hour
	MaxDeadline    = 30 * 24 * time.Hour
)

// Policy is the rules for a task's attempts. In an override every zero field
// means "as the kind has it"; the API refuses a zero that was sent.
type Policy struct {
	MaxAttempts int      `json:"max_attempts,omitempty" minimum:"1" maximum:"1000" doc:"How many attempts may fail before the task does."`
	MinBackoff  Duration `json:"min_backoff,omitempty" exclusiveMinimum:"0" doc:"The wait after the first failed attempt, less up to a fifth by chance so that not all come back at once; each next one doubles it." example:"1s"`
	MaxBackoff  Duration `json:"max_backoff,omitempty" exclusiveMinimum:"0" doc:"The longest wait between attempts, at most 24h." example:"10m"`
	Timeout     Duration `json:"timeout,omitempty" exclusiveMinimum:"0" doc:"How long one attempt may take, at most 24h." example:"5m"`
	Deadline    Duration `json:"deadline,omitempty" exclusiveMinimum:"0" doc:"How long after the time at which it may start the task is still tried, at most 720h." example:"24h"`
}

// With gives p with every field that o sets taken from o.
func (p Policy) With(o Policy) Policy {
	if o.MaxAttempts != 0 {
		p.MaxAttempts = o.MaxAttempts
	}
	if o.MinBackoff != 0 {
		p.MinBackoff = o.MinBackoff
	}
	if o.MaxBackoff != 0 {
		p.MaxBackoff = o.MaxBackoff
	}
	if o.Timeout != 0 {
		p.Timeout = o.Timeout
	}
	if o.Deadline != 0 {
		p.Deadline = o.Deadline
	}
	return p
}

// Check returns what is wrong with the policy, one FieldError a fault.
func (p Policy) Check() FieldErrors {
	var faults FieldErrors
	if p.MaxAttempts < 1 || p.MaxAttempts > MaxMaxAttempts {
		faults.Add("max_attempts", fmt.Sprintf("must be from 1 to %d", MaxMaxAttempts))
	}
	for _, f := range []struct {
		name string
		d    Duration
		max  time.Duration
	}{
		{"min_backoff", p.MinBackoff, MaxBackoff},
		{"max_backoff", p.MaxBackoff, MaxBackoff},
		{"timeout", p.Timeout, MaxTimeout},
		{"deadline", p.Deadline, MaxDeadline},
	} {
		if f.d <= 0 || f.d.Std() > f.max {
			faults.Add(f.name, fmt.Sprintf("must be above 0s and at most %s", f.max))
		}
	}
	if p.MinBackoff > p.MaxBackoff {
		faults.Add("min_backoff", "must not be longer than max_backoff")
	}
	return faults
}

// Backoff gives the wait after the used-th failed attempt (counted from 1):
// MinBackoff doubled each time up to MaxBackoff, less up to a fifth of itself at
// random so that tasks that failed together do not come back together.
func (p Policy) Backoff(used int) time.Duration {
	d, most := p.MinBackoff.Std(), p.MaxBackoff.Std()
	for i := 1; i < used && d < most; i++ {
		d *= 2
	}
	d = min(d, most)
	return d - time.Duration(rand.Float64()*float64(d)/5)
}
