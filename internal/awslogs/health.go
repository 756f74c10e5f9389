package awslogs

import (
	"errors"
	"time"

	"windlass/internal/metric"
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

// Measure gives the health of shippers, by what they ship, to the metrics of the process.
func Measure(r *metric.Registry, shippers map[string]*Shipper) {
	r.Reading(func(tell metric.Tell) {
		for stream, s := range shippers {
			h := s.Health()
			tell(metric.LogQueuedLines, float64(h.Queued), stream)
			tell(metric.LogMemoryBytes, float64(h.MemoryBytes), stream)
			tell(metric.LogSpooledBytes, float64(h.SpooledBytes), stream)
			tell(metric.LogOldestUnshipped, h.OldestUnshipped.Seconds(), stream)
			tell(metric.LogLastSuccess, unixSeconds(h.LastSuccess), stream)
			tell(metric.LogShippedLines, float64(h.Shipped), stream)
			tell(metric.LogRejectedLines, float64(h.Rejected), stream)
			tell(metric.LogDroppedLines, float64(h.Dropped), stream)
			tell(metric.LogDamagedLines, float64(h.Damaged), stream)
			tell(metric.LogFailedCalls, float64(h.FailedCalls), stream)
		}
	}, metric.LogQueuedLines, metric.LogMemoryBytes, metric.LogSpooledBytes, metric.LogOldestUnshipped, metric.LogLastSuccess,
		metric.LogShippedLines, metric.LogRejectedLines, metric.LogDroppedLines, metric.LogDamagedLines, metric.LogFailedCalls)
}

func unixSeconds(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli()) / 1000
}
