package store

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// Outcomes of what an Entry tells of.
const (
	OutcomeDone    = "done"
	OutcomeRefused = "refused" // the actor may not
	OutcomeFailed  = "failed"  // it was allowed, and did not work out
)

// Entry is one entry of the audit trail: who did what, on what, from where.
type Entry struct {
	ID        string    `json:"id" doc:"Its place in the trail."`
	At        time.Time `json:"at" doc:"When, by Redis's clock."`
	Actor     string    `json:"actor" doc:"Who: the id of a token or a person, admin for the admin token of the configuration, empty for somebody unknown. Of a token that was refused, with an empty role."`
	Name      string    `json:"name" doc:"The actor's name at that time."`
	Role      Role      `json:"role" doc:"The actor's role at that time; empty for somebody unknown."`
	Via       string    `json:"via" doc:"How the actor was proved."`
	Action    string    `json:"action" doc:"What was done, or tried." example:"cancelTask"`
	Object    string    `json:"object" doc:"On what: the id of a task, a token, a session, the name of a secret. Empty when there is none."`
	Address   string    `json:"address" doc:"From which address."`
	RequestID string    `json:"request_id" doc:"The request's id, as in the log."`
	Outcome   string    `json:"outcome" enum:"done,refused,failed"`
	Status    int       `json:"status" doc:"The HTTP status that was answered."`
}

// EntryFilter chooses entries. Empty fields choose all.
type EntryFilter struct {
	Actor, Action, Object, Outcome string
	After                          time.Time // at this time or later
	Before                         time.Time // before this time
}

func (f EntryFilter) wants(e Entry) bool {
	has := func(want, have string) bool { return want == "" || want == have }
	return has(f.Actor, e.Actor) && has(f.Action, e.Action) && has(f.Object, e.Object) && has(f.Outcome, e.Outcome)
}

// EntryPage is a stretch of the trail, newest first.
type EntryPage struct {
	Entries []Entry
	Next    string // cursor of the page that follows; empty at the end
}

const (
	// trailKept is about how many entries each part of the trail holds.
	trailKept = 20_000
	// trailRead is how many entries one call reads.
	trailRead = 500
	// trailBudget is how many entries one page looks at before it is given out short.
	trailBudget = 10_000
)

// The trail has a part for each role, so that nobody can push out what those did who may
// do more, and one for what was refused. Sorted: see newTrailPart.
const (
	trailParts   = "aorsv"
	trailRefused = 'r' // the others are the roles' first letters
)

func trailKey(part byte) string {
	for _, role := range Roles() {
		if role[0] == part {
			return "wl:audit:" + string(role)
		}
	}
	return "wl:audit:refused"
}

// trailPartOf gives where an entry belongs. What nobody known did was refused in some way.
func trailPartOf(e Entry) byte {
	if e.Outcome == OutcomeRefused || !e.Role.Valid() {
		return trailRefused
	}
	return e.Role[0]
}

// Record adds an entry to the trail. Its ID and At are given by Redis. Nothing
// changes or removes an entry but the bound: about the 20,000 latest of what each
// role did, and as many of what was refused.
func (s *Store) Record(ctx context.Context, e Entry) error {
	text, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("write audit entry: %w", err)
	}
	err = s.rdb.XAdd(ctx, &redis.XAddArgs{
		Stream: trailKey(trailPartOf(e)), MaxLen: trailKept, Approx: true, Values: []any{"e", text},
	}).Err()
	if err != nil {
		return fmt.Errorf("add to the audit trail: %w", err)
	}
	return nil
}

// Trail gives the newest limit entries that f chooses, going on at cursor where
// that is not empty. A page may be short before the end; Next tells. Errors: ErrBadCursor.
func (s *Store) Trail(ctx context.Context, f EntryFilter, limit int, cursor string) (EntryPage, error) {
	at, err := parsePlace(cursor)
	if err != nil {
		return EntryPage{}, err
	}
	var parts []*trailPart
	for _, part := range []byte(trailParts) {
		parts = append(parts, newTrailPart(s.rdb, part, at, f))
	}
	page := EntryPage{Entries: []Entry{}}
	for range trailBudget {
		e, from, err := newest(ctx, parts)
		if err != nil || from == nil {
			page.Next = ""
			return page, err
		}
		from.waiting = from.waiting[1:]
		place := place{e.ID, from.part}
		page.Next = place.cursor()
		if !f.wants(e) {
			continue
		}
		e.ID += string(from.part)
		page.Entries = append(page.Entries, e)
		if len(page.Entries) == limit {
			break
		}
	}
	return page, nil
}

