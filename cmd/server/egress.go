package main

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"windlass/internal/egress"
)

// egressOptions is the part of the list that says what outbound calls may reach.
func egressOptions() []option {
	return []option{
		{name: "egress-allow", usage: "comma list of networks that outbound calls may reach beside public ones, such as 10.1.0.0/16; the metadata service of a cloud only by its very address", set: setEgressAllow},
		{name: "egress-deny", usage: "comma list of networks and hosts that outbound calls may never reach, such as 10.1.9.0/24 or *.internal.example.com", set: setEgressDeny},
		{name: "egress-hosts", usage: "comma list of hosts that outbound calls may reach alone, such as api.example.com or *.example.com; empty allows every one", set: setEgressHosts},
		{name: "egress-ports", usage: "comma list of ports that outbound calls may reach alone, such as 80,443,8000-8999; empty allows all but those of other protocols, as browsers do",
			set: func(c *config, v string) (err error) { c.egress.Ports, err = egress.ParsePorts(v); return err }},
		{name: "egress-schemes", fallback: "http,https", usage: "http,https, or https alone",
			set: func(c *config, v string) error {
				c.egress.HTTPSOnly = v == "https"
				return oneOf(v, "http,https", "https")
			}},
		{name: "egress-host-connections", fallback: strconv.Itoa(egress.DefaultHostConnections), usage: "how many connections to one host and port this process has open at once; more calls wait",
			set: func(c *config, v string) (err error) {
				c.egress.HostConnections, err = wholeNumber(v, 1, 10_000)
				return err
			}},
	}
}

func setEgressAllow(c *config, v string) error {
	for text := range strings.SplitSeq(v, ",") {
		p, err := netip.ParsePrefix(strings.TrimSpace(text))
		if err != nil {
			return fmt.Errorf("%q is not a network such as 10.1.0.0/16", text)
		}
		c.egress.Allow = append(c.egress.Allow, p.Masked())
	}
	return nil
}

func setEgressDeny(c *config, v string) error {
	for text := range strings.SplitSeq(v, ",") {
		text = strings.TrimSpace(text)
		if p, err := netip.ParsePrefix(text); err == nil {
			c.egress.Deny = append(c.egress.Deny, p.Masked())
			continue
		}
		if addr, err := netip.ParseAddr(text); err == nil { // however a name leads there
			c.egress.Deny = append(c.egress.Deny, netip.PrefixFrom(addr, addr.BitLen()))
			continue
		}
		host, err := egress.ParseHost(text)
		if err != nil {
			return fmt.Errorf("%q is neither a network such as 10.1.9.0/24 nor a host such as *.internal.example.com", text)
		}
		c.egress.DenyHosts = append(c.egress.DenyHosts, host)
	}
	return nil
}

func setEgressHosts(c *config, v string) error {
	for text := range strings.SplitSeq(v, ",") {
		host, err := egress.ParseHost(strings.TrimSpace(text))
		if err != nil {
			return err
		}
		c.egress.Hosts = append(c.egress.Hosts, host)
	}
	return nil
}
