package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
)

const (
	tagTasks   = "Tasks"
	tagEvents  = "Events"
	tagSecrets = "Secrets"
	tagSystem  = "System"
	tagSession = "Session"
	tagTokens  = "Tokens"
	typeHTML   = "text/html; charset=utf-8"
)

// document is the API's description in its three forms, written once.
type document struct {
	json, yaml, page []byte
}

// describe finishes the OpenAPI document and writes it down. It must not depend
// on the program's version or its host: a copy of it is checked in.
func (a *API) describe(doc *huma.OpenAPI) error {
	doc.Info = &huma.Info{Title: "Windlass", Version: "1", Description: about}
	doc.Tags = []*huma.Tag{
		{Name: tagTasks, Description: "Hand tasks in, watch them, get their results."},
		{Name: tagEvents, Description: "Live changes as server-sent events."},
		{Name: tagSecrets, Description: "Secrets that tasks refer to by name."},
		{Name: tagSystem, Description: "Kinds, queues, workers and counts."},
		{Name: tagSession, Description: "Who is asking, and signing in with a browser."},
		{Name: tagTokens, Description: "Credentials for programs and people."},
	}
	doc.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"bearer": {Type: "http", Scheme: "bearer", Description: "A token, or the server's admin token."},
		"cookie": {Type: "apiKey", In: "cookie", Name: cookieSecure, Description: "Set by signing in. Over plain HTTP to a host other than this machine it is " + cookiePlain + "."},
	}
	doc.Security = []map[string][]string{{"bearer": {}}, {"cookie": {}}, {}}
	// huma's own error stands for ours, which is written instead.
	delete(a.registry.Map(), "ErrorModel")
	delete(a.registry.Map(), "ErrorDetail")
	a.describeBodies(doc)
	tidyOperations(doc)

	text, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	a.document.json = append(text, '\n')
	if a.document.yaml, err = doc.YAML(); err != nil {
		return fmt.Errorf("write YAML: %w", err)
	}
	a.document.page, err = referencePage(a.document.json)
	return err
}

const about = "Hand in background work and get its result. A task is kept before it is accepted, runs at least once, " +
	"is tried again by its policy, and tells why it waits and how it failed.\n\n" +
	"Times are RFC 3339 in UTC, durations text such as 1m30s. Errors are problems (RFC 9457) whose code is stable. " +
	"A request with an unknown field or parameter is refused."

// describeBodies writes the bodies of submit and bulk, which huma does not read
// itself: the input as one of the kinds' schemas, and an example a kind.
func (a *API) describeBodies(doc *huma.OpenAPI) {
	checked := a.registry.SchemaFromRef(schemaPrefix + "Submit")
	shown := *checked
	properties := maps.Clone(shown.Properties)
	input := *properties["input"]
	examples := map[string]*huma.Example{}
	for _, k := range a.kindList.Items {
		input.AnyOf = append(input.AnyOf, &huma.Schema{Ref: schemaPrefix + kindSchema(k.Name, "Input")})
		examples[k.Name] = &huma.Example{Summary: k.Title, Value: map[string]any{"kind": k.Name, "input": k.Example}}
	}
	properties["input"] = &input
	shown.Properties = properties
	// Submissions are checked against the schema as it was: what the input must
	// be is its kind's affair, whose faults name their place.
	a.submitSchema = checked
	a.registry.Map()["Submit"] = &shown

	body := func(path, schema string, examples map[string]*huma.Example) {
		b := doc.Paths[path].Post.RequestBody
		b.Required = true
		b.Content = map[string]*huma.MediaType{typeJSON: {Schema: &huma.Schema{Ref: schemaPrefix + schema}, Examples: examples}}
	}
	body(pathTasks, "Submit", examples)
	body(pathBulk, "Bulk", nil)
}

// tidyOperations says what huma cannot know: 200 and 202 of one route have the
// same body, 304 has none, and no list in an address is null.
func tidyOperations(doc *huma.OpenAPI) {
	for _, item := range doc.Paths {
		for _, op := range []*huma.Operation{item.Get, item.Post, item.Put, item.Delete} {
			if op == nil {
				continue
			}
			for _, p := range op.Parameters {
				p.Schema.Nullable = false
			}
			if op.RequestBody != nil {
				optionalMayBeNull(doc.Components.Schemas, op.RequestBody)
			}
			given := op.Responses[strconv.Itoa(op.DefaultStatus)]
			for _, also := range []int{http.StatusOK, http.StatusAccepted} {
				if r := op.Responses[strconv.Itoa(also)]; r != nil && r != given && given.Content != nil {
					r.Content, r.Headers = given.Content, given.Headers
				}
			}
			if r := op.Responses["304"]; r != nil {
				r.Content = nil
			}
			delete(given.Headers, "Set-Cookie")
		}
	}
}

// optionalMayBeNull says of a body what huma does: null stands for a member that is
// left out.
func optionalMayBeNull(r huma.Registry, body *huma.RequestBody) {
	for _, media := range body.Content {
		s := media.Schema
		for s.Ref != "" {
			s = r.SchemaFromRef(s.Ref)
		}
		for name, p := range s.Properties {
			if p.Ref == "" && !slices.Contains(s.Required, name) {
				p.Nullable = true
			}
		}
	}
}

// serve answers with one form of the document.
func (d *document) serve(contentType string, body []byte) http.HandlerFunc {
	tag := `"` + digest(body)[:16] + `"`
	policy := pagePolicy(body)
	return func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Type", contentType)
		h.Set("ETag", tag)
		h.Set("Cache-Control", "no-cache")
		if contentType == typeHTML {
			h.Set("Content-Security-Policy", policy)
			h.Set("Cross-Origin-Opener-Policy", "same-origin")
			h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
		}
		if matches(r.Header.Get("If-None-Match"), tag) {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		_, _ = bytes.NewReader(body).WriteTo(w) // a client that went away
	}
}
