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
		CancelRequested: f["cr"] != "", Version: f.int("v"), Traceparent: f["tp"],
	}
	if f["i"] != "" {
		t.Input = json.RawMessage(f["i"])
	}
	if f["res"] != "" {
		t.Result = json.RawMessage(f["res"])
	}
	if err := f.decode("po", &t.Policy); err != nil {
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
		a, err := parseAttempt(int(n), text)
		if err != nil {
			return err
		}
		t.Attempts = append(t.Attempts, a)
	}
	return nil
}

// parseAttempt reads worker|start|end|outcome|error; the error is JSON and may hold bars.
func parseAttempt(number int, text string) (task.Attempt, error) {
	p := strings.SplitN(text, "|", 5)
	if len(p) != 5 {
		return task.Attempt{}, fmt.Errorf("read attempt %d: %d parts", number, len(p))
	}
	part := fields{"s": p[1], "e": p[2], "er": p[4]}
	a := task.Attempt{
		Number: number, Worker: p[0], StartedAt: part.time("s"),
		FinishedAt: part.timeOrNil("e"), Outcome: task.Outcome(p[3]),
	}
	return a, part.decode("er", &a.Error)
}
