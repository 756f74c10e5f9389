package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"time"

	"windlass/internal/awslogs"
	"windlass/internal/store"
	"windlass/internal/web"
)

const (
	// checkTimeout is how long one check may take.
	checkTimeout = 15 * time.Second
	// slowRedis is above what two machines of one region need for a question.
	slowRedis = 5 * time.Millisecond
	// clockWarning and clockFault are how far this machine's clock may be off Redis's.
	// AWS refuses what is signed more than five minutes off.
	clockWarning, clockFault = 2 * time.Second, 5 * time.Minute
	// fullRedis is the share of its memory from which on Redis will soon refuse tasks.
	fullRedis = 80
	// leastFree is what the spool may grow to (1 GiB).
	leastFree = 1 << 30
	// staleSpool is how old unshipped lines may be while CloudWatch takes lines.
	staleSpool = 10 * time.Minute
)

// verdict is how bad a finding is.
type verdict string

const (
	well    verdict = "ok"
	warning verdict = "warn"
	fault   verdict = "FAIL"
	unasked verdict = "-"
)

// finding is what a check found, and what to do about it.
type finding struct {
	verdict verdict
	found   string
	do      string // empty: nothing
}

// checkup is one thing that the doctor looks at.
type checkup struct {
	name string
	look func(context.Context, config) []finding
}

// checkups is the one list of them.
func checkups() []checkup {
	return []checkup{
		{"variables", lookAtVariables},
		{"listen", lookAtListener},
		{"backend", lookAtBackend},
		{"redis", lookAtRedis},
		{"workers", lookAtWorkers},
		{"tokens", lookAtTokens},
		{"log spool", lookAtSpool},
		{"cloudwatch", lookAtCloudWatch},
	}
}

// doctor looks at everything that a process with these options relies on, from
// where it would run. It gives 1 if something would not work.
func doctor(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	var names []string
	for _, o := range options() {
		names = append(names, o.name)
	}
	c, err := parseSome("doctor", names, args, getenv, stdout)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		fmt.Fprintf(stderr, "windlass doctor: %v\n", err)
		return 2
	}
	store.LogTo(slog.New(slog.DiscardHandler)) // what matters comes back as an error
	fmt.Fprintf(stdout, "Windlass %s, role %s\n", version, c.roleWord())
	faults := 0
	for _, check := range checkups() {
		ctx, cancel := context.WithTimeout(ctx, checkTimeout)
		for _, f := range check.look(ctx, c) {
			if f.verdict == fault {
				faults++
			}
			fmt.Fprintf(stdout, "%-4s  %-10s  %s\n", f.verdict, check.name, f.found)
			if f.do != "" {
				fmt.Fprintf(stdout, "%18sdo: %s\n", "", f.do)
			}
		}
		cancel()
	}
	if faults > 0 {
		fmt.Fprintf(stdout, "%d of these must be put right.\n", faults)
		return 1
	}
	fmt.Fprintln(stdout, "Nothing must be put right.")
	return 0
}

// lookAtListener tells a free port from one that is ours and one that is not.
func lookAtListener(ctx context.Context, c config) []finding {
	var all []finding
	if !isLoopback(c.listen) && !c.asksWho() {
		all = append(all, finding{warning, c.listen + " can be reached from other machines, and no admin token is set",
			"a process with the role api does not start like this: set WINDLASS_ADMIN_TOKEN or WINDLASS_ADMIN_TOKEN_FILE; other roles need none"})
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.listen)
	if err == nil {
		_ = listener.Close()
		return append(all, finding{verdict: well, found: c.listen + " is free: no process serves it now"})
	}
	unwell := askHealth(ctx, c.listen)
	if unwell == nil {
		return append(all, finding{verdict: well, found: c.listen + " is served, and /livez answers"})
	}
	return append(all, finding{fault, fmt.Sprintf("%s cannot be listened on: %v; and %v", c.listen, err, unwell),
		"end what holds the port, or choose another with -listen"})
}

func lookAtVariables(context.Context, config) []finding {
	var all []finding
	for _, name := range strangers(os.Environ()) {
		all = append(all, finding{warning, name + " is no option and does nothing", "look for a slip of the pen: windlass -h lists them"})
	}
	return all
}

// lookAtBackend asks the process with the API, as a page that stands alone in front of it does.
func lookAtBackend(ctx context.Context, c config) []finding {
	if c.backendURL == "" {
		return nil
	}
	backend, err := web.NewBackend(c.backendURL, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		return []finding{{fault, err.Error(), "-backend-url is its address"}} // readOptions has looked at it
	}
	defer backend.Close()
	code, err := backend.Ready(ctx)
	if code != "" {
		err = fmt.Errorf("%w: %s", err, code)
	}
	if err != nil {
		return []finding{{fault, c.backendURL + ": " + err.Error(),
			"see that a process with the role api runs there and listens on more than its own loopback, and that its Redis answers"}}
	}
	return []finding{{verdict: well, found: c.backendURL + " answers and is ready"}}
}

