package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// script runs one of scripts with variables beside this process's.
func script(t *testing.T, env []string, name string, args ...string) (code int, said string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join("../../scripts", name), args...)
	cmd.Env = append(os.Environ(), env...)
	out, _ := cmd.CombinedOutput() // the exit code tells
	return cmd.ProcessState.ExitCode(), string(out)
}

// A deploy ends with a task handed in as people do it.
func TestSmoke(t *testing.T) {
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("0123456789abcdef0123\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("WINDLASS_ADMIN_TOKEN_FILE", token)
	c := start(t)
	if code, said := script(t, nil, "smoke", c.url); code != 0 || !strings.Contains(said, "succeeded") {
		t.Errorf("exit code %d, said %s", code, said)
	}
	if code, said := script(t, []string{"WINDLASS_ADMIN_TOKEN_FILE="}, "smoke", c.url); code != 1 || !strings.Contains(said, "unauthorized") {
		t.Errorf("without the token: exit code %d, said %s", code, said)
	}
}

func TestAwaitRefresh(t *testing.T) {
	for name, tt := range map[string]struct {
		says string // one answer of AWS a line
		code int
		want string
	}{
		"in the end":    {"Pending\tNone\tNone\nInProgress\t50\tWaiting\nBaking\t100\tNone\nSuccessful\t100\tNone\n", 0, "g: InProgress 50% Waiting"},
		"nothing to do": {"None\tNone\tNone\n", 0, "g: None"},
		"rolled back":   {"InProgress\t50\tNone\nRollbackSuccessful\t100\tan alarm\n", 1, "did not get the new image"},
		"cancelled":     {"Cancelled\t10\tNone\n", 1, "did not get the new image"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			aws := "#!/bin/sh\ncd " + dir + "\nline=$(head -n 1 says)\nsed -i 1d says\necho \"$line\"\n"
			for file, text := range map[string]string{"says": tt.says, "aws": aws} {
				if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o700); err != nil {
					t.Fatal(err)
				}
			}
			code, said := script(t, []string{"PATH=" + dir + ":" + os.Getenv("PATH"), "REFRESH_INTERVAL=0"}, "await-refresh", "g")
			if code != tt.code || !strings.Contains(said, tt.want) {
				t.Errorf("exit code %d, said %s", code, said)
			}
		})
	}
}
