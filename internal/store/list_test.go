package store

import (
	"cmp"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"windlass/internal/task"
)

// collect pages through a list to its end.
func (e *env) collect(f Filter, limit int) []string {
	e.t.Helper()
	var ids []string
	cursor := ""
	for range 10_000 {
		page, err := e.List(e.ctx, f, limit, cursor)
		e.ok(err)
		if len(page.Tasks) > limit || page.Tasks == nil {
			e.t.Fatalf("a page of %d for limit %d, nil %v", len(page.Tasks), limit, page.Tasks == nil)
		}
		for _, item := range page.Tasks {
			ids = append(ids, item.ID)
		}
		if cursor = page.Next; cursor == "" {
			return ids
		}
	}
	e.t.Fatal("the list has no end")
	return nil
}

func has[T comparable](any []T, v T) bool { return len(any) == 0 || slices.Contains(any, v) }

// matches is the filter as its comment says it.
func (f Filter) matches(t *task.Task) bool {
	for _, tag := range f.Tags {
		if !slices.Contains(t.Tags, tag) {
			return false
		}
	}
	return has(f.States, t.State) && has(f.Kinds, t.Kind) && has(f.Queues, t.Queue) &&
		(f.After.IsZero() || !t.CreatedAt.Before(f.After)) && (f.Before.IsZero() || t.CreatedAt.Before(f.Before))
}

// scatter makes 300 tasks, one a second, over queues, kinds, tags and states, newest first.
func (e *env) scatter(from time.Time) []*task.Task {
	e.t.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	var ids []string
	var subs []Submission
	for i := range 300 {
		s := sub(func(s *Submission) {
			s.Queue, s.Kind = []string{"a", "b", "c"}[r.IntN(3)], []string{"k.one", "k.two", "k"}[r.IntN(3)]
			for _, tag := range []string{"red", "big:old", "ü"} {
				if r.IntN(2) == 0 {
					s.Tags = append(s.Tags, tag)
				}
			}
			if r.IntN(6) == 0 {
				s.Delay = time.Hour
			}
		})
		subs = append(subs, s)
		ids = append(ids, e.ids.next(from.Add(time.Duration(i)*time.Second), s.Queue))
	}
	for i, id := range ids {
		_, err := e.submitAs(e.ctx, id, subs[i])
		e.ok(err)
	}
	ends := []End{succeed(), fail(false), fail(true), {Outcome: task.OutcomeCanceled}}
	for i := range 200 {
		c, err := e.claimOne([]string{"a", "b", "c"}[i%3])
		e.ok(err)
		if c != nil && i%5 < 4 {
			e.end(c, ends[i%4])
		}
	}
	all := make([]*task.Task, 0, len(ids))
	for _, id := range ids {
		all = append(all, e.get(id))
	}
	slices.SortFunc(all, func(a, b *task.Task) int { return cmp.Compare(b.ID, a.ID) })
	return all
}

func testListFilters(e *env) {
	from := time.UnixMilli(1_700_000_000_000)
	all := e.scatter(from)
	states := [][]task.State{nil, {task.Succeeded}, {task.Pending, task.Failed, task.Active, task.Expired}}
	kinds := [][]string{nil, {"k"}, {"k.one", "k.two", "none"}}
	queues := [][]string{nil, {"b"}, {"c", "a", "c", "none"}}
	tags := [][]string{nil, {"red"}, {"red", "ü"}, {"ü", "big:old", "red"}, {"red", "absent"}}
	early, late := from.Add(60*time.Second), from.Add(200*time.Second+time.Microsecond)
	times := [][2]time.Time{{}, {early, {}}, {{}, late}, {early, late}}
	limits := []int{11, 50, MaxPage}
	n := 0
	for _, s := range states {
		for _, k := range kinds {
			for _, q := range queues {
				for _, g := range tags {
					for _, at := range times {
						n++
						f := Filter{States: s, Kinds: k, Queues: q, Tags: g, After: at[0], Before: at[1]}
						e.wantList(all, f, limits[n%len(limits)])
					}
				}
			}
		}
	}
	e.wantList(all, Filter{}, 1)
	e.wantList(all, Filter{Tags: []string{"absent"}}, 1)
	e.wantList(all, Filter{After: late, Before: early}, 1)
}

