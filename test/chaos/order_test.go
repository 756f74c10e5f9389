package chaos

import (
	"encoding/json"
	"fmt"
	"time"

	"windlass/internal/task"
)

// sort is one sort of thing that clients hand in.
type sort struct {
	name  string
	body  map[string]any // kind, input and the like; "key" and "url" in the input are replaced
	want  []task.State   // how it may end
	wait  bool           // the client waits for the result
	after time.Duration  // above zero: the client cancels it so long after it was accepted
}

// sorts is the one list of them. Sleeps are short beside the time between two kills: a task
// that loses its worker five times fails, and that is not what is asked here.
func sorts() []sort {
	echo := func(more map[string]any) map[string]any {
		input := map[string]any{"message": "key"}
		for k, v := range more {
			input[k] = v
		}
		return map[string]any{"kind": "demo.echo", "input": input}
	}
	with := func(body map[string]any, name string, value any) map[string]any { body[name] = value; return body }
	succeeds := []task.State{task.Succeeded}
	canceled := []task.State{task.Canceled, task.Succeeded}
	return []sort{
		{name: "quick", body: echo(nil), want: succeeds},
		{name: "slow", body: echo(map[string]any{"sleep": "700ms"}), want: succeeds},
		{name: "called", body: map[string]any{"kind": "http.request", "input": map[string]any{"method": "POST", "url": "url"}}, want: succeeds},
		{name: "awaited", body: echo(map[string]any{"sleep": "100ms"}), want: succeeds, wait: true},
		{name: "fails first", body: echo(map[string]any{"fail_first": 1}), want: succeeds},
		{name: "delayed", body: with(echo(nil), "delay", "1s"), want: succeeds},
		{name: "fails", body: with(echo(map[string]any{"fail": true}), "policy", map[string]any{"max_attempts": 2}), want: []task.State{task.Failed}},
		{name: "canceled while it waits", body: with(echo(nil), "delay", "5s"), want: canceled, after: time.Millisecond},
		{name: "canceled while it runs", body: echo(map[string]any{"sleep": "1s"}), want: canceled, after: 300 * time.Millisecond},
	}
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

func newOrder(s sort, key, url string) (*order, error) {
	body := map[string]any{"tags": []string{key}}
	for k, v := range s.body {
		body[k] = v
	}
	input := map[string]any{}
	for k, v := range s.body["input"].(map[string]any) {
		switch v {
		case "key":
			v = key
		case "url":
			v = url + "/" + key
		}
		input[k] = v
	}
	body["input"] = input
	text, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("write order: %w", err)
	}
	return &order{sort: s, key: key, json: text}, nil
}

// hear notes an answer, and what it says about the task when it is about one.
func (o *order) hear(what string, status int, err error, t *task.Task) {
	heard := told{at: time.Now(), what: what, status: status}
	switch {
	case err != nil:
		heard.text = err.Error()
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
