package metric

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Registry keeps the values of one process's metrics. It is safe for concurrent use.
//
// Its methods panic on a metric that is not declared, is of another type, or is asked for twice:
// those are faults of the program that show when it starts.
type Registry struct {
	prometheus *prometheus.Registry
	declared   map[string]Metric
	caps       map[string]*bound // by label
}

// NewRegistry gives one that has the metrics of Go's runtime and of the process already.
func NewRegistry() *Registry {
	r := &Registry{prometheus: prometheus.NewRegistry(), declared: map[string]Metric{}, caps: map[string]*bound{}}
	r.prometheus.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for _, m := range All() {
		r.declared[m.Name] = m
		for _, l := range m.Labels {
			if r.caps[l.Name] == nil {
				r.caps[l.Name] = newBound(l)
			}
		}
	}
	return r
}

// Handler answers in Prometheus's format.
func (r *Registry) Handler() http.Handler {
	return promhttp.HandlerFor(r.prometheus, promhttp.HandlerOpts{Timeout: 10 * time.Second})
}

func (r *Registry) metric(name string, t Type) Metric {
	m, ok := r.declared[name]
	if !ok || m.Type != t {
		panic(fmt.Sprintf("metric: no %s is declared as %s", t, name))
	}
	return m
}

// values bounds the values of a metric's labels.
func (r *Registry) values(m Metric, given []string) []string {
	if len(given) != len(m.Labels) {
		panic(fmt.Sprintf("metric: %s has %d labels, not %d", m.Name, len(m.Labels), len(given)))
	}
	values := make([]string, len(given))
	for i, v := range given {
		values[i] = r.caps[m.Labels[i].Name].value(v)
	}
	return values
}

func labelNames(m Metric) []string {
	names := make([]string, len(m.Labels))
	for i, l := range m.Labels {
		names[i] = l.Name
	}
	return names
}

// CounterOf counts.
type CounterOf struct {
	registry *Registry
	metric   Metric
	vec      *prometheus.CounterVec
}

// Counter gives the counter of that name. One whose only label has known values shows all of them
// from the start.
func (r *Registry) Counter(name string) *CounterOf {
	m := r.metric(name, Counter)
	c := &CounterOf{r, m, prometheus.NewCounterVec(prometheus.CounterOpts{Name: m.Name, Help: m.Help}, labelNames(m))}
	r.prometheus.MustRegister(c.vec)
	switch len(m.Labels) {
	case 0:
		c.Add(0)
	case 1:
		for _, v := range m.Labels[0].Values {
			c.Add(0, v)
		}
	}
	return c
}

// Add adds n, 0 or more, to the series with the labels' values, in the order of their declaration.
func (c *CounterOf) Add(n float64, labels ...string) {
	c.vec.WithLabelValues(c.registry.values(c.metric, labels)...).Add(n)
}

// GaugeOf shows what is now.
type GaugeOf struct {
	registry *Registry
	metric   Metric
	vec      *prometheus.GaugeVec
}

// Gauge gives the gauge of that name. One without labels is 0 from the start.
func (r *Registry) Gauge(name string) *GaugeOf {
	m := r.metric(name, Gauge)
	g := &GaugeOf{r, m, prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: m.Name, Help: m.Help}, labelNames(m))}
	r.prometheus.MustRegister(g.vec)
	if len(m.Labels) == 0 {
		g.Set(0)
	}
	return g
}

// Set sets the series with the labels' values, in the order of their declaration.
func (g *GaugeOf) Set(v float64, labels ...string) {
	g.vec.WithLabelValues(g.registry.values(g.metric, labels)...).Set(v)
}

// Add adds n, which may be below zero, to the series with the labels' values.
func (g *GaugeOf) Add(n float64, labels ...string) {
	g.vec.WithLabelValues(g.registry.values(g.metric, labels)...).Add(n)
}

// HistogramOf tells how values are spread.
type HistogramOf struct {
	registry *Registry
	metric   Metric
	vec      *prometheus.HistogramVec
}

// Histogram gives the histogram of that name.
func (r *Registry) Histogram(name string) *HistogramOf {
	m := r.metric(name, Histogram)
	h := &HistogramOf{r, m, prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: m.Name, Help: m.Help, Buckets: m.Buckets}, labelNames(m))}
	r.prometheus.MustRegister(h.vec)
	return h
}

// Observe adds a value to the series with the labels' values, in the order of their declaration.
func (h *HistogramOf) Observe(v float64, labels ...string) {
	h.vec.WithLabelValues(h.registry.values(h.metric, labels)...).Observe(v)
}

// Tell is what a reading calls once for each value that there is.
type Tell func(name string, value float64, labels ...string)

// Reading registers gauges and counters whose values are read when somebody asks, and not kept
// here: read is called for each answer and must be quick. Values of series that become one because
// a label is bounded are added up.
func (r *Registry) Reading(read func(Tell), names ...string) {
	c := &reading{registry: r, read: read, descs: map[string]*prometheus.Desc{}}
	for _, name := range names {
		m, ok := r.declared[name]
		if !ok || m.Type == Histogram {
			panic("metric: no gauge or counter is declared as " + name)
		}
		c.descs[name] = prometheus.NewDesc(m.Name, m.Help, labelNames(m), nil)
	}
	r.prometheus.MustRegister(c)
}

// reading is a prometheus.Collector.
type reading struct {
	registry *Registry
	read     func(Tell)
	descs    map[string]*prometheus.Desc
}

func (c *reading) Describe(out chan<- *prometheus.Desc) {
	for _, d := range c.descs {
		out <- d
	}
}

func (c *reading) Collect(out chan<- prometheus.Metric) {
	type series struct {
		metric Metric
		labels []string
		sum    float64
	}
	all := map[string]*series{}
	c.read(func(name string, value float64, labels ...string) {
		m := c.registry.declared[name]
		labels = c.registry.values(m, labels)
		key := name + "\xff" + strings.Join(labels, "\xff")
		if all[key] == nil {
			all[key] = &series{metric: m, labels: labels}
		}
		all[key].sum += value
	})
	for _, s := range all {
		kind := prometheus.GaugeValue
		if s.metric.Type == Counter {
			kind = prometheus.CounterValue
		}
		out <- prometheus.MustNewConstMetric(c.descs[s.metric.Name], kind, s.sum, s.labels...)
	}
}

// maxLabel is the length in bytes up to which a value from outside is shown.
const maxLabel = 100

// bound keeps the values of a label bounded.
type bound struct {
	most  int
	fixed bool

	mu   sync.RWMutex
	seen map[string]bool
}

func newBound(l Label) *bound {
	b := &bound{most: l.Most, fixed: len(l.Values) > 0, seen: map[string]bool{}}
	for _, v := range l.Values {
		b.seen[v] = true
	}
	return b
}

// value gives v, or Other where v has no place.
func (b *bound) value(v string) string {
	b.mu.RLock()
	known, full := b.seen[v], b.fixed || len(b.seen) >= b.most
	b.mu.RUnlock()
	switch {
	case known:
		return v
	case full || v == "" || v == Other || len(v) > maxLabel:
		return Other
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.seen[v] && len(b.seen) >= b.most {
		return Other
	}
	b.seen[v] = true
	return v
}