// newest gives the newest entry that was not given yet, and its part; nil at the end.
func newest(ctx context.Context, parts []*trailPart) (e Entry, from *trailPart, err error) {
	for _, p := range parts {
		if err := p.fill(ctx); err != nil {
			return e, nil, err
		}
		if len(p.waiting) > 0 && (from == nil || Earlier(from.waiting[0].ID, p.waiting[0].ID)) {
			from = p
		}
	}
	if from == nil {
		return e, nil, nil
	}
	e, err = entryOf(from.waiting[0])
	return e, from, err
}

// trailPart reads one part of the trail, newest first.
type trailPart struct {
	rdb          redis.UniversalClient
	part         byte
	upper, lower string
	waiting      []redis.XMessage
	over         bool
}

func newTrailPart(rdb redis.UniversalClient, part byte, at place, f EntryFilter) *trailPart {
	p := &trailPart{rdb: rdb, part: part, upper: "+", lower: "-"}
	if !f.After.IsZero() {
		p.lower = strconv.FormatInt(max(f.After.UnixMilli(), 0), 10)
	}
	if !f.Before.IsZero() {
		p.upper = "(" + strconv.FormatInt(max(f.Before.UnixMilli(), 0), 10) + "-0"
	}
	if at.id == "" {
		return p
	}
	// Of entries with the same id, that of the part that is sorted first comes first.
	upper := "(" + at.id
	if part > at.part {
		upper = at.id
	}
	if p.upper == "+" || Earlier(at.id, strings.TrimPrefix(p.upper, "(")) {
		p.upper = upper
	}
	return p
}

// fill reads on when nothing waits.
func (p *trailPart) fill(ctx context.Context) error {
	if len(p.waiting) > 0 || p.over || p.upper == "(0-0" { // nothing comes before that, and Redis refuses it
		return nil
	}
	found, err := p.rdb.XRevRangeN(ctx, trailKey(p.part), p.upper, p.lower, trailRead).Result()
	if err != nil {
		return fmt.Errorf("read the audit trail: %w", err)
	}
	p.waiting, p.over = found, len(found) < trailRead
	if len(found) > 0 {
		p.upper = "(" + found[len(found)-1].ID
	}
	return nil
}

func entryOf(m redis.XMessage) (Entry, error) {
	text, _ := m.Values["e"].(string)
	var e Entry
	if err := json.Unmarshal([]byte(text), &e); err != nil {
		return Entry{}, fmt.Errorf("read audit entry %s: %w", m.ID, err)
	}
	ms, _, _ := strings.Cut(m.ID, "-")
	at, err := strconv.ParseInt(ms, 10, 64)
	if err != nil {
		return Entry{}, fmt.Errorf("read audit entry %s: %w", m.ID, err)
	}
	e.ID, e.At = m.ID, time.UnixMilli(at).UTC()
	return e, nil
}

// place is where an entry stands.
type place struct {
	id   string // of Redis's stream; empty: before the newest
	part byte
}

func (p place) cursor() string {
	return base64.RawURLEncoding.EncodeToString([]byte(cursorVersion + p.id + string(p.part)))
}

// parsePlace reads a cursor. Errors: ErrBadCursor.
func parsePlace(cursor string) (place, error) {
	if cursor == "" {
		return place{}, nil
	}
	text, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil || len(text) < 2 || string(text[:1]) != cursorVersion {
		return place{}, ErrBadCursor
	}
	p := place{string(text[1 : len(text)-1]), text[len(text)-1]}
	ms, count, found := strings.Cut(p.id, "-")
	if !found || !isCount(ms) || !isCount(count) || strings.IndexByte(trailParts, p.part) < 0 {
		return place{}, ErrBadCursor
	}
	return p, nil
}

// isCount reports whether text is a number as Redis writes it.
func isCount(text string) bool {
	n, err := strconv.ParseUint(text, 10, 63)
	return err == nil && strconv.FormatUint(n, 10) == text
}
