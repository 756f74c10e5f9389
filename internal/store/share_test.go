package store

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"
	"testing"
)

// held is a flush that waits to be let on, and notes what it was given.
type heldFlush struct {
	begun chan []int
	on    chan struct{}
}

func newHeldFlush() (*heldFlush, *shared[int, string]) {
	f := &heldFlush{begun: make(chan []int, 100), on: make(chan struct{})}
	return f, &shared[int, string]{flush: func(items []int) []string {
		f.begun <- items
		<-f.on
		out := make([]string, len(items))
		for i, item := range items {
			out[i] = strconv.Itoa(item)
		}
		return out
	}}
}

// waiting waits until n calls wait for a round trip.
func (s *shared[I, O]) waitFor(e *env, n int) {
	e.eventually(strconv.Itoa(n)+" calls to wait", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.waiting) == n
	})
}

func TestSharedRoundTrips(t *testing.T) {
	e := &env{t: t}
	f, s := newHeldFlush()
	var calls sync.WaitGroup
	call := func(item int) {
		calls.Go(func() {
			if out, err := s.do(t.Context(), item); err != nil || out != strconv.Itoa(item) {
				t.Errorf("%d: got %q, %v", item, out, err)
			}
		})
	}
	for lane := range sharedLanes { // the first ones go at once
		call(lane)
		if got := <-f.begun; len(got) != 1 {
			t.Errorf("lane %d carries %v", lane, got)
		}
	}
	const more = sharedMost + 10
	for i := range more { // the others wait for each other
		call(1000 + i)
		s.waitFor(e, i+1)
	}
	close(f.on)
	calls.Wait()
	sizes, carried := []int{}, []int{}
	for len(f.begun) > 0 {
		items := <-f.begun
		sizes, carried = append(sizes, len(items)), append(carried, items...)
	}
	slices.Sort(sizes)
	if !slices.Equal(sizes, []int{10, sharedMost}) {
		t.Errorf("round trips carried %v", sizes)
	}
	slices.Sort(carried)
	for i, item := range carried {
		if item != 1000+i {
			t.Fatalf("item %d is %d", i, item)
		}
	}
	e.eventually("no lane to be busy", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.lanes == 0
	})
}

// One round trip keeps the order in which its calls came.
func TestSharedOrder(t *testing.T) {
	e := &env{t: t}
	f, s := newHeldFlush()
	var calls sync.WaitGroup
	for i := range sharedLanes {
		calls.Go(func() { _, _ = s.do(t.Context(), i) }) // their outcome is another test's
		<-f.begun
	}
	want := []int{7, 3, 9, 1}
	for i, item := range want {
		calls.Go(func() { _, _ = s.do(t.Context(), item) })
		s.waitFor(e, i+1)
	}
	close(f.on)
	if got := <-f.begun; !slices.Equal(got, want) {
		t.Errorf("carried %v, want %v", got, want)
	}
	calls.Wait()
}

func TestSharedContextEnds(t *testing.T) {
	e := &env{t: t}
	f, s := newHeldFlush()
	for i := range sharedLanes {
		go func() { _, _ = s.do(t.Context(), i) }()
		<-f.begun
	}
	gone := errors.New("the client went away")
	ctx, cancel := context.WithCancelCause(t.Context())
	left := make(chan error)
	go func() { _, err := s.do(ctx, 5); left <- err }()
	s.waitFor(e, 1)
	stays := make(chan string)
	go func() { out, _ := s.do(t.Context(), 6); stays <- out }()
	s.waitFor(e, 2)
	cancel(gone)
	if err := <-left; !errors.Is(err, gone) {
		t.Errorf("got %v, want the cause", err)
	}
	close(f.on)
	if got := <-f.begun; !slices.Equal(got, []int{5, 6}) { // it is carried out all the same
		t.Errorf("carried %v", got)
	}
	if out := <-stays; out != "6" {
		t.Errorf("the one who stayed got %q", out)
	}
}

func TestGroupCalls(t *testing.T) {
	type item struct {
		queue string
		size  int
	}
	repeat := func(n int, queues ...string) (items []item) {
		for i := range n {
			items = append(items, item{queues[i%len(queues)], 10})
		}
		return items
	}
	for name, tt := range map[string]struct {
		items []item
		want  []int // how many a call
	}{
		"none":         {nil, nil},
		"one":          {repeat(1, "a"), []int{1}},
		"full":         {repeat(scriptTasks, "a"), []int{scriptTasks}},
		"one too many": {repeat(scriptTasks+1, "a"), []int{scriptTasks, 1}},
		"two queues":   {repeat(2*scriptTasks+2, "a", "b"), []int{scriptTasks, scriptTasks, 1, 1}},
		"large": {[]item{{"a", scriptBytes / 2}, {"a", scriptBytes / 2}, {"a", 1}, {"b", 2 * scriptBytes}, {"b", 1}, {"a", 1}},
			[]int{2, 2, 1, 1}},
	} {
		calls, places := groupCalls(len(tt.items), func(i int) (string, []any, int) {
			return tt.items[i].queue, []any{i, "x"}, tt.items[i].size
		})
		got, seen := []int(nil), []int{}
		for i, c := range calls {
			got = append(got, len(places[i]))
			for j, place := range places[i] {
				if c.args[2*j] != place || c.queue != tt.items[place].queue {
					t.Errorf("%s: call %d holds %v of queue %s for the places %v", name, i, c.args, c.queue, places[i])
				}
				seen = append(seen, place)
			}
			if !slices.IsSorted(places[i]) {
				t.Errorf("%s: order of call %d is %v", name, i, places[i])
			}
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: calls of %v, want %v", name, got, tt.want)
		}
		if slices.Sort(seen); len(seen) != len(tt.items) || len(slices.Compact(seen)) != len(tt.items) {
			t.Errorf("%s: %d places for %d items", name, len(seen), len(tt.items))
		}
	}
}
