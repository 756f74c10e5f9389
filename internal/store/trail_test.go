package store

import (
	"encoding/base64"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"
)

// record adds entries; those of odd number were refused.
func (e *env) record(n int) {
	e.t.Helper()
	for i := range n {
		entry := Entry{Actor: fmt.Sprint("tok_", i%3), Action: "tasks.cancel", Object: fmt.Sprint(i), Role: Roles()[i%4], Outcome: OutcomeDone, Status: 200}
		if i%2 == 1 {
			entry.Outcome, entry.Status = OutcomeRefused, 403
		}
		e.ok(e.Record(e.ctx, entry))
	}
}

// objects reads the whole trail in pages.
func (e *env) objects(f EntryFilter, limit int) (all []string) {
	e.t.Helper()
	cursor := ""
	for range 1000 {
		page, err := e.Trail(e.ctx, f, limit, cursor)
		e.ok(err)
		for _, entry := range page.Entries {
			all = append(all, entry.Object)
		}
		if cursor = page.Next; cursor == "" {
			return all
		}
	}
	e.t.Fatal("the trail has no end")
	return nil
}

func testTrail(e *env) {
	before := e.Now().Add(-time.Minute)
	e.record(30)
	seen := map[string]bool{}
	for _, limit := range []int{1, 7, 30, 100} {
		all := e.objects(EntryFilter{}, limit)
		clear(seen)
		for _, o := range all {
			seen[o] = true
		}
		if len(all) != 30 || len(seen) != 30 {
			e.t.Errorf("pages of %d give %v", limit, all)
		}
	}
	for name, c := range map[string]struct {
		filter EntryFilter
		want   int
	}{
		"actor":          {EntryFilter{Actor: "tok_1"}, 10},
		"object":         {EntryFilter{Object: "7"}, 1},
		"action":         {EntryFilter{Action: "tokens.change"}, 0},
		"outcome":        {EntryFilter{Outcome: OutcomeRefused}, 15},
		"all of them":    {EntryFilter{Actor: "tok_1", Outcome: OutcomeDone, Action: "tasks.cancel"}, 5},
		"after":          {EntryFilter{After: before}, 30},
		"after the last": {EntryFilter{After: before.Add(time.Hour)}, 0},
		"before":         {EntryFilter{Before: before}, 0},
		"before all":     {EntryFilter{Before: before.Add(time.Hour)}, 30},
		"before 1970":    {EntryFilter{After: time.Unix(-5, 0), Before: time.Unix(-4, 0)}, 0},
	} {
		if got := e.objects(c.filter, 4); len(got) != c.want {
			e.t.Errorf("%s: got %v, want %d", name, got, c.want)
		}
	}
	page, err := e.Trail(e.ctx, EntryFilter{Object: "7"}, 1, "")
	e.ok(err)
	got := page.Entries[0]
	if got.ID == "" || got.At.Sub(e.Now()).Abs() > time.Minute {
		e.t.Errorf("got %+v", got)
	}
	got.ID, got.At = "", time.Time{}
	if diff := cmp.Diff(Entry{Actor: "tok_1", Action: "tasks.cancel", Object: "7", Role: RoleAdmin, Outcome: OutcomeRefused, Status: 403}, got); diff != "" {
		e.t.Error(diff)
	}
}

// Nobody can push out what those did who may do more, nor what was refused.
func testTrailBounded(e *env) {
	e.ok(e.Record(e.ctx, Entry{Object: "kept", Role: RoleAdmin, Outcome: OutcomeDone}))
	for _, noise := range []Entry{
		{Object: "noise", Role: RoleViewer, Outcome: OutcomeFailed},
		{Object: "noise", Role: RoleOperator, Outcome: OutcomeDone},
		{Object: "noise", Role: RoleAdmin, Outcome: OutcomeRefused},
		{Object: "noise", Outcome: OutcomeDone},
	} {
		key := trailKey(trailPartOf(noise))
		pipe := e.rdb.Pipeline()
		for range trailKept {
			pipe.XAdd(e.ctx, &redis.XAddArgs{Stream: key, Values: []any{"e", "{}"}})
		}
		_, err := pipe.Exec(e.ctx)
		e.ok(err)
		for range 300 {
			e.ok(e.Record(e.ctx, noise))
		}
		n, err := e.rdb.XLen(e.ctx, key).Result()
		e.ok(err)
		if n > trailKept+200 {
			e.t.Errorf("%d entries are kept of %+v", n, noise)
		}
	}
	if got := e.objects(EntryFilter{Object: "kept"}, 10); len(got) != 1 {
		e.t.Errorf("got %v", got)
	}
}

func testTrailCursors(e *env) {
	e.record(2)
	for _, text := range []string{"x", "1", "", "9", "11-1a", "1-1", "11-1", "11-1x", "101-1a", "1-1-1a", "1+1a", "118446744073709551615-0a"} {
		cursor := base64.RawURLEncoding.EncodeToString([]byte(text))
		if text == "" {
			cursor = "%"
		}
		_, err := e.Trail(e.ctx, EntryFilter{}, 1, cursor)
		if good := text == "11-1a"; good != (err == nil) || !good && !errors.Is(err, ErrBadCursor) {
			e.t.Errorf("%q: %v", text, err)
		}
	}
}

// FuzzTrailCursor reads any text: what is taken is written the same again.
func FuzzTrailCursor(f *testing.F) {
	for _, seed := range []string{"", "MXRza18", place{"1700000000000-0", 'a'}.cursor(), place{"1-1", trailRefused}.cursor(), "%", "AAAA", "MTEtMWQ", "MSstMWQ"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, cursor string) {
		p, err := parsePlace(cursor)
		if err != nil || cursor == "" {
			return
		}
		if again, err := parsePlace(p.cursor()); err != nil || again != p {
			t.Errorf("%q gives %v, then %v, %v", cursor, p, again, err)
		}
	})
}
