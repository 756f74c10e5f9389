package main

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"windlass/internal/redistest"
)

// A key is replaced without losing a secret: a process that has the new one first
// seals again what the older one sealed, and then the older one can go.
func TestKeysAreReplaced(t *testing.T) {
	redis := redistest.Start(t)
	file := filepath.Join(t.TempDir(), "keys")
	t.Setenv("WINDLASS_SECRETS_KEY_FILE", file)
	first, second, third := strings.Repeat("1a", 32), strings.Repeat("2b", 32), strings.Repeat("3c", 32)
	run := func(keys string, do func(c *child)) {
		t.Helper()
		if err := os.WriteFile(file, []byte(keys), 0o600); err != nil {
			t.Fatal(err)
		}
		c := start(t, "-role", "api", "-redis-url", redis.URL())
		do(c)
		c.stop()
	}
	put := func(c *child, body string) {
		t.Helper()
		if status, text := ask(t, "PUT", c.url+"/api/v1/secrets/orders", body); status != http.StatusOK {
			t.Fatalf("put: %d %s", status, text)
		}
	}
	key := func(c *child) (id string, current bool, text string) {
		t.Helper()
		_, text = ask(t, "GET", c.url+"/api/v1/secrets", "")
		var list struct {
			Items []struct {
				KeyID         string `json:"key_id"`
				KeyCurrent    bool   `json:"key_current"`
				PreviousUntil string `json:"previous_until"`
			}
		}
		if err := json.Unmarshal([]byte(text), &list); err != nil || len(list.Items) != 1 || list.Items[0].PreviousUntil == "" {
			t.Fatalf("list: %s, %v", text, err)
		}
		return list.Items[0].KeyID, list.Items[0].KeyCurrent, text
	}
	var before string
	run(first, func(c *child) {
		put(c, `{"value":"value-one-1111"}`)
		put(c, `{"value":"value-two-2222","keep_previous":"24h"}`)
		before, _, _ = key(c)
	})
	run(second+"\n"+first, func(c *child) {
		if id, current, text := key(c); !current || id == before {
			t.Errorf("with the new key first: %s", text)
		}
		if !c.logged("secrets sealed again with the current key") {
			t.Error("nothing was said of the new seals")
		}
	})
	run(second, func(c *child) {
		if _, current, text := key(c); !current {
			t.Errorf("with the new key alone: %s", text)
		}
		if c.logged("sealed again") || c.logged("cannot be opened") {
			t.Error("there was something left to seal")
		}
	})
	run(third, func(c *child) {
		if _, current, text := key(c); current || !c.logged("a stored secret cannot be opened") {
			t.Errorf("with a key that never was: %s", text)
		}
	})
}

func TestNoKeyIsSaid(t *testing.T) {
	c := start(t, "-role", "api")
	if !c.logged("no key for secrets configured") {
		t.Error("a process without a key does not say so")
	}
	if status, text := ask(t, "GET", c.url+"/api/v1/secrets", ""); status != http.StatusConflict || !strings.Contains(text, "WINDLASS_SECRETS_KEY_FILE") {
		t.Errorf("%d %s", status, text)
	}
}

func (c *child) logged(words string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return strings.Contains(c.log.String(), words)
}

// ask sends one request and gives status and body of the answer.
func ask(t *testing.T, method, url, body string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}
