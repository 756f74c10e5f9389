package api

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"windlass/internal/egress"
	"windlass/internal/secret"
	"windlass/internal/signature"
	"windlass/internal/store"
	"windlass/internal/task"
)

// maxKeepPrevious is how long a value that was replaced may stay good.
const maxKeepPrevious = 30 * 24 * time.Hour

const pathSecret = prefix + "/secrets/{name}"

func (a *API) secretRoutes(h huma.API) {
	register(a, h, ActionReadSecrets, huma.Operation{
		OperationID: "listSecrets", Method: http.MethodGet, Path: prefix + "/secrets", Tags: []string{tagSecrets}, Errors: []int{409},
		Summary: "List the stored secrets", Description: "By name, without their values: nothing gives those out again.",
	}, a.listSecrets)
	register(a, h, ActionChangeSecrets, huma.Operation{
		OperationID: "putSecret", Method: http.MethodPut, Path: pathSecret, Tags: []string{tagSecrets}, Errors: []int{400, 403, 409, 413, 415, 422},
		Summary:     "Store a secret, or replace its value",
		Description: "Tasks refer to it by its name; workers look it up at each attempt. With keep_previous the value before stays good for a while: requests carry signatures by both.",
	}, a.putSecret)
	register(a, h, ActionChangeSecrets, huma.Operation{
		OperationID: "deleteSecret", Method: http.MethodDelete, Path: pathSecret, Tags: []string{tagSecrets}, Errors: []int{403, 404, 409, 422},
		DefaultStatus: http.StatusNoContent,
		Summary:       "Delete a stored secret", Description: "Attempts that need it fail for good from then on.",
	}, a.deleteSecret)
}

// Secret is a stored secret as its keepers see it.
type Secret struct {
	Name          string     `json:"name" doc:"What tasks refer to it by." example:"orders-webhook"`
	Scheme        string     `json:"scheme,omitempty" enum:"v1,v1a" doc:"The sort of its signatures (Standard Webhooks), when it is a signing secret."`
	PublicKey     string     `json:"public_key,omitempty" doc:"What receivers check v1a signatures with." example:"whpk_3Xk0…"`
	Hosts         []string   `json:"hosts" nullable:"false" doc:"Hosts that it may be sent to in a header field; it can sign for every host." example:"[\"api.example.com\"]"`
	KeyID         string     `json:"key_id" doc:"The key that it is sealed with."`
	KeyCurrent    bool       `json:"key_current" doc:"Whether that is the key that seals now. When all are, older keys can go."`
	CreatedAt     time.Time  `json:"created_at"`
	UpdatedAt     time.Time  `json:"updated_at" doc:"When its value or its hosts were last replaced."`
	LastUsedAt    *time.Time `json:"last_used_at,omitempty" doc:"When an attempt last looked it up, to the minute."`
	PreviousUntil *time.Time `json:"previous_until,omitempty" doc:"Until when the value before is good, too."`
}

// Secrets is every stored secret.
type Secrets struct {
	Items []Secret `json:"items" nullable:"false"`
}

type secretsOutput struct {
	Body Secrets
}

// SecretRef is a stored secret in an address.
type SecretRef struct {
	Name string `path:"name" pattern:"^[a-z0-9][a-z0-9._-]{0,63}$" patternDescription:"1 to 64 of a-z, 0-9, dot, _ and -, beginning with a letter or digit" doc:"The secret's name."`
}

// PutSecret is a secret as it is handed in.
type PutSecret struct {
	Value        string        `json:"value" minLength:"8" maxLength:"4096" format:"password" writeOnly:"true" doc:"The secret: a signing secret (whsec_… or whsk_…), a token, a password. It is never given out again."`
	Hosts        []string      `json:"hosts,omitempty" maxItems:"32" doc:"Hosts that it may be sent to in a header field: names, and *. before a name for all below it. Left out: as before; none at first. An empty list: it can only sign."`
	KeepPrevious task.Duration `json:"keep_previous,omitempty" doc:"How long the value before stays good beside this one, at most 720h. Left out: it is gone at once." example:"24h"`
}

type putSecretInput struct {
	SecretRef
	Body PutSecret
}

type secretOutput struct {
	Body Secret
}

func (a *API) showSecret(s store.Secret) Secret {
	out := Secret{
		Name: s.Name, PublicKey: s.Public, Scheme: s.Scheme, Hosts: append([]string{}, s.Hosts...),
		KeyID: secret.KeyID(s.Sealed), CreatedAt: s.CreatedAt, UpdatedAt: s.UpdatedAt,
	}
	out.KeyCurrent = out.KeyID == a.config.Keys.ID()
	if !s.LastUsedAt.IsZero() {
		out.LastUsedAt = &s.LastUsedAt
	}
	if s.PreviousAt(a.store.Now()) != "" {
		out.PreviousUntil = &s.PreviousUntil
	}
	return out
}

// noKeys is the answer while there is no key to seal with.
func (a *API) noKeys() error {
	if a.config.Keys != nil {
		return nil
	}
	return problem(codeSecretsKey, "Set WINDLASS_SECRETS_KEY or WINDLASS_SECRETS_KEY_FILE to 32 random bytes in base64, the same for every api and worker process. The command openssl rand -base64 32 makes them.")
}

