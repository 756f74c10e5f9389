// Command bench measures Windlass beside what it replaces, side by side in one run, and
// prints one table of ratios. See README.md in this folder.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"slices"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		os.Exit(1)
	}
}

// run is the program. The table goes to stdout, what happens meanwhile to stderr.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	if slices.Equal(args, []string{guardCommand}) {
		return standGuard(stdin)
	}
	if len(args) == 2 && args[0] == crowdCommand {
		return beRude(ctx, args[1], stdout)
	}
	if len(args) == 2 && args[0] == plainCommand {
		return servePlain(args[1])
	}
	b := &bench{progress: stderr}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	which := flags.String("bench", ".", "which measurements: a regular expression for their names")
	list := flags.Bool("names", false, "print the names of the measurements and end")
	flags.IntVar(&b.runs, "runs", 3, "how often each side is measured; the median counts")
	flags.DurationVar(&b.sizes.load, "load", 5*time.Second, "how long each load over HTTP lasts")
	flags.IntVar(&b.sizes.tasks, "tasks", 32_000, "how many tasks are run; Celery gets a quarter")
	flags.IntVar(&b.sizes.list, "list", 1_000_000, "how many tasks the long list has")
	flags.StringVar(&b.only, "rude-only", "", "the one bad manner of the crowd: streams, headers, ...; empty: all")
	flags.StringVar(&b.without, "rude-without", "", "a bad manner that is left out")
	flags.BoolVar(&b.shared, "rude-shared", false, "let the crowd compete for the cores with the server and the client that is measured; without it root is needed")
	flags.Func("windlass", "one more argument of a Windlass that a crowd is rude to, such as -admin-listen=127.0.0.1:6060", func(v string) error {
		b.extra = append(b.extra, v)
		return nil
	})
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return err
	}
	wanted, err := regexp.Compile(*which)
	if err != nil {
		return fmt.Errorf("-bench: %w", err)
	}
	if b.runs < 1 || b.sizes.load < time.Second || b.sizes.tasks < 4*bulkSize || b.sizes.tasks%(4*bulkSize) != 0 || b.sizes.list%bulkSize != 0 || b.sizes.list < shortList {
		return fmt.Errorf("want at least one run, 1s of load, a multiple of %d tasks, and of %d in the list", 4*bulkSize, bulkSize)
	}
	chosen := slices.DeleteFunc(measurements(b.sizes), func(m measurement) bool { return !wanted.MatchString(m.name) })
	if len(chosen) == 0 {
		return fmt.Errorf("no measurement has a name like %q", *which)
	}
	if *list {
		for _, m := range chosen {
			fmt.Fprintln(stdout, m.name)
		}
		return nil
	}
	return b.measure(ctx, chosen, stdout)
}
