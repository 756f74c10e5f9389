package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"windlass/internal/awslogs"
	"windlass/internal/egress"
	"windlass/internal/front"
	"windlass/internal/ratelimit"
	"windlass/internal/secret"
	"windlass/internal/store"
	"windlass/internal/task"
	"windlass/internal/tracing"
	"windlass/internal/web"
)

const (
	roleAPI       = "api"
	roleWeb       = "web"
	roleWorker    = "worker"
	roleScheduler = "scheduler"
	roleAll       = "all"
)

// config is what the options say, checked.
type config struct {
	roleNames   []string
	listen      string
	backendURL  string
	redis       store.Address
	adminToken  string
	tokensOnly  bool     // the admin token is no credential
	origins     []string // whose pages may call the API
	oidc        oidcConfig
	egress      egress.Policy
	keys        *secret.Keys // nil: none
	redact      []task.SecretPath
	proxies     front.Proxies
	rates       map[string]ratelimit.Rate
	maxStreams  int
	queues      map[string]int
	strict      bool
	replicas    int
	replicaWait time.Duration
	concurrency int
	drain       time.Duration
	retention   time.Duration
	maxFinished int64
	logFormat   string
	logLevel    slog.Level
	ship        awslogs.Config // Group is empty: nothing is shipped
	traced      bool           // a collector of spans is configured
	adminListen string         // empty: no profiles

	metricsStream string // metricsOff: none is shipped
	environment   string
}

// option is one way to say something: by flag and by WINDLASS_<NAME>. A secret
// has no flag, because arguments are visible to every user of the machine; its
// variable has a twin that ends in _FILE and names a file that holds it.
type option struct {
	name, usage, fallback string
	secret                bool
	set                   func(c *config, value string) error
	setFile               func(c *config, name string) // of a secret that may change; after set
}

