package store

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"windlass/internal/task"
)

const (
	// sweepStep is how many ids one step of a sweep reads.
	sweepStep = 1000
	// mendStep is how many ids one script mends.
	mendStep = 100
	// sweepPause lets others have Redis between two steps.
	sweepPause = 2 * time.Millisecond
	// sweepAge keeps what came during the sweep out of it.
	sweepAge = 5 * time.Second
)

// ErrDeposed says that a later leader has begun.
var ErrDeposed = errors.New("another process leads now")

// Repairs counts what a sweep put right.
type Repairs struct {
	Carried int // tasks that waited with nothing carrying them
	Timed   int // tasks that nothing would have released, expired or forgotten
	Leased  int // active tasks that nothing would have called lost
	Indexed int // places in the index that did not agree with the record
}

// Total is how many repairs there were.
func (r Repairs) Total() int { return r.Carried + r.Timed + r.Leased + r.Indexed }

func (r *Repairs) add(o Repairs) {
	r.Carried += o.Carried
	r.Timed += o.Timed
	r.Leased += o.Leased
	r.Indexed += o.Indexed
}

// Sweep compares what stands beside a queue's records with the records and puts
// it right: what no healthy step leaves behind, but a failover, a lost key or a
// tool of asynq's may. It compares numbers, which costs the same for a million
// tasks as for none, and reads on only where they do not add up; with whole it
// reads everything that waits. number is that of the caller's Lead.
// Errors: ErrDeposed.
func (s *Store) Sweep(ctx context.Context, queue string, number int64, whole bool) (Repairs, error) {
	w := &sweeping{Store: s, queue: queue, number: number, since: s.Now().Add(-sweepAge)}
	err := w.sweep(ctx, whole)
	return w.done, err
}

// sweeping is one sweep of one queue.
type sweeping struct {
	*Store
	queue  string
	number int64
	since  time.Time // what waits since later is left alone
	done   Repairs
}

// numbers is how many there are of what a sweep compares.
type numbers struct {
	kept    map[string]int64     // <kind>:<state> -> by the counts
	indexed map[string]int64     // <kind>:<state> -> by the index
	states  map[task.State]int64 // by whichever of the two says more
	line    int64
	due     int64
	done    int64
	strays  map[string]int64 // asynq's own sets, where none of our ids belongs
}

func (w *sweeping) sweep(ctx context.Context, whole bool) error {
	n, err := w.numbers(ctx)
	if err != nil {
		return err
	}
	waiting := n.states[task.Scheduled] + n.states[task.Retrying]
	finals := n.states[task.Succeeded] + n.states[task.Failed] + n.states[task.Canceled] + n.states[task.Expired]
	for name, kept := range n.kept {
		_, text, _ := strings.Cut(name, ":")
		state := task.State(text)
		if n.indexed[name] < kept { // it may have lost some, which then stand elsewhere still
			err = errors.Join(err, w.eachBeside(ctx, state, func(ids []string) error { return w.mend(ctx, "", "", ids) }))
		}
		switch {
		case kept != n.indexed[name], state == task.Active,
			(whole || n.due != waiting) && (state == task.Scheduled || state == task.Retrying),
			n.done != finals && state.Final():
			err = errors.Join(err, w.mendIndex(ctx, name))
		}
	}
	for name, many := range n.strays {
		if many > 0 {
			err = errors.Join(err, w.reclaim(ctx, name))
		}
	}
	if err == nil && (n.line < n.states[task.Pending] || whole && n.states[task.Pending] > 0) {
		err = w.mendLine(ctx, n)
	}
	return err
}

// asynqSets are the places where asynq keeps tasks other than its line.
func asynqSets() []string { return []string{"active", "archived", "scheduled", "retry", "completed"} }

func (w *sweeping) numbers(ctx context.Context) (numbers, error) {
	n := numbers{kept: map[string]int64{}, indexed: map[string]int64{}, states: map[task.State]int64{}, strays: map[string]int64{}}
	pipe := w.rdb.Pipeline()
	counts := pipe.HGetAll(ctx, countsKey(w.queue))
	line := pipe.LLen(ctx, asynqKey(w.queue, "pending"))
	due, done := pipe.ZCard(ctx, base(w.queue)+"due"), pipe.ZCard(ctx, base(w.queue)+"done")
	strays := map[string]*redis.IntCmd{}
	for _, name := range asynqSets() {
		if name == "active" {
			strays[name] = pipe.LLen(ctx, asynqKey(w.queue, name))
		} else {
			strays[name] = pipe.ZCard(ctx, asynqKey(w.queue, name))
		}
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return n, fmt.Errorf("sweep queue %s: count: %w", w.queue, err)
	}
	n.line, n.due, n.done = line.Val(), due.Val(), done.Val()
	for name, cmd := range strays {
		n.strays[name] = cmd.Val()
	}
	cards := map[string]*redis.IntCmd{}
	for name := range counts.Val() {
		kind, _, _ := strings.Cut(name, ":")
		for _, state := range task.States() { // a count may be missing
			name := kind + ":" + string(state)
			if _, seen := cards[name]; seen {
				continue
			}
			n.kept[name] = fields(counts.Val()).int(name)
			cards[name] = pipe.ZCard(ctx, base(w.queue)+"i:"+name)
		}
	}
	if len(cards) == 0 {
		return n, nil
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return n, fmt.Errorf("sweep queue %s: count: %w", w.queue, err)
	}
	for name, cmd := range cards {
		n.indexed[name] = cmd.Val()
		_, state, _ := strings.Cut(name, ":")
		n.states[task.State(state)] += max(n.kept[name], n.indexed[name])
	}
	return n, nil
}

