package store

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"windlass/internal/task"
)

// fields is a record as Redis holds it: names as in lua/prelude.lua.
type fields map[string]string

func fieldsOf(flat []any) (fields, error) {
	f := make(fields, len(flat)/2)
	for i := 0; i+1 < len(flat); i += 2 {
		name, ok1 := flat[i].(string)
		value, ok2 := flat[i+1].(string)
		if !ok1 || !ok2 {
			return nil, fmt.Errorf("read record: field %d is %T, %T", i, flat[i], flat[i+1])
		}
		f[name] = value
	}
	return f, nil
}

func (f fields) int(name string) int64 {
	n, _ := strconv.ParseInt(f[name], 10, 64) // absent is 0; the scripts write nothing else
	return n
}

func (f fields) time(name string) time.Time { return time.UnixMilli(f.int(name)).UTC() }

func (f fields) timeOrNil(name string) *time.Time {
	if f[name] == "" {
		return nil
	}
	t := f.time(name)
	return &t
}

// begin begins an attempt, as lua/claim.lua does.
func (f fields) begin(number int64, worker string, now time.Time) {
	n, at := strconv.FormatInt(number, 10), strconv.FormatInt(now.UnixMilli(), 10)
	f["s"], f["n"], f["w"+n], f["a"+n] = string(task.Active), n, worker, at+"|||"
	f["v"] = strconv.FormatInt(f.int("v")+1, 10)
	if f["st"] == "" {
		f["st"] = at
	}
	for _, name := range []string{"pd", "pt", "pm", "a" + strconv.FormatInt(number-task.MaxAttemptsKept, 10)} {
		delete(f, name)
	}
}

// task decodes the record. id tells the queue.
func (f fields) task(id string) (*task.Task, error) {
	queue, _, ok := parseID(id)
	if !ok || f["k"] == "" {
		return nil, fmt.Errorf("read record %s: not a record", id)
	}
	t := &task.Task{
		ID: id, Kind: f["k"], Queue: queue, State: task.State(f["s"]),
		Subject: f["sub"], Summary: f["sum"],
		AttemptsUsed: int(f.int("us")), Tags: []string{}, Unique: f["u"],
		CreatedAt: f.time("c"), RunAt: f.time("r"), StartedAt: f.timeOrNil("st"),
		FinishedAt: f.timeOrNil("f"), ExpiresAt: f.timeOrNil("x"),
		CancelRequested: f["cr"] != "", Overrunning: f["ov"] != "", Version: f.int("v"), Traceparent: f["tp"],
		SubmittedBy: f["by"], Sealed: f["is"],
	}
	if f["i"] != "" {
		t.Input = json.RawMessage(f["i"])
	}
	if f["res"] != "" {
		t.Result = json.RawMessage(f["res"])
	}
	var err error
	if t.Policy, err = parsePolicy(f["po"]); err != nil {
		return nil, err
	}
	if err := f.decode("tg", &t.Tags); err != nil {
		return nil, err
	}
	if err := f.decode("er", &t.Error); err != nil {
		return nil, err
	}
	t.MaxAttempts = t.Policy.MaxAttempts
	if _, ok := f["pd"]; ok {
		t.Progress = &task.Progress{Done: f.int("pd"), Total: f.int("pt"), Message: f["pm"]}
	}
	return t, f.attempts(t)
}

func (f fields) decode(name string, into any) error {
	if f[name] == "" {
		return nil
	}
	if err := json.Unmarshal([]byte(f[name]), into); err != nil {
		return fmt.Errorf("read record: field %s: %w", name, err)
	}
	return nil
}

func (f fields) attempts(t *task.Task) error {
	last := f.int("n")
	t.Attempts = []task.Attempt{}
	for n := max(1, last-task.MaxAttemptsKept+1); n <= last; n++ {
		text, ok := f["a"+strconv.FormatInt(n, 10)]
		if !ok {
			continue
		}
		a, err := parseAttempt(int(n), f["w"+strconv.FormatInt(n, 10)], text)
		if err != nil {
			return err
		}
		t.Attempts = append(t.Attempts, a)
	}
	return nil
}

// parseAttempt reads start|end|outcome|error; the error is JSON and may hold bars.
func parseAttempt(number int, worker, text string) (task.Attempt, error) {
	p := strings.SplitN(text, "|", 4)
	if len(p) != 4 {
		return task.Attempt{}, fmt.Errorf("read attempt %d: %d parts", number, len(p))
	}
	part := fields{"s": p[0], "e": p[1], "er": p[3]}
	a := task.Attempt{
		Number: number, Worker: worker, StartedAt: part.time("s"),
		FinishedAt: part.timeOrNil("e"), Outcome: task.Outcome(p[2]),
	}
	return a, part.decode("er", &a.Error)
}

// policyText writes a policy shortly: see the prelude on why.
func policyText(p task.Policy) string {
	parts := []string{strconv.Itoa(p.MaxAttempts)}
	for _, d := range []task.Duration{p.MinBackoff, p.MaxBackoff, p.Timeout, p.Deadline} {
		parts = append(parts, d.Std().String())
	}
	return strings.Join(parts, " ")
}

func parsePolicy(text string) (p task.Policy, err error) {
	parts := strings.Split(text, " ")
	if len(parts) != 5 {
		return task.Policy{}, fmt.Errorf("read record: policy has %d parts", len(parts))
	}
	if p.MaxAttempts, err = strconv.Atoi(parts[0]); err != nil {
		return task.Policy{}, fmt.Errorf("read record: policy: %w", err)
	}
	for i, into := range []*task.Duration{&p.MinBackoff, &p.MaxBackoff, &p.Timeout, &p.Deadline} {
		if err := into.UnmarshalText([]byte(parts[i+1])); err != nil {
			return task.Policy{}, fmt.Errorf("read record: policy: %w", err)
		}
	}
	return p, nil
}
