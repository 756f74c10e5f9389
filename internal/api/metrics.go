package api

import (
	"strconv"
	"time"

	"windlass/internal/metric"
)

// httpMetrics measures what this process answers.
type httpMetrics struct {
	took    *metric.HistogramOf
	streams *metric.GaugeOf
	limited *metric.CounterOf
}

func newHTTPMetrics(r *metric.Registry) *httpMetrics {
	return &httpMetrics{
		took: r.Histogram(metric.HTTPRequestDuration), streams: r.Gauge(metric.EventStreams),
		limited: r.Counter(metric.HTTPRequestsLimited),
	}
}

func (m *httpMetrics) observe(method, route string, status int, took time.Duration) {
	m.took.Observe(took.Seconds(), method, route, strconv.Itoa(status))
}
