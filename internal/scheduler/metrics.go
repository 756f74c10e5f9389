package scheduler

import (
	"github.com/prometheus/client_golang/prometheus"

	"windlass/internal/store"
)

// Metrics counts what this scheduler does.
type Metrics struct {
	leads   prometheus.Gauge
	repairs *prometheus.CounterVec
}

// NewMetrics registers the scheduler's metrics with r.
func NewMetrics(r prometheus.Registerer) *Metrics {
	m := &Metrics{
		leads: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "windlass_scheduler_leads", Help: "1 while this process leads the schedulers."}),
		repairs: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "windlass_sweeper_repairs_total", Help: "What the sweeper put right, by sort."}, []string{"sort"}),
	}
	r.MustRegister(m.leads, m.repairs)
	m.count(store.Repairs{}) // every sort shows from the start
	return m
}

func (m *Metrics) count(done store.Repairs) {
	for sort, n := range map[string]int{
		"carried": done.Carried, "timed": done.Timed, "leased": done.Leased, "indexed": done.Indexed,
	} {
		m.repairs.WithLabelValues(sort).Add(float64(n))
	}
}
