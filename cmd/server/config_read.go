package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"windlass/internal/store"
	"windlass/internal/tracing"
)

// envPrefix begins the variable of every option.
const envPrefix = "WINDLASS_"

func (o option) env() string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(o.name, "-", "_"))
}

// parseConfig reads flags over variables over fallbacks. Its error names every
// fault at once, or is flag.ErrHelp after the reference went to help.
func parseConfig(args []string, getenv func(string) string, help io.Writer) (config, error) {
	given, err := parseFlags(options(), args, help, printHelp)
	if err != nil {
		return config{}, err
	}
	c, sources, faults := readOptions(options(), given, getenv)
	if c.traced, err = tracing.Wanted(getenv); err != nil {
		faults = append(faults, err)
	}
	_, listenGiven := given["listen"]
	if !listenGiven && getenv("WINDLASS_LISTEN") == "" && !c.serves() {
		c.listen = "127.0.0.1:0"
	}
	if c.offersAPI() && !c.asksWho() && c.listen != "" && !isLoopback(c.listen) {
		faults = append(faults, fmt.Errorf("-listen: %s can be reached from other machines: set WINDLASS_ADMIN_TOKEN (or WINDLASS_ADMIN_TOKEN_FILE), or -auth tokens, or listen on 127.0.0.1", c.listen))
	}
	if c.backendURL != "" && (c.has(roleAPI) || !c.has(roleWeb)) {
		faults = append(faults, errors.New("-backend-url: is for a process with the role web and without api"))
	}
	return c, errors.Join(append(faults, c.checkStreams(sources), c.checkRedis(sources), c.oidc.check())...)
}

// strangers gives the variables of environ (NAME=value) that look like options and are none: what
// they say is not heard, which nobody would notice otherwise.
func strangers(environ []string) []string {
	known := map[string]bool{}
	for _, o := range options() {
		known[o.env()] = true
		if o.secret {
			known[o.env()+"_FILE"] = true
		}
	}
	var unknown []string
	for _, pair := range environ {
		name, value, _ := strings.Cut(pair, "=")
		if strings.HasPrefix(name, envPrefix) && value != "" && !known[name] {
			unknown = append(unknown, name)
		}
	}
	slices.Sort(unknown)
	return unknown
}

// parseSome is parseConfig for a command that takes only the options of these
// names. What it leaves out is zero in the config, and what the options say
// together is not looked at.
func parseSome(command string, names, args []string, getenv func(string) string, help io.Writer) (config, error) {
	some := options()
	some = slices.DeleteFunc(some, func(o option) bool { return !slices.Contains(names, o.name) })
	given, err := parseFlags(some, args, help, func(w io.Writer) {
		fmt.Fprintf(w, "Usage: windlass %s [options]\n", command)
		printOptions(w, some)
	})
	if err != nil {
		return config{}, err
	}
	c, _, faults := readOptions(some, given, getenv)
	return c, errors.Join(faults...)
}

// parseFlags gives what is said by flag. Its error is flag.ErrHelp after -h and -version.
func parseFlags(known []option, args []string, help io.Writer, usage func(io.Writer)) (map[string]string, error) {
	given := map[string]string{}
	fs := flag.NewFlagSet("windlass", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	showVersion := fs.Bool("version", false, "print the version")
	for _, o := range known {
		if !o.secret {
			fs.Func(o.name, o.usage, func(v string) error { given[o.name] = v; return nil })
		}
	}
	err := fs.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		usage(help)
		return nil, err
	case err != nil:
		return nil, fmt.Errorf("%w; -h lists the options", err)
	case *showVersion:
		fmt.Fprintln(help, "windlass", version)
		return nil, flag.ErrHelp
	case fs.NArg() > 0:
		return nil, fmt.Errorf("%q is not an option; -h lists them", fs.Arg(0))
	}
	return given, nil
}

// readOptions gives the config, where each option that has a value has it from,
// and every fault.
func readOptions(known []option, given map[string]string, getenv func(string) string) (c config, sources map[string]string, faults []error) {
	sources = map[string]string{}
	for _, o := range known {
		if err := o.read(&c, given, getenv, sources); err != nil {
			faults = append(faults, err)
		}
	}
	return c, sources, faults
}

// redisOptions is those of options that say where Redis is.
func redisOptions() []option {
	return slices.DeleteFunc(options(), func(o option) bool { return !strings.HasPrefix(o.name, "redis-") })
}

// readRedis reads the options of Redis alone, for commands that go there and serve nothing.
func readRedis(given map[string]string, getenv func(string) string) (store.Address, error) {
	c, sources, faults := readOptions(redisOptions(), given, getenv)
	err := errors.Join(append(faults, c.checkRedis(sources))...)
	if err == nil && c.redis.URL == "" {
		err = errors.New("-redis-url is missing: what is kept in memory is gone when this command ends")
	}
	return c.redis, err
}

// read sets the option in c and notes in sources where it stands, if it is given.
func (o option) read(c *config, given map[string]string, getenv func(string) string, sources map[string]string) error {
	value, from, err := o.value(given, getenv)
	switch {
	case err != nil:
	case value != "":
		sources[o.name] = from
		err = o.set(c, value)
		if from == o.env()+"_FILE" && o.setFile != nil {
			o.setFile(c, getenv(from))
		}
	case o.fallback != "":
		err = errors.New("must not be empty")
	}
	if err != nil {
		return fmt.Errorf("%s: %w", from, err)
	}
	return nil
}

// value gives what the option is set to and where that stands.
func (o option) value(given map[string]string, getenv func(string) string) (value, from string, err error) {
	if v, ok := given[o.name]; ok {
		return v, "-" + o.name, nil
	}
	if v := getenv(o.env()); v != "" {
		return v, o.env(), nil
	}
	file := o.env() + "_FILE"
	if name := getenv(file); o.secret && name != "" {
		v, err := readSecret(name)
		return v, file, err
	}
	return o.fallback, "-" + o.name, nil
}

func readSecret(file string) (string, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	if b = bytes.TrimSpace(b); len(b) == 0 {
		// A secret that was not mounted must not open the door.
		return "", fmt.Errorf("%s is empty", file)
	}
	return string(b), nil
}

func printHelp(w io.Writer) {
	fmt.Fprintf(w, "Windlass %s: background work as a service.\n\nUsage: windlass [options]\n", version)
	for _, c := range commands() {
		fmt.Fprintf(w, "       windlass %s [options]\n           %s\n", c.name, c.usage)
	}
	printOptions(w, options())
}

func printOptions(w io.Writer, known []option) {
	fmt.Fprintln(w, "\nEach option is a flag and a variable; the flag wins.")
	for _, o := range known {
		name := "-" + o.name + ", " + o.env()
		if o.secret {
			name = o.env() + " or " + o.env() + "_FILE"
		}
		fmt.Fprintf(w, "\n  %s\n      %s", name, o.usage)
		if o.fallback != "" {
			fmt.Fprintf(w, " (default %s)", o.fallback)
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintf(w, "\n  -version\n      print the version\n  -h\n      print this\n")
	fmt.Fprintf(w, "\nSpans go to the collector that OTEL_EXPORTER_OTLP_ENDPOINT names, such as http://127.0.0.1:4318; none by default. The other OTEL_ variables count too.\n")
}
