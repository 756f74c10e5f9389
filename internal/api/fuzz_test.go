package api

import (
	"bytes"
	"encoding/json"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

func FuzzIdempotencyKey(f *testing.F) {
	for _, seed := range []string{`"a b"`, "bare", `"\"\\"`, `"`, `""`, `"a"x`, "\x01", " ", `"a\`, "é"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		key, ok := parseIdempotencyKey(value)
		if !ok {
			if key != "" {
				t.Errorf("refused, and yet %q", key)
			}
			return
		}
		if key == "" || len(key) > maxIdempotencyKey || strings.ContainsFunc(key, func(r rune) bool { return r < 0x20 || r > 0x7e }) {
			t.Errorf("%q gives %q", value, key)
		}
		quoted := `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(key) + `"`
		if again, ok := parseIdempotencyKey(quoted); !ok || again != key {
			t.Errorf("%q quoted gives %q", key, again)
		}
	})
}

func TestPrefer(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]time.Duration{
		"": 0, "wait=10": 10 * time.Second, "respond-async, wait=5": 5 * time.Second, `Wait="3"; x=y`: 3 * time.Second,
		"wait = 2": 2 * time.Second, "wait=600": time.Minute, "wait=-1": 0, "wait=1.5": 0, "wait": 0, "wait=99999999999999": 0,
	} {
		if got := parsePrefer(value); got != want {
			t.Errorf("%q gives %v, want %v", value, got, want)
		}
	}
}

func FuzzPrefer(f *testing.F) {
	for _, seed := range []string{"wait=1", "respond-async, wait=5;q", `wait="9"`, "wait=999999999999999999999", ",,=", "wait=-0"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		if got := parsePrefer(value); got < 0 || got > maxWait {
			t.Errorf("%q gives %v", value, got)
		}
	})
}

func TestCanonical(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		`{"b":1,"a":[1.50,1e3,"<é>"]}`: `{"a":[1.50,1e3,"<é>"],"b":1}`,
		` {"a":1,"a":2} `:              `{"a":2}`,
		`123456789012345678901`:        `123456789012345678901`,
	} {
		if got, err := canonical([]byte(raw)); err != nil || string(got) != want {
			t.Errorf("%s gives %s, %v; want %s", raw, got, err, want)
		}
	}
}

func FuzzCanonical(f *testing.F) {
	for _, seed := range []string{`{"b":1,"a":{"z":null,"y":[1e5,-0]}}`, `"\u2028<"`, `1`, `{}x`, ``, `{"a":1,"a":2}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		form, err := canonical(raw)
		if err != nil {
			if json.Valid(raw) && !bytes.Contains(raw, []byte("[[[[")) && !bytes.Contains(raw, []byte(`{"":{"":`)) {
				t.Errorf("%q is JSON: %v", raw, err)
			}
			return
		}
		if !json.Valid(raw) || !json.Valid(form) {
			t.Errorf("%q gives %q", raw, form)
		}
		if again, err := canonical(form); err != nil || !bytes.Equal(again, form) {
			t.Errorf("%q gives %q, then %q, %v", raw, form, again, err)
		}
	})
}

// FuzzList sends any cursor and any query to the list of a store without tasks.
func FuzzList(f *testing.F) {
	s := newFuzzSite(f)
	for _, seed := range []string{"", "MXRza18", "cursor", "MXRza18wMWs5eDRoMm04djNuNXA3cTlyMXMzdDV2N19kZWZhdWx0", "%", "\x00"} {
		f.Add(seed, "pending")
	}
	f.Add("", "pending,,active")
	f.Fuzz(func(t *testing.T, cursor, state string) {
		q := url.Values{"cursor": {cursor}, "state": {state}}
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "http://localhost/api/v1/tasks?"+q.Encode(), nil))
		if w.Code != 200 && w.Code != 422 || !json.Valid(w.Body.Bytes()) {
			t.Errorf("%q %q: %d %s", cursor, state, w.Code, w.Body)
		}
	})
}
