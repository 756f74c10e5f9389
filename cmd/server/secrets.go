package main

import (
	"context"
	"errors"
	"log/slog"
	"strings"

	"windlass/internal/secret"
	"windlass/internal/store"
	"windlass/internal/task"
)

// secretOptions is the part of the list about what nobody may read.
func secretOptions() []option {
	return []option{
		{name: "secrets-key", secret: true, usage: "32 bytes in base64 that seal stored secrets and the secrets in inputs, the same for every api and worker process; after it, on lines of their own, older keys that only open what they sealed; empty stores no secrets and keeps inputs as they are",
			set: func(c *config, v string) (err error) { c.keys, err = secret.ParseKeys(v); return err }},
		{name: "redact", usage: "comma list of paths in inputs and results that are secret too, such as input.json.card.number or http.request:result.body; * stands for every member", set: setRedact},
	}
}

func setRedact(c *config, v string) error {
	for text := range strings.SplitSeq(v, ",") {
		p, err := task.ParseSecretPath(strings.TrimSpace(text))
		if err != nil {
			return err
		}
		c.redact = append(c.redact, p)
	}
	return nil
}

// errSealed says that a secret needs no new seal.
var errSealed = errors.New("it is sealed with the current key")

// sealSecrets seals stored secrets again that an older key has sealed, in a
// process that serves the API, and says plainly when there is no key at all.
func (c config) sealSecrets(ctx context.Context, s *store.Store, log *slog.Logger) error {
	if !c.has(roleAPI) {
		return nil
	}
	if c.keys == nil {
		log.Warn("no key for secrets configured: none are stored by name, and those in inputs are kept in the clear; set WINDLASS_SECRETS_KEY_FILE to seal them")
		return nil
	}
	all, err := s.Secrets(ctx)
	if err != nil {
		return err
	}
	sealed := 0
	for _, old := range all {
		_, err := s.PutSecret(ctx, old.Name, func(now *store.Secret) error { return c.sealAgain(now) })
		unknown, isUnknown := errors.AsType[*secret.UnknownKeyError](err)
		switch {
		case err == nil:
			sealed++
		case errors.Is(err, errSealed):
		case isUnknown, errors.Is(err, secret.ErrBroken):
			log.Warn("a stored secret cannot be opened; attempts that need it fail until its key is configured or it is replaced", "secret", old.Name, "key_id", keyName(unknown), "error", err)
		default: // they can be opened as they are; the next start tries again
			log.Warn("a stored secret could not be sealed with the current key", "secret", old.Name, "error", err)
		}
	}
	if sealed > 0 {
		log.Info("secrets sealed again with the current key", "secrets", sealed, "key_id", c.keys.ID())
	}
	return nil
}

func keyName(e *secret.UnknownKeyError) string {
	if e == nil {
		return ""
	}
	return e.ID
}

// sealAgain gives errSealed when the current key seals both values already.
func (c config) sealAgain(s *store.Secret) error {
	if s.Sealed == "" { // it was deleted meanwhile
		return errSealed
	}
	changed := false
	for _, value := range []*string{&s.Sealed, &s.Previous} {
		if *value == "" || secret.KeyID(*value) == c.keys.ID() {
			continue
		}
		text, err := c.keys.Open(secret.ForSecret(s.Name), *value)
		if err != nil {
			return err
		}
		*value, changed = c.keys.Seal(secret.ForSecret(s.Name), text), true
	}
	if !changed {
		return errSealed
	}
	return nil
}
