package api

import (
	"context"
	"log/slog"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"windlass/internal/store"
	"windlass/internal/task"
)

// httpMetrics measures what this process answers.
type httpMetrics struct {
	took    *prometheus.HistogramVec
	streams prometheus.Gauge
	limited *prometheus.CounterVec
}

func newHTTPMetrics(r *prometheus.Registry) *httpMetrics {
	m := &httpMetrics{
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "windlass_http_request_duration_seconds",
			Help:    "How long requests took, by route.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10, 60},
		}, []string{"method", "route", "status"}),
		streams: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "windlass_event_streams", Help: "Event streams that are open.",
		}),
	}
	m.limited = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "windlass_http_requests_limited_total", Help: "Requests refused because their client was over a limit.",
	}, []string{"limit"})
	r.MustRegister(m.took, m.streams, m.limited)
	return m
}

func (m *httpMetrics) observe(method, route string, status int, took time.Duration) {
	m.took.WithLabelValues(knownMethod(method), route, strconv.Itoa(status)).Observe(took.Seconds())
}

// knownMethod keeps methods that somebody made up from becoming labels.
func knownMethod(method string) string {
	switch method {
	case "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS":
		return method
	}
	return "other"
}

// backlog is a collector of what waits in the store.
type backlog struct {
	log            *slog.Logger
	reading        *recent[backlogReading]
	tasks, waiting *prometheus.Desc
}

type backlogReading struct {
	counts []store.Count
	oldest map[string]time.Duration
}

const (
	backlogFresh   = 5 * time.Second
	backlogTimeout = 3 * time.Second
)

func newBacklog(s *store.Store, log *slog.Logger) *backlog {
	return &backlog{
		log:     log,
		reading: newRecent(backlogFresh, func(ctx context.Context) (backlogReading, error) { return readBacklog(ctx, s) }),
		tasks:   prometheus.NewDesc("windlass_tasks", "Tasks in the store.", []string{"queue", "kind", "state"}, nil),
		waiting: prometheus.NewDesc("windlass_queue_oldest_pending_seconds", "How long a queue's first task has waited for a worker.", []string{"queue"}, nil),
	}
}

func readBacklog(ctx context.Context, s *store.Store) (backlogReading, error) {
	counts, err := s.Counts(ctx)
	if err != nil {
		return backlogReading{}, err
	}
	r := backlogReading{counts: counts, oldest: map[string]time.Duration{}}
	for _, c := range counts {
		if _, done := r.oldest[c.Queue]; done {
			continue
		}
		r.oldest[c.Queue] = 0
		if inLine(counts, c.Queue) == 0 {
			continue
		}
		since, err := s.OldestPending(ctx, c.Queue)
		if err != nil {
			return backlogReading{}, err
		}
		if since != nil {
			r.oldest[c.Queue] = max(s.Now().Sub(*since), 0)
		}
	}
	return r, nil
}

// Describe is part of prometheus.Collector.
func (b *backlog) Describe(out chan<- *prometheus.Desc) {
	out <- b.tasks
	out <- b.waiting
}

// Collect is part of prometheus.Collector. While the store is away it gives
// nothing: the process's own metrics are needed then more than ever.
func (b *backlog) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), backlogTimeout)
	defer cancel()
	r, err := b.reading.get(ctx)
	if err != nil {
		b.log.Warn("the backlog cannot be measured", "error", err)
		return
	}
	for _, c := range r.counts {
		out <- prometheus.MustNewConstMetric(b.tasks, prometheus.GaugeValue, float64(c.Count), c.Queue, label(c.Kind), string(c.State))
	}
	for queue, age := range r.oldest {
		out <- prometheus.MustNewConstMetric(b.waiting, prometheus.GaugeValue, age.Seconds(), queue)
	}
}

// label bounds what a record may put into a label.
func label(kind string) string { return task.Cut(kind, 100) }
