package store

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"windlass/internal/task"
)

func benchEnv(b *testing.B) *env {
	b.Helper()
	return newEnv(b, openRedis(b), Options{Lease: time.Hour})
}

// many gives n submissions over three kinds and ten tags, every tenth of them scheduled.
func many(n int) []Submission {
	subs := make([]Submission, n)
	for i := range subs {
		subs[i] = sub(func(s *Submission) {
			s.Kind, s.Tags = fmt.Sprint("k.", i%3), []string{fmt.Sprint("t", i%10)}
			if i%10 == 0 {
				s.Delay = time.Hour
			}
		})
	}
	return subs
}

// fill makes a queue of n tasks.
func (e *env) fill(n int) {
	e.t.Helper()
	for _, got := range e.SubmitAll(e.ctx, many(n)) {
		e.ok(got.Err)
	}
}

// BenchmarkList compares a page of 50 among 100,000 tasks with one among 1,000:
// the metric "ratio" is how much longer it takes, by the medians of turns.
func BenchmarkList(b *testing.B) {
	small, large := benchEnv(b), benchEnv(b)
	small.fill(1_000)
	large.fill(100_000)
	oldest := func(e *env, place int64) string {
		ids, err := e.rdb.ZRange(e.ctx, base("default")+"i:k.1:pending", place, place).Result()
		e.ok(err)
		return encodeCursor(ids[0])
	}
	cases := []struct {
		name   string
		f      Filter
		cursor func(*env) string
	}{
		{"no filter", Filter{}, nil},
		{"state", Filter{States: []task.State{task.Scheduled}}, nil},
		{"tag", Filter{Tags: []string{"t3"}}, nil},
		{"last page", Filter{}, func(e *env) string { return oldest(e, 20) }},
	}
	for _, c := range cases {
		b.Run(c.name, func(b *testing.B) {
			turn := func(e *env) func() time.Duration {
				cursor := ""
				if c.cursor != nil {
					cursor = c.cursor(e)
				}
				return func() time.Duration {
					begin := time.Now()
					page, err := e.List(e.ctx, c.f, 50, cursor)
					took := time.Since(begin)
					if err != nil || len(page.Tasks) != 50 {
						b.Fatalf("a page of %d, %v", len(page.Tasks), err)
					}
					return took
				}
			}
			few, lots := turn(small), turn(large)
			var fewTook, lotsTook []time.Duration
			for b.Loop() {
				fewTook, lotsTook = append(fewTook, few()), append(lotsTook, lots())
			}
			slices.Sort(fewTook)
			slices.Sort(lotsTook)
			f, l := fewTook[len(fewTook)/2], lotsTook[len(lotsTook)/2]
			b.ReportMetric(float64(l)/float64(f), "ratio")
			b.ReportMetric(float64(l.Microseconds()), "µs/page")
		})
	}
}

func BenchmarkSubmit(b *testing.B) {
	for _, batch := range []int{1, 100} {
		b.Run(fmt.Sprint("by ", batch), func(b *testing.B) {
			e := benchEnv(b)
			subs := many(batch)
			e.SubmitAll(e.ctx, subs) // loads the script
			for b.Loop() {
				for _, got := range e.SubmitAll(e.ctx, subs) {
					if got.Err != nil {
						b.Fatal(got.Err)
					}
				}
			}
			b.ReportMetric(float64(b.N*batch)/b.Elapsed().Seconds(), "tasks/s")
		})
	}
}

// BenchmarkLifecycle is submit, claim and end of one task after another, and
// what a finished one costs in Redis's memory.
func BenchmarkLifecycle(b *testing.B) {
	e := benchEnv(b)
	life := func() {
		made, err := e.Submit(e.ctx, sub(nil))
		e.ok(err)
		if c := e.claim(made.Task.Queue); e.end(c, succeed()) != task.Succeeded {
			b.Fatal("it did not succeed")
		}
	}
	for range 500 { // the stream of changes and the scripts have their size then
		life()
	}
	e.ok(e.rdb.Del(e.ctx, eventsKey("default")).Err())
	before := e.usedMemory()
	for b.Loop() {
		life()
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tasks/s")
	e.ok(e.rdb.Del(e.ctx, eventsKey("default")).Err()) // bounded for a queue, not a task's
	b.ReportMetric(float64(e.usedMemory()-before)/float64(b.N), "redis-B/task")
}

func (e *env) usedMemory() int64 {
	e.t.Helper()
	used := int64(0)
	e.onMasters(func(ctx context.Context, node redis.Cmdable) error {
		info, err := node.Info(ctx, "memory").Result()
		if err != nil {
			return err
		}
		n, err := strconv.ParseInt(infoField(info, "used_memory"), 10, 64)
		used += n
		return err
	})
	return used
}

// BenchmarkSweep compares a sweep of a queue in which 100,000 tasks wait with one
// of 1,000: the metric "ratio" is how much longer it takes, by the medians of turns.
func BenchmarkSweep(b *testing.B) {
	small, large := benchEnv(b), benchEnv(b)
	small.fill(1_000)
	large.fill(100_000)
	turn := func(e *env) func() time.Duration {
		l, err := e.Lead(e.ctx, "bench")
		e.ok(err)
		return func() time.Duration {
			begin := time.Now()
			done, err := e.Sweep(e.ctx, "default", l.Number, false)
			took := time.Since(begin)
			if err != nil || done.Total() != 0 {
				b.Fatalf("a sweep that mends %+v, %v", done, err)
			}
			return took
		}
	}
	few, lots := turn(small), turn(large)
	var fewTook, lotsTook []time.Duration
	for b.Loop() {
		fewTook, lotsTook = append(fewTook, few()), append(lotsTook, lots())
	}
	slices.Sort(fewTook)
	slices.Sort(lotsTook)
	f, l := fewTook[len(fewTook)/2], lotsTook[len(lotsTook)/2]
	b.ReportMetric(float64(l)/float64(f), "ratio")
	b.ReportMetric(float64(l.Microseconds()), "µs/sweep")
}
