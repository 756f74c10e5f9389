package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"windlass/internal/task"
)

// queryWord is a name, a text or a comment of a query.
var queryWord = regexp.MustCompile(`(?m)^#.*$|"[^"]*"|@?[a-z_]+`)

// TestSavedQueriesNameFieldsOfTheLog runs Windlass and compares what its lines have with what
// the queries in deploy/logs-insights ask for.
func TestSavedQueriesNameFieldsOfTheLog(t *testing.T) {
	cw := &cloudwatch{}
	c := startWith(t, cw.variables(t), "-log-group", "/windlass/test", "-log-spool-dir", t.TempDir(), "-metrics-stream", "off")
	r, err := http.NewRequest("POST", c.url+"/api/v1/tasks", strings.NewReader(`{"kind":"demo.echo","input":{"message":1,"fail_first":1},"policy":{"min_backoff":"10ms"}}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Prefer", "wait=30")
	r.Header.Set("Traceparent", "00-"+callersTrace+"-"+callersSpan+"-01")
	if got := c.do(r); got.State != task.Succeeded {
		t.Fatalf("got %s %+v", got.State, got.Error)
	}
	c.stop()
	fields, values := cw.fields(t)
	// Words of the language, functions, names that a query makes, and what a person fills in.
	known := strings.Fields("fields filter sort asc desc dedup limit stats by as and count count_distinct max copies attempts present written @timestamp TASK_ID REQUEST_ID TRACE_ID")
	for _, word := range known {
		fields[word], values[word] = true, true
	}
	files, err := filepath.Glob("../../deploy/logs-insights/*.query")
	if err != nil || len(files) == 0 {
		t.Fatalf("no queries: %v", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, word := range queryWord.FindAllString(string(text), -1) {
			switch {
			case word[0] == '#':
			case word[0] == '"':
				if !values[strings.Trim(word, `"`)] {
					t.Errorf("%s: no line has the value %s", filepath.Base(file), word)
				}
			case !fields[word]:
				t.Errorf("%s: no line has the field %s", filepath.Base(file), word)
			}
		}
		if strings.HasSuffix(file, "/task.query") {
			_, query, _ := strings.Cut(string(text), "\n") // without its comment
			if want := strings.TrimSpace(strings.ReplaceAll(query, "TASK_ID", "tsk_1_a")); taskQuery("tsk_1_a") != want {
				t.Errorf("the page's query is not task.query:\n%s\nwant\n%s", taskQuery("tsk_1_a"), want)
			}
		}
	}
}

// fields gives the names of what the lines have, and the values that are text.
func (c *cloudwatch) fields(t *testing.T) (names, values map[string]bool) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	names, values = map[string]bool{}, map[string]bool{}
	for _, text := range c.lines {
		var line map[string]any
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		for name, value := range line {
			names[name] = true
			if s, ok := value.(string); ok {
				values[s] = true
			}
		}
	}
	return names, values
}
