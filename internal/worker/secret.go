package worker

import (
	"context"
	"encoding/json"
	"errors"

	"windlass/internal/secret"
	"windlass/internal/store"
	"windlass/internal/task"
)

// Words for what an operator has to put right. None of them is final: another
// worker may have the key, and this one may get it.
const (
	noKey    = "This worker has no key to open secrets with: WINDLASS_SECRETS_KEY is not set for it."
	wrongKey = "This worker has other keys than the one that sealed the secret: WINDLASS_SECRETS_KEY must hold both while a key is replaced."
)

// input gives the whole input of a claimed task.
func (w *Worker) input(t *task.Task) (json.RawMessage, error) {
	if t.Sealed == "" {
		return t.Input, nil
	}
	text, err := w.open(secret.ForInput(t.Kind, t.Input), t.Sealed)
	if err != nil {
		return nil, err
	}
	return json.RawMessage(text), nil
}

// secret is the task.SecretSource of this worker's attempts.
func (w *Worker) secret(ctx context.Context, name string) (task.Secret, error) {
	stored, err := w.Store.UseSecret(ctx, name)
	switch {
	case errors.Is(err, store.ErrNoSecret):
		return task.Secret{}, &task.Error{Code: "secret_not_found", Message: "There is no stored secret " + name + ".", Final: true}
	case err != nil:
		return task.Secret{}, &task.Error{Code: "secrets_unavailable", Message: "The stored secret " + name + " cannot be read now.", Err: err}
	}
	s := task.Secret{Hosts: stored.Hosts}
	if s.Value, err = w.open(secret.ForSecret(name), stored.Sealed); err != nil {
		return task.Secret{}, err
	}
	if previous := stored.PreviousAt(w.Store.Now()); previous != "" {
		if s.Previous, err = w.open(secret.ForSecret(name), previous); err != nil {
			return task.Secret{}, err
		}
	}
	return s, nil
}

func (w *Worker) open(purpose, sealed string) (string, error) {
	if w.Keys == nil {
		return "", &task.Error{Code: "secrets_key_missing", Message: noKey}
	}
	value, err := w.Keys.Open(purpose, sealed)
	if _, unknown := errors.AsType[*secret.UnknownKeyError](err); unknown {
		return "", &task.Error{Code: "secrets_key_missing", Message: wrongKey, Err: err}
	}
	if err != nil {
		return "", &task.Error{Code: "secret_broken", Message: "The secret cannot be opened: what Redis holds was changed.", Final: true, Err: err}
	}
	return value, nil
}
