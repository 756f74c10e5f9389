package metric

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	dto "github.com/prometheus/client_model/go"
)

// Namespace is where the metrics stand in CloudWatch.
const Namespace = "Windlass"

// Environment is the dimension that all of them have.
const Environment = "Environment"

// mostDimensions is how many values of a label from outside become dimensions: CloudWatch bills
// each. The rest is Other.
const mostDimensions = 20

// EMF writes what CloudWatch gets of a registry, one line a set of dimensions, in its embedded
// metric format ("Specification: Embedded metric format" in the CloudWatch User Guide).
//
// Counters and histograms are told as what came since the last time. A histogram is told as
// {"Values", "Counts", "Min", "Max", "Count", "Sum"}: the specification has numbers and lists of
// them only, but this is what AWS's own CloudWatch agent sends, and the only form in which a
// thousand values are as short as ten.
type EMF struct {
	registry    *Registry
	environment string
	w           io.Writer

	mu   sync.Mutex
	last map[string]point  // by series: what was told of it so far
	caps map[string]*bound // of dimensions, by label
}

// EMF gives a writer of this registry's values. Each document is one Write, without a newline.
// environment is the value of the dimension Environment: see CheckEnvironment.
func (r *Registry) EMF(environment string, w io.Writer) *EMF {
	e := &EMF{registry: r, environment: environment, w: w, last: map[string]point{}, caps: map[string]*bound{}}
	for _, m := range r.declared {
		for _, l := range m.Labels {
			if l.Most > 0 {
				l.Most = min(l.Most, mostDimensions)
			}
			e.caps[l.Name] = newBound(l)
		}
	}
	return e
}

// CheckEnvironment says whether CloudWatch would take the name as a dimension's value.
func CheckEnvironment(name string) error {
	bad := func(r rune) bool { return r <= ' ' || r > '~' }
	if name == "" || len(name) > 255 || name[0] == ':' || strings.ContainsFunc(name, bad) {
		return fmt.Errorf("%.80q must be 1 to 255 ASCII characters without spaces, and not begin with a colon", name)
	}
	return nil
}

// WriteProcess writes what this process counts.
func (e *EMF) WriteProcess(at time.Time) error {
	return e.write(at, func(s Source) bool { return s != Leader })
}

// WriteFleet writes what the leader tells for all processes.
func (e *EMF) WriteFleet(at time.Time) error {
	return e.write(at, func(s Source) bool { return s == Leader })
}

