package metric

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// lines collects what is written.
type lines struct{ all [][]byte }

func (l *lines) Write(b []byte) (int, error) {
	l.all = append(l.all, slices.Clone(b))
	return len(b), nil
}

// take gives the documents written since the last time, by their dimensions' values, and checks
// each against the format.
func (l *lines) take(t *testing.T, format *jsonschema.Schema) map[string]map[string]any {
	t.Helper()
	docs := map[string]map[string]any{}
	for _, line := range l.all {
		key, members := checked(t, format, line)
		if docs[key] != nil {
			t.Errorf("two documents for %s", key)
		}
		docs[key] = members
	}
	l.all = nil
	return docs
}

// checked validates a document: against the schema, and that its references lead somewhere, which
// a schema cannot say.
func checked(t *testing.T, format *jsonschema.Schema, line []byte) (key string, members map[string]any) {
	t.Helper()
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(line))
	if err != nil {
		t.Fatalf("%s is not JSON: %v", line, err)
	}
	if err := format.Validate(document); err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	if bytes.ContainsAny(line, "\n") || len(line) > 1<<20-26 {
		t.Errorf("a document of %d bytes, or on several lines", len(line))
	}
	var doc struct {
		AWS struct {
			CloudWatchMetrics []struct {
				Namespace  string
				Dimensions [][]string
				Metrics    []struct{ Name string }
			}
		} `json:"_aws"`
	}
	if err := json.Unmarshal(line, &doc); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(line, &members); err != nil {
		t.Fatal(err)
	}
	for _, d := range doc.AWS.CloudWatchMetrics {
		var values []string
		for _, name := range slices.Concat(d.Dimensions...) {
			value, ok := members[name].(string)
			if !ok {
				t.Errorf("the dimension %s is %v in %s", name, members[name], line)
			}
			values = append(values, value)
		}
		key = strings.Join(values, "/")
		for _, m := range d.Metrics {
			switch v := members[m.Name].(type) {
			case float64:
			case map[string]any:
				if len(v["Values"].([]any)) != len(v["Counts"].([]any)) {
					t.Errorf("values and counts of %s differ in length", m.Name)
				}
			default:
				t.Errorf("the metric %s is %v", m.Name, v)
			}
		}
	}
	return key, members
}

