package tracing

import (
	"strings"
	"testing"
)

const good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

func TestParse(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		good:                   good,
		"":                     "",
		good + "-x":            "", // version 00 has no more parts
		good + "0":             "",
		good[:54]:              "",
		strings.ToUpper(good):  "",
		"ff" + good[2:]:        "",
		" " + good:             "",
		good[:53] + "00":       good[:53] + "00",
		good[:53] + "03":       good, // flags that nobody knows yet
		good[:53] + "0g":       "",
		"cc" + good[2:]:        good, // what a later version adds is left behind
		"cc" + good[2:] + "-x": good,
		"cc" + good[2:] + "x":  "",
		strings.ReplaceAll(good, "b7ad6b7169203331", "0000000000000000"):                      "",
		strings.ReplaceAll(good, "0af7651916cd43dd8448eb211c80319c", strings.Repeat("0", 32)): "",
		strings.ReplaceAll(good, "-", "_"):                                                    "",
		"cc" + good[2:] + strings.Repeat("-x", 200):                                           "",
	} {
		if got := Traceparent(remote(t.Context(), value)); got != want {
			t.Errorf("%q gives %q, want %q", value, got, want)
		}
	}
	if id := IDOf(good); id != good[3:35] {
		t.Errorf("the trace's id is %q", id)
	}
	if id := ID(t.Context()); id != "" {
		t.Errorf("no trace has the id %q", id)
	}
}

func FuzzTraceparent(f *testing.F) {
	for _, seed := range []string{good, "01" + good[2:] + "-more", good[:53] + "ff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		got := Traceparent(remote(t.Context(), value))
		if got == "" {
			return
		}
		if len(got) != len(good) || got[2:53] != value[2:53] || strings.Trim(got, "0123456789abcdef-") != "" {
			t.Errorf("%q gives %q", value, got)
		}
		if again := Traceparent(remote(t.Context(), got)); again != got {
			t.Errorf("%q is not valid by itself", got)
		}
	})
}
