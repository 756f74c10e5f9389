package task

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// SecretPath names members of inputs or results that are secret though nothing
// in their kind says so: what a submitter puts into a request's body, for one.
type SecretPath struct {
	kind  string // empty: of every kind
	parts []string
}

// ParseSecretPath reads a path such as "input.json.card.number",
// "http.request:input.body" or "result.headers.*". It begins with input or
// result, and * stands for every member of an object or item of a list.
func ParseSecretPath(text string) (SecretPath, error) {
	kind, path, ofKind := strings.Cut(text, ":")
	if !ofKind {
		kind, path = "", text
	}
	parts := strings.Split(path, ".")
	bad := ofKind && kind == "" || len(parts) < 2 || parts[0] != "input" && parts[0] != "result"
	for _, p := range parts {
		bad = bad || p == ""
	}
	if bad {
		return SecretPath{}, fmt.Errorf("%q is not a path such as input.json.card.number or http.request:result.body", text)
	}
	return SecretPath{kind: kind, parts: parts}, nil
}

// WithSecretPaths gives the kind with more of its inputs and results secret.
func (k Kind) WithSecretPaths(paths []SecretPath) Kind {
	k.paths = nil
	for _, p := range paths {
		if p.kind == "" || p.kind == k.Name {
			k.paths = append(k.paths, p)
		}
	}
	return k
}

// redact gives raw, which is an input or a result as of says, with what the path
// names replaced, and whether it names anything there.
func (p SecretPath) redact(raw json.RawMessage, of string) (json.RawMessage, bool) {
	found := false
	changed := p.each(raw, of, func(any) any { found = true; return Redacted })
	if !found {
		return raw, false
	}
	text, err := encode(changed)
	if err != nil {
		return json.RawMessage("null"), true
	}
	return text, true
}

// values lists the strings that the path names in raw.
func (p SecretPath) values(raw json.RawMessage, of string) []string {
	var all []string
	p.each(raw, of, func(v any) any {
		all = append(all, texts(v)...)
		return v
	})
	return all
}

func texts(v any) []string {
	switch v := v.(type) {
	case string:
		return []string{v}
	case json.Number:
		return []string{v.String()}
	case []any:
		var all []string
		for _, item := range v {
			all = append(all, texts(item)...)
		}
		return all
	case map[string]any:
		var all []string
		for _, item := range v {
			all = append(all, texts(item)...)
		}
		return all
	}
	return nil
}

func (p SecretPath) each(raw json.RawMessage, of string, f func(any) any) any {
	if p.parts[0] != of {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var tree any
	if d.Decode(&tree) != nil {
		return nil
	}
	return walk(tree, p.parts[1:], f)
}

// walk replaces what parts name below v by what f makes of it.
func walk(v any, parts []string, f func(any) any) any {
	if len(parts) == 0 {
		if v == nil {
			return nil
		}
		return f(v)
	}
	switch v := v.(type) {
	case map[string]any:
		for name, item := range v {
			if parts[0] == "*" || strings.EqualFold(parts[0], name) { // header fields come in any case
				v[name] = walk(item, parts[1:], f)
			}
		}
	case []any:
		for i, item := range v {
			if parts[0] == "*" || parts[0] == fmt.Sprint(i) {
				v[i] = walk(item, parts[1:], f)
			}
		}
	}
	return v
}
