package task

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestErrorWrapping(t *testing.T) {
	known := &Error{Code: "gone", Message: "It is gone.", Err: io.EOF}
	tests := []struct {
		name string
		err  error
		want Error
	}{
		{"plain", io.EOF, Error{Code: "error", Message: "EOF", Err: io.EOF}},
		{"known", known, *known},
		{"wrapped", fmt.Errorf("fetch: %w", known), *known},
		{"permanent plain", Permanent(io.EOF), Error{Code: "error", Message: "EOF", Final: true, Err: io.EOF}},
		{"permanent wrapped", Permanent(fmt.Errorf("fetch: %w", known)), Error{Code: "gone", Message: "It is gone.", Final: true, Err: io.EOF}},
		{"after", RetryAfter(known, time.Minute), Error{Code: "gone", Message: "It is gone.", After: time.Minute, Err: io.EOF}},
		{"permanent and after", Permanent(RetryAfter(io.EOF, 1)), Error{Code: "error", Message: "EOF", Final: true, After: 1, Err: io.EOF}},
	}
	for _, tt := range tests {
		if got := AsError(tt.err); got != tt.want {
			t.Errorf("%s: got %+v, want %+v", tt.name, got, tt.want)
		}
		if !errors.Is(tt.err, io.EOF) {
			t.Errorf("%s: the cause is lost", tt.name)
		}
	}
	if known.Final || known.After != 0 {
		t.Errorf("the original was changed: %+v", known)
	}
	if Permanent(nil) != nil || RetryAfter(nil, 1) != nil {
		t.Error("nil became an error")
	}
	if got, want := known.Error(), "gone: It is gone. (EOF)"; got != want {
		t.Errorf("text: got %q, want %q", got, want)
	}
	if got, want := (&Error{Code: "a", Message: "B."}).Error(), "a: B."; got != want {
		t.Errorf("text: got %q, want %q", got, want)
	}
}

func TestFailureHidesTheCause(t *testing.T) {
	e := &Error{Code: "a", Message: strings.Repeat("é", 2000), Err: errors.New("secret")}
	got := e.Failure()
	if got.Code != "a" || len(got.Message) > MaxErrorMessage || strings.Contains(got.Message, "secret") || !utf8.ValidString(got.Message) {
		t.Errorf("got %d bytes: %+v", len(got.Message), got)
	}
}

func TestCut(t *testing.T) {
	tests := []struct {
		in   string
		max  int
		want string
	}{
		{"", 3, ""}, {"abc", 3, "abc"}, {"abcd", 3, "…"}, {"abcdef", 5, "ab…"}, {"äöü", 6, "äöü"}, {"äöüß", 6, "ä…"}, {"äöüß", 7, "äö…"},
		{"a\xffb", 10, "a\uFFFDb"}, {"日本語日本語", 10, "日本…"},
	}
	for _, tt := range tests {
		if got := Cut(tt.in, tt.max); got != tt.want {
			t.Errorf("cut %q to %d: got %q, want %q", tt.in, tt.max, got, tt.want)
		}
	}
}

func FuzzCut(f *testing.F) {
	for _, seed := range []string{"", "abc", "äöü", "日本語", "\xff\xfe", "👩‍👩‍👧", "a\x00b"} {
		for _, n := range []uint16{3, 4, 5, 300} {
			f.Add(seed, n)
		}
	}
	f.Fuzz(func(t *testing.T, s string, most uint16) {
		n := max(int(most), 3) // the ellipsis has to fit
		got := Cut(s, n)
		valid := strings.ToValidUTF8(s, "\uFFFD")
		switch {
		case len(got) > n || !utf8.ValidString(got):
			t.Errorf("cut %q to %d: got %q", s, n, got)
		case len(valid) <= n && got != valid:
			t.Errorf("%q fits in %d and became %q", s, n, got)
		case len(valid) > n && (!strings.HasSuffix(got, "…") || !strings.HasPrefix(valid, strings.TrimSuffix(got, "…"))):
			t.Errorf("cut %q to %d: got %q", s, n, got)
		case len(valid) > n && len(got) < n-utf8.UTFMax+1:
			t.Errorf("cut %q to %d: got only %d bytes", s, n, len(got))
		}
	})
}
