package store

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// replaced gives a change that puts value there and keeps the one before.
func replaced(value string) func(*Secret) error {
	return func(s *Secret) error {
		s.Previous, s.PreviousUntil = s.Sealed, time.UnixMilli(2_000_000_000_000).UTC()
		s.Sealed = value
		return nil
	}
}

func testSecrets(e *env) {
	all, err := e.Secrets(e.ctx)
	e.ok(err)
	if len(all) != 0 {
		e.t.Fatalf("at first: %v", all)
	}
	for _, name := range []string{"b", "a"} {
		_, err := e.PutSecret(e.ctx, name, replaced("first of "+name))
		e.ok(err)
	}
	made, err := e.PutSecret(e.ctx, "b", replaced("second of b"))
	e.ok(err)
	got, err := e.Secret(e.ctx, "b")
	e.ok(err)
	want := Secret{Name: "b", Sealed: "second of b", Previous: "first of b", PreviousUntil: time.UnixMilli(2_000_000_000_000).UTC()}
	for _, secret := range []Secret{made, got} {
		if diff := cmp.Diff(want, secret, cmpopts.IgnoreUnexported(Secret{})); diff != "" {
			e.t.Errorf("secret (-want +got):\n%s", diff)
		}
	}
	if got.PreviousAt(time.UnixMilli(1_999_999_999_999)) != "first of b" || got.PreviousAt(time.UnixMilli(2_000_000_000_000)) != "" {
		e.t.Error("the value before is not good for as long as it should be")
	}
	all, err = e.Secrets(e.ctx)
	e.ok(err)
	if len(all) != 2 || all[0].Name != "a" || all[1].Name != "b" || !all[1].LastUsedAt.IsZero() {
		e.t.Errorf("list: %+v", all)
	}
	names, err := e.SecretNames(e.ctx)
	e.ok(err)
	if len(names) != 2 || !names["a"] || !names["b"] {
		e.t.Errorf("names: %v", names)
	}
	if _, err := e.PutSecret(e.ctx, "b", func(*Secret) error { return errSentinel }); !errors.Is(err, errSentinel) {
		e.t.Errorf("a change that fails: %v", err)
	}
}

var errSentinel = errors.New("no")

func testSecretsUsed(e *env) {
	_, err := e.PutSecret(e.ctx, "a", replaced("x"))
	e.ok(err)
	_, err = e.UseSecret(e.ctx, "a")
	e.ok(err)
	for noted := false; !noted && e.ctx.Err() == nil; { // in the background
		got, err := e.Secret(e.ctx, "a")
		e.ok(err)
		noted = !got.LastUsedAt.IsZero()
	}
	e.ok(e.DeleteSecret(e.ctx, "a"))
	if err := e.DeleteSecret(e.ctx, "a"); !errors.Is(err, ErrNoSecret) {
		e.t.Errorf("deleted twice: %v", err)
	}
	if _, err := e.UseSecret(e.ctx, "a"); !errors.Is(err, ErrNoSecret) {
		e.t.Errorf("used after its end: %v", err)
	}
	made, err := e.PutSecret(e.ctx, "a", replaced("y"))
	e.ok(err)
	if got, err := e.Secret(e.ctx, "a"); err != nil || !got.LastUsedAt.IsZero() || made.Previous != "" {
		e.t.Errorf("one of the same name has %+v of the one before, %v", got, err)
	}
}

// Of changes at the same time none is lost: each is made on what the others left.
func testSecretsAtOnce(e *env) {
	const writers = 8
	var all sync.WaitGroup
	for range writers {
		all.Go(func() {
			if _, err := e.PutSecret(e.ctx, "a", func(s *Secret) error { s.Sealed += "x"; return nil }); err != nil {
				e.t.Error(err)
			}
		})
	}
	all.Wait()
	if got, err := e.Secret(e.ctx, "a"); err != nil || got.Sealed != strings.Repeat("x", writers) {
		e.t.Errorf("%q, %v, want %d changes", got.Sealed, err, writers)
	}
}

func testTooManySecrets(e *env) {
	fields := make([]any, 0, 2*MaxSecrets)
	for i := range MaxSecrets {
		fields = append(fields, fmt.Sprint("s", i), "{}")
	}
	e.ok(e.rdb.HSet(e.ctx, secretsKey, fields...).Err())
	if _, err := e.PutSecret(e.ctx, "one-more", replaced("x")); !errors.Is(err, ErrTooManySecrets) {
		e.t.Errorf("one too many: %v", err)
	}
	_, err := e.PutSecret(e.ctx, "s1", replaced("x"))
	e.ok(err)
}

func testSealedInput(e *env) {
	change := func(s *Submission) { s.Input, s.Sealed = []byte(`{"a":"[redacted]"}`), "1.sealed" }
	made := e.submit(change)
	got, err := e.Get(e.ctx, made.ID)
	e.ok(err)
	peeked, err := e.Peek(e.ctx, 1, made.ID)
	e.ok(err)
	claimed := e.claim(made.Queue).Task
	if made.Sealed != "1.sealed" || got.Sealed != "1.sealed" || claimed.Sealed != "1.sealed" || string(got.Input) != `{"a":"[redacted]"}` {
		e.t.Errorf("made %+v\nread %+v\nclaimed %+v", made, got, claimed)
	}
	if peeked[0].Sealed != "" {
		e.t.Error("a list reads what it does not show")
	}
}
