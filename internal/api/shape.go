package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"

	"windlass/internal/task"
)

// maxFaults is how many faults one answer lists.
const maxFaults = 100

// shapeFaults checks decoded JSON (numbers as json.Number) against a schema. v is
// used up: its numbers are other ones after that.
func shapeFaults(r huma.Registry, s *huma.Schema, at string, v any) []Fault {
	faults := unread(r, s, at, v)
	result := &huma.ValidateResult{}
	path := huma.NewPathBuffer(nil, 0)
	path.Push(at)
	huma.Validate(r, s, path, huma.ModeWriteToServer, plain(v), result)
	return append(faults, humaFaults(result.Errors)...)
}

// plain gives numbers as float64, as huma wants them, in place. One too large
// for it becomes infinite, which no bound accepts.
func plain(v any) any {
	switch v := v.(type) {
	case json.Number:
		f, _ := strconv.ParseFloat(v.String(), 64)
		return f
	case []any:
		for i, item := range v {
			v[i] = plain(item)
		}
	case map[string]any:
		for name, item := range v {
			v[name] = plain(item)
		}
	}
	return v
}

// unread finds what the schema lets through and encoding/json reads in another way:
// members that the schema does not name, for huma takes names of another case for the
// same, and so does encoding/json: of "a" and "A" one would be checked and the other
// used; and durations beyond the range of Go's.
func unread(r huma.Registry, s *huma.Schema, at string, v any) []Fault {
	for s.Ref != "" {
		s = r.SchemaFromRef(s.Ref)
	}
	var faults []Fault
	switch v := v.(type) {
	case []any:
		if s.Items == nil {
			return nil
		}
		for i, item := range v {
			faults = append(faults, unread(r, s.Items, fmt.Sprintf("%s[%d]", at, i), item)...)
		}
	case map[string]any:
		others, _ := s.AdditionalProperties.(*huma.Schema)
		closed, isBool := s.AdditionalProperties.(bool)
		for name, item := range v {
			p := s.Properties[name]
			if p == nil && others == nil && isBool && !closed {
				faults = append(faults, Fault{at + "." + name, "is not a known field"})
				continue
			}
			if p == nil {
				p = others
			}
			if p == nil {
				continue
			}
			switch item := item.(type) {
			case map[string]any, []any: // only these have members of their own
				faults = append(faults, unread(r, p, at+"."+name, item)...)
			case string:
				if p.Format == durationFormat && outOfRange(item) {
					faults = append(faults, Fault{at + "." + name, "must be a duration of at most 2562047h"})
				}
			}
		}
	}
	return faults
}

// outOfRange reports whether text is written as a duration and too long for one.
func outOfRange(text string) bool {
	_, err := time.ParseDuration(text)
	return err != nil && durationPattern.MatchString(text)
}

// exact checks the body of a route against the schema before huma reads it, which would
// take some of it in another way than it checks it: see unread.
func (a *API) exact(body *huma.RequestBody) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		r, w := humachi.Unwrap(ctx)
		raw, err := io.ReadAll(r.Body) // readBody has it in memory
		if err != nil || len(raw) == 0 {
			next(ctx)
			return
		}
		tree, err := decodeExact(raw)
		if err != nil {
			a.writeProblem(w, r, problem(codeInvalidJSON, ""))
			return
		}
		faults := shapeFaults(a.registry, body.Content[typeJSON].Schema, "body", tree)
		if depth(raw) > maxDepth {
			faults = []Fault{{"body", fmt.Sprintf("must not be nested deeper than %d levels", maxDepth)}}
		}
		if len(faults) > 0 {
			a.writeProblem(w, r, faulty(tidy(faults)...))
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(raw))
		next(ctx)
	}
}

// humaFaults puts huma's findings into our words. Its own may hold the value.
func humaFaults(errs []error) []Fault {
	var faults []Fault
	for _, err := range errs {
		d, ok := errors.AsType[*huma.ErrorDetail](err)
		if !ok {
			faults = append(faults, Fault{"request", "could not be read"})
			continue
		}
		f := Fault{d.Location, rule(d.Message)}
		if name, found := strings.CutPrefix(d.Message, "expected required property "); found {
			f = Fault{d.Location + "." + strings.TrimSuffix(name, " to be present"), "is required"}
		}
		faults = append(faults, f)
	}
	return faults
}

// rule gives a clause for one of huma's messages. What could hold a value is replaced whole.
func rule(message string) string {
	for _, m := range []struct{ prefix, rule string }{
		{"unexpected property", "is not a known field"},
		{"unknown query parameter", "is not a known parameter"},
		{"required ", "is required"},
		{"invalid date/time", "must be a time such as 2026-01-31T12:00:00Z"},
		{"expected string to be RFC 3339 date-time", "must be a time such as 2026-01-31T12:00:00Z"},
		{"expected string to be RFC 3986 uri", "must be a URL"},
		{"expected string to be a duration above 0s", `must be a duration above 0s, such as "30s", "5m" or "1h30m"`},
		{"expected string to be a duration", `must be a duration such as "30s", "5m" or "1h30m"`},
		{"expected string to be ", "must be "}, // a pattern in words
		{"invalid integer", "must be a whole number"},
		{"expected integer", "must be a whole number"},
		{"expected number to be a multiple of ", "must be a multiple of "},
		{"expected number >= ", "must be at least "},
		{"expected number <= ", "must be at most "},
		{"expected number > ", "must be above "},
		{"expected number < ", "must be below "},
		{"expected length >= ", "must not be shorter than "},
		{"expected length <= ", "must not be longer than "},
		{"expected array length >= ", "must have at least this many items: "},
		{"expected array length <= ", "must have at most this many items: "},
		{"expected object with at ", "must have at "},
		{"expected array items to be unique", "must not hold the same item twice"},
		{"expected string to match pattern ", "must match "},
		{"expected value to be one of ", "must be one of "},
		{"expected boolean", "must be true or false"},
		{"expected string", "must be text"},
		{"expected array", "must be a list"},
		{"expected object", "must be an object"},
		{"expected number", "must be a number"},
	} {
		if rest, found := strings.CutPrefix(message, m.prefix); found {
			if strings.HasSuffix(m.rule, " ") {
				return m.rule + strings.ReplaceAll(rest, `"`, "")
			}
			return m.rule
		}
	}
	return "is not as the schema says"
}

// tidy sorts faults, drops those said twice, and bounds their number and length.
func tidy(faults []Fault) []Fault {
	for i := range faults {
		faults[i].Location = task.Cut(faults[i].Location, 200)
	}
	slices.SortFunc(faults, func(a, b Fault) int {
		return strings.Compare(a.Location+"\x00"+a.Message, b.Location+"\x00"+b.Message)
	})
	faults = slices.Compact(faults)
	return faults[:min(len(faults), maxFaults)]
}
