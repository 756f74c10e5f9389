package task

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"time"
)

// Definition is a kind as its author writes it: one Go value from which come
// the validation at submit, the JSON Schema and OpenAPI, the page's form, the
// worker's handler and the task's one-line descriptions.
//
// In and Out are plain structs. Their JSON, doc, example and validation tags
// (required is the default, minimum, maxLength, enum, pattern, format …) are those of
// huma; fields of type json.RawMessage take any JSON and keep its numbers exact.
// The tag writeOnly:"true" marks a secret: what stands there is never given out again.
type Definition[In, Out any] struct {
	Name        string // [a-z0-9.], such as "http.request"
	Title       string // what a person calls it, such as "HTTP request"
	Description string // one or two sentences
	Queue       string // where it goes unless the submitter says otherwise
	Policy      Policy // every field is needed
	Example     In     // a first input that works as it stands

	// Check finds faults that tags cannot say. Nil means none.
	Check func(In) FieldErrors
	// CacheFor says how long a succeeded result with this input may be served
	// instead of a new run; zero means never. Nil means never.
	CacheFor func(In) time.Duration
	// Subject says in one line what a task with this input is about. It must
	// hold no secret. Needed.
	Subject func(In) string
	// Summary says in one line how it came out. Nil means nothing to say.
	Summary func(In, Out) string
	// Redact gives the input with its secrets replaced, for everybody's eyes.
	// Fields with the tag writeOnly:"true" are replaced already. Nil means that
	// it holds no others.
	Redact func(In) In
	// Secrets lists the stored secrets that the input refers to. Nil means none.
	Secrets func(In) []SecretRef
	// CSV writes the result as CSV (RFC 4180). Nil means that there is none.
	CSV func(Out, io.Writer) error
	// Run does the work. It must end soon after ctx does.
	Run func(ctx context.Context, in In, run *Run) (Out, error)
}

// Kind is a Definition with its types folded away, as the API and the worker use it.
type Kind struct {
	Name, Title, Description, Queue string

	Policy  Policy
	Input   reflect.Type // struct type of the input
	Result  reflect.Type // struct type of the result
	Example json.RawMessage
	HasCSV  bool

	check   func(json.RawMessage) (Checked, error)
	secrets func(json.RawMessage) []SecretRef // nil: it refers to none
	redact  func(json.RawMessage) (json.RawMessage, bool)
	paths   []SecretPath
	csv     func(json.RawMessage, io.Writer) error
	run     func(context.Context, json.RawMessage, []SecretPath, *Run) (Done, error)
}

// Checked is what a kind says of an input. With faults the rest is empty.
type Checked struct {
	Faults   FieldErrors
	Subject  string        // in one line what a task with this input is about
	CacheFor time.Duration // how long a result for it may be served again; zero means never
}

// Done is what a successful run leaves behind.
type Done struct {
	Result  json.RawMessage
	Summary string
}

// Kind folds the types of d away. It panics when d lacks something needed:
// kinds are written at compile time, and a faulty one must not start.
func (d Definition[In, Out]) Kind() Kind {
	if d.Name == "" || d.Title == "" || d.Queue == "" || d.Subject == nil || d.Run == nil {
		panic(fmt.Sprintf("task: kind %q lacks its name, title, queue, subject or run", d.Name))
	}
	if faults := d.Policy.Check(); faults != nil {
		panic(fmt.Sprintf("task: kind %q: policy: %v", d.Name, faults))
	}
	if fault := checkSecretFields(reflect.TypeFor[In](), false); fault != "" {
		panic(fmt.Sprintf("task: kind %q: %s", d.Name, fault))
	}
	example, err := json.Marshal(d.Example)
	if err != nil {
		panic(fmt.Sprintf("task: kind %q: example: %v", d.Name, err))
	}
	k := Kind{
		Name: d.Name, Title: d.Title, Description: d.Description, Queue: d.Queue,
		Policy: d.Policy, Input: reflect.TypeFor[In](), Result: reflect.TypeFor[Out](),
		Example: example, HasCSV: d.CSV != nil,
		run: d.runRaw,
	}
	k.check = d.checkRaw
	if d.Secrets != nil {
		k.secrets = func(raw json.RawMessage) []SecretRef {
			in, err := decode[In](raw)
			if err != nil {
				return nil
			}
			return d.Secrets(in)
		}
	}
	if tagged := hasSecretFields(reflect.TypeFor[In]()); tagged || d.Redact != nil {
		k.redact = func(raw json.RawMessage) (json.RawMessage, bool) { return redactWith(d.Redact, raw) }
	}
	k.csv = func(raw json.RawMessage, w io.Writer) error {
		out, err := decode[Out](raw)
		if err != nil {
			return fmt.Errorf("read the stored result: %w", err)
		}
		return d.CSV(out, w)
	}
	return k
}