// options is the one list of them. An empty value means the fallback.
func options() []option {
	return append([]option{
		{name: "role", fallback: roleAll, usage: "what this process does: all, or a comma list of api, web, worker, scheduler", set: setRoles},
		{name: "listen", fallback: "127.0.0.1:8000", usage: "address of the page, the API and the health checks; a process without api and web takes a free port of 127.0.0.1 unless this is given", set: setListen},
		{name: "backend-url", usage: "for the role web without api: the process with the API that requests for it are handed on to, such as http://backend:8000; empty hands nothing on", set: setBackendURL},
		{name: "admin-listen", usage: "loopback address of profiles (/debug/pprof/), such as 127.0.0.1:6060; empty serves none", set: setAdminListen},
		{name: "redis-url", usage: "redis://host:6379/0 for one node or a replication group, redis+sentinel://host:26379,host:26379/mymaster/0, redis+cluster://host:6379,host:6379, unix:///path; rediss for redis speaks TLS; user:password@ before the host; empty keeps tasks in memory",
			set: func(c *config, v string) error { c.redis.URL = v; return nil }},
		{name: "redis-username", usage: "the user of Redis, in place of the URL's",
			set: func(c *config, v string) error { c.redis.Username = v; return nil }},
		{name: "redis-password", secret: true, usage: "the password of Redis, in place of the URL's; the file is read again for each new connection, so it may change without a restart",
			set: setRedisPassword, setFile: setRedisPasswordFile},
		{name: "redis-ca-file", usage: "certificates (PEM) of the authorities that alone may sign Redis's, for rediss; read again for each new connection; empty trusts the machine's",
			set: func(c *config, v string) error { c.redis.CAFile = v; return nil }},
		{name: "admin-token", secret: true, usage: "who calls the API or opens the page must show it; needed to listen beyond loopback", set: setToken},
		{name: "queues", fallback: "critical=6,default=3,low=1", usage: "the queues that the worker serves, with weights", set: setQueues},
		{name: "queue-order", fallback: "weighted", usage: "weighted: a queue is served as often as its weight says; strict: only while all of greater weight are empty",
			set: func(c *config, v string) error { c.strict = v == "strict"; return oneOf(v, "weighted", "strict") }},
		{name: "concurrency", fallback: strconv.Itoa(32 * runtime.GOMAXPROCS(0)), usage: "how many tasks the worker runs at once",
			set: func(c *config, v string) (err error) { c.concurrency, err = wholeNumber(v, 1, 10_000); return err }},
		{name: "drain", fallback: "25s", usage: "how long running tasks may go on after SIGTERM before they are handed back",
			set: func(c *config, v string) (err error) { c.drain, err = duration(v, 0, time.Hour); return err }},
		{name: "retention", fallback: "168h", usage: "how long ended tasks are kept",
			set: func(c *config, v string) (err error) {
				c.retention, err = duration(v, time.Minute, 10*365*24*time.Hour)
				return err
			}},
		{name: "max-finished", fallback: "1000000", usage: "how many ended tasks are kept",
			set: func(c *config, v string) error {
				n, err := wholeNumber(v, 1, 1_000_000_000)
				c.maxFinished = int64(n)
				return err
			}},
		{name: "wait-replicas", fallback: "0", usage: "how many replicas of Redis must have a task before it counts as accepted",
			set: func(c *config, v string) (err error) { c.replicas, err = wholeNumber(v, 0, 5); return err }},
		{name: "wait-timeout", fallback: "1s", usage: "how long those replicas may take; after that the client hears 503 and the task's id",
			set: func(c *config, v string) (err error) {
				c.replicaWait, err = duration(v, time.Millisecond, 1500*time.Millisecond)
				return err
			}},
		{name: "log-format", fallback: "auto", usage: "json, text, or auto: text on a terminal",
			set: func(c *config, v string) error { c.logFormat = v; return oneOf(v, "auto", "json", "text") }},
		{name: "log-level", fallback: "info", usage: "debug, info, warn or error",
			set: func(c *config, v string) error { return setLevel(c, v) }},
		{name: "log-group", usage: "CloudWatch log group that log lines are shipped to, too; empty ships nothing",
			set: func(c *config, v string) error { c.ship.Group = v; return awslogs.CheckGroup(v) }},
		{name: "log-stream", fallback: awslogs.DefaultStream, usage: "log stream; {role}, {host} and {boot} stand for this process",
			set: func(c *config, v string) error { c.ship.Stream = v; return awslogs.CheckStream(v) }},
		{name: "log-delivery", fallback: "durable", usage: "durable: each line is on the disk before the program goes on; memory: only when CloudWatch is slow",
			set: func(c *config, v string) error { c.ship.InMemory = v == "memory"; return oneOf(v, "durable", "memory") }},
		{name: "log-spool-dir", usage: "folder for log lines that are not shipped yet; empty means one in the user's folder for caches",
			set: func(c *config, v string) error { c.ship.SpoolDir = v; return nil }},
		{name: "log-retention-days", fallback: "30", usage: "how long CloudWatch keeps a log group that we made; 0 means for ever",
			set: func(c *config, v string) (err error) {
				if c.ship.RetentionDays, err = wholeNumber(v, 0, 3653); err != nil {
					return err
				}
				return awslogs.CheckRetention(c.ship.RetentionDays)
			}},
	}, slices.Concat(accessOptions(), metricsOptions(), egressOptions(), secretOptions(), clientOptions())...)
}

func (o option) env() string {
	return "WINDLASS_" + strings.ToUpper(strings.ReplaceAll(o.name, "-", "_"))
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
	return c, errors.Join(append(faults, c.checkRedis(sources), c.oidc.check())...)
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

// has reports whether the process has a role.
func (c config) has(role string) bool { return slices.Contains(c.roleNames, role) }

// serves reports whether strangers talk to this process.
func (c config) serves() bool { return c.has(roleAPI) || c.has(roleWeb) }

// needsRedis reports whether the process has to do with tasks: the page has not.
func (c config) needsRedis() bool {
	return c.has(roleAPI) || c.has(roleWorker) || c.has(roleScheduler)
}

// offersAPI reports whether who reaches this process may reach an API that asks
// for no token: its own, or one that listens on loopback and trusts this machine.
// A backend elsewhere asks for a token, or it would not listen there.
func (c config) offersAPI() bool {
	u, err := url.Parse(c.backendURL)
	return c.has(roleAPI) || err == nil && c.backendURL != "" && isLoopback(net.JoinHostPort(u.Hostname(), "0"))
}

// asksWho reports whether the API asks callers who they are.
func (c config) asksWho() bool {
	return c.adminToken != "" || c.tokensOnly || len(c.oidc.signers) > 0
}

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
