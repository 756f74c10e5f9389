package main

import (
	"windlass/internal/api"
	"windlass/internal/front"
)

// clientOptions are the options that say what clients may ask for, and who they are.
func clientOptions() []option {
	return []option{
		{name: "trusted-proxies", usage: "comma list of networks of load balancers and proxies whose X-Forwarded-For and X-Forwarded-Proto count, such as 10.0.0.0/16; empty trusts none",
			set: func(c *config, v string) (err error) { c.proxies, err = front.ParseProxies(v); return err }},
		{name: "rate-limits", fallback: api.DefaultRates, usage: "what a token, or an address where nobody signs in, may do in a second (/s), minute (/m) or hour (/h); those left out keep their default, viewer.read=100/s is for a role, submit=0 lifts one, and 0 alone all",
			set: func(c *config, v string) (err error) { c.rates, err = api.ParseRates(v); return err }},
		{name: "max-streams", fallback: "500", usage: "how many event streams a token, or an address where nobody signs in, may hold open in one process; 0 is any number",
			set: func(c *config, v string) (err error) { c.maxStreams, err = wholeNumber(v, 0, 10_000); return err }},
		{name: "max-connections", fallback: "1000", usage: "how many connections an address may hold open to this process, those of -trusted-proxies aside; one more is closed at once; 0 is any number",
			set: func(c *config, v string) (err error) { c.connections, err = wholeNumber(v, 0, 1_000_000); return err }},
		{name: "prompt-refusals", fallback: "60", usage: "how many requests of an address may be refused in a minute (400, 401, 403, 408, 413, 414, 415, 429) before refusals, and nothing else, come up to 5 s late; 0 never lets them wait",
			set: func(c *config, v string) (err error) { c.refusals, err = wholeNumber(v, 0, 60_000); return err }},
	}
}
