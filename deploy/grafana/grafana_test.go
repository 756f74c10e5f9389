// Package grafana has no code: its test keeps the dashboard and the alert rules true.
package grafana

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"windlass/internal/metric"
)

// promtool is Prometheus's own checker, where scripts/setup puts it or where it is in the path.
func promtool(t *testing.T, args ...string) {
	t.Helper()
	path, err := exec.LookPath("promtool")
	if err != nil {
		path = filepath.Join("..", "..", ".cache", "promtool", "promtool")
	}
	if out, err := exec.CommandContext(t.Context(), path, args...).CombinedOutput(); err != nil {
		t.Fatalf("promtool %s: %v (scripts/setup promtool installs it)\n%s", strings.Join(args, " "), err, out)
	}
}

func TestAlertRules(t *testing.T) {
	t.Parallel()
	promtool(t, "check", "rules", "--lint=all", "--lint-fatal", "alerts.yaml")
	promtool(t, "test", "rules", "alerts_test.yaml")
	checkNames(t, "alerts.yaml", read(t, "alerts.yaml"))
	checkNames(t, "alerts_test.yaml", read(t, "alerts_test.yaml"))
	for _, alert := range regexp.MustCompile(`alert: (\w+)`).FindAllStringSubmatch(read(t, "alerts.yaml"), -1) {
		if !strings.Contains(read(t, "alerts_test.yaml"), alert[1]) {
			t.Errorf("%s is not tried", alert[1])
		}
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// series is a metric with what is said of its labels.
var series = regexp.MustCompile(`\b(windlass_[a-z_]+)(\{[^}]*\})?`)

var labelName = regexp.MustCompile(`([a-z_]+)\s*(=~|!~|!=|=)`)

// checkNames compares the series in a text with what is declared.
func checkNames(t *testing.T, where, text string) {
	t.Helper()
	for _, found := range series.FindAllStringSubmatch(text, -1) {
		name := found[1]
		i := slices.IndexFunc(metric.All(), func(m metric.Metric) bool {
			if m.Type != metric.Histogram {
				return m.Name == name
			}
			rest, ok := strings.CutPrefix(name, m.Name)
			return ok && slices.Contains([]string{"_bucket", "_sum", "_count"}, rest)
		})
		if i < 0 {
			t.Errorf("%s: there is no metric %s", where, name)
			continue
		}
		labels := []string{"instance", "job", "le"}
		for _, l := range metric.All()[i].Labels {
			labels = append(labels, l.Name)
		}
		for _, l := range labelName.FindAllStringSubmatch(found[2], -1) {
			if !slices.Contains(labels, l[1]) {
				t.Errorf("%s: %s has no label %s", where, name, l[1])
			}
		}
	}
}

type dashboard struct {
	Panels []struct {
		ID          int
		Type, Title string
		GridPos     struct{ X, Y, W, H int }
		FieldConfig struct{ Defaults struct{ Unit string } }
		Targets     []struct{ Expr, RefID string }
	}
}

func TestDashboard(t *testing.T) {
	t.Parallel()
	var d dashboard
	if err := json.Unmarshal([]byte(read(t, "dashboard.json")), &d); err != nil {
		t.Fatal(err)
	}
	var rules strings.Builder // promtool reads expressions in rules only
	rules.WriteString("groups: [{name: dashboard, rules: [\n")
	used, ids := map[string]bool{}, map[int]bool{}
	for i, p := range d.Panels {
		if ids[p.ID] || p.GridPos.X+p.GridPos.W > 24 {
			t.Errorf("%s: id %d, place %+v", p.Title, p.ID, p.GridPos)
		}
		ids[p.ID] = true
		for _, other := range d.Panels[:i] {
			a, b := p.GridPos, other.GridPos
			if a.X < b.X+b.W && b.X < a.X+a.W && a.Y < b.Y+b.H && b.Y < a.Y+a.H {
				t.Errorf("%s lies over %s", p.Title, other.Title)
			}
		}
		if p.Type != "row" && (len(p.Targets) == 0 || p.FieldConfig.Defaults.Unit == "") {
			t.Errorf("%s shows nothing, or without a unit", p.Title)
		}
		for _, target := range p.Targets {
			checkNames(t, p.Title, target.Expr)
			for _, found := range series.FindAllStringSubmatch(target.Expr, -1) {
				used[found[1]] = true
				if !strings.Contains(found[2], `job=~"$job"`) {
					t.Errorf("%s: %s is not of the chosen job", p.Title, found[1])
				}
			}
			expr := strings.NewReplacer("$__rate_interval", "1m", "$job", "x").Replace(target.Expr)
			quoted, err := json.Marshal(expr)
			if err != nil {
				t.Fatal(err)
			}
			rules.WriteString(`{record: "panel:of:dashboard", labels: {panel: "` + p.Title + target.RefID + `"}, expr: ` + string(quoted) + "},\n")
		}
	}
	rules.WriteString("]}]\n")
	file := filepath.Join(t.TempDir(), "dashboard.yaml")
	if err := os.WriteFile(file, []byte(rules.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	promtool(t, "check", "rules", file)
	if len(used) < 20 {
		t.Errorf("it shows %d series only", len(used))
	}
}
