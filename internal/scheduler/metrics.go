package scheduler

import (
	"sync/atomic"

	"windlass/internal/metric"
	"windlass/internal/store"
)

// Metrics counts what this scheduler does, and shows what the leader tells of all processes.
type Metrics struct {
	leads   *metric.GaugeOf
	repairs *metric.CounterOf
	fleet   atomic.Pointer[store.Snapshot] // nil while this process does not lead
}

// NewMetrics takes the scheduler's metrics from r.
func NewMetrics(r *metric.Registry) *Metrics {
	m := &Metrics{leads: r.Gauge(metric.SchedulerLeads), repairs: r.Counter(metric.SweeperRepairs)}
	r.Reading(m.read, metric.Tasks, metric.QueueBacklog, metric.QueueOldestPending, metric.QueueBacklogPerWorker,
		metric.BacklogPerWorker, metric.ServedBacklog, metric.ServedOldestPending, metric.Workers, metric.SlotsUsed, metric.SlotsFree, metric.RedisMemory, metric.RedisLatency)
	return m
}

func (m *Metrics) count(done store.Repairs) {
	for sort, n := range map[string]int{
		"carried": done.Carried, "timed": done.Timed, "leased": done.Leased, "indexed": done.Indexed,
	} {
		m.repairs.Add(float64(n), sort)
	}
}

// read tells the last snapshot.
func (m *Metrics) read(tell metric.Tell) {
	s := m.fleet.Load()
	if s == nil {
		return
	}
	for _, c := range s.Counts {
		tell(metric.Tasks, float64(c.Count), c.Queue, c.Kind, string(c.State))
	}
	for _, queue := range s.Queues {
		load := s.Load(queue)
		tell(metric.QueueBacklog, float64(load.Pending), queue)
		tell(metric.QueueOldestPending, load.Oldest.Seconds(), queue)
		tell(metric.QueueBacklogPerWorker, load.PerWorker(), queue)
	}
	all := s.Load()
	tell(metric.BacklogPerWorker, all.PerWorker())
	served := s.Served()
	tell(metric.ServedBacklog, float64(served.Pending))
	tell(metric.ServedOldestPending, served.Oldest.Seconds())
	tell(metric.Workers, float64(all.Workers))
	tell(metric.SlotsUsed, float64(all.SlotsUsed))
	tell(metric.SlotsFree, float64(all.SlotsFree))
	if share := s.Redis.MemoryShare; share != nil {
		tell(metric.RedisMemory, *share)
	}
	tell(metric.RedisLatency, s.Redis.LatencySeconds)
}
