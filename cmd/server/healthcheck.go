package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"time"
)

// healthTimeout is how long the answer may take. The container's own time for
// the command, in the Dockerfile, is above it.
const healthTimeout = 3 * time.Second

// healthcheck asks /livez of the process that listens where the options say. It
// is for a container, which has no other program. Its exit code is 0 or 1: 2 has
// no meaning yet for Docker and is not to be used.
func healthcheck(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	c, err := parseSome("healthcheck", []string{"listen"}, args, getenv, stdout)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err == nil {
		err = askHealth(ctx, c.listen)
	}
	if err != nil {
		fmt.Fprintf(stderr, "windlass healthcheck: %v\n", err)
		return 1
	}
	fmt.Fprintln(stdout, "ok")
	return 0
}

// askHealth gives nil if the process that listens there says that it is well.
func askHealth(ctx context.Context, listen string) error {
	host, err := reachable(listen)
	if err != nil {
		return fmt.Errorf("-listen: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+host+"/livez", nil)
	if err != nil {
		return fmt.Errorf("-listen: %w", err)
	}
	response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r) // by no proxy
	if err != nil {
		return fmt.Errorf("ask %s: %w; WINDLASS_LISTEN must be as it is for the process", r.URL, err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("ask %s: it answers %s", r.URL, response.Status)
	}
	return nil
}

// reachable gives the address that reaches a listener of this machine.
func reachable(listen string) (string, error) {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return "", err
	}
	if port == "0" {
		return "", errors.New("port 0 means another port at each start: choose one")
	}
	switch ip, err := netip.ParseAddr(host); {
	case host == "" || err == nil && ip.IsUnspecified() && ip.Is4():
		host = "127.0.0.1"
	case err == nil && ip.IsUnspecified():
		host = "::1"
	}
	return net.JoinHostPort(host, port), nil
}