func (e *env) wantList(all []*task.Task, f Filter, limit int) {
	e.t.Helper()
	var want []string
	for _, item := range all {
		if f.matches(item) {
			want = append(want, item.ID)
		}
	}
	if diff := gocmp.Diff(want, e.collect(f, limit)); diff != "" {
		e.t.Fatalf("%+v by %d (-want +got):\n%s", f, limit, diff)
	}
}

// With several tags a script looks at a bounded number of ids and says where it stopped.
func testListTagBudget(e *env) {
	const n = tagBudget + 300
	both := map[int]bool{0: true, 1: true, 150: true, 299: true, n - 3: true, n - 2: true}
	var subs []Submission
	for i := range n {
		subs = append(subs, sub(func(s *Submission) {
			s.Tags = []string{"x"}
			if both[i] {
				s.Tags = []string{"y", "x"}
			}
			if i%50 == 0 {
				s.Queue = "other"
			}
		}))
	}
	var all []*task.Task
	for _, got := range e.SubmitAll(e.ctx, subs) {
		e.ok(got.Err)
		all = append(all, got.Task)
	}
	slices.Reverse(all)
	for _, limit := range []int{1, 2, 3, 50} {
		e.wantList(all, Filter{Tags: []string{"x", "y"}}, limit)
		e.wantList(all, Filter{Tags: []string{"x", "z"}}, limit)
	}
}

func testListCursors(e *env) {
	e.submit(nil)
	for _, cursor := range []string{"x", "!", encodeCursor("tsk_"), encodeCursor(""), strings.Repeat("A", 1000)} {
		if _, err := e.List(e.ctx, Filter{}, 10, cursor); !errors.Is(err, ErrBadCursor) {
			e.t.Errorf("cursor %q: got %v, want ErrBadCursor", cursor, err)
		}
	}
	// A page goes on where it stopped though tasks come, go and change meanwhile.
	var made []string
	for range 6 {
		made = append(made, e.submit(func(s *Submission) { s.Queue = "q" }).ID)
	}
	f := Filter{Queues: []string{"q"}}
	first, err := e.List(e.ctx, f, 2, "")
	e.ok(err)
	_, err = e.Cancel(e.ctx, made[4]) // the cursor's own task
	e.ok(err)
	e.ok(e.Delete(e.ctx, made[4]))
	e.claim("q")
	e.submit(func(s *Submission) { s.Queue = "q" })
	second, err := e.List(e.ctx, f, 10, first.Next)
	e.ok(err)
	var got []string
	for _, item := range second.Tasks {
		got = append(got, item.ID)
	}
	if diff := gocmp.Diff([]string{made[3], made[2], made[1], made[0]}, got); diff != "" {
		e.t.Errorf("second page (-want +got):\n%s", diff)
	}
}

// A row is the record without what is large, and with the last attempt only.
func testListRows(e *env) {
	c := e.start(func(s *Submission) { s.Tags, s.Unique, s.ExpiresAt = []string{"a"}, "u", e.Now().Add(time.Hour) })
	e.ok(e.Report(e.ctx, c.held(), Report{Progress: &task.Progress{Done: 1, Message: "x"}, Checkpoint: []byte("c")}))
	e.end(c, End{Outcome: task.OutcomeReleased})
	e.end(e.claim("default"), fail(true))
	failed := e.reach("two", task.Failed, nil)
	succeeded := e.reach("three", task.Succeeded, nil)
	for _, id := range []string{c.Task.ID, failed.ID, succeeded.ID} {
		want := e.get(id)
		want.Input, want.Result, want.Traceparent = nil, nil, ""
		want.Attempts = want.Attempts[len(want.Attempts)-1:]
		page, err := e.List(e.ctx, Filter{Queues: []string{want.Queue}}, 10, "")
		e.ok(err)
		if diff := gocmp.Diff([]*task.Task{want}, page.Tasks); diff != "" {
			e.t.Errorf("row (-want +got):\n%s", diff)
		}
	}
	counts, err := e.Counts(e.ctx)
	e.ok(err)
	want := []Count{
		{"default", "demo.echo", task.Retrying, 1}, {"three", "demo.echo", task.Succeeded, 1}, {"two", "demo.echo", task.Failed, 1},
	}
	if diff := gocmp.Diff(want, counts); diff != "" {
		e.t.Errorf("counts (-want +got):\n%s", diff)
	}
}
