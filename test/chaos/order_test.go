package chaos

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"time"

	"windlass/internal/task"
)

// sort is one sort of thing that clients hand in.
type sort struct {
	name  string
	kind  string         // empty: demo.echo of the order's key
	input map[string]any // more of the input; "url" is the target's
	more  map[string]any // further members beside kind and input
	pad   int            // how much longer than its key the message is
	sleep time.Duration  // how long an attempt at it takes at least
	want  []task.State   // how it may end; nil: it succeeds
	wait  bool           // the client waits for the result
	after time.Duration  // above zero: the client cancels it so long after it was accepted
}

// sorts is the one list of them. Sleeps are short beside the time between two kills: a task
// that loses its worker five times fails, and that is not what is asked here.
func sorts() []sort {
	ends := []task.State{task.Canceled, task.Succeeded}
	return []sort{
		{name: "quick"},
		{name: "slow", sleep: 700 * time.Millisecond},
		{name: "called", kind: "http.request", input: map[string]any{"method": "POST", "url": "url"}, sleep: targetTime},
		{name: "awaited", sleep: 100 * time.Millisecond, wait: true},
		{name: "fails first", input: map[string]any{"fail_first": 1}},
		{name: "delayed", more: map[string]any{"delay": "1s"}},
		{name: "fails", input: map[string]any{"fail": true}, more: map[string]any{"policy": map[string]any{"max_attempts": 2}}, want: []task.State{task.Failed}},
		{name: "canceled while it waits", more: map[string]any{"delay": "5s"}, want: ends, after: time.Millisecond},
		{name: "canceled while it runs", sleep: time.Second, want: ends, after: 300 * time.Millisecond},
	}
}

// lasting outlives the time in which a lease can be renewed once more.
func lasting() sort { return sort{name: "lasting", sleep: 4 * time.Second} }

// large makes replicas fall behind that do not read.
func large() sort { return sort{name: "large", pad: 200 << 10} }

func (s sort) message(key string) string { return key + strings.Repeat(".", s.pad) }

// body is the order of such a thing, as the API takes it.
func (s sort) body(key, url string) ([]byte, error) {
	input, body := map[string]any{}, map[string]any{"kind": s.kind, "input": nil, "tags": []string{key}}
	if s.kind == "" {
		body["kind"], input["message"] = "demo.echo", s.message(key)
		if s.sleep > 0 {
			input["sleep"] = s.sleep.String()
		}
	}
	maps.Copy(input, s.input)
	if input["url"] != nil {
		input["url"] = url + "/" + key
	}
	body["input"] = input
	maps.Copy(body, s.more)
	text, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("write order: %w", err)
	}
	return text, nil
}

// order is one task as its client knows it. One client has it at a time.
type order struct {
	sort
	key  string // its Idempotency-Key, its tag and its message
	json []byte

	id       string     // of the accepted task; empty: nobody confirmed it
	accepted time.Time  // when the client heard of it
	told     []told     // every answer, in order
	final    *task.Task // the first final state that the client was told
	asked    bool       // a cancel of it was confirmed
	fault    string     // an answer that must never come
}

// told is one answer, or none.
type told struct {
	at     time.Time
	what   string // submit, cancel, read
	status int    // 0: no answer
	text   string
}

// hear notes an answer, and what it says about the task when it is about one.
func (o *order) hear(what string, status int, err error, t *task.Task) {
	heard := told{at: time.Now(), what: what, status: status}
	switch {
	case err != nil:
		heard.text = strings.TrimSpace(err.Error())
	case t != nil && t.ID != "":
		heard.text = fmt.Sprintf("%s is %s", t.ID, t.State)
		if t.State.Final() && o.final == nil {
			o.final = t
		}
	}
	o.told = append(o.told, heard)
}

// String tells the order's story, for a failure.
func (o *order) String() string {
	text := fmt.Sprintf("%s (%s), id %q", o.key, o.name, o.id)
	for _, t := range o.told {
		text += fmt.Sprintf("\n      %s %s: %d %s", t.at.UTC().Format("15:04:05.000"), t.what, t.status, t.text)
	}
	return text
}
