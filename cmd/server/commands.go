package main

import (
	"context"
	"fmt"
	"io"
	"strings"
)

// subcommand is a word in place of the options that makes the program do one thing
// and end. Options follow the word.
type subcommand struct {
	name, usage string
	// run gives the exit code. It says what is wrong on stderr itself.
	run func(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) int
}

// commands is the one list of them.
func commands() []subcommand {
	return []subcommand{
		{"healthcheck", "ask the process that listens on -listen whether it is well", healthcheck},
		{"doctor", "look at Redis, backend, CloudWatch, clock, port, log spool and variables from here, and say what to do", doctor},
		{"token", "make, list and revoke tokens; windlass token -h tells more", tokenCommand},
	}
}

// runCommand does what args begin with.
func runCommand(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	var names []string
	for _, c := range commands() {
		if c.name == args[0] {
			return c.run(ctx, args[1:], getenv, stdout, stderr)
		}
		names = append(names, c.name)
	}
	fmt.Fprintf(stderr, "windlass: %q is not a command: it is one of %s, or none to start; -h lists the options\n", args[0], strings.Join(names, ", "))
	return 2
}
