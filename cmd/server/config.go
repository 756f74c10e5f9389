package main

import (
	"log/slog"
	"net"
	"net/url"
	"runtime"
	"slices"
	"strconv"
	"time"

	"windlass/internal/awslogs"
	"windlass/internal/egress"
	"windlass/internal/front"
	"windlass/internal/ratelimit"
	"windlass/internal/secret"
	"windlass/internal/store"
	"windlass/internal/task"
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
	connections int // of an address at most; 0: any number
	refusals    int // of an address in a minute that are prompt; 0: all
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
		{name: "wait-replicas", fallback: "0", usage: "how many replicas of Redis must have a task before it counts as accepted; as many as a master has lose none in a failover",
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
