package redistest

import (
	"os"
	"strings"
	"testing"
)

// UserArgs makes a server know one user and nobody else, for [Start]. The user may do what
// SECURITY.md grants and what the extra rules say. The test's package stands two folders
// below the repository's root.
func UserArgs(t testing.TB, name, password string, extra ...string) []string {
	t.Helper()
	text, err := os.ReadFile("../../SECURITY.md")
	if err != nil {
		t.Fatalf("read the rules of the user: %v", err)
	}
	for line := range strings.Lines(string(text)) {
		if rules, ok := strings.CutPrefix(line, "ACL SETUSER windlass on >PASSWORD "); ok {
			args := append([]string{"--user", "default", "off", "--user", name, "on", ">" + password}, strings.Fields(rules)...)
			return append(args, extra...)
		}
	}
	t.Fatal("SECURITY.md has no rules of the user")
	return nil
}
