package kind

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"windlass/internal/task"
)

func TestEchoGivesBackAnyJSON(t *testing.T) {
	for _, message := range []string{
		`"hello"`, `null`, `0`, `12345678901234567890.10`, `[1,{"a":"<&>"}]`, `""`,
	} {
		run, recorder := attempt(1)
		done, err := Echo().Run(t.Context(), json.RawMessage(`{"message":`+message+`}`), run)
		if err != nil {
			t.Fatalf("echo %s: %v", message, err)
		}
		if got, want := string(done.Result), `{"message":`+message+`}`; got != want {
			t.Errorf("echo %s: result %s, want %s", message, got, want)
		}
		if len(recorder.lines)+len(recorder.progress) > 0 {
			t.Errorf("echo %s: wrote %q and %v, want nothing", message, recorder.lines, recorder.progress)
		}
	}
}

func TestEchoFails(t *testing.T) {
	tests := []struct {
		input   string
		attempt int
		fails   bool
	}{
		{`{"message":1,"fail_first":2}`, 1, true},
		{`{"message":1,"fail_first":2}`, 2, true},
		{`{"message":1,"fail_first":2}`, 3, false},
		{`{"message":1,"fail":true}`, 1, true},
		{`{"message":1,"fail":true}`, 99, true},
		{`{"message":1}`, 1, false},
	}
	for _, tt := range tests {
		run, _ := attempt(tt.attempt)
		_, err := Echo().Run(t.Context(), json.RawMessage(tt.input), run)
		if !tt.fails {
			if err != nil {
				t.Errorf("%s, attempt %d: %v", tt.input, tt.attempt, err)
			}
			continue
		}
		if err == nil {
			t.Errorf("%s, attempt %d: succeeded", tt.input, tt.attempt)
			continue
		}
		if e := task.AsError(err); e.Code != "asked_to_fail" || e.Final || e.After != 0 {
			t.Errorf("%s, attempt %d: %+v, want asked_to_fail, to be retried by the policy", tt.input, tt.attempt, e)
		}
	}
}

func TestEchoSleeps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		run, recorder := attempt(1)
		if _, err := Echo().Run(t.Context(), json.RawMessage(`{"message":1,"sleep":"10s"}`), run); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took != 10*time.Second {
			t.Errorf("took %s, want 10s", took)
		}
		if want := "INFO Sleeping for 10s."; recorder.log() != want {
			t.Errorf("log %q, want %q", recorder.log(), want)
		}
		if n := len(recorder.progress); n < 99 || n > 100 {
			t.Fatalf("%d reports of progress, want one each 100ms", n)
		}
		for i, p := range recorder.progress {
			if p.Done != int64(i+1) || p.Total != 100 {
				t.Errorf("report %d: %d of %d, want %d of 100", i, p.Done, p.Total, i+1)
			}
		}
	})
}

func TestEchoSleepsQuietlyForASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		run, recorder := attempt(1)
		if _, err := Echo().Run(t.Context(), json.RawMessage(`{"message":1,"sleep":"1s"}`), run); err != nil {
			t.Fatal(err)
		}
		if len(recorder.lines)+len(recorder.progress) > 0 {
			t.Errorf("wrote %q and %v, want nothing", recorder.lines, recorder.progress)
		}
	})
}

func TestEchoEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		start := time.Now()
		run, _ := attempt(1)
		_, err := Echo().Run(ctx, json.RawMessage(`{"message":1,"sleep":"1h"}`), run)
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 3*time.Second {
			t.Errorf("ended after %s with %v, want the context's end after 3s", time.Since(start), err)
		}
	})
}

func TestEchoChecksItsSleep(t *testing.T) {
	for sleep, ok := range map[string]bool{"0s": true, "1h": true, "1h0m0.001s": false, "-1s": false} {
		checked, err := Echo().Check(rawJSON(map[string]any{"message": 1, "sleep": sleep}))
		if err != nil {
			t.Fatal(err)
		}
		if (checked.Faults == nil) != ok {
			t.Errorf("sleep %s: faults %v, want ok = %v", sleep, checked.Faults, ok)
		}
	}
}

func TestEchoSubject(t *testing.T) {
	long := strings.Repeat("wörd ", 1<<10)
	tests := []struct{ message, want string }{
		{`"hello"`, "hello"},
		{`"two\nlines"`, "two lines"},
		{`{"a": [1, 2]}`, `{"a": [1, 2]}`},
		{"{\n  \"a\": 1\n}", `{ "a": 1 }`},
		{`"` + long + `"`, task.Cut(long, task.MaxLine)},
	}
	for _, tt := range tests {
		if got, err := Echo().Check(json.RawMessage(`{"message":` + tt.message + `}`)); err != nil || got.Subject != tt.want {
			t.Errorf("subject of %.40s: %q, %v, want %q", tt.message, got.Subject, err, tt.want)
		}
	}
}

func TestEchoExampleWorks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := Echo()
		if checked, err := k.Check(k.Example); err != nil || checked.Faults != nil {
			t.Fatalf("check: %v, %v", checked.Faults, err)
		}
		run, _ := attempt(1)
		if _, err := k.Run(t.Context(), k.Example, run); err != nil {
			t.Error(err)
		}
	})
}

func BenchmarkEcho(b *testing.B) {
	k, input := Echo(), json.RawMessage(`{"message":"hello"}`)
	run, _ := attempt(1)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := k.Run(b.Context(), input, run); err != nil {
			b.Fatal(err)
		}
	}
}
