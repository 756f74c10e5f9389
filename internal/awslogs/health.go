package awslogs

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Health is how the shipper fares. Counts are since its start.
type Health struct {
	// Queued lines wait to be acknowledged. Those of earlier processes count once they are read.
	Queued int64
	// MemoryBytes and SpooledBytes are what the lines take in memory and on the disk, with what is
	// acknowledged and not yet let go.
	MemoryBytes, SpooledBytes int64
	// Shipped lines were acknowledged.
	Shipped int64
	// Rejected lines were not taken: too old, too far ahead, or not valid.
	Rejected int64
	// Dropped lines had to make room. Damaged ones could not be read from the disk any more.
	Dropped, Damaged int64
	// FailedCalls is how many calls to CloudWatch failed, of any sort.
	FailedCalls int64
	// OldestUnshipped is the age of the oldest queued line, 0 if there is none.
	OldestUnshipped time.Duration
	// LastSuccess is zero before the first one.
	LastSuccess time.Time
	// LastError is of the last call that failed, at LastErrorAt. It stays after a success.
	// LastFault says it in a sentence that names no account, role or address.
	LastError, LastFault string
	LastErrorAt          time.Time
	// DiskError is what keeps lines off the disk now. Empty means that it is well.
	DiskError string
}

// Health gives a snapshot. It costs next to nothing.
func (s *Shipper) Health() Health {
	p := s.spool
	p.mu.Lock()
	h := Health{
		Queued: p.count.queued, MemoryBytes: p.memBytes, SpooledBytes: p.fileBytes,
		Shipped: p.count.shipped, Rejected: p.count.rejected, Dropped: p.count.dropped, Damaged: p.count.damaged,
	}
	if oldest, some := p.oldest(); some {
		h.OldestUnshipped = max(0, time.Since(oldest))
	}
	if p.diskErr != nil {
		h.DiskError = p.diskErr.Error()
	}
	p.mu.Unlock()
	s.sender.mu.Lock()
	defer s.sender.mu.Unlock()
	h.FailedCalls, h.LastSuccess, h.LastErrorAt = s.sender.failed, s.sender.last, s.sender.lastErrAt
	if s.sender.lastErr != nil {
		h.LastError, h.LastFault = s.sender.lastErr.Error(), fault(s.sender.lastErr, s.sender.lastClass)
	}
	return h
}

func fault(err error, what class) string {
	if errors.Is(err, errNoRegion) {
		return "No AWS region is configured: set AWS_REGION."
	}
	return what.String()
}

// metric is one number of Health for Prometheus.
type metric struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(Health) float64
}

type collector struct {
	shipper *Shipper
	metrics []metric
}

// Collector gives Health to Prometheus.
func (s *Shipper) Collector() prometheus.Collector {
	m := func(name, help string, kind prometheus.ValueType, value func(Health) float64) metric {
		return metric{prometheus.NewDesc("windlass_log_"+name, help, nil, nil), kind, value}
	}
	const gauge, counter = prometheus.GaugeValue, prometheus.CounterValue
	return collector{s, []metric{
		m("queued_lines", "Log lines that wait to be acknowledged by CloudWatch.", gauge, func(h Health) float64 { return float64(h.Queued) }),
		m("memory_bytes", "What log lines take in memory.", gauge, func(h Health) float64 { return float64(h.MemoryBytes) }),
		m("spooled_bytes", "What log lines take on the disk.", gauge, func(h Health) float64 { return float64(h.SpooledBytes) }),
		m("oldest_unshipped_seconds", "Age of the oldest log line that is not shipped.", gauge, func(h Health) float64 { return h.OldestUnshipped.Seconds() }),
		m("last_success_timestamp_seconds", "When CloudWatch last took log lines.", gauge, func(h Health) float64 { return unixSeconds(h.LastSuccess) }),
		m("shipped_lines_total", "Log lines that CloudWatch took.", counter, func(h Health) float64 { return float64(h.Shipped) }),
		m("rejected_lines_total", "Log lines that CloudWatch did not take.", counter, func(h Health) float64 { return float64(h.Rejected) }),
		m("dropped_lines_total", "Log lines dropped for want of room.", counter, func(h Health) float64 { return float64(h.Dropped) }),
		m("damaged_lines_total", "Log lines that could not be read from the disk.", counter, func(h Health) float64 { return float64(h.Damaged) }),
		m("failed_calls_total", "Calls to CloudWatch that failed.", counter, func(h Health) float64 { return float64(h.FailedCalls) }),
	}}
}

func unixSeconds(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli()) / 1000
}

// Describe implements prometheus.Collector.
func (c collector) Describe(out chan<- *prometheus.Desc) {
	for _, m := range c.metrics {
		out <- m.desc
	}
}

// Collect implements prometheus.Collector.
func (c collector) Collect(out chan<- prometheus.Metric) {
	h := c.shipper.Health()
	for _, m := range c.metrics {
		out <- prometheus.MustNewConstMetric(m.desc, m.kind, m.value(h))
	}
}
