package task

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"sync"
)

// hider replaces values that must not leave an attempt wherever they occur in
// what it says: echo endpoints, error pages and careless code repeat them.
type hider struct {
	mu       sync.Mutex
	values   []string
	replacer *strings.Replacer
}

func (h *hider) add(values []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, v := range values {
		for _, spelled := range spellings(v) {
			if len(spelled) >= MinSecret && !slices.Contains(h.values, spelled) {
				h.values = append(h.values, spelled)
				h.replacer = nil
			}
		}
	}
}

// spellings gives a value as it stands in text, JSON, a query and a path.
func spellings(v string) []string {
	all := []string{v, url.QueryEscape(v), url.PathEscape(v)}
	if text, err := encode(v); err == nil {
		all = append(all, string(text[1:len(text)-1]))
	}
	if text, err := json.Marshal(v); err == nil { // with <, > and & escaped
		all = append(all, string(text[1:len(text)-1]))
	}
	return all
}

func (h *hider) replace(s string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.values) == 0 {
		return s
	}
	if h.replacer == nil {
		// A Replacer takes the first that fits, so the longest goes first.
		slices.SortFunc(h.values, func(a, b string) int { return len(b) - len(a) })
		pairs := make([]string, 0, 2*len(h.values))
		for _, v := range h.values {
			pairs = append(pairs, v, Redacted)
		}
		h.replacer = strings.NewReplacer(pairs...)
	}
	return h.replacer.Replace(s)
}

// Hide takes values that must not leave the attempt: they are replaced in its
// log, progress, result and error. Those shorter than MinSecret are passed over.
func (r *Run) Hide(values ...string) { r.hidden.add(values) }

// Scrub gives s with the hidden values replaced, for what a kind writes by itself.
func (r *Run) Scrub(s string) string { return r.hidden.replace(s) }

// Secret gives the stored secret of this name and hides its values. Errors: *Error.
func (r *Run) Secret(ctx context.Context, name string) (Secret, error) {
	if r.Secrets == nil {
		return Secret{}, &Error{Code: "secrets_unavailable", Message: "This worker keeps no stored secrets."}
	}
	s, err := r.Secrets(ctx, name)
	if err != nil {
		return Secret{}, err
	}
	r.Hide(s.Value, s.Previous)
	return s, nil
}

// scrubError gives err without the hidden values. What is wrapped is lost when
// its text holds one.
func (r *Run) scrubError(err error) error {
	clean := r.Scrub(err.Error())
	if clean == err.Error() {
		return err
	}
	e := AsError(err)
	e.Message = r.Scrub(e.Message)
	if e.Err != nil {
		e.Err = errors.New(r.Scrub(e.Err.Error()))
	}
	return &e
}

// secretsIn lists the values of an input that writeOnly tags mark.
func secretsIn[In any](in In) []string {
	if !hasSecretFields(reflect.TypeFor[In]()) {
		return nil
	}
	var values []string
	text, err := encode(in) // a copy: the handler's own shares its lists and maps
	if err != nil {
		return nil
	}
	own, err := decode[In](text)
	if err != nil {
		return nil
	}
	eachSecret(reflect.ValueOf(&own).Elem(), false, func(s string) string {
		values = append(values, s)
		return s
	})
	return values
}
