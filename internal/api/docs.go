package api

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// pagePolicy allows a page the style that it holds and nothing else.
func pagePolicy(page []byte) string {
	style := "'none'"
	if _, rest, found := bytes.Cut(page, []byte("<style>")); found {
		text, _, _ := bytes.Cut(rest, []byte("</style>"))
		sum := sha256.Sum256(text)
		style = "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	return "default-src 'none'; style-src " + style + "; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}

// spec is what the reference page reads of the OpenAPI document.
type spec struct {
	Info       struct{ Description string }
	Tags       []struct{ Name, Description string }
	Paths      map[string]map[string]specOperation
	Components struct{ Schemas map[string]specSchema }
}

type specOperation struct {
	OperationID, Summary, Description string
	Role                              string `json:"x-role"` // empty: it is open to everybody
	Tags                              []string
	Parameters                        []specParameter
	RequestBody                       struct{ Content map[string]specMedia }
	Responses                         map[string]specResponse
	Security                          []map[string][]string
}

type specParameter struct {
	Name, In, Description string
	Required              bool
	Schema                specSchema
}

type specMedia struct {
	Schema   specSchema
	Examples map[string]struct {
		Summary string
		Value   json.RawMessage
	}
}

type specResponse struct {
	Description string
	Content     map[string]specMedia
}

type specSchema struct {
	Ref                  string `json:"$ref"`
	Type                 any
	Format, Description  string
	Pattern              string
	Default              json.RawMessage
	Examples             []json.RawMessage
	Enum                 []any
	Minimum, Maximum     *float64
	MinLength, MaxLength *int
	MaxItems             *int
	Items                *specSchema
	AnyOf                []specSchema
	AdditionalProperties json.RawMessage
	Properties           map[string]specSchema
	Required             []string
}

// The page's own shapes.
type (
	docsPage struct {
		About  []string
		Groups []docsGroup
		Types  []docsType
	}
	docsGroup struct {
		Name, Description string
		Operations        []docsOperation
	}
	docsOperation struct {
		specOperation
		Method, Path, Body string
		Answers            []docsAnswer
		Curls              []docsCurl
	}
	docsAnswer struct {
		Status, Description string
		Forms               []docsForm
	}
	docsForm struct{ Media, Schema string }
	docsCurl struct{ Title, Text string }
	docsType struct {
		Name   string
		Fields []docsField
	}
	docsField struct {
		Name     string
		Required bool
		Schema   specSchema
	}
)

// referencePage writes the documentation from the OpenAPI document. It needs no
// script and no other host.
func referencePage(document []byte) ([]byte, error) {
	var s spec
	if err := json.Unmarshal(document, &s); err != nil {
		return nil, fmt.Errorf("read the document: %w", err)
	}
	page := docsPage{About: strings.Split(s.Info.Description, "\n\n")}
	for _, tag := range s.Tags {
		page.Groups = append(page.Groups, docsGroup{tag.Name, tag.Description, s.operations(tag.Name)})
	}
	for _, name := range slices.Sorted(maps.Keys(s.Components.Schemas)) {
		page.Types = append(page.Types, docsType{name, s.Components.Schemas[name].fields()})
	}
	return page.html(), nil
}

func (s spec) operations(tag string) []docsOperation {
	var all []docsOperation
	for _, path := range slices.Sorted(maps.Keys(s.Paths)) {
		for _, method := range []string{"post", "get", "delete"} {
			o, ok := s.Paths[path][method]
			if ok && slices.Contains(o.Tags, tag) {
				all = append(all, operation(strings.ToUpper(method), path, o))
			}
		}
	}
	return all
}

func operation(method, path string, o specOperation) docsOperation {
	d := docsOperation{specOperation: o, Method: method, Path: path}
	media, hasBody := o.RequestBody.Content[typeJSON]
	if hasBody {
		d.Body = name(media.Schema)
	}
	for _, status := range slices.Sorted(maps.Keys(o.Responses)) {
		r := o.Responses[status]
		a := docsAnswer{Status: status, Description: r.Description}
		for _, m := range slices.Sorted(maps.Keys(r.Content)) {
			a.Forms = append(a.Forms, docsForm{m, name(r.Content[m].Schema)})
		}
		d.Answers = append(d.Answers, a)
	}
	line := "curl"
	if method != "GET" {
		line += " -X " + method
	}
	line += " http://127.0.0.1:8000" + strings.ReplaceAll(path, "{id}", "$ID")
	if len(o.Security) == 0 {
		line += ` \` + "\n  -H \"Authorization: Bearer $TOKEN\""
	}
	if !hasBody {
		d.Curls = []docsCurl{{Text: line}}
	}
	for _, kind := range slices.Sorted(maps.Keys(media.Examples)) {
		e := media.Examples[kind]
		d.Curls = append(d.Curls, docsCurl{e.Summary, line + ` \` + "\n  --json '" + compact(e.Value) + "'"})
	}
	return d
}

func compact(raw json.RawMessage) string {
	var b bytes.Buffer
	_ = json.Compact(&b, raw) // it is part of a document that was decoded
	return b.String()
}

// name is a schema's own name, empty when it has none.
func name(s specSchema) string { return strings.TrimPrefix(s.Ref, schemaPrefix) }

func (s specSchema) fields() []docsField {
	var fields []docsField
	for _, n := range slices.Sorted(maps.Keys(s.Properties)) {
		fields = append(fields, docsField{n, slices.Contains(s.Required, n), s.Properties[n]})
	}
	// What is needed first.
	slices.SortStableFunc(fields, func(a, b docsField) int {
		switch {
		case a.Required == b.Required:
			return 0
		case a.Required:
			return -1
		}
		return 1
	})
	return fields
}

// Named gives the schemas that a field refers to.
func (s specSchema) Named() []string {
	var names []string
	for _, below := range append([]specSchema{s}, s.AnyOf...) {
		if below.Ref != "" {
			names = append(names, name(below))
		}
	}
	if s.Items != nil {
		names = append(names, s.Items.Named()...)
	}
	return names
}

// Sort says in a few words what a value is.
func (s specSchema) Sort() string {
	var words []string
	switch t := s.Type.(type) {
	case string:
		words = append(words, t)
	case []any:
		for _, one := range t {
			words = append(words, fmt.Sprint(one))
		}
	}
	text := strings.Join(words, " or ")
	switch {
	case text == "" && len(s.Named()) == 0:
		text = "any JSON"
	case strings.HasPrefix(text, "array") && s.Items != nil:
		text = "list of " + s.Items.Sort() + strings.TrimPrefix(text, "array")
	}
	if s.Format != "" && !strings.HasPrefix(s.Format, "int") {
		text += " (" + s.Format + ")"
	}
	return strings.TrimSpace(text)
}

// Rules lists what a value must keep to.
func (s specSchema) Rules() []string {
	var rules []string
	add := func(format string, v any) { rules = append(rules, fmt.Sprintf(format, v)) }
	if s.Minimum != nil {
		add("at least %v", *s.Minimum)
	}
	if s.Maximum != nil {
		add("at most %.0f", *s.Maximum)
	}
	if s.MaxLength != nil {
		add("at most %d characters", *s.MaxLength)
	}
	if s.MaxItems != nil {
		add("at most %d items", *s.MaxItems)
	}
	if s.Pattern != "" {
		add("matches %s", s.Pattern)
	}
	if len(s.Enum) > 0 {
		add("one of %s", strings.Trim(fmt.Sprint(s.Enum), "[]"))
	}
	if len(s.Default) > 0 {
		add("default %s", s.Default)
	}
	if len(s.Examples) > 0 {
		add("such as %s", compact(s.Examples[0]))
	}
	return rules
}
