package metric

import (
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestDeclarationsAreWhole(t *testing.T) {
	t.Parallel()
	name := regexp.MustCompile(`^windlass(_[a-z]+)+$`)
	seen, labels := map[string]bool{}, map[string]Label{}
	for _, m := range All() {
		if !name.MatchString(m.Name) || seen[m.Name] {
			t.Errorf("%s is not a name, or there twice", m.Name)
		}
		seen[m.Name] = true
		if !strings.HasSuffix(m.Help, ".") || strings.Contains(m.Help, "|") || m.Unit == "" || m.Source == "" {
			t.Errorf("%s lacks help, unit or source", m.Name)
		}
		// https://prometheus.io/docs/practices/naming/
		if (m.Type == Counter) != strings.HasSuffix(m.Name, "_total") {
			t.Errorf("%s is a %s", m.Name, m.Type)
		}
		if unit := strings.TrimSuffix(m.Name, "_total"); (m.Unit == Seconds) != strings.HasSuffix(unit, "_seconds") || (m.Unit == Bytes) != strings.HasSuffix(unit, "_bytes") {
			t.Errorf("%s is in %s", m.Name, m.Unit)
		}
		if (m.Type == Histogram) != (len(m.Buckets) > 0) || !slices.IsSorted(m.Buckets) || len(m.Buckets) >= 100 {
			t.Errorf("%s has the buckets %v", m.Name, m.Buckets)
		}
		for _, l := range m.Labels {
			if (len(l.Values) == 0) == (l.Most == 0) || len(l.Values)+l.Most > 100 {
				t.Errorf("%s: the label %s is not bounded", m.Name, l.Name)
			}
			if other, there := labels[l.Name]; there && !reflect.DeepEqual(other, l) {
				t.Errorf("%s: the label %s is another one elsewhere", m.Name, l.Name)
			}
			labels[l.Name] = l
		}
	}
}

// CloudWatch tells metrics apart by name and dimensions.
func TestDeclarationsForCloudWatchAreDistinct(t *testing.T) {
	t.Parallel()
	units, sets := map[string]Unit{}, map[string]string{}
	for _, m := range All() {
		c := m.CloudWatch
		if (c.Name == "") != (len(c.By) == 0) {
			t.Errorf("%s: %+v", m.Name, c)
		}
		if c.Name == "" {
			continue
		}
		if u, there := units[c.Name]; there && u != m.Unit {
			t.Errorf("%s is in %s and in %s", c.Name, u, m.Unit)
		}
		units[c.Name] = m.Unit
		for _, by := range c.By {
			for _, label := range by {
				if !slices.Contains(labelNames(m), label) {
					t.Errorf("%s has no label %s", m.Name, label)
				}
			}
			key := c.Name + strings.Join(by, ",")
			if other := sets[key]; other != "" {
				t.Errorf("%s and %s are the same in CloudWatch", m.Name, other)
			}
			sets[key] = m.Name
		}
	}
	if len(units) > 100 { // MetricDefinitions of one document
		t.Errorf("%d metrics may stand in one document", len(units))
	}
}

func TestEachNameIsDeclared(t *testing.T) {
	t.Parallel()
	file, err := parser.ParseFile(token.NewFileSet(), "declare.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	names := 0
	ast.Inspect(file, func(n ast.Node) bool {
		lit, ok := n.(*ast.BasicLit)
		if !ok || lit.Kind != token.STRING || !strings.HasPrefix(lit.Value, `"windlass_`) {
			return true
		}
		names++
		name, err := strconv.Unquote(lit.Value)
		if err != nil || !slices.ContainsFunc(All(), func(m Metric) bool { return m.Name == name }) {
			t.Errorf("%s is not declared: %v", name, err)
		}
		return true
	})
	if names != len(All()) {
		t.Errorf("%d names for %d metrics", names, len(All()))
	}
}
