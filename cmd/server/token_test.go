package main

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"

	"windlass/internal/redistest"
)

// command runs Windlass as a command that ends.
func command(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = append(os.Environ(), childVariable+"=1")
	var out, faults bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &faults
	_ = cmd.Run() // the exit code tells
	return cmd.ProcessState.ExitCode(), strings.TrimSpace(out.String()), faults.String()
}

// Two processes take made tokens only. A token is made by the command, and what the command
// revokes neither of them lets in any more.
func TestTokensOnly(t *testing.T) {
	url := redistest.Start(t).URL()
	if code, _, said := command(t, "-role", "api", "-listen", "127.0.0.1:0", "-redis-url", url, "-auth", "tokens"); code != 1 || !strings.Contains(said, "windlass token create -role admin") {
		t.Fatalf("without any token: %d, %s", code, said)
	}
	create := func(role string) string {
		t.Helper()
		code, text, said := command(t, "token", "create", "-role", role, "-expires", "90d", "-redis-url", url)
		if code != 0 || !strings.HasPrefix(text, "wl_") || strings.Contains(text, "\n") || !strings.Contains(said, role+" tok_") {
			t.Fatalf("create: %d, %q, %q", code, text, said)
		}
		return text
	}
	doctor := func(code int, want string) {
		t.Helper()
		got, said := consult(t, "WINDLASS_REDIS_URL", url, "WINDLASS_AUTH", "tokens")
		if got != code || !strings.Contains(said, want) {
			t.Errorf("the doctor gives %d, not %d with %q:\n%s", got, code, want, said)
		}
	}
	doctor(1, "FAIL  tokens      No token of role admin is valid")
	create("viewer")
	doctor(0, "warn  tokens      No token of role admin is valid")
	if c := start(t, "-role", "api", "-redis-url", url, "-auth", "tokens"); !c.logged("No token of role admin is valid") {
		t.Error("it starts and does not say that no admin can come in")
	}
	create("admin")
	doctor(0, "ok    tokens      an admin's is valid until")
	t.Setenv("WINDLASS_ADMIN_TOKEN", "the first key, which is switched off")
	fronts := []*child{start(t, "-role", "api", "-redis-url", url, "-auth", "tokens"), start(t, "-role", "api", "-redis-url", url, "-auth", "tokens")}
	want := func(token string, status int) {
		t.Helper()
		for _, c := range fronts {
			r, err := http.NewRequestWithContext(t.Context(), "GET", c.url+"/api/v1/tasks", nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Authorization", "Bearer "+token)
			response, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			_ = response.Body.Close()
			if response.StatusCode != status {
				t.Errorf("%d, want %d", response.StatusCode, status)
			}
		}
	}
	want("the first key, which is switched off", 401)
	viewer := create("viewer")
	want(viewer, 200)
	_, list, _ := command(t, "token", "list", "-redis-url", url)
	id := ""
	for line := range strings.Lines(list) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[1] == "viewer" && id == "" { // the newest
			id = fields[0]
		}
	}
	if code, _, said := command(t, "token", "revoke", "-redis-url", url, id); code != 0 {
		t.Fatalf("revoke %q: %d, %s", id, code, said)
	}
	want(viewer, 401)
	if code, _, said := command(t, "token", "revoke", "-redis-url", url, "tok_none"); code != 1 || !strings.Contains(said, "no such token") {
		t.Errorf("revoke nothing: %d, %s", code, said)
	}
	if _, list, _ := command(t, "token", "list", "-redis-url", url); strings.Count(list, "revoked") != 1 || strings.Contains(list, viewer) {
		t.Errorf("list is\n%s", list)
	}
	admin := create("admin")
	r, err := http.NewRequestWithContext(t.Context(), "GET", fronts[0].url+"/api/v1/audit?actor=command", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+admin)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	trail, err := io.ReadAll(response.Body)
	if err != nil || bytes.Count(trail, []byte(`"createToken"`)) != 4 || bytes.Count(trail, []byte(`"revokeToken","object":"`+id)) != 1 {
		t.Errorf("the trail of what the command did: %s, %v", trail, err)
	}
	if code, help, _ := command(t, "token", "-h"); code != 0 || !strings.Contains(help, "windlass token create") {
		t.Errorf("help: %d, %s", code, help)
	}
}