func (e *EMF) write(at time.Time, wanted func(Source) bool) error {
	families, err := e.registry.prometheus.Gather()
	if err != nil {
		return fmt.Errorf("gather metrics: %w", err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	docs := map[string]*document{}
	for _, f := range families {
		m, ours := e.registry.declared[f.GetName()]
		if !ours || m.CloudWatch.Name == "" || !wanted(m.Source) {
			continue
		}
		e.gather(docs, m, f.GetMetric())
	}
	if wanted(Leader) {
		e.fill(docs)
	}
	for _, key := range slices.Sorted(maps.Keys(docs)) {
		line, err := docs[key].encode(at)
		if err != nil {
			return fmt.Errorf("write metrics: %w", err)
		}
		if _, err := e.w.Write(line); err != nil {
			return fmt.Errorf("write metrics: %w", err)
		}
	}
	return nil
}

// fill adds 0 for what the leader counts by queue while there is no queue at all: an alarm takes a
// number that is missing for a leader that is. It keeps to readings, which tell Workers: without
// one nobody knows.
func (e *EMF) fill(docs map[string]*document) {
	all := docs[newDocument(e.environment).key()]
	if all == nil || all.points[e.registry.declared[Workers].CloudWatch.Name] == nil {
		return
	}
	for _, m := range e.registry.declared {
		for _, by := range m.CloudWatch.By {
			if m.Source == Leader && m.Type == Gauge && len(m.Labels) > 0 && len(by) == 0 && all.points[m.CloudWatch.Name] == nil {
				all.put(m, point{gauge: true})
			}
		}
	}
}

// gather adds the series of one metric to the documents in which they stand.
func (e *EMF) gather(docs map[string]*document, m Metric, series []*dto.Metric) {
	for _, s := range series {
		p := e.news(m, s)
		if p.empty() {
			continue
		}
		labels := map[string]string{}
		for _, l := range s.GetLabel() {
			labels[l.GetName()] = l.GetValue()
		}
		for _, by := range m.CloudWatch.By {
			d := newDocument(e.environment)
			for _, name := range by {
				d.add(dimension(name), e.caps[name].value(labels[name]))
			}
			key := d.key()
			if docs[key] == nil {
				docs[key] = d
			}
			docs[key].put(m, p)
		}
	}
}

// news gives what is new of a series since the last time.
func (e *EMF) news(m Metric, s *dto.Metric) point {
	now := pointOf(m, s)
	if m.Type == Gauge {
		return now
	}
	key := m.Name
	for _, l := range s.GetLabel() {
		key += "\xff" + l.GetValue()
	}
	before := e.last[key]
	e.last[key] = now
	return now.minus(before)
}

// dimension is a label's name in CloudWatch.
func dimension(label string) string { return strings.ToUpper(label[:1]) + label[1:] }

// point is the value of a series, or of several together.
type point struct {
	gauge  bool
	value  float64  // of a histogram the sum
	counts []uint64 // of a histogram, by bucket; the last one has no upper bound
}

func pointOf(m Metric, s *dto.Metric) point {
	switch m.Type {
	case Gauge:
		return point{gauge: true, value: s.GetGauge().GetValue()}
	case Counter:
		return point{value: s.GetCounter().GetValue()}
	}
	h := s.GetHistogram()
	p := point{value: h.GetSampleSum(), counts: make([]uint64, len(m.Buckets)+1)}
	below := uint64(0)
	for i, b := range h.GetBucket()[:len(m.Buckets)] {
		p.counts[i] = b.GetCumulativeCount() - below
		below = b.GetCumulativeCount()
	}
	p.counts[len(m.Buckets)] = h.GetSampleCount() - below
	return p
}

func (p point) minus(o point) point {
	p.value -= o.value
	p.counts = slices.Clone(p.counts)
	for i, n := range o.counts {
		p.counts[i] -= n
	}
	return p
}

// empty says that there is nothing to tell. A gauge is told always.
func (p point) empty() bool {
	if p.counts != nil {
		return !slices.ContainsFunc(p.counts, func(n uint64) bool { return n > 0 })
	}
	return math.IsNaN(p.value) || math.IsInf(p.value, 0) || !p.gauge && p.value == 0
}

// plus adds another series to the point.
func (p *point) plus(o point, greatest bool) {
	if greatest {
		p.value = max(p.value, o.value)
		return
	}
	p.value += o.value
	for i, n := range o.counts {
		p.counts[i] += n
	}
}

// document is one line: the metrics of one set of dimensions.
type document struct {
	dimensions []string
	values     map[string]string // by dimension
	metrics    map[string]Metric // by name in CloudWatch
	points     map[string]*point
}

func newDocument(environment string) *document {
	return &document{
		dimensions: []string{Environment}, values: map[string]string{Environment: environment},
		metrics: map[string]Metric{}, points: map[string]*point{},
	}
}

func (d *document) add(dimension, value string) {
	d.dimensions = append(d.dimensions, dimension)
	d.values[dimension] = value
}

func (d *document) key() string {
	key := ""
	for _, name := range d.dimensions {
		key += name + "\xff" + d.values[name] + "\xff"
	}
	return key
}

func (d *document) put(m Metric, p point) {
	name := m.CloudWatch.Name
	if have := d.points[name]; have != nil {
		have.plus(p, m.CloudWatch.Max)
		return
	}
	p.counts = slices.Clone(p.counts)
	d.metrics[name], d.points[name] = m, &p
}

// definition and directive are the objects MetricDefinition and MetricDirective of the format.
type definition struct {
	Name string
	Unit Unit
}

type directive struct {
	Namespace  string
	Dimensions [][]string
	Metrics    []definition
}

func (d *document) encode(at time.Time) ([]byte, error) {
	members := map[string]any{}
	for name, value := range d.values {
		members[name] = value
	}
	dir := directive{Namespace: Namespace, Dimensions: [][]string{d.dimensions}}
	for _, name := range slices.Sorted(maps.Keys(d.points)) {
		m, p := d.metrics[name], d.points[name]
		dir.Metrics = append(dir.Metrics, definition{name, m.Unit})
		members[name] = p.value
		if p.counts != nil {
			members[name] = spread(m.Buckets, *p)
		}
	}
	members["_aws"] = struct {
		Timestamp         int64
		CloudWatchMetrics []directive
	}{at.UnixMilli(), []directive{dir}}
	return json.Marshal(members)
}

// distribution is how CloudWatch takes many values at once.
type distribution struct {
	Values []float64
	Counts []uint64
	Min    float64
	Max    float64
	Count  uint64
	Sum    float64
}

// spread gives each bucket that has something one value within its bounds. They are chosen, all
// at the same share of the way from lower to upper bound, such that their sum is the true one.
func spread(bounds []float64, p point) distribution {
	var least, room float64 // the least that the sum can be, and how much more
	lower, last := 0.0, len(bounds)
	for i, upper := range bounds {
		least += float64(p.counts[i]) * lower
		room += float64(p.counts[i]) * (upper - lower)
		lower = upper
	}
	above := float64(p.counts[last]) // these are bounds[last-1] at least, without an end
	share := 0.5
	if above == 0 && room > 0 {
		share = min(max((p.value-least)/room, 0), 1)
	}
	d := distribution{Sum: p.value}
	lower = 0
	for i, n := range p.counts {
		value := lower
		if i < last {
			value = lower + share*(bounds[i]-lower)
			lower = bounds[i]
		} else if above > 0 {
			value = max(lower, (p.value-least-share*room)/above)
		}
		if n > 0 {
			d.Values, d.Counts = append(d.Values, value), append(d.Counts, n)
			d.Count += n
		}
	}
	d.Min, d.Max = slices.Min(d.Values), slices.Max(d.Values)
	return d
}