// mendIndex goes through one set of the index.
func (w *sweeping) mendIndex(ctx context.Context, name string) error {
	if err := w.mend(ctx, name, "", nil); err != nil { // the count, when there is nothing to go through
		return err
	}
	return w.eachIndexed(ctx, name, func(ids []string) error { return w.mend(ctx, name, "", ids) })
}

// mendLine finds tasks that wait and are not in asynq's line.
func (w *sweeping) mendLine(ctx context.Context, n numbers) error {
	seed := maphash.MakeSeed()
	line, err := w.readLine(ctx, seed)
	if err != nil {
		return err
	}
	for name := range n.kept {
		if _, state, _ := strings.Cut(name, ":"); task.State(state) != task.Pending {
			continue
		}
		err := w.eachIndexed(ctx, name, func(ids []string) error {
			var missing []string
			for _, id := range ids {
				if !line[maphash.String(seed, id)] {
					missing = append(missing, id)
				}
			}
			return w.mend(ctx, name, w.since, missing)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// readLine gives what stands in asynq's line, as hashes: a million ids would be a hundred megabytes.
func (w *sweeping) readLine(ctx context.Context, seed maphash.Seed) (map[uint64]bool, error) {
	line := map[uint64]bool{}
	return line, w.eachBeside(ctx, task.Pending, func(ids []string) error {
		for _, id := range ids {
			line[maphash.String(seed, id)] = true
		}
		return nil
	})
}

// eachBeside calls do with the ids that stand in the line or on the clock of a
// state, some at a time. It reads from the end at which ids are added: those that
// come meanwhile shift others to where they are read twice, never past.
func (w *sweeping) eachBeside(ctx context.Context, state task.State, do func(ids []string) error) error {
	clock := base(w.queue) + "done"
	switch state {
	case task.Active:
		clock = base(w.queue) + "lease"
	case task.Scheduled, task.Retrying:
		clock = base(w.queue) + "due"
	}
	for from := int64(0); ; from += sweepStep {
		var ids []string
		var err error
		if state == task.Pending {
			ids, err = w.rdb.LRange(ctx, asynqKey(w.queue, "pending"), from, from+sweepStep-1).Result()
		} else {
			ids, err = w.rdb.ZRevRange(ctx, clock, from, from+sweepStep-1).Result()
		}
		if err != nil {
			return fmt.Errorf("sweep queue %s: read what is %s: %w", w.queue, state, err)
		}
		if err := do(ids); err != nil || len(ids) < sweepStep {
			return err
		}
		if err := pause(ctx); err != nil {
			return err
		}
	}
}

// reclaim takes our ids back from one of asynq's own sets.
func (w *sweeping) reclaim(ctx context.Context, set string) error {
	var ids []string
	var err error
	if set == "active" {
		ids, err = w.rdb.LRange(ctx, asynqKey(w.queue, set), 0, sweepStep-1).Result()
	} else {
		ids, err = w.rdb.ZRange(ctx, asynqKey(w.queue, set), 0, sweepStep-1).Result()
	}
	if err != nil {
		return fmt.Errorf("sweep queue %s: read asynq's %s: %w", w.queue, set, err)
	}
	ours := ids[:0]
	for _, id := range ids {
		if queue, _, ok := parseID(id); ok && queue == w.queue {
			ours = append(ours, id)
		}
	}
	return w.mend(ctx, "", w.Now().Add(time.Minute), ours)
}

// eachIndexed calls do with the ids of one set of the index, some at a time.
func (w *sweeping) eachIndexed(ctx context.Context, name string, do func(ids []string) error) error {
	key, after := base(w.queue)+"i:"+name, "-"
	for {
		ids, err := w.rdb.ZRangeByLex(ctx, key, &redis.ZRangeBy{Min: after, Max: "+", Count: sweepStep}).Result()
		if err != nil {
			return fmt.Errorf("sweep queue %s: read its index: %w", w.queue, err)
		}
		if len(ids) == 0 {
			return nil
		}
		if err := do(ids); err != nil {
			return err
		}
		after = "(" + ids[len(ids)-1]
		if err := pause(ctx); err != nil {
			return err
		}
	}
}

// mend has the script look at the ids, and at the count of the index's set name
// where that is not empty.
func (w *sweeping) mend(ctx context.Context, name string, since any, ids []string) error {
	if at, ok := since.(time.Time); ok {
		if since = at.UnixMilli(); len(ids) == 0 {
			return nil
		}
	}
	for {
		n := min(len(ids), mendStep)
		args := []any{w.number, w.opts.Lease.Milliseconds(), name, since}
		for _, id := range ids[:n] {
			args = append(args, id)
		}
		got, err := w.run(ctx, w.scripts.mend, w.queue, "", args...).Int64Slice()
		if err != nil {
			return fmt.Errorf("sweep queue %s: mend: %w", w.queue, err)
		}
		if got[0] == 0 {
			return ErrDeposed
		}
		w.done.add(Repairs{Carried: int(got[1]), Timed: int(got[2]), Leased: int(got[3]), Indexed: int(got[4])})
		if ids = ids[n:]; len(ids) == 0 {
			return nil
		}
	}
}

// pause waits a moment, or less when ctx ends: then it gives its cause.
func pause(ctx context.Context) error {
	timer := time.NewTimer(sweepPause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

func asynqKey(queue, name string) string { return "asynq:{" + queue + "}:" + name }
