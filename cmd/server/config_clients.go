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
	}
}
