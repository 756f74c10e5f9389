package store

import (
	"errors"
	"strings"
	"testing"
	"time"

	"windlass/internal/task"
)

func someID(queue string) string {
	var ids idSource
	return ids.next(time.UnixMilli(1_700_000_000_000), queue)
}

func FuzzCursor(f *testing.F) {
	for _, seed := range []string{"", "x", "MQ", encodeCursor(someID("default")), encodeCursor("tsk_\n"), encodeCursor(someID("a")) + "\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, cursor string) {
		id, err := decodeCursor(cursor)
		if err != nil {
			if !errors.Is(err, ErrBadCursor) || id != "" {
				t.Errorf("%q: got %q, %v", cursor, id, err)
			}
			return
		}
		if _, _, ok := parseID(id); !ok {
			t.Errorf("%q holds %q, which is not an id", cursor, id)
		}
		if again, err := decodeCursor(encodeCursor(id)); err != nil || again != id {
			t.Errorf("%q: %q comes back as %q, %v", cursor, id, again, err)
		}
	})
}

func FuzzParseID(f *testing.F) {
	for _, seed := range []string{
		"", "tsk_", someID("default"), someID("a")[:31], someID(strings.Repeat("q", 41)), someID("UPPER"), someID("a}b{"),
		"tsk_" + strings.Repeat("\n", idLength) + "_q", "tsk_" + strings.Repeat("0", idLength-1) + "1_q",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, id string) {
		queue, created, ok := parseID(id)
		if !ok {
			return
		}
		if !ValidQueue(queue) || !strings.HasSuffix(id, "_"+queue) || len(id) != len(idPrefix)+idLength+1+len(queue) {
			t.Errorf("%q: queue %q", id, queue)
		}
		if bound := idBound(created); id < bound || id >= idBound(created.Add(time.Millisecond)) && created.UnixMilli() < 1<<48-1 {
			t.Errorf("%q says %s, and does not lie in that millisecond", id, created)
		}
	})
}

func FuzzParseAttempt(f *testing.F) {
	for _, seed := range []string{
		"", "|||", "1700000000000|||", "1|2|succeeded|", `1|2|failed|{"code":"a","message":"b|c"}`, "1|2|failed|{", "x|y|z|null",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		a, err := parseAttempt(7, "w", text)
		if err != nil {
			return
		}
		parts := strings.SplitN(text, "|", 4)
		if a.Number != 7 || a.Worker != "w" || a.Outcome != task.Outcome(parts[2]) || (a.FinishedAt == nil) != (parts[1] == "") {
			t.Errorf("%q: got %+v", text, a)
		}
		if a.Error != nil && parts[3] == "" {
			t.Errorf("%q: error %+v from nothing", text, a.Error)
		}
	})
}