func format(t *testing.T) *jsonschema.Schema {
	t.Helper()
	file, err := os.Open("testdata/emf.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	document, err := jsonschema.UnmarshalJSON(file)
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("emf.json", document); err != nil {
		t.Fatal(err)
	}
	return c.MustCompile("emf.json")
}

func TestSchemaRefusesWhatTheFormatDoes(t *testing.T) {
	t.Parallel()
	f := format(t)
	whole := `{"_aws":{"Timestamp":1,"CloudWatchMetrics":[{"Namespace":"W","Dimensions":[["E"]],"Metrics":[{"Name":"N","Unit":"Count"}]}]},"E":"x","N":1}`
	checked(t, f, []byte(whole))
	for _, change := range [][2]string{
		{`"Timestamp":1,`, ``}, {`"Count"`, `"Pieces"`}, {`"Namespace":"W",`, ``}, {`[["E"]]`, `[]`}, {`{"Name":"N","Unit":"Count"}`, ``},
		{`["E"]`, `["` + strings.Repeat(`E","`, 30) + `E"]`}, {`"N":1`, `"N":[` + strings.Repeat("1,", 100) + `1]`}, {`"N":1`, `"N":{"a":1}`},
	} {
		document, err := jsonschema.UnmarshalJSON(strings.NewReader(strings.Replace(whole, change[0], change[1], 1)))
		if err != nil {
			t.Fatal(err)
		}
		if f.Validate(document) == nil {
			t.Errorf("it takes %s for %s", change[1], change[0])
		}
	}
}

// TestEMF feeds every metric that goes to CloudWatch and looks at all documents.
func TestEMF(t *testing.T) {
	t.Parallel()
	f, out, r := format(t), &lines{}, NewRegistry()
	e := r.EMF("production", out)
	begun, ended := r.Counter(AttemptsStarted), r.Counter(AttemptsFinished)
	took, waited := r.Histogram(AttemptDuration), r.Histogram(TaskWait)
	r.Counter(SweeperRepairs).Add(2, "timed")
	r.Gauge(SchedulerLeads).Set(1)
	backlog := map[string]float64{"default": 3, "critical": 4}
	r.Reading(func(tell Tell) {
		for q, n := range backlog {
			tell(QueueBacklog, n, q)
			tell(QueueOldestPending, n*10, q)
			tell(QueueBacklogPerWorker, n/2, q)
		}
		for i, name := range []string{BacklogPerWorker, Workers, SlotsUsed, SlotsFree, RedisMemory, RedisLatency} {
			tell(name, float64(i))
		}
	}, QueueBacklog, QueueOldestPending, QueueBacklogPerWorker, BacklogPerWorker, Workers, SlotsUsed, SlotsFree, RedisMemory, RedisLatency)
	for _, kind := range []string{"http.request", "demo.echo"} {
		begun.Add(2, kind, "default")
		ended.Add(1, kind, "default", "succeeded")
		for _, v := range []float64{.25, .125, .3125, .3125} {
			took.Observe(v, kind)
		}
		waited.Observe(4000, kind, "default")
	}
	ended.Add(1, "demo.echo", "critical", "failed")

	at := time.UnixMilli(1_764_115_215_000)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(e.WriteFleet(at))
	want := map[string]map[string]any{
		"production": {"Backlog": 7., "OldestPendingAge": 40., "BacklogPerWorker": 0., "Workers": 1., "SlotsUsed": 2.,
			"SlotsFree": 3., "RedisMemoryShare": 4., "RedisLatency": 5., "LeaderPresent": 1.},
		"production/default":  {"Queue": "default", "Backlog": 3., "OldestPendingAge": 30., "BacklogPerWorker": 1.5},
		"production/critical": {"Queue": "critical", "Backlog": 4., "OldestPendingAge": 40., "BacklogPerWorker": 2.},
	}
	compare := func(what string) {
		t.Helper()
		got := out.take(t, f)
		for _, members := range got {
			if ms := members["_aws"].(map[string]any)["Timestamp"]; ms != float64(at.UnixMilli()) || members["Environment"] != "production" {
				t.Errorf("%s: %v", what, members)
			}
			delete(members, "_aws")
			delete(members, "Environment")
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateApprox(0, 1e-9)); diff != "" {
			t.Errorf("%s:\n%s", what, diff)
		}
	}
	compare("the fleet's")

	must(e.WriteProcess(at))
	one := func(value, count, sum float64) map[string]any {
		return map[string]any{"Values": []any{value}, "Counts": []any{count}, "Min": value, "Max": value, "Count": count, "Sum": sum}
	}
	// Of the buckets from 0.1 to 0.25 and from 0.25 to 0.5, 3/8 of the way in both.
	two := map[string]any{"Values": []any{.15625, .34375}, "Counts": []any{2., 2.}, "Min": .15625, "Max": .34375, "Count": 4., "Sum": 1.}
	want = map[string]map[string]any{
		"production":              {"AttemptsStarted": 4., "SweeperRepairs": 2.},
		"production/succeeded":    {"Outcome": "succeeded", "AttemptsFinished": 2.},
		"production/failed":       {"Outcome": "failed", "AttemptsFinished": 1.},
		"production/http.request": {"Kind": "http.request", "AttemptDuration": two},
		"production/demo.echo":    {"Kind": "demo.echo", "AttemptDuration": two},
		"production/default":      {"Queue": "default", "TaskWait": one(4000, 2, 8000)},
	}
	compare("the process's")

	// The next time tells what is new, and nothing of what rests.
	must(e.WriteProcess(at))
	want = map[string]map[string]any{}
	compare("nothing new")
	begun.Add(1, "demo.echo", "low")
	took.Observe(.02, "demo.echo")
	must(e.WriteProcess(at))
	got := out.take(t, f)
	if len(got) != 2 || got["production"]["AttemptsStarted"] != 1. {
		t.Errorf("got %v", got)
	}
	d := got["production/demo.echo"]["AttemptDuration"].(map[string]any)
	if v := d["Values"].([]any)[0].(float64); math.Abs(v-.02) > 1e-12 || d["Count"] != 1. {
		t.Errorf("got %v", d)
	}
}

// However many queues somebody makes, CloudWatch bills a bounded number of metrics.
func TestEMFBoundsDimensions(t *testing.T) {
	t.Parallel()
	f, out, r := format(t), &lines{}, NewRegistry()
	r.Reading(func(tell Tell) {
		for i := range 3 * mostQueues {
			tell(QueueBacklog, 1, fmt.Sprintf("queue%03d", i))
		}
	}, QueueBacklog)
	e := r.EMF("production", out)
	for range 3 {
		if err := e.WriteFleet(time.Now()); err != nil {
			t.Fatal(err)
		}
		got := out.take(t, f)
		if len(got) != mostDimensions+2 || got["production"]["Backlog"] != float64(3*mostQueues) || got["production/other"]["Backlog"] != float64(3*mostQueues-mostDimensions) {
			t.Fatalf("%d documents: %v", len(got), got)
		}
	}
}

// A new installation has no queue. Its backlog is 0, which is not the same as unknown.
func TestEMFWithoutAnyQueue(t *testing.T) {
	t.Parallel()
	f, out, r := format(t), &lines{}, NewRegistry()
	read := false
	r.Gauge(SchedulerLeads).Set(1)
	r.Reading(func(tell Tell) {
		if read {
			tell(Workers, 0)
		}
	}, Workers, QueueBacklog, QueueOldestPending, RedisMemory)
	e := r.EMF("production", out)
	for _, read = range []bool{false, true} {
		if err := e.WriteFleet(time.Now()); err != nil {
			t.Fatal(err)
		}
		all := out.take(t, f)["production"]
		for _, name := range []string{"Backlog", "OldestPendingAge"} {
			if v, there := all[name]; there != read || read && v != 0. {
				t.Errorf("with a reading: %v; %s: %v", read, name, all)
			}
		}
		if _, there := all["RedisMemoryShare"]; there {
			t.Errorf("what nobody knows is told: %v", all)
		}
	}
}

func TestSpreadKeepsSumAndBuckets(t *testing.T) {
	t.Parallel()
	bounds := durations()
	random := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		p := point{counts: make([]uint64, len(bounds)+1)}
		n := 1 + random.IntN(20)
		for range n {
			v := math.Exp(random.Float64()*18 - 8) // 0.3 ms to 6 h
			i, _ := slices.BinarySearch(bounds, v)
			p.counts[i]++
			p.value += v
		}
		d := spread(bounds, p)
		sum, count := 0.0, uint64(0)
		for i, v := range d.Values {
			sum += v * float64(d.Counts[i])
			count += d.Counts[i]
		}
		// Beyond the last bound anything goes, so the sum may be out of reach.
		if over := p.counts[len(bounds)]; math.Abs(sum-p.value) > 1e-9*p.value && over == 0 || count != uint64(n) || d.Count != count {
			t.Fatalf("%v, %v: sum %v of %d, want %v of %d", p.counts, d, sum, count, p.value, n)
		}
		values := d.Values
		for i, n := range p.counts {
			if n == 0 {
				continue
			}
			lower, upper := 0.0, math.Inf(1)
			if i > 0 {
				lower = bounds[i-1]
			}
			if i < len(bounds) {
				upper = bounds[i]
			}
			if values[0] < lower || values[0] > upper {
				t.Fatalf("%v is not between %v and %v", values[0], lower, upper)
			}
			values = values[1:]
		}
	}
}

func TestCheckEnvironment(t *testing.T) {
	t.Parallel()
	for name, good := range map[string]bool{
		"production": true, "a/b:c": true, "": false, ":a": false, "a b": false, "zürich": false, strings.Repeat("x", 256): false,
	} {
		if err := CheckEnvironment(name); (err == nil) != good {
			t.Errorf("%q: %v", name, err)
		}
	}
}
