package main

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"windlass/internal/metric"
	"windlass/internal/redistest"
	"windlass/internal/scheduler"
	"windlass/internal/task"
)

// document is what tests read of a document of metrics.
type document struct {
	AWS *struct {
		Timestamp         int64
		CloudWatchMetrics []struct{ Dimensions [][]string }
	} `json:"_aws"`
	Environment, Queue string
	Backlog            *float64
	LeaderPresent      *float64
	AttemptsStarted    float64
}

// documents gives those among the lines, each checked against the schema of the format.
func (c *cloudwatch) documents(t *testing.T) []document {
	t.Helper()
	c.mu.Lock()
	lines := slices.Clone(c.lines)
	c.mu.Unlock()
	format, err := jsonschema.NewCompiler().Compile("../../internal/metric/testdata/emf.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []document
	for _, line := range lines {
		if !strings.Contains(line, `"_aws"`) {
			continue
		}
		value, err := jsonschema.UnmarshalJSON(strings.NewReader(line))
		if err == nil {
			members, _ := value.(map[string]any)
			delete(members, "boot") // which the shipper puts in front
			delete(members, "seq")
			err = format.Validate(value)
		}
		var d document
		if err == nil {
			err = json.Unmarshal([]byte(line), &d)
		}
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		all = append(all, d)
	}
	return all
}

// periods gives the periods of the fleet's documents as they arrived, with the backlog in them.
func (c *cloudwatch) periods(t *testing.T) (starts []int64, backlogs []float64) {
	t.Helper()
	for _, d := range c.documents(t) {
		if d.Backlog != nil && d.Queue == "" {
			starts, backlogs = append(starts, d.AWS.Timestamp), append(backlogs, *d.Backlog)
		}
	}
	return starts, backlogs
}

func (c *child) says(words string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return strings.Contains(c.log.String(), words)
}

// leader gives the index of the one that leads, -1 if none says so.
func leader(schedulers []*child) int {
	return slices.IndexFunc(schedulers, func(c *child) bool { return c.says(`"scheduler leads"`) })
}

// Three schedulers: the first leader is killed in the middle of a publication, so the second must
// publish that period; the second is killed after one, so the third must not.
func TestBacklogIsSeenOncePerPeriodThoughLeadersAreKilled(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	client := server.Client(t)
	front := start(t, "-role", "api", "-redis-url", server.URL())
	const waiting = 5
	for range waiting {
		front.submit("", `{"kind":"demo.echo","input":{"message":1}}`)
	}
	cw := &cloudwatch{}
	var schedulers []*child // changed while cw.mu is held
	var cut int64           // the period whose publication its leader did not survive; cw.mu guards it
	seen := map[int64]bool{}
	cw.swallow = func(line string) bool {
		var d document
		if err := json.Unmarshal([]byte(line), &d); err != nil || d.Backlog == nil {
			return false
		}
		earlier, again := len(seen) > 0, seen[d.AWS.Timestamp]
		seen[d.AWS.Timestamp] = true
		i := leader(schedulers)
		if !earlier || again || cut != 0 || len(schedulers) < 3 || i < 0 {
			return false
		}
		_ = schedulers[i].cmd.Process.Kill()
		cut = d.AWS.Timestamp
		return true
	}
	variables, spool := cw.variables(t), t.TempDir()
	for range 3 {
		c := startWith(t, variables, "-role", "scheduler", "-redis-url", server.URL(), "-environment", "test",
			"-log-group", "/windlass/test", "-log-spool-dir", spool)
		cw.mu.Lock()
		schedulers = append(schedulers, c)
		cw.mu.Unlock()
	}
	await := func(what string, holds func() bool) {
		t.Helper()
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for end := time.Now().Add(2 * time.Minute); !holds(); <-tick.C {
			if time.Now().After(end) {
				t.Fatalf("waited in vain for %s", what)
			}
		}
	}
	kill := func() {
		t.Helper()
		await("a leader", func() bool { return leader(schedulers) >= 0 })
		dead := schedulers[leader(schedulers)]
		_ = dead.cmd.Process.Kill() // the first one is dead already
		<-dead.exited
		cw.mu.Lock()
		defer cw.mu.Unlock()
		schedulers = slices.DeleteFunc(slices.Clone(schedulers), func(c *child) bool { return c == dead })
	}
	published := func(period int64) func() bool {
		return func() bool {
			return client.Get(t.Context(), "wl:{.lead}:period").Val() == strconv.FormatInt(period, 10)
		}
	}

	await("a leader that is killed", func() bool {
		cw.mu.Lock()
		defer cw.mu.Unlock()
		return cut != 0
	})
	kill()
	await("the second leader's publication of the same period", published(cut))
	next := cut + scheduler.Period.Milliseconds()
	await("the next period", published(next))
	kill()
	last := next + scheduler.Period.Milliseconds()
	await("the third leader's period", published(last))

	starts, backlogs := cw.periods(t)
	var want []int64
	for at := starts[0]; at <= last; at += scheduler.Period.Milliseconds() {
		want = append(want, at)
	}
	if !slices.Equal(starts, want) || starts[0]%scheduler.Period.Milliseconds() != 0 || !slices.Contains(starts, cut) {
		t.Errorf("the periods that were seen are %v, want %v", starts, want)
	}
	for _, n := range backlogs {
		if n != waiting {
			t.Errorf("the backlogs are %v", backlogs)
		}
	}
	for _, d := range cw.documents(t) {
		if d.Environment != "test" || d.Queue == "default" && *d.Backlog != waiting {
			t.Errorf("got %+v", d)
		}
	}
	if c := schedulers[0]; !c.says(`"scheduler stands by"`) || !c.says(`"leader":"`) {
		t.Error("it does not say who led")
	}
}

// Everything that is declared is fed: after a task has run, a process with all roles shows it.
func TestEveryMetricIsFed(t *testing.T) {
	t.Parallel()
	cw := &cloudwatch{}
	c := startWith(t, cw.variables(t), "-log-group", "/windlass/test", "-log-spool-dir", t.TempDir())
	if got := c.submit("wait=20", `{"kind":"demo.echo","input":{"message":1}}`); got.State != task.Succeeded {
		t.Fatalf("the task is %s", got.State)
	}
	var missing []string
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(time.Minute); ; <-tick.C {
		response, err := http.Get(c.url + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		missing = nil
		for _, m := range metric.All() {
			// The embedded Redis tells nothing of its memory.
			if m.Name != metric.RedisMemory && !strings.Contains(string(text), "\n# TYPE "+m.Name+" ") {
				missing = append(missing, m.Name)
			}
		}
		if len(missing) == 0 || time.Now().After(end) {
			break
		}
	}
	if len(missing) > 0 {
		t.Errorf("/metrics never shows %v", missing)
	}
	if code := c.stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	started := 0.0
	for _, d := range cw.documents(t) {
		started += d.AttemptsStarted
	}
	if started != 1 {
		t.Errorf("CloudWatch counts %v attempts, want 1", started)
	}
}
