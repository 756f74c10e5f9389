package worker

import (
	"os"
	"time"

	"windlass/internal/metric"
	"windlass/internal/store"
	"windlass/internal/task"
)

// Metrics counts what this worker does.
type Metrics struct {
	begun    *metric.CounterOf
	ended    *metric.CounterOf
	duration *metric.HistogramOf
	waited   *metric.HistogramOf
	over     *metric.GaugeOf
}

// NewMetrics takes the worker's metrics from r.
func NewMetrics(r *metric.Registry) *Metrics {
	return &Metrics{
		begun: r.Counter(metric.AttemptsStarted), ended: r.Counter(metric.AttemptsFinished),
		duration: r.Histogram(metric.AttemptDuration), waited: r.Histogram(metric.TaskWait),
		over: r.Gauge(metric.AttemptsOverrunning),
	}
}

func (m *Metrics) started(c *store.Claim) {
	m.begun.Add(1, c.Task.Kind, c.Task.Queue)
	m.waited.Observe(max(0, c.StartedAt.Sub(c.Task.RunAt).Seconds()), c.Task.Kind, c.Task.Queue)
}

func (m *Metrics) finished(c *store.Claim, o task.Outcome, d time.Duration) {
	m.ended.Add(1, c.Task.Kind, c.Task.Queue, string(o))
	m.duration.Observe(d.Seconds(), c.Task.Kind)
}

func hostPID() (string, int) {
	host, _ := os.Hostname() // Run failed already when it cannot be told
	return host, os.Getpid()
}
