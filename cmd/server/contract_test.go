package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"windlass/internal/redistest"
)

const contractToken = "contract-0123456789abcdef"

// TestContract lets schemathesis try the running program by its own openapi.json,
// with all its checks: no answer that the document does not know, no fault of the server,
// no bad input that is taken and no good one that is refused, no way around the sign-in.
// Nobody, the admin, and a token of each role are tried at the same time.
func TestContract(t *testing.T) {
	t.Setenv("WINDLASS_ADMIN_TOKEN", contractToken)
	t.Setenv("WINDLASS_SECRETS_KEY", strings.Repeat("5e", 32)) // else its routes answer that there is none
	redis := redistest.Start(t)
	// It comes fast and often, which is what limits are for.
	c := start(t, "-role", "api,worker,scheduler", "-redis-url", redis.URL(), "-rate-limits", "0", "-prompt-refusals", "0")
	document := c.contract()
	tokens := map[string]string{"nobody": "", "admin": contractToken}
	for _, role := range []string{"viewer", "submitter", "operator"} {
		tokens[role] = c.token(role)
	}
	for name, token := range tokens {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := []string{document, "--url", c.url, "--max-examples", "6", "--seed", "1"}
			if token != "" {
				args = append(args, "--header", "Authorization: Bearer "+token)
			}
			schemathesis(t, args...)
		})
	}
}

// contract writes the program's description into a file and gives its name, for a
// program that asks for tokens: the one that it serves says that it may ask for none.
func (c *child) contract() string {
	c.t.Helper()
	response, err := http.Get(c.url + "/openapi.json")
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	var document map[string]any
	if err := json.NewDecoder(response.Body).Decode(&document); err != nil {
		c.t.Fatal(err)
	}
	document["security"] = []any{map[string]any{"bearer": []any{}}, map[string]any{"cookie": []any{}}}
	text, err := json.Marshal(document)
	if err != nil {
		c.t.Fatal(err)
	}
	name := filepath.Join(c.t.TempDir(), "openapi.json")
	if err := os.WriteFile(name, text, 0o600); err != nil {
		c.t.Fatal(err)
	}
	return name
}

// token makes one of a role.
func (c *child) token(role string) string {
	c.t.Helper()
	r, err := http.NewRequest("POST", c.url+"/api/v1/tokens", strings.NewReader(`{"name":"contract","role":"`+role+`"}`))
	if err != nil {
		c.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+contractToken)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	var made struct{ Token string }
	if err != nil || json.Unmarshal(body, &made) != nil || made.Token == "" {
		c.t.Fatalf("make a token: %d %s %v", response.StatusCode, body, err)
	}
	return made.Token
}

// schemathesis fails the test when it finds something.
func schemathesis(t *testing.T, args ...string) {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(root, ".cache/schemathesis/bin/schemathesis")
	if _, err := os.Stat(bin); err != nil {
		t.Fatalf("schemathesis is not installed: run make test, or scripts/setup schemathesis (%v)", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	argv := append([]string{"--config-file", filepath.Join(root, "cmd/server/testdata/schemathesis.toml"), "run"}, args...)
	cmd := exec.CommandContext(ctx, bin, argv...)
	cmd.Dir = t.TempDir() // it leaves files behind
	cmd.Env = append(os.Environ(), "NO_COLOR=1", "COLUMNS=200")
	said, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("schemathesis: %v\n%s", err, said)
		return
	}
	lines := bytes.Split(bytes.TrimSpace(said), []byte("\n"))
	t.Logf("%s", bytes.Join(lines[max(0, len(lines)-25):], []byte("\n")))
}
