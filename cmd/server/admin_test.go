package main

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestProfilesAreForThisMachineAlone(t *testing.T) {
	c := start(t, "-role", "api", "-admin-listen", "127.0.0.1:0")
	address := c.field("profiles are served", "address")
	get := func(host string) (int, string) {
		r, err := http.NewRequest("GET", address+"goroutine?debug=1", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = host
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = response.Body.Close() }()
		body, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return response.StatusCode, string(body)
	}
	if status, body := get(""); status != 200 || !strings.Contains(body, "goroutine profile") {
		t.Errorf("got %d %s", status, body)
	}
	if status, _ := get("site.example:6060"); status != http.StatusForbidden {
		t.Errorf("under another name it answers %d", status)
	}
	response, err := http.Get(c.url + "/debug/pprof/")
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode == 200 {
		t.Error("the API's address serves profiles")
	}
}

// field gives a field of the log line with that message, which was written before the child listened.
func (c *child) field(message, name string) string {
	c.t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for line := range strings.Lines(c.log.String()) {
		var fields map[string]any
		if json.Unmarshal([]byte(line), &fields) == nil && fields["msg"] == message {
			value, _ := fields[name].(string)
			return value
		}
	}
	c.t.Fatalf("no line %q", message)
	return ""
}
