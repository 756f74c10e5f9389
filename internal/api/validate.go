package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"windlass/internal/store"
	"windlass/internal/task"
)

// Submit is a task as it is handed in.
type Submit struct {
	Kind      string          `json:"kind" maxLength:"100" doc:"What sort of task this is: one of GET /api/v1/kinds." example:"http.request"`
	Input     json.RawMessage `json:"input" doc:"What to do, as the kind's schema says; at most 256 KiB."`
	Queue     string          `json:"queue,omitempty" pattern:"^[a-z0-9_-]{1,40}$" doc:"The line it waits in. Left out: the kind's own." example:"default"`
	Delay     task.Duration   `json:"delay,omitempty" doc:"How long to wait before it may start. Leave it out when run_at is given." example:"15m"`
	RunAt     *time.Time      `json:"run_at,omitempty" doc:"When it may start. Leave it out when delay is given."`
	ExpiresAt *time.Time      `json:"expires_at,omitempty" doc:"When it expires if it has not started by then."`
	Policy    *task.Policy    `json:"policy,omitempty" doc:"Rules that differ from the kind's own."`
	Tags      []string        `json:"tags,omitempty" maxItems:"16" doc:"Words to find it by: up to 16, each of 1 to 64 characters." example:"[\"nightly\"]"`
	Unique    string          `json:"unique,omitempty" maxLength:"200" doc:"While a task with this key waits or runs in the queue, it answers instead of a second one."`
}

// submission checks one task as it was handed in and gives what the store
// takes. at is where it stands in the request. All faults come at once.
func (a *API) submission(raw json.RawMessage, at string, now time.Time) (store.Submission, *Problem) {
	if deeper(raw, maxDepth) {
		return store.Submission{}, faulty(Fault{at, fmt.Sprintf("must not be nested deeper than %d levels", maxDepth)})
	}
	tree, err := decodeExact(raw)
	if err != nil {
		return store.Submission{}, problem(codeInvalidJSON, "")
	}
	faults := shapeFaults(a.registry, a.submitSchema, at, tree)
	members, _ := tree.(map[string]any)
	if len(faults) > 0 {
		return store.Submission{}, a.refuse(append(faults, a.innerFaults(members, at)...), members, at)
	}
	var s Submit
	if err := json.Unmarshal(raw, &s); err != nil {
		return store.Submission{}, faulty(decodeFault(err, at))
	}
	k, known := a.kinds[s.Kind]
	faults = append(faults, plainFaults(s, at)...)
	faults = append(faults, timeFaults(s, at, now)...)
	policy := k.Policy
	var checked task.Checked
	if known {
		var found []Fault
		checked, found = a.checkInput(k, s.Input, members["input"], at+".input")
		faults = append(faults, found...)
		if s.Policy != nil {
			policy = policy.With(*s.Policy)
			faults = append(faults, fieldFaults(at+".policy", policy.Check())...)
		}
	}
	if len(faults) > 0 || !known {
		return store.Submission{}, a.refuse(faults, map[string]any{"kind": s.Kind}, at)
	}
	return a.conceal(k, build(k, s, policy, checked)), nil
}

// innerFaults looks at the input of a submission whose outside has faults already.
func (a *API) innerFaults(members map[string]any, at string) []Fault {
	name, _ := members["kind"].(string)
	k, known := a.kinds[name]
	input, given := members["input"]
	if !known || !given {
		return nil
	}
	return shapeFaults(a.registry, k.schema, at+".input", input)
}

// refuse makes the problem of a submission: unknown_kind when that is among the faults.
func (a *API) refuse(faults []Fault, members map[string]any, at string) *Problem {
	name, isText := members["kind"].(string)
	if _, known := a.kinds[name]; isText && !known {
		faults = append(faults, Fault{at + ".kind", "must be one of " + strings.Join(a.kindNames(), ", ")})
		return problem(codeUnknownKind, "", tidy(faults)...)
	}
	return faulty(tidy(faults)...)
}