func (d Definition[In, Out]) checkRaw(raw json.RawMessage) (Checked, error) {
	in, err := decode[In](raw)
	if err != nil {
		return Checked{}, err
	}
	if d.Check != nil {
		if faults := d.Check(in); len(faults) > 0 {
			return Checked{Faults: faults}, nil
		}
	}
	c := Checked{Subject: Cut(d.Subject(in), MaxLine)}
	if d.CacheFor != nil {
		c.CacheFor = d.CacheFor(in)
	}
	return c, nil
}

func (d Definition[In, Out]) runRaw(ctx context.Context, raw json.RawMessage, paths []SecretPath, run *Run) (Done, error) {
	in, err := decode[In](raw)
	if err != nil {
		return Done{}, Permanent(&Error{Code: "invalid_input", Message: "The stored input no longer fits this kind.", Err: err})
	}
	run.Hide(secretsIn(in)...)
	for _, p := range paths {
		run.Hide(p.values(raw, "input")...)
	}
	out, err := d.Run(ctx, in, run)
	if err != nil {
		return Done{}, run.scrubError(err)
	}
	result, err := encode(out)
	if err != nil {
		return Done{}, Permanent(&Error{Code: "invalid_result", Message: "The result cannot be written as JSON.", Err: run.scrubError(err)})
	}
	for _, p := range paths {
		result, _ = p.redact(result, "result")
	}
	if clean := run.Scrub(string(result)); clean != string(result) {
		if result = json.RawMessage(clean); !json.Valid(result) {
			return Done{}, Permanent(&Error{Code: "invalid_result", Message: "The result cannot be kept without a secret that it holds."})
		}
	}
	if len(result) > MaxResult {
		return Done{}, Permanent(&Error{Code: "result_too_large", Message: fmt.Sprintf("The result has %d bytes; %d are allowed.", len(result), MaxResult)})
	}
	done := Done{Result: result}
	if d.Summary != nil {
		done.Summary = Cut(run.Scrub(d.Summary(in, out)), MaxLine)
	}
	return done, nil
}

// Check looks at an input that its schema accepted. The error is for an input
// that does not decode at all.
func (k Kind) Check(input json.RawMessage) (Checked, error) {
	c, err := k.check(input)
	if public, found := k.redactPaths(input); found && err == nil && c.Faults == nil {
		shown, err := k.check(public)
		if err != nil { // what is secret is no text, and the subject not to be had without it
			shown = Checked{}
		}
		c.Subject = shown.Subject
	}
	return c, err
}

// Secrets lists the stored secrets that an input refers to.
func (k Kind) Secrets(input json.RawMessage) []SecretRef {
	if k.secrets == nil {
		return nil
	}
	return k.secrets(input)
}

// CSV writes a stored result as CSV. HasCSV must be true.
func (k Kind) CSV(result json.RawMessage, w io.Writer) error { return k.csv(result, w) }

// Run does one attempt. Its error carries the retry decision: see Error.
func (k Kind) Run(ctx context.Context, input json.RawMessage, run *Run) (Done, error) {
	return k.run(ctx, input, k.paths, run)
}

func decode[T any](raw json.RawMessage) (T, error) {
	var v T
	err := json.Unmarshal(raw, &v)
	return v, err
}

// encode leaves <, > and & as they are: the JSON is never pasted into HTML.
func encode(v any) (json.RawMessage, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
