package main

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
)

// cloudwatch takes log lines, or does not.
type cloudwatch struct {
	mu     sync.Mutex
	down   bool
	refuse string // the code of the error that it answers with
	lines  []string
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
	aws(t, cw)
	dir := t.TempDir()
	args := []string{"-role", "api", "-log-group", "/windlass/test", "-log-spool-dir", dir}

	// CloudWatch is away: the last line says what is left and where.
	c := start(t, args...)
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
	c = start(t, args...)
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
