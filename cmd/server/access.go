package main

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"windlass/internal/oidc"
	"windlass/internal/store"
)

// accessOptions are those of options that say who may come in, beside the admin token.
func accessOptions() []option {
	return []option{
		{name: "auth", fallback: "auto", usage: "auto: the admin token and all tokens that were made are asked for, once there is an admin token; tokens: made tokens alone count, make one of role admin first (windlass token create -role admin)",
			set: func(c *config, v string) error { c.tokensOnly = v == "tokens"; return oneOf(v, "auto", "tokens") }},
		{name: "oidc-signers", usage: "comma list of ARNs of the Application Load Balancers whose word on who signed in (x-amzn-oidc-data) is taken; empty takes nobody's",
			set: setSigners},
		{name: "oidc-issuer", usage: "the issuer that those load balancers sign people in with",
			set: func(c *config, v string) error { c.oidc.issuer = v; return nil }},
		{name: "oidc-client", usage: "the client id that the issuer knows them by",
			set: func(c *config, v string) error { c.oidc.client = v; return nil }},
		{name: "oidc-roles", usage: "comma list of role=claim=value, or role=* for everybody who signed in, such as admin=groups=platform,viewer=*; the strongest counts, and nobody without one comes in",
			set: setGrants},
		{name: "oidc-keys-url", usage: "where the load balancers' keys are, at <url>/<key id>; empty means AWS's place for the region of the first ARN",
			set: func(c *config, v string) error { c.oidc.keysURL = v; return checkURL(v) }},
		{name: "cors-origins", usage: "comma list of origins, such as https://shop.example, whose pages may call the API with a token; cookies are never taken from them", set: setOrigins},
	}
}

func setOrigins(c *config, v string) error {
	for text := range strings.SplitSeq(v, ",") {
		text = strings.TrimSpace(text)
		u, err := url.Parse(text)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || text != u.Scheme+"://"+strings.ToLower(u.Host) {
			return fmt.Errorf("%q is not an origin such as https://shop.example", text)
		}
		c.origins = append(c.origins, text)
	}
	return nil
}

// oidcConfig is what the options say of people whom a load balancer vouches for.
type oidcConfig struct {
	signers        []string // none: nobody is vouched for
	issuer, client string
	grants         []oidc.Grant
	keysURL        string // empty: AWS's
}

func setSigners(c *config, v string) error {
	for arn := range strings.SplitSeq(v, ",") {
		arn = strings.TrimSpace(arn)
		// arn:aws:elasticloadbalancing:<region>:<account>:loadbalancer/app/<name>/<id>
		parts := strings.SplitN(arn, ":", 6)
		if len(parts) != 6 || parts[0] != "arn" || parts[2] != "elasticloadbalancing" || parts[3] == "" || !strings.HasPrefix(parts[5], "loadbalancer/app/") {
			return fmt.Errorf("%q is not the ARN of an Application Load Balancer", arn)
		}
		c.oidc.signers = append(c.oidc.signers, arn)
	}
	return nil
}

func setGrants(c *config, v string) error {
	for text := range strings.SplitSeq(v, ",") {
		role, rest, _ := strings.Cut(strings.TrimSpace(text), "=")
		claim, value, whole := strings.Cut(rest, "=")
		if !store.Role(role).Valid() {
			return fmt.Errorf("%q is none of viewer, submitter, operator, admin", role)
		}
		switch {
		case rest == "*":
			claim = ""
		case !whole || claim == "" || value == "":
			return fmt.Errorf("%q is not like admin=groups=platform or viewer=*", text)
		}
		c.oidc.grants = append(c.oidc.grants, oidc.Grant{Role: role, Claim: claim, Value: value})
	}
	return nil
}

func checkURL(v string) error {
	u, err := url.Parse(v)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return fmt.Errorf("%q is not a URL such as https://keys.example", v)
	}
	return nil
}

// check looks at the options together: half of them would let nobody in, or the wrong people.
func (o oidcConfig) check() error {
	rest := o.issuer != "" || o.client != "" || len(o.grants) > 0 || o.keysURL != ""
	switch {
	case len(o.signers) == 0 && rest:
		return errors.New("-oidc-issuer, -oidc-client, -oidc-roles, -oidc-keys-url: -oidc-signers is missing")
	case len(o.signers) > 0 && (o.issuer == "" || o.client == "" || len(o.grants) == 0):
		return errors.New("-oidc-signers: -oidc-issuer, -oidc-client and -oidc-roles are needed with it")
	}
	return nil
}

// verifier gives what reads the load balancers' word, nil when nobody's is taken.
func (o oidcConfig) verifier() *oidc.Verifier {
	if len(o.signers) == 0 {
		return nil
	}
	from := o.keysURL
	if from == "" {
		from = oidc.KeysURL(strings.Split(o.signers[0], ":")[3])
	}
	return oidc.New(oidc.Config{Signers: o.signers, Issuer: o.issuer, Client: o.client, Grants: o.grants, Keys: oidc.NewKeys(from)})
}

// admits reports whether somebody may come in as admin.
func (o oidcConfig) admits() bool {
	for _, g := range o.grants {
		if g.Role == string(store.RoleAdmin) {
			return true
		}
	}
	return false
}
