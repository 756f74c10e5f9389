package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"windlass/internal/egress"
	"windlass/internal/kind"
	"windlass/internal/store"
)

const tokenUsage = `Usage: windlass token create -role ROLE [-name NAME] [-expires 90d] [-kinds a,b] [-queues a,b]
       windlass token list
       windlass token revoke ID

Makes, lists and revokes tokens in the Redis of -redis-url (or WINDLASS_REDIS_URL, with
the other options of Redis). create prints the token, once, and nothing else to standard output.
Roles: viewer reads; submitter also hands tasks in and cancels its own; operator also acts
on all tasks; admin also makes and revokes tokens.
`

// tokenCommand is windlass token. It gives the exit code, 2 for a faulty call.
func tokenCommand(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	c, err := parseTokenCall(args, getenv)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(stdout, tokenUsage)
		return 0
	}
	if err != nil {
		fmt.Fprintf(stderr, "windlass token: %v\n", err)
		return 2
	}
	if err := c.carryOut(ctx, stdout, stderr); err != nil {
		fmt.Fprintf(stderr, "windlass token: %v\n", err)
		return 1
	}
	return 0
}

// tokenCall is one call of the command.
type tokenCall struct {
	verb  string
	redis store.Address
	token store.Token
	life  time.Duration
	id    string // of the token to revoke
}

