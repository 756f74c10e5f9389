package main

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"windlass/internal/store"
	"windlass/internal/web"
)

func setRoles(c *config, v string) error {
	every := []string{roleAPI, roleWeb, roleWorker, roleScheduler}
	c.roleNames = nil
	for name := range strings.SplitSeq(v, ",") {
		switch name = strings.TrimSpace(name); {
		case name == roleAll:
			c.roleNames = every
		case slices.Contains(every, name):
			c.roleNames = append(c.roleNames, name)
		default:
			return fmt.Errorf("%q is not a role: choose from all, %s", name, strings.Join(every, ", "))
		}
	}
	return nil
}

func setToken(c *config, v string) error {
	const least = 16
	if len(v) < least {
		return fmt.Errorf("must have %d characters or more; `openssl rand -hex 32` makes a good one", least)
	}
	c.adminToken = v
	return nil
}

func setQueues(c *config, v string) error {
	c.queues = map[string]int{}
	for part := range strings.SplitSeq(v, ",") {
		name, weight, weighed := strings.Cut(strings.TrimSpace(part), "=")
		if !store.ValidQueue(name) {
			return fmt.Errorf("%q is not a queue's name: 1 to %d of a-z, 0-9, _ and -", name, store.MaxQueueName)
		}
		if c.queues[name] != 0 {
			return fmt.Errorf("%s is named twice", name)
		}
		n := 1
		if weighed {
			var err error
			if n, err = wholeNumber(weight, 1, 1000); err != nil {
				return fmt.Errorf("weight of %s: %w", name, err)
			}
		}
		c.queues[name] = n
	}
	return nil
}

func setLevel(c *config, v string) error {
	if err := oneOf(v, "debug", "info", "warn", "error"); err != nil {
		return err
	}
	return c.logLevel.UnmarshalText([]byte(v))
}

func setListen(c *config, v string) error {
	if _, port, err := net.SplitHostPort(v); err != nil || port == "" {
		return fmt.Errorf("%q is not an address such as 127.0.0.1:8000", v)
	}
	c.listen = v
	return nil
}

func setAdminListen(c *config, v string) error {
	if _, port, err := net.SplitHostPort(v); err != nil || port == "" {
		return fmt.Errorf("%q is not an address such as 127.0.0.1:6060", v)
	}
	if !isLoopback(v) {
		return fmt.Errorf("%s can be reached from other machines, and profiles show what is in memory: use a loopback address such as 127.0.0.1:6060", v)
	}
	c.adminListen = v
	return nil
}

func setBackendURL(c *config, v string) error {
	c.backendURL = v
	return web.CheckBackend(v)
}

func setRedisPassword(c *config, v string) error {
	c.redis.Password = func(context.Context) (string, error) { return v, nil }
	return nil
}

func setRedisPasswordFile(c *config, name string) {
	c.redis.Password = func(context.Context) (string, error) { return readSecret(name) }
}

// checkRedis looks at what the options say of Redis together. sources has where
// each given one stands.
func (c config) checkRedis(sources map[string]string) error {
	var names []string
	for _, o := range []string{"redis-url", "redis-username", "redis-password", "redis-ca-file"} {
		if from := sources[o]; from != "" {
			names = append(names, from)
		}
	}
	switch {
	case len(names) == 0:
		return nil
	case c.redis.URL == "":
		return fmt.Errorf("%s: -redis-url is missing", strings.Join(names, ", "))
	}
	client, err := store.Connect(c.redis)
	if err != nil {
		return fmt.Errorf("%s: %w", strings.Join(names, ", "), err)
	}
	return client.Close()
}

// isLoopback is false for names other than localhost: what they mean may change.
func isLoopback(listen string) bool {
	host, _, _ := net.SplitHostPort(listen)
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

func wholeNumber(v string, least, most int) (int, error) {
	n, err := strconv.Atoi(v)
	if err != nil || n < least || n > most {
		return 0, fmt.Errorf("%q is not a whole number from %d to %d", v, least, most)
	}
	return n, nil
}

func duration(v string, least, most time.Duration) (time.Duration, error) {
	d, err := time.ParseDuration(v)
	if err != nil || d < least || d > most {
		return 0, fmt.Errorf("%q is not a duration from %s to %s, such as 30s", v, least, most)
	}
	return d, nil
}

func oneOf(v string, allowed ...string) error {
	if !slices.Contains(allowed, v) {
		return fmt.Errorf("%q is not one of %s", v, strings.Join(allowed, ", "))
	}
	return nil
}
