package worker

import (
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"windlass/internal/store"
	"windlass/internal/task"
)

// Metrics counts what this worker does.
type Metrics struct {
	begun    *prometheus.CounterVec
	ended    *prometheus.CounterVec
	duration *prometheus.HistogramVec
	waited   *prometheus.HistogramVec
	over     prometheus.Gauge
}

// NewMetrics registers the worker's metrics with r.
func NewMetrics(r prometheus.Registerer) *Metrics {
	buckets := []float64{.001, .005, .025, .1, .5, 1, 5, 30, 120, 600, 3600}
	m := &Metrics{
		begun: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "windlass_attempts_started_total", Help: "Attempts that this worker began."}, []string{"kind", "queue"}),
		ended: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "windlass_attempts_finished_total", Help: "Attempts that ended here, by outcome."}, []string{"kind", "queue", "outcome"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "windlass_attempt_duration_seconds", Help: "How long attempts took.", Buckets: buckets}, []string{"kind"}),
		waited: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "windlass_task_wait_seconds", Help: "How long tasks waited past the time at which they could start.", Buckets: buckets}, []string{"kind", "queue"}),
	}
	m.over = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "windlass_attempts_overrunning", Help: "Attempts whose handlers go on although their time is over or they were told to stop."})
	r.MustRegister(m.begun, m.ended, m.duration, m.waited, m.over)
	return m
}

func (m *Metrics) started(c *store.Claim) {
	m.begun.WithLabelValues(c.Task.Kind, c.Task.Queue).Inc()
	m.waited.WithLabelValues(c.Task.Kind, c.Task.Queue).Observe(max(0, c.StartedAt.Sub(c.Task.RunAt).Seconds()))
}

func (m *Metrics) finished(c *store.Claim, o task.Outcome, d time.Duration) {
	m.ended.WithLabelValues(c.Task.Kind, c.Task.Queue, string(o)).Inc()
	m.duration.WithLabelValues(c.Task.Kind).Observe(d.Seconds())
}

func hostPID() (string, int) {
	host, _ := os.Hostname() // Run failed already when it cannot be told
	return host, os.Getpid()
}
