package api

import (
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"reflect"
	"regexp"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"windlass/internal/task"
)

const schemaPrefix = "#/components/schemas/"

// durationText is what a task.Duration is in JSON: Go's notation. JSON Schema's own
// format "duration" is another one, that of ISO 8601.
type durationText string

// Schema says so.
func (durationText) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{
		Type: huma.TypeString, Format: durationFormat,
		Pattern: durationPattern.String(), PatternDescription: "a duration",
	}
}

const durationFormat = "go-duration"

var durationPattern = regexp.MustCompile(`^-?(0|(\d+(\.\d+)?(ns|us|µs|ms|s|m|h))+)$`)

// aboveZero turns exclusiveMinimum:"0" of durations, which is about numbers, into a
// pattern. In Go zero means that the field was left out, so a zero that was sent
// would silently be the default.
func aboveZero(r huma.Registry) {
	const unit = `(ns|us|µs|ms|s|m|h)`
	for _, object := range r.Map() {
		for _, s := range object.Properties {
			if s.Format == durationFormat && s.ExclusiveMinimum != nil {
				s.Pattern = `^(0+(\.0+)?` + unit + `)*(0*[1-9]\d*(\.\d+)?|0+\.0*[1-9]\d*)` + unit + `(\d+(\.\d+)?` + unit + `)*$`
				s.PatternDescription, s.ExclusiveMinimum = "a duration above 0s", nil
				s.PrecomputeMessages()
			}
		}
	}
}

// newRegistry gives the registry of every schema. Names are stable: a kind's
// input and result are named after the kind, all else after its Go type, which
// a kind's own package stands before.
func newRegistry(kinds []task.Kind) huma.Registry {
	names := map[reflect.Type]string{}
	for _, k := range kinds {
		names[k.Input], names[k.Result] = kindSchema(k.Name, "Input"), kindSchema(k.Name, "Result")
	}
	registry := huma.NewMapRegistry(schemaPrefix, func(t reflect.Type, hint string) string {
		for t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		if name, ok := names[t]; ok {
			return name
		}
		name := huma.DefaultSchemaNamer(t, hint)
		if parent, pkg := path.Split(t.PkgPath()); path.Base(parent) == "kind" {
			name = strings.ToUpper(pkg[:1]) + pkg[1:] + name
		}
		return name
	})
	registry.RegisterTypeAlias(reflect.TypeFor[task.Duration](), reflect.TypeFor[durationText]())
	return registry
}

// kindSchema gives "HttpRequestInput" for "http.request".
func kindSchema(kind, suffix string) string {
	var name strings.Builder
	for word := range strings.SplitSeq(kind, ".") {
		if word != "" {
			name.WriteString(strings.ToUpper(word[:1]) + word[1:])
		}
	}
	return name.String() + suffix
}

// registerKind adds the schemas of a kind and gives the one of its input.
func registerKind(r huma.Registry, k task.Kind) *huma.Schema {
	r.Schema(withText(k.Result), true, kindSchema(k.Name, "Result"))
	input := r.Schema(withText(k.Input), true, kindSchema(k.Name, "Input"))
	aboveZero(r)
	return input
}

// withText gives t with task.Duration fields as text. huma reads a field's
// default tag by the field's own Go type and panics on one that JSON writes
// otherwise (huma 2.37 schema.go convertType).
func withText(t reflect.Type) reflect.Type {
	duration := reflect.TypeFor[task.Duration]()
	var fields []reflect.StructField
	changed := false
	for f := range t.Fields() {
		if !f.IsExported() || f.Anonymous {
			return t // not a plain struct; its author sees huma's message if there is one
		}
		if f.Type == duration {
			f.Type, changed = reflect.TypeFor[durationText](), true
		}
		fields = append(fields, reflect.StructField{Name: f.Name, Type: f.Type, Tag: f.Tag})
	}
	if !changed {
		return t
	}
	return reflect.StructOf(fields)
}

// selfContained gives the schema with every reference replaced by what it
// refers to, and the order of fields as their author wrote them.
func selfContained(r huma.Registry, s *huma.Schema) (json.RawMessage, error) {
	inlined, err := inline(r, s, 0)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(inlined)
	if err != nil {
		return nil, fmt.Errorf("write schema: %w", err)
	}
	return text, nil
}

func inline(r huma.Registry, s *huma.Schema, depth int) (*huma.Schema, error) {
	const deepest = 20
	if s == nil || depth > deepest {
		if s != nil {
			return nil, fmt.Errorf("schema %s: more than %d levels, or it holds itself", s.Ref, deepest)
		}
		return nil, nil
	}
	out := *s
	if s.Ref != "" {
		out = *r.SchemaFromRef(s.Ref)
		if s.Description != "" {
			out.Description = s.Description
		}
		out.Extensions = map[string]any{}
		maps.Copy(out.Extensions, r.SchemaFromRef(s.Ref).Extensions)
		out.Extensions["x-order"] = order(r.TypeFromRef(s.Ref))
	}
	var err error
	if out.Items, err = inline(r, out.Items, depth+1); err != nil {
		return nil, err
	}
	if below, ok := out.AdditionalProperties.(*huma.Schema); ok {
		if out.AdditionalProperties, err = inline(r, below, depth+1); err != nil {
			return nil, err
		}
	}
	properties := out.Properties
	out.Properties = make(map[string]*huma.Schema, len(properties))
	for name, p := range properties {
		if out.Properties[name], err = inline(r, p, depth+1); err != nil {
			return nil, err
		}
	}
	return &out, nil
}

// order lists the JSON names of a struct's fields as they stand in Go.
func order(t reflect.Type) []string {
	names := []string{}
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "":
			names = append(names, order(f.Type)...)
		case f.IsExported() && name != "-" && name != "":
			names = append(names, name)
		}
	}
	return names
}

// ownSchemas adds the schemas that no route names by its types, and says of all
// that are there by then that their arrays are never null.
func (a *API) ownSchemas() {
	for _, t := range []reflect.Type{
		reflect.TypeFor[Problem](), reflect.TypeFor[task.LogLine](), reflect.TypeFor[Submit](), reflect.TypeFor[Bulk](),
	} {
		a.registry.Schema(t, true, "")
	}
	for _, s := range a.registry.Map() {
		for _, p := range s.Properties {
			if p.Type == huma.TypeArray {
				p.Nullable = false
			}
		}
	}
}
