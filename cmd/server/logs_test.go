package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
)

// cloudwatch takes log lines, or does not.
type cloudwatch struct {
	// swallow, if it is set, says for each line whether its call fails with nothing kept.
	swallow func(line string) bool

	mu     sync.Mutex
	down   bool
	refuse string // the code of the error that it answers with
	lines  []string
}

// variables lead the AWS SDK to it.
func (c *cloudwatch) variables(t *testing.T) []string {
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	return []string{
		"AWS_ENDPOINT_URL_CLOUDWATCH_LOGS=" + server.URL, "AWS_REGION=eu-central-1",
		"AWS_ACCESS_KEY_ID=AKIDTEST", "AWS_SECRET_ACCESS_KEY=secret", "AWS_EC2_METADATA_DISABLED=true",
	}
}

func (c *cloudwatch) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refuse != "" {
		refuseWith(w, c.refuse)
		return
	}
	if c.down {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	var in struct {
		LogEvents []struct{ Message string }
	}
	_ = json.Unmarshal(body, &in)
	for _, e := range in.LogEvents {
		if c.swallow != nil && c.swallow(e.Message) {
			panic(http.ErrAbortHandler)
		}
	}
	for _, e := range in.LogEvents {
		c.lines = append(c.lines, e.Message)
	}
	_, _ = io.WriteString(w, "{}")
}

func (c *cloudwatch) has(word string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return strings.Contains(strings.Join(c.lines, "\n"), word)
}

func TestLogLinesGoToCloudWatchToTheLast(t *testing.T) {
	cw := &cloudwatch{down: true}
	variables := cw.variables(t)
	dir := t.TempDir()
	args := []string{"-role", "api", "-log-group", "/windlass/test", "-log-spool-dir", dir}

	// CloudWatch is away: the last line says what is left and where.
	c := startWith(t, variables, args...)
	if code := c.stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	c.mu.Lock()
	log := strings.TrimSpace(c.log.String())
	c.mu.Unlock()
	if last := log[strings.LastIndexByte(log, '\n')+1:]; !strings.Contains(last, "not shipped yet") || !strings.Contains(last, dir) {
		t.Errorf("the last line is %s", last)
	}

	// The next process ships it, and its own lines to the very last.
	cw.mu.Lock()
	cw.down = false
	cw.mu.Unlock()
	c = startWith(t, variables, args...)
	response, err := http.Get(c.url + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	metrics, _ := io.ReadAll(response.Body)
	_ = response.Body.Close()
	if !strings.Contains(string(metrics), "windlass_log_queued_lines") {
		t.Error("/metrics lacks the shipper")
	}
	c.stop()
	boots := map[string]bool{}
	for _, text := range cw.lines {
		var line struct{ Boot, Msg string }
		if json.Unmarshal([]byte(text), &line) == nil && line.Msg == "stopped" {
			boots[line.Boot] = true
		}
	}
	if len(boots) != 2 || !cw.has("listening") {
		t.Errorf("%d of 2 processes shipped their last line:\n%s", len(boots), strings.Join(cw.lines, "\n"))
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Errorf("the spool folder is left with %v, %v", entries, err)
	}
}