func (a *API) listSecrets(ctx context.Context, _ *struct{}) (*secretsOutput, error) {
	if err := a.noKeys(); err != nil {
		return nil, err
	}
	all, err := a.store.Secrets(ctx)
	if err != nil {
		return nil, err
	}
	out := &secretsOutput{Secrets{Items: make([]Secret, len(all))}}
	for i, s := range all {
		out.Body.Items[i] = a.showSecret(s)
	}
	return out, nil
}

func (a *API) putSecret(ctx context.Context, in *putSecretInput) (*secretOutput, error) {
	if err := a.noKeys(); err != nil {
		return nil, err
	}
	hosts, faults := readHosts(in.Body.Hosts)
	key, rule := signingKey(in.Body.Value)
	if rule != "" {
		faults = append(faults, Fault{"body.value", rule})
	}
	keep := in.Body.KeepPrevious.Std()
	if keep < 0 || keep > maxKeepPrevious {
		faults = append(faults, Fault{"body.keep_previous", "must be from 0s to 720h"})
	}
	if len(faults) > 0 {
		return nil, faulty(tidy(faults)...)
	}
	now := a.store.Now().UTC().Truncate(time.Millisecond)
	s, err := a.store.PutSecret(ctx, in.Name, func(s *store.Secret) error {
		s.Previous, s.PreviousUntil = "", time.Time{}
		if s.Sealed != "" && keep > 0 {
			s.Previous, s.PreviousUntil = s.Sealed, now.Add(keep)
		}
		s.Sealed = a.config.Keys.Seal(secret.ForSecret(in.Name), in.Body.Value)
		s.Public, s.Scheme, s.UpdatedAt = "", "", now
		if signature.Looks(in.Body.Value) {
			s.Public, s.Scheme = key.Public(), key.Scheme()
		}
		if in.Body.Hosts != nil {
			s.Hosts = hosts
		}
		if s.CreatedAt.IsZero() {
			s.CreatedAt = now
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	a.log.InfoContext(ctx, "secret stored", "secret", in.Name, "request_id", requestID(ctx))
	return &secretOutput{a.showSecret(s)}, nil
}

// signingKey reads the value as what it seems to be. rule says what is wrong with it.
func signingKey(value string) (key signature.Key, rule string) {
	switch {
	case signature.Looks(value):
		return signature.ParseKey(value)
	case !printable(value) || strings.TrimSpace(value) != value:
		return signature.Key{}, "must have no control characters, and no space at either end"
	}
	return signature.Key{}, ""
}

func readHosts(texts []string) (hosts []string, faults []Fault) {
	for i, text := range texts {
		host, err := egress.ParseHost(text)
		if err != nil {
			faults = append(faults, Fault{fmt.Sprintf("body.hosts[%d]", i), "must be a host such as api.example.com or *.example.com"})
		}
		hosts = append(hosts, host)
	}
	return hosts, faults
}

func (a *API) deleteSecret(ctx context.Context, in *SecretRef) (*empty, error) {
	if err := a.noKeys(); err != nil {
		return nil, err
	}
	if err := a.store.DeleteSecret(ctx, in.Name); err != nil {
		return nil, err
	}
	a.log.InfoContext(ctx, "secret deleted", "secret", in.Name, "request_id", requestID(ctx))
	return nil, nil
}

// conceal takes the secrets out of what Redis keeps in the clear, when there is a key.
func (a *API) conceal(k kindInfo, sub store.Submission) store.Submission {
	if a.config.Keys == nil {
		return sub
	}
	public, holdsSecrets := k.Conceal(sub.Input)
	if !holdsSecrets {
		return sub
	}
	sub.Sealed = a.config.Keys.Seal(secret.ForInput(k.Name, public), string(sub.Input))
	sub.Input = public
	if sub.CacheKey != "" { // it is a hash of the secrets, too
		sub.CacheKey = a.config.Keys.Digest(sub.CacheKey)
	}
	return sub
}

// secretCheck finds references to secrets that are not stored, for one request.
type secretCheck struct {
	api   *API
	names map[string]bool // nil: not asked, or the store could not tell
}

// faults gives a problem for the references of sub, whose input stands at a place
// of the request. Nil: every one is known, or nobody can tell now.
func (c *secretCheck) faults(ctx context.Context, sub store.Submission, at string) *Problem {
	refs := c.api.kinds[sub.Kind].Secrets(sub.Input)
	if len(refs) == 0 {
		return nil
	}
	if c.names == nil {
		// A store that cannot tell now is met by the submit too, which says what is wrong with it.
		c.names, _ = c.api.store.SecretNames(ctx)
	}
	if c.names == nil {
		return nil
	}
	var faults []Fault
	for _, ref := range refs {
		if !c.names[ref.Name] {
			faults = append(faults, Fault{at + ".input." + ref.Field, "must name a stored secret; there is none of this name"})
		}
	}
	if len(faults) == 0 {
		return nil
	}
	return faulty(tidy(faults)...)
}
