package store

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"windlass/internal/task"
)

// truth is what a queue's index must hold, worked out from its records alone.
type truth struct {
	counts map[string]string
	sets   map[string][]string // key -> members in order
}

// audit compares everything that is kept beside the records with the records:
// index, counts, clocks, asynq's line, keys that tasks hold, checkpoints.
func (e *env) audit() {
	e.t.Helper()
	queues, err := e.Queues(e.ctx)
	e.ok(err)
	for _, q := range queues {
		e.auditQueue(q)
	}
}

func (e *env) auditQueue(queue string) {
	e.t.Helper()
	records := e.records(queue)
	want := truth{counts: map[string]string{}, sets: map[string][]string{}}
	number := map[string]int{}
	for id, f := range records {
		want.add(queue, id, f)
		number[f["k"]+":"+f["s"]]++
	}
	got := truth{counts: e.counts(queue), sets: map[string][]string{}}
	for name, n := range number {
		want.counts[name] = jsonOf(n)
	}
	var sets []string
	for _, name := range []string{"due", "expire", "lease", "done"} {
		sets = append(sets, base(queue)+name)
	}
	for _, key := range append(sets, e.keys(base(queue)+"i:*")...) {
		members, err := e.rdb.ZRange(e.ctx, key, 0, -1).Result()
		e.ok(err)
		if len(members) > 0 {
			got.sets[key] = sorted(members)
		}
	}
	for key := range want.sets {
		sorted(want.sets[key])
	}
	if diff := cmp.Diff(want.counts, got.counts); diff != "" {
		e.t.Errorf("counts of %s (-records +kept):\n%s", queue, diff)
	}
	if diff := cmp.Diff(want.sets, got.sets); diff != "" {
		e.t.Errorf("sets of %s (-records +kept):\n%s", queue, diff)
	}
	e.auditLine(queue, records)
	e.auditHeld(queue, records)
}

func (w *truth) add(queue, id string, f fields) {
	put := func(name string) { w.sets[base(queue)+name] = append(w.sets[base(queue)+name], id) }
	var tags []string
	if f["tg"] != "" {
		_ = json.Unmarshal([]byte(f["tg"]), &tags) // then none are expected, and the comparison fails
	}
	set := "i:" + f["k"] + ":" + f["s"]
	put(set)
	for _, tag := range tags {
		put(set + ":" + tag)
	}
	switch state := task.State(f["s"]); {
	case state.Final():
		put("done")
	case state == task.Active:
		put("lease")
	case state == task.Scheduled || state == task.Retrying:
		put("due")
	}
	if f["x"] != "" && f["st"] == "" && !task.State(f["s"]).Final() {
		put("expire")
	}
}

func (e *env) records(queue string) map[string]fields {
	e.t.Helper()
	keys := e.keys(base(queue) + "t:*")
	pipe := e.rdb.Pipeline()
	cmds := make([]*redis.MapStringStringCmd, len(keys))
	for i, key := range keys {
		cmds[i] = pipe.HGetAll(e.ctx, key)
	}
	if len(keys) > 0 {
		_, err := pipe.Exec(e.ctx)
		e.ok(err)
	}
	records := map[string]fields{}
	for i, key := range keys {
		records[strings.TrimPrefix(key, base(queue)+"t:")] = cmds[i].Val()
	}
	return records
}

func (e *env) counts(queue string) map[string]string {
	e.t.Helper()
	all, err := e.rdb.HGetAll(e.ctx, countsKey(queue)).Result()
	e.ok(err)
	for name, n := range all {
		if n == "0" {
			delete(all, name)
		}
	}
	return all
}

// auditLine checks that every pending task is carried exactly once and that
// asynq's messages and line agree.
func (e *env) auditLine(queue string, records map[string]fields) {
	e.t.Helper()
	line, err := e.rdb.LRange(e.ctx, "asynq:{"+queue+"}:pending", 0, -1).Result()
	e.ok(err)
	sorted(line)
	var messages []string
	for _, key := range e.keys("asynq:{" + queue + "}:t:*") {
		messages = append(messages, strings.TrimPrefix(key, "asynq:{"+queue+"}:t:"))
	}
	carried := slices.Clone(line)
	twice := func(id string) bool { return e.doubled[id] } // the line may hold them once more than asynq's message
	line, messages = slices.DeleteFunc(line, twice), slices.DeleteFunc(messages, twice)
	if !slices.Equal(line, messages) {
		e.t.Errorf("asynq's line of %s holds %v, its messages are for %v", queue, line, messages)
	}
	for id, f := range records {
		if f["s"] == string(task.Pending) && !slices.Contains(carried, id) {
			e.t.Errorf("%s is pending and nothing carries it", id)
		}
	}
}

// auditHeld checks the unique keys, the cache's keys and the checkpoints.
func (e *env) auditHeld(queue string, records map[string]fields) {
	e.t.Helper()
	holders := map[string]string{}
	for id, f := range records {
		if f["u"] != "" && !task.State(f["s"]).Final() {
			holders[base(queue)+"u:"+f["u"]] = id
		}
	}
	got := map[string]string{}
	for _, key := range e.keys(base(queue) + "u:*") {
		got[key] = e.rdb.Get(e.ctx, key).Val()
	}
	if diff := cmp.Diff(holders, got); diff != "" {
		e.t.Errorf("unique keys of %s (-records +kept):\n%s", queue, diff)
	}
	for _, key := range e.keys(base(queue) + "c:*") {
		id := e.rdb.Get(e.ctx, key).Val()
		state := task.State(records[id]["s"])
		if state == "" || state.Final() && state != task.Succeeded {
			e.t.Errorf("%s answers with %s, which is %q", key, id, state)
		}
	}
	for _, kind := range []string{"k:", "l:"} {
		for _, key := range e.keys(base(queue) + kind + "*") {
			f, known := records[strings.TrimPrefix(key, base(queue)+kind)]
			if !known || kind == "k:" && task.State(f["s"]).Final() {
				e.t.Errorf("%s was left behind by a task that is %q", key, f["s"])
			}
		}
	}
}

func jsonOf(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(b)
}
