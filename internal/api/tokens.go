package api

import (
	"context"
	"fmt"
	"strings"
	"time"

	"windlass/internal/store"
	"windlass/internal/task"
)

// defaultTokenLife is how long a token is valid unless its maker says otherwise.
const defaultTokenLife = 90 * 24 * time.Hour

// NewToken is a token as it is asked for.
type NewToken struct {
	Name      string         `json:"name" minLength:"1" maxLength:"100" doc:"What it is for, in your words." example:"Shop, production"`
	Role      store.Role     `json:"role" enum:"viewer,submitter,operator,admin" doc:"viewer reads; submitter also hands tasks in and cancels its own; operator also acts on all tasks; admin also makes and revokes tokens." example:"submitter"`
	Kinds     []string       `json:"kinds,omitempty" maxItems:"50" doc:"Bind it to these kinds: it sees and does nothing with others. Not for admins."`
	Queues    []string       `json:"queues,omitempty" maxItems:"50" doc:"Bind it to these queues. Not for admins."`
	ExpiresIn *task.Duration `json:"expires_in,omitempty" doc:"How long it is valid: 90 days (2160h) unless you say otherwise, at most 10 years." example:"2160h"`
}

// MadeToken is a token with its text.
type MadeToken struct {
	store.Token
	Text string `json:"token" doc:"What its holder sends as Authorization: Bearer. This answer is the only place where it ever stands." example:"wl_…"`
}

type newTokenInput struct {
	Body NewToken
}

type newTokenOutput struct {
	Location string `header:"Location"`
	Body     MadeToken
}

func (a *API) createToken(ctx context.Context, in *newTokenInput) (*newTokenOutput, error) {
	n := in.Body
	if faults := a.tokenFaults(n); len(faults) > 0 {
		return nil, faulty(tidy(faults)...)
	}
	life := lifeOf(n.ExpiresIn, defaultTokenLife)
	t, text, err := a.store.CreateToken(ctx, store.Token{
		Name: n.Name, Role: n.Role, Kinds: append([]string{}, distinct(n.Kinds)...), Queues: append([]string{}, distinct(n.Queues)...), CreatedBy: CallerOf(ctx).ID,
	}, life)
	if err != nil {
		return nil, err
	}
	exchangeOf(ctx).object = t.ID
	return &newTokenOutput{Location: pathTokens + "/" + t.ID, Body: MadeToken{t, text}}, nil
}

// lifeOf gives how long something is valid: as asked for, or as usual.
func lifeOf(asked *task.Duration, usual time.Duration) time.Duration {
	if asked == nil {
		return usual
	}
	return asked.Std()
}

func (a *API) tokenFaults(n NewToken) []Fault {
	var faults []Fault
	if !store.ValidTokenName(n.Name) {
		faults = append(faults, Fault{"body.name", store.TokenNameRule})
	}
	for i, kind := range n.Kinds {
		if _, known := a.kinds[kind]; !known {
			faults = append(faults, Fault{fmt.Sprintf("body.kinds[%d]", i), "must be one of " + strings.Join(a.kindNames(), ", ")})
		}
	}
	for i, queue := range n.Queues {
		if !store.ValidQueue(queue) {
			faults = append(faults, Fault{fmt.Sprintf("body.queues[%d]", i), fmt.Sprintf("must be 1 to %d of a-z, 0-9, _ and -", store.MaxQueueName)})
		}
	}
	if n.Role == store.RoleAdmin && len(n.Kinds)+len(n.Queues) > 0 {
		faults = append(faults, Fault{"body.role", "must not be admin together with kinds or queues: an admin can make any token"})
	}
	if life := lifeOf(n.ExpiresIn, defaultTokenLife); life < time.Minute || life > store.MaxTokenLife {
		faults = append(faults, Fault{"body.expires_in", fmt.Sprintf("must be from 1m to %dh", int(store.MaxTokenLife.Hours()))})
	}
	return faults
}

// Tokens is every token, newest first.
type Tokens struct {
	Items []store.Token `json:"items" nullable:"false"`
}

type tokensOutput struct {
	Body Tokens
}

func (a *API) listTokens(ctx context.Context, _ *struct{}) (*tokensOutput, error) {
	tokens, err := a.store.Tokens(ctx)
	if err != nil {
		return nil, err
	}
	return &tokensOutput{Tokens{tokens}}, nil
}

// TokenRef is a token in an address.
type TokenRef struct {
	ID string `path:"id" maxLength:"40" doc:"The token's id."`
}

type tokenOutput struct {
	Body store.Token
}

func (a *API) getToken(ctx context.Context, in *TokenRef) (*tokenOutput, error) {
	t, err := a.store.Token(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return &tokenOutput{t}, nil
}

// revokeToken ends a token for good. Without an admin token in the configuration
// the last token that may make others stays, or nobody could get in again.
func (a *API) revokeToken(ctx context.Context, in *TokenRef) (*empty, error) {
	if a.credentials.admin == "" && a.credentials.required && CallerOf(ctx).Via != ViaOIDC {
		tokens, err := a.store.Tokens(ctx)
		if err != nil {
			return nil, err
		}
		if lastAdmin(tokens, in.ID, a.store.Now()) {
			return nil, problem(codeLastAdmin, "")
		}
	}
	return nil, a.store.RevokeToken(ctx, in.ID)
}

// lastAdmin reports whether id is the only token left of role admin.
func lastAdmin(tokens []store.Token, id string, now time.Time) bool {
	is, others := false, 0
	for _, t := range tokens {
		if t.Role != store.RoleAdmin || !t.Usable(now) {
			continue
		}
		if t.ID == id {
			is = true
		} else {
			others++
		}
	}
	return is && others == 0
}

type linkInput struct {
	TaskRef
	Body *NewLink
}

// NewLink is a link as it is asked for. It may be left out.
type NewLink struct {
	ExpiresIn *task.Duration `json:"expires_in,omitempty" doc:"How long the link is valid: 24h unless you say otherwise, at most 168h." example:"24h"`
}

// TaskLink is a link to one task.
type TaskLink struct {
	Text      string    `json:"link" doc:"What shows the task: as the parameter link of the addresses below the task's, or as Authorization: Bearer. It is kept nowhere." example:"wll_…"`
	URL       string    `json:"url" doc:"The task's page with the link, relative to the server. The link stands behind the #, which browsers send to nobody."`
	ExpiresAt time.Time `json:"expires_at" doc:"When it ends; it ends earlier with the token that made it."`
}

type linkOutput struct {
	Body TaskLink
}

const defaultLinkLife = 24 * time.Hour

func (a *API) createLink(ctx context.Context, in *linkInput) (*linkOutput, error) {
	life := defaultLinkLife
	if in.Body != nil {
		life = lifeOf(in.Body.ExpiresIn, life)
	}
	if life < time.Minute || life > store.MaxLinkLife {
		return nil, faulty(Fault{"body.expires_in", fmt.Sprintf("must be from 1m to %dh", int(store.MaxLinkLife.Hours()))})
	}
	if _, err := a.visible(ctx, in.ID); err != nil {
		return nil, err
	}
	text, ends, err := a.store.CreateLink(ctx, a.ownerOf(CallerOf(ctx)), in.ID, life)
	if err != nil {
		return nil, err
	}
	return &linkOutput{TaskLink{Text: text, URL: "/tasks/" + in.ID + "#link=" + text, ExpiresAt: ends}}, nil
}
