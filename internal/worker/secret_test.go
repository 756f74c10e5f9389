package worker

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"windlass/internal/secret"
	"windlass/internal/store"
	"windlass/internal/task"
)

func parseKeys(t *testing.T, letters string) *secret.Keys {
	t.Helper()
	var words []string
	for _, letter := range letters {
		words = append(words, strings.Repeat(string(letter), 64))
	}
	keys, err := secret.ParseKeys(strings.Join(words, "\n"))
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func withKeys(keys *secret.Keys) func(*Config) { return func(c *Config) { c.Keys = keys } }

// tell gives the values of the stored secret that the input names.
func tell(ctx context.Context, i in, run *task.Run) (in, error) {
	s, err := run.Secret(ctx, i.Message)
	if err != nil {
		return in{}, err
	}
	letters := strings.Split(s.Value+" "+s.Previous+" "+strings.Join(s.Hosts, ","), "")
	return in{strings.Join(letters, "|")}, nil // not as it is: that would be replaced
}

func (b *bench) put(name, sealed, previous string, until time.Time) {
	b.t.Helper()
	_, err := b.PutSecret(b.t.Context(), name, func(s *store.Secret) error {
		s.Sealed, s.Previous, s.PreviousUntil, s.Hosts = sealed, previous, until, []string{"a.test"}
		return nil
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

func TestStoredSecretsAreReadAtTheAttempt(t *testing.T) {
	b := newBench(t)
	keys, stranger := parseKeys(t, "ab"), parseKeys(t, "c")
	older := parseKeys(t, "b")
	b.startWith(withKeys(keys), tell)
	soon, gone := time.Now().Add(time.Hour), time.Now().Add(-time.Hour)
	b.put("both", keys.Seal(secret.ForSecret("both"), "new-value"), older.Seal(secret.ForSecret("both"), "old-value"), soon)
	b.put("over", keys.Seal(secret.ForSecret("over"), "new-value"), keys.Seal(secret.ForSecret("over"), "old-value"), gone)
	b.put("swapped", keys.Seal(secret.ForSecret("both"), "new-value"), "", gone)
	b.put("strange", stranger.Seal(secret.ForSecret("strange"), "new-value"), "", gone)

	tests := []struct {
		name, says, code string
		attempts         int
	}{
		{"both", "new-value old-value a.test", "", 1},
		{"over", "new-value  a.test", "", 1},
		{"swapped", "", "secret_broken", 1},
		{"strange", "", "secrets_key_missing", 3},
		{"none", "", "secret_not_found", 1},
	}
	for _, tt := range tests {
		id := b.submit(func(s *store.Submission) { s.Input = json.RawMessage(`{"message":"` + tt.name + `"}`) })
		got := b.wait(id, final)
		var out in
		if err := json.Unmarshal(got.Result, &out); got.Result != nil && err != nil {
			t.Fatal(err)
		}
		code := ""
		if got.Error != nil {
			code = got.Error.Code
		}
		if says := strings.ReplaceAll(out.Message, "|", ""); says != tt.says || code != tt.code || len(got.Attempts) != tt.attempts {
			t.Errorf("%s: %q, %s, %d attempts; want %q, %s, %d", tt.name, says, code, len(got.Attempts), tt.says, tt.code, tt.attempts)
		}
	}
}

func TestSealedInputsAreOpenedAtTheAttempt(t *testing.T) {
	keys := parseKeys(t, "ab")
	public := json.RawMessage(`{"message":"[redacted]"}`)
	whole := `{"message":"the whole input"}`
	tests := []struct {
		name   string
		keys   *secret.Keys
		sealed string
		want   string // the message or the failure's code
	}{
		{"sealed", keys, keys.Seal(secret.ForInput("test", public), whole), "the whole input"},
		{"with an older key", keys, parseKeys(t, "b").Seal(secret.ForInput("test", public), whole), "the whole input"},
		{"for another kind", keys, keys.Seal(secret.ForInput("other", public), whole), "secret_broken"},
		{"for another input", keys, keys.Seal(secret.ForInput("test", []byte(`{"message":"x"}`)), whole), "secret_broken"},
		{"without a key", nil, keys.Seal(secret.ForInput("test", public), whole), "secrets_key_missing"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t)
			b.startWith(withKeys(tt.keys), echo)
			got := b.wait(b.submit(func(s *store.Submission) { s.Input, s.Sealed = public, tt.sealed }), final)
			said := string(got.Result)
			if got.Error != nil {
				said = got.Error.Code
			}
			if !strings.Contains(said, tt.want) {
				t.Errorf("%s, want %s", said, tt.want)
			}
		})
	}
}