func build(k kindInfo, s Submit, policy task.Policy, checked task.Checked) store.Submission {
	var input bytes.Buffer
	_ = json.Compact(&input, s.Input) // it was decoded before, so it is JSON
	sub := store.Submission{
		Kind: k.Name, Queue: s.Queue, Input: input.Bytes(), Subject: checked.Subject,
		Policy: policy, Tags: distinct(s.Tags), Unique: s.Unique, Delay: s.Delay.Std(),
	}
	if sub.Queue == "" {
		sub.Queue = k.Queue
	}
	if s.RunAt != nil {
		sub.RunAt = *s.RunAt
	}
	if s.ExpiresAt != nil {
		sub.ExpiresAt = *s.ExpiresAt
	}
	if keep := checked.CacheFor; keep > 0 && s.Delay == 0 && s.RunAt == nil {
		if form, err := canonical(s.Input); err == nil {
			sub.CacheKey, sub.CacheFor = digest([]byte(k.Name), form), keep
		}
	}
	return sub
}

func distinct(tags []string) []string {
	var out []string
	seen := map[string]bool{}
	for _, tag := range tags {
		if !seen[tag] {
			out = append(out, tag)
		}
		seen[tag] = true
	}
	return out
}

// checkInput checks an input, as text and decoded, against its kind: size,
// schema, then the kind's own eye.
func (a *API) checkInput(k kindInfo, input json.RawMessage, tree any, at string) (task.Checked, []Fault) {
	if len(input) > task.MaxInput { // without its spaces it may fit
		var compact bytes.Buffer
		if err := json.Compact(&compact, input); err != nil || compact.Len() > task.MaxInput {
			return task.Checked{}, []Fault{{at, fmt.Sprintf("must have at most %d bytes", task.MaxInput)}}
		}
	}
	if faults := shapeFaults(a.registry, k.schema, at, tree); len(faults) > 0 {
		return task.Checked{}, faults
	}
	checked, err := k.Check(input)
	if err != nil {
		return checked, []Fault{decodeFault(err, at)}
	}
	return checked, fieldFaults(at, checked.Faults)
}

// decodeFault is for what the schema accepts and Go does not, such as 1e3 for a whole number.
func decodeFault(err error, at string) Fault {
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && e.Field != "" {
		return Fault{at + "." + e.Field, "is out of range"}
	}
	return Fault{at, "holds a value out of range"}
}

func plainFaults(s Submit, at string) []Fault {
	var faults []Fault
	for i, tag := range s.Tags {
		if n := utf8.RuneCountInString(tag); n < 1 || n > task.MaxTagLength || !printable(tag) {
			faults = append(faults, Fault{fmt.Sprintf("%s.tags[%d]", at, i),
				fmt.Sprintf("must have 1 to %d characters and no control characters", task.MaxTagLength)})
		}
	}
	if !printable(s.Unique) {
		faults = append(faults, Fault{at + ".unique", "must have no control characters"})
	}
	return faults
}

func printable(s string) bool { return !strings.ContainsFunc(s, unicode.IsControl) }

// timeFaults checks delay, run_at and expires_at against each other and the present.
func timeFaults(s Submit, at string, now time.Time) []Fault {
	var faults []Fault
	if s.Delay < 0 {
		faults = append(faults, Fault{at + ".delay", "must not be negative"})
	}
	if s.Delay != 0 && s.RunAt != nil {
		faults = append(faults, Fault{at + ".run_at", "must be left out when delay is given"})
	}
	start := now.Add(s.Delay.Std())
	if s.RunAt != nil {
		start = *s.RunAt
	}
	if s.ExpiresAt != nil {
		switch {
		case !s.ExpiresAt.After(now):
			faults = append(faults, Fault{at + ".expires_at", "must be in the future"})
		case !s.ExpiresAt.After(start):
			faults = append(faults, Fault{at + ".expires_at", "must be after the time that the task may start"})
		}
	}
	return faults
}