func lookAtRedis(ctx context.Context, c config) []finding {
	if !c.needsRedis() {
		return []finding{{unasked, "a process with the page alone asks the backend, not Redis", ""}}
	}
	if c.redis.URL == "" {
		return []finding{{unasked, "no Redis is configured: tasks are kept in memory and nothing outlives the process", "set WINDLASS_REDIS_URL to keep them"}}
	}
	d, err := store.Diagnose(ctx, c.redis, c.replicas)
	if err != nil {
		return []finding{{fault, err.Error(), "see to what stands before the brackets; SECURITY.md has the rights of Redis's user"}}
	}
	secure, who := "without TLS", "as the default user"
	if d.TLS {
		secure = "over TLS"
	}
	if d.User != "" {
		who = "as " + d.User
	}
	all := []finding{{verdict: well, found: fmt.Sprintf("version %s, %s, %s, answers in %s", d.Version, secure, who, d.Latency.Round(10*time.Microsecond))}}
	for _, w := range d.Warnings {
		all = append(all, finding{warning, w, ""})
	}
	if d.Latency > slowRedis {
		all = append(all, finding{warning, "it answers slowly", "run it in the same region and zone; look at its CPU and slow log"})
	}
	return append(all, redisMemory(d), redisClock(d))
}

func redisMemory(d store.Diagnosis) finding {
	used := fmt.Sprintf("%s of %s of memory used", size(d.UsedMemory), size(d.MaxMemory))
	if d.MaxMemory == 0 {
		used = size(d.UsedMemory) + " of memory used, no bound is set"
	}
	switch {
	case d.Evicted > 0:
		return finding{fault, fmt.Sprintf("%s, and %d keys were thrown away for want of room: tasks may be among them", used, d.Evicted),
			"set maxmemory-policy to noeviction, and give it more memory"}
	case d.MaxMemory > 0 && d.UsedMemory*100 > d.MaxMemory*fullRedis:
		return finding{warning, used + ": when it is full, new tasks are refused",
			"give it more memory, or keep ended tasks for less long (-retention, -max-finished)"}
	}
	return finding{verdict: well, found: used}
}

func redisClock(d store.Diagnosis) finding {
	off := d.Ahead.Abs().Round(time.Millisecond)
	f := finding{verdict: well, found: fmt.Sprintf("this machine's clock is within %s of Redis's", off)}
	if off > clockWarning {
		f = finding{warning, fmt.Sprintf("this machine's clock and Redis's differ by %s", off),
			"set both by NTP (chronyc tracking tells); Windlass goes by Redis's clock, its log lines by this machine's"}
	}
	if off > clockFault {
		f.verdict = fault // AWS takes nothing signed so far off
	}
	return f
}

func lookAtSpool(_ context.Context, c config) []finding {
	if c.ship.Group == "" {
		return nil
	}
	s, err := awslogs.LookAtSpool(c.ship)
	if err != nil {
		return []finding{{fault, fmt.Sprintf("%s cannot be written to: %v", s.Folder, err),
			"make it the folder of the user that runs Windlass, or name another with -log-spool-dir"}}
	}
	all := []finding{{verdict: well, found: fmt.Sprintf("%s can be written to, %s are free", s.Folder, size(s.Free))}}
	if s.Free >= 0 && s.Free < leastFree {
		all[0] = finding{warning, fmt.Sprintf("%s has %s left", s.Folder, size(s.Free)), "the spool may grow to 1 GiB while CloudWatch is away: make room"}
	}
	if s.Segments > 0 {
		f := finding{verdict: well, found: fmt.Sprintf("%s wait in %d segments to be shipped", size(s.Bytes), s.Segments)}
		if age := time.Since(s.Oldest); age > staleSpool {
			f.verdict, f.do = warning, fmt.Sprintf("the oldest is from %s ago: the next process that starts with this folder ships it, unless CloudWatch refuses it below", age.Round(time.Second))
		}
		all = append(all, f)
	}
	return all
}

func lookAtCloudWatch(ctx context.Context, c config) []finding {
	if c.ship.Group == "" {
		return []finding{{unasked, "no log group is configured: log lines go to standard error only", "set WINDLASS_LOG_GROUP to ship them"}}
	}
	stream, err := awslogs.TryPut(ctx, c.ship)
	if err != nil {
		return []finding{{fault, c.ship.Group + ": " + err.Error(), "see to what stands before the brackets; docs/logs.md says more"}}
	}
	return []finding{{verdict: well, found: fmt.Sprintf("a line was put into %s, stream %s", c.ship.Group, stream)}}
}

// size is bytes for people.
func size(bytes int64) string {
	if bytes < 0 {
		return "an unknown number of bytes"
	}
	units := strings.Fields("B KiB MiB GiB TiB PiB")
	f := float64(bytes)
	for f >= 1024 && len(units) > 1 {
		f, units = f/1024, units[1:]
	}
	if units[0] == "B" {
		return fmt.Sprintf("%d B", bytes)
	}
	return fmt.Sprintf("%.1f %s", f, units[0])
}
