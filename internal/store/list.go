package store

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"windlass/internal/task"
)

const (
	// MaxPage is how many tasks a page of a list may hold.
	MaxPage = 200
	// tagBudget is how many ids one script looks at when several tags must all match.
	tagBudget = 1000
	// tagRounds is how often a page of such a list is asked on before it is given out short.
	tagRounds = 10
)

// Filter chooses tasks. Empty fields choose all.
type Filter struct {
	States []task.State // any of them
	Kinds  []string     // any of them
	Queues []string     // any of them
	Tags   []string     // all of them
	After  time.Time    // created at this time or later
	Before time.Time    // created before this time
}

// Page is a stretch of a list, newest first.
type Page struct {
	Tasks []*task.Task // without input and result, and with the last attempt only
	Next  string       // cursor of the page that follows; empty at the end
}

// List gives the newest limit tasks (1 to MaxPage) that f chooses, going on at
// cursor where that is not empty. A page may be short before the end when
// several tags must match; Next tells. Errors: ErrBadCursor.
func (s *Store) List(ctx context.Context, f Filter, limit int, cursor string) (Page, error) {
	upper, err := upperBound(f, cursor)
	if err != nil {
		return Page{}, err
	}
	queues := slices.Compact(sorted(slices.Clone(f.Queues)))
	if len(queues) == 0 {
		if queues, err = s.Queues(ctx); err != nil {
			return Page{}, err
		}
	}
	page := Page{Tasks: []*task.Task{}}
	for range tagRounds {
		rows, horizon, err := s.listRound(ctx, queues, f, upper, limit+1-len(page.Tasks))
		if err != nil {
			return Page{}, err
		}
		page.Tasks = append(page.Tasks, rows...)
		if len(page.Tasks) > limit {
			page.Tasks = page.Tasks[:limit]
			page.Next = encodeCursor(page.Tasks[limit-1].ID)
			return page, nil
		}
		if horizon == "" {
			page.Next = ""
			return page, nil
		}
		upper, page.Next = "("+horizon, encodeCursor(horizon)
	}
	return page, nil
}

// listRound merges one script's answer a queue. horizon is the id down to which
// every queue was looked through; empty means to the end.
func (s *Store) listRound(ctx context.Context, queues []string, f Filter, upper string, many int) (rows []*task.Task, horizon string, err error) {
	args, err := listArgs(f, upper, many)
	if err != nil {
		return nil, "", err
	}
	replies, err := s.onQueues(ctx, s.scripts.list, queues, args)
	if err != nil {
		return nil, "", fmt.Errorf("list tasks: %w", err)
	}
	for _, reply := range replies {
		stop, _ := reply[0].(string)
		horizon = max(horizon, stop)
		for _, row := range reply[1:] {
			flat, _ := row.([]any)
			t, err := listRow(flat)
			if err != nil {
				return nil, "", err
			}
			rows = append(rows, t)
		}
	}
	slices.SortFunc(rows, func(a, b *task.Task) int { return cmp.Compare(b.ID, a.ID) })
	if horizon != "" {
		rows = slices.DeleteFunc(rows, func(t *task.Task) bool { return t.ID < horizon })
	}
	return rows, horizon, nil
}

// onQueues runs a script once a queue in one round trip.
func (s *Store) onQueues(ctx context.Context, script *redis.Script, queues []string, args []any) ([][]any, error) {
	calls := make([]call, len(queues))
	for i, queue := range queues {
		calls[i] = call{queue, args}
	}
	replies := make([][]any, len(queues))
	for i, cmd := range s.runAll(ctx, script, calls) {
		reply, err := cmd.Slice()
		if err != nil {
			return nil, fmt.Errorf("queue %s: %w", queues[i], err)
		}
		replies[i] = reply
	}
	return replies, nil
}

func listArgs(f Filter, upper string, many int) ([]any, error) {
	lower := "-"
	if !f.After.IsZero() {
		lower = "[" + idBound(f.After)
	}
	args := []any{upper, lower, many}
	for _, set := range []any{f.Kinds, f.States, f.Tags} {
		b, err := json.Marshal(set)
		if err != nil {
			return nil, fmt.Errorf("write filter: %w", err)
		}
		if string(b) == "null" {
			b = []byte("[]")
		}
		args = append(args, b)
	}
	return append(args, tagBudget), nil
}

func listRow(flat []any) (*task.Task, error) {
	if len(flat) == 0 {
		return nil, fmt.Errorf("list tasks: empty row")
	}
	id, _ := flat[0].(string)
	f, err := fieldsOf(flat[1:])
	if err != nil {
		return nil, err
	}
	return f.task(id)
}

func upperBound(f Filter, cursor string) (string, error) {
	upper := "+"
	if !f.Before.IsZero() {
		upper = "(" + idBound(f.Before)
	}
	if cursor == "" {
		return upper, nil
	}
	id, err := decodeCursor(cursor)
	if err != nil {
		return "", err
	}
	if upper == "+" || "("+id < upper {
		upper = "(" + id
	}
	return upper, nil
}

const cursorVersion = "1"

func encodeCursor(id string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(cursorVersion + id))
}

func decodeCursor(cursor string) (id string, err error) {
	b, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		return "", ErrBadCursor
	}
	id, ok := strings.CutPrefix(string(b), cursorVersion)
	if _, _, valid := parseID(id); !ok || !valid {
		return "", ErrBadCursor
	}
	return id, nil
}