func parseTokenCall(args []string, getenv func(string) string) (tokenCall, error) {
	if len(args) == 0 || slices.Contains([]string{"-h", "-help", "--help", "help"}, args[0]) {
		return tokenCall{}, flag.ErrHelp
	}
	c := tokenCall{verb: args[0], token: store.Token{Name: "command line"}, life: 90 * 24 * time.Hour}
	fs := flag.NewFlagSet("windlass token "+c.verb, flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	switch c.verb {
	case "create":
		c.createFlags(fs)
	case "list", "revoke":
	default:
		return tokenCall{}, fmt.Errorf("%q is none of create, list, revoke; -h tells more", c.verb)
	}
	given := map[string]string{}
	for _, o := range redisOptions() {
		if !o.secret {
			fs.Func(o.name, o.usage, func(v string) error { given[o.name] = v; return nil })
		}
	}
	if err := fs.Parse(args[1:]); err != nil {
		return tokenCall{}, err
	}
	rest := fs.Args()
	if c.verb == "revoke" && len(rest) == 1 {
		c.id, rest = rest[0], nil
	}
	switch {
	case len(rest) > 0:
		return tokenCall{}, fmt.Errorf("%q is one too many; options come first", rest[0])
	case c.verb == "revoke" && c.id == "":
		return tokenCall{}, errors.New("revoke needs the token's id: windlass token list tells it")
	case c.verb == "create" && c.token.Role == "":
		return tokenCall{}, errors.New("-role is missing: viewer, submitter, operator or admin")
	case c.token.Role == store.RoleAdmin && len(c.token.Kinds)+len(c.token.Queues) > 0:
		return tokenCall{}, errors.New("-kinds, -queues: an admin cannot be bound, for it can make any token")
	}
	var err error
	c.redis, err = readRedis(given, getenv)
	return c, err
}

func (c *tokenCall) createFlags(fs *flag.FlagSet) {
	fs.Func("role", "", func(v string) error {
		if c.token.Role = store.Role(v); !c.token.Role.Valid() {
			return errors.New("is none of viewer, submitter, operator, admin")
		}
		return nil
	})
	fs.Func("name", "", func(v string) error {
		if c.token.Name = strings.TrimSpace(v); !store.ValidTokenName(c.token.Name) {
			return fmt.Errorf("%s, at most %d", store.TokenNameRule, store.MaxTokenName)
		}
		return nil
	})
	fs.Func("expires", "", func(v string) (err error) { c.life, err = tokenLife(v); return err })
	fs.Func("kinds", "", func(v string) error {
		var names []string
		for _, k := range kind.All(egress.New(egress.Policy{}), "") {
			names = append(names, k.Name)
		}
		c.token.Kinds = bounds(v)
		for _, name := range c.token.Kinds {
			if !slices.Contains(names, name) {
				return fmt.Errorf("%q is none of %s", name, strings.Join(names, ", "))
			}
		}
		return nil
	})
	fs.Func("queues", "", func(v string) error {
		c.token.Queues = bounds(v)
		for _, q := range c.token.Queues {
			if !store.ValidQueue(q) {
				return fmt.Errorf("%q is not a queue's name: 1 to %d of a-z, 0-9, _ and -", q, store.MaxQueueName)
			}
		}
		return nil
	})
}

// bounds reads a comma list.
func bounds(v string) []string {
	list := strings.Split(v, ",")
	for i := range list {
		list[i] = strings.TrimSpace(list[i])
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// tokenLife reads 90d, or a duration as Go writes it.
func tokenLife(v string) (time.Duration, error) {
	text := v
	if days, ok := strings.CutSuffix(v, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n <= 3650 {
			text = strconv.Itoa(24*n) + "h"
		}
	}
	life, err := time.ParseDuration(text)
	if err != nil || life < time.Minute || life > store.MaxTokenLife {
		return 0, fmt.Errorf("%q is not a time from 1m to 3650d, such as 90d", v)
	}
	return life, nil
}

func (c tokenCall) carryOut(ctx context.Context, stdout, stderr io.Writer) (err error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	client, err := store.Connect(c.redis)
	if err != nil {
		return fmt.Errorf("-redis-url: %w", err)
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	s, err := store.New(client, store.Options{})
	if err == nil {
		err = s.SyncClock(ctx)
	}
	if err != nil {
		return err
	}
	switch c.verb {
	case "create":
		t, text, err := s.CreateToken(ctx, c.token, c.life)
		if err != nil {
			return err
		}
		fmt.Fprintf(stderr, "%s %s is valid until %s. It is shown only now:\n", t.Role, t.ID, t.ExpiresAt.Format(time.RFC3339))
		fmt.Fprintln(stdout, text)
		return c.record(ctx, s, "createToken", t.ID)
	case "revoke":
		if err := s.RevokeToken(ctx, c.id); err != nil {
			return err
		}
		fmt.Fprintf(stderr, "%s is revoked.\n", c.id)
		return c.record(ctx, s, "revokeToken", c.id)
	}
	tokens, err := s.Tokens(ctx)
	if err != nil {
		return err
	}
	return printTokens(stdout, tokens, s.Now())
}

// record adds what was done to the audit trail, as done by whoever has Redis.
func (c tokenCall) record(ctx context.Context, s *store.Store, action, id string) error {
	host, _ := os.Hostname() // empty where there is none
	err := s.Record(ctx, store.Entry{
		Actor: "command", Name: "windlass token", Role: store.RoleAdmin, Via: "command", Action: action, Object: id,
		Address: host, Outcome: store.OutcomeDone,
	})
	if err != nil {
		return fmt.Errorf("that is done, but it does not stand in the audit trail: %w", err)
	}
	return nil
}

func printTokens(w io.Writer, tokens []store.Token, now time.Time) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tROLE\tNAME\tBOUND TO\tLAST USED\tEXPIRES")
	for _, t := range tokens {
		bound := strings.Join(append(slices.Clone(t.Kinds), t.Queues...), ",")
		if bound == "" {
			bound = "-"
		}
		const minute = "2006-01-02 15:04"
		used, ends, name := "never", t.ExpiresAt.Format(minute), t.Name
		if t.LastUsedAt != nil {
			used = t.LastUsedAt.Format(minute)
		}
		if !store.ValidTokenName(name) { // of an earlier version's making
			name = strconv.Quote(name)
		}
		switch {
		case t.RevokedAt != nil:
			ends = "revoked"
		case !t.Usable(now):
			ends += " (over)"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", t.ID, t.Role, name, bound, used, ends)
	}
	return table.Flush()
}
