package metric

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the tables of docs/metrics.md anew")

// TestDocument keeps the tables of docs/metrics.md true to the declarations.
func TestDocument(t *testing.T) {
	t.Parallel()
	file := filepath.Join("..", "..", "docs", "metrics.md")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	want := string(text)
	for name, table := range map[string]string{"metrics": metricsTable(), "labels": labelsTable()} {
		begin, end := "<!-- "+name+": written by make generate -->\n", "<!-- end of "+name+" -->\n"
		head, rest, found := strings.Cut(want, begin)
		_, tail, closed := strings.Cut(rest, end)
		if !found || !closed {
			t.Fatalf("docs/metrics.md has no place for the table of %s", name)
		}
		want = head + begin + table + end + tail
	}
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if want != string(text) {
		t.Error("docs/metrics.md is not what is declared: run make generate")
	}
}

func metricsTable() string {
	b := &strings.Builder{}
	fmt.Fprintln(b, "| name | type | labels | told by | in CloudWatch | what |")
	fmt.Fprintln(b, "|---|---|---|---|---|---|")
	for _, m := range All() {
		cloudWatch := "no"
		if c := m.CloudWatch; c.Name != "" {
			var sets []string
			for _, by := range c.By {
				set := Environment
				for _, label := range by {
					set += " + " + dimension(label)
				}
				sets = append(sets, set)
			}
			cloudWatch = fmt.Sprintf("`%s` (%s) by %s", c.Name, m.Unit, strings.Join(sets, ", by "))
		}
		fmt.Fprintf(b, "| `%s` | %s | %s | %s | %s | %s |\n", m.Name, m.Type, strings.Join(labelNames(m), ", "), m.Source, cloudWatch, m.Help)
	}
	return b.String()
}

func labelsTable() string {
	b := &strings.Builder{}
	fmt.Fprintln(b, "| label | values |")
	fmt.Fprintln(b, "|---|---|")
	seen := map[string]bool{}
	for _, m := range All() {
		for _, l := range m.Labels {
			if seen[l.Name] {
				continue
			}
			seen[l.Name] = true
			values := fmt.Sprintf("the first %d that a process meets", l.Most)
			if len(l.Values) > 0 {
				values = strings.Join(l.Values, ", ")
			}
			fmt.Fprintf(b, "| `%s` | %s |\n", l.Name, values)
		}
	}
	return b.String()
}
