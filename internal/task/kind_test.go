package task

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"time"
)

type copyIn struct {
	Text   string          `json:"text"`
	Secret string          `json:"secret,omitempty"`
	Any    json.RawMessage `json:"any,omitempty"`
}

type copyOut struct {
	Text string          `json:"text"`
	Any  json.RawMessage `json:"any,omitempty"`
	Rate float64         `json:"rate"`
}

func copying() Definition[copyIn, copyOut] {
	return Definition[copyIn, copyOut]{
		Name: "test.copy", Title: "Copy", Description: "Copies.", Queue: "default", Policy: sound(),
		Example: copyIn{Text: "<hi>"},
		Check: func(in copyIn) (faults FieldErrors) {
			if in.Text == "" {
				faults.Add("text", "must not be empty")
			}
			return faults
		},
		CacheFor: func(in copyIn) time.Duration { return time.Duration(len(in.Text)) },
		Subject:  func(in copyIn) string { return "copy " + in.Text },
		Summary:  func(in copyIn, _ copyOut) string { return "copied " + in.Text },
		Redact:   func(in copyIn) copyIn { in.Secret = "***"; return in },
		CSV: func(out copyOut, w io.Writer) error {
			_, err := io.WriteString(w, "text\r\n"+out.Text+"\r\n")
			return err
		},
		Run: func(_ context.Context, in copyIn, _ *Run) (copyOut, error) {
			switch in.Text {
			case "fail":
				return copyOut{}, io.EOF
			case "nan":
				return copyOut{Rate: math.NaN()}, nil
			}
			return copyOut{Text: in.Text, Any: in.Any}, nil
		},
	}
}

func TestKindRun(t *testing.T) {
	k := copying().Kind()
	done, err := k.Run(t.Context(), json.RawMessage(`{"text":"<a&b>","any":12345678901234567890.10}`), NewRun(&Task{}, 1, nil, &notes{}))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"text":"<a&b>","any":12345678901234567890.10,"rate":0}`
	if string(done.Result) != want || done.Summary != "copied <a&b>" {
		t.Errorf("got %s, %q, want %s", done.Result, done.Summary, want)
	}

	large := strings.Repeat("x", MaxResult)
	for input, code := range map[string]string{
		`{"text":"` + large + `"}`: "result_too_large", `{"text":"nan"}`: "invalid_result", `{"text":7}`: "invalid_input", `{`: "invalid_input",
	} {
		_, err := k.Run(t.Context(), json.RawMessage(input), NewRun(&Task{}, 1, nil, &notes{}))
		if got, ok := errors.AsType[*Error](err); !ok || got.Code != code || !got.Final {
			t.Errorf("%.30s: got %v, want a final %s", input, err, code)
		}
	}
	if _, err := k.Run(t.Context(), json.RawMessage(`{"text":"fail"}`), NewRun(&Task{}, 1, nil, &notes{})); !errors.Is(err, io.EOF) {
		t.Errorf("its own error: got %v", err)
	}
	fits := strings.Repeat("x", MaxResult-len(`{"text":"","rate":0}`))
	done, err = k.Run(t.Context(), json.RawMessage(`{"text":"`+fits+`"}`), NewRun(&Task{}, 1, nil, &notes{}))
	if err != nil || len(done.Result) != MaxResult || len(done.Summary) > MaxLine {
		t.Errorf("the largest result: got %d bytes, summary %d bytes, %v", len(done.Result), len(done.Summary), err)
	}
}

func TestKindViews(t *testing.T) {
	k := copying().Kind()
	in := json.RawMessage(`{"text":"a","secret":"pw"}`)
	if got, secret := k.Conceal(in); !secret || string(got) != `{"text":"a","secret":"***"}` {
		t.Errorf("conceal: got %s, %v", got, secret)
	}
	if got, secret := k.Conceal(json.RawMessage(`{"secret":7}`)); !secret || string(got) != "null" {
		t.Errorf("conceal what does not decode: got %s, %v, want null", got, secret)
	}
	if got, err := k.Check(json.RawMessage(`{"text":"` + strings.Repeat("x", 1000) + `"}`)); err != nil || len(got.Subject) > MaxLine || !strings.HasPrefix(got.Subject, "copy x") {
		t.Errorf("a long text: got %+v, %v", got, err)
	}
	if got, err := k.Check(in); err != nil || got.Faults != nil || got.CacheFor != 1 {
		t.Errorf("check: got %+v, %v", got, err)
	}
	if got, err := k.Check(json.RawMessage(`{"text":""}`)); err != nil || got.Faults.Error() != "text must not be empty" || got.Subject != "" {
		t.Errorf("check: got %+v, %v", got, err)
	}
	if _, err := k.Check(json.RawMessage(`[]`)); err == nil {
		t.Error("check of what does not decode: no error")
	}
	var b bytes.Buffer
	if err := k.CSV(json.RawMessage(`{"text":"a"}`), &b); err != nil || b.String() != "text\r\na\r\n" {
		t.Errorf("csv: got %q, %v", b.String(), err)
	}
	if err := k.CSV(json.RawMessage(`[]`), &b); err == nil {
		t.Error("csv of what does not decode: no error")
	}
	if !k.HasCSV || string(k.Example) != `{"text":"\u003chi\u003e"}` || k.Input.Name() != "copyIn" || k.Result.Name() != "copyOut" {
		t.Errorf("kind: %+v", k)
	}
}

// What a definition may leave out.
func TestKindBare(t *testing.T) {
	d := copying()
	d.Check, d.CacheFor, d.Summary, d.Redact, d.CSV = nil, nil, nil, nil, nil
	k := d.Kind()
	in := json.RawMessage(`{"text": "", "unknown": 1}`)
	if got, err := k.Check(in); err != nil || got.Faults != nil || got.CacheFor != 0 {
		t.Errorf("check: got %+v, %v", got, err)
	}
	if public, secret := k.Conceal(in); k.HasCSV || secret || string(public) != string(in) {
		t.Errorf("bare kind: csv %v, concealed %s", k.HasCSV, public)
	}
	if done, err := k.Run(t.Context(), in, NewRun(&Task{}, 1, nil, &notes{})); err != nil || done.Summary != "" {
		t.Errorf("run: got %+v, %v", done, err)
	}
}

func TestKindPanicsWhenFaulty(t *testing.T) {
	for name, spoil := range map[string]func(*Definition[copyIn, copyOut]){
		"name":    func(d *Definition[copyIn, copyOut]) { d.Name = "" },
		"title":   func(d *Definition[copyIn, copyOut]) { d.Title = "" },
		"queue":   func(d *Definition[copyIn, copyOut]) { d.Queue = "" },
		"subject": func(d *Definition[copyIn, copyOut]) { d.Subject = nil },
		"run":     func(d *Definition[copyIn, copyOut]) { d.Run = nil },
		"policy":  func(d *Definition[copyIn, copyOut]) { d.Policy.Timeout = 0 },
		"example": func(d *Definition[copyIn, copyOut]) { d.Example.Any = json.RawMessage("{") },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("without %s: no panic", name)
				}
			}()
			d := copying()
			spoil(&d)
			d.Kind()
		}()
	}
}
