package awslogs

import (
	"cmp"
	"slices"
	"time"
)

// What one call of PutLogEvents takes, as the service documents it.
const (
	maxBatch   = 1_048_576 // bytes: the messages and eventExtra for each
	eventExtra = 26
	maxEvents  = 10_000
	maxMessage = 1_048_550 // maxBatch less eventExtra
	maxSpan    = 24*time.Hour - time.Second
	maxAge     = 14*24*time.Hour - time.Minute
	maxAhead   = 2*time.Hour - time.Minute
)

const (
	// fullBytes of records fill a batch whatever their size.
	fullBytes = maxBatch + maxEvents*(recordHead-eventExtra)
	// readChunk holds at least one whole record.
	readChunk = fullBytes + recordHead
)

// event is a line as CloudWatch takes it.
type event struct {
	ms      int64
	message string
}

// batch is what one call ships: spans of the spool, and while the call is made the events
// in them. Between calls the events are let go, so that waiting costs no memory.
type batch struct {
	batchEnd
	stream string
	spans  []span
	first  int64 // the earliest time in it, ms
	taken  time.Time
	events []event
	edge   batchEnd // where it may be cut so that a millisecond stays whole

	shipped, rejected int64
	done              chan struct{}
}

// batchEnd is how far a batch goes.
type batchEnd struct {
	spans int // how many of them
	to    int64
	lines int
	bytes int
	last  int64 // the latest time, ms
	ms    int64 // the time of the last record
}

// fits says whether the record may join.
func (b *batch) fits(r record) bool {
	if b.lines == 0 {
		return true
	}
	width := time.Duration(max(b.last, r.ms)-min(b.first, r.ms)) * time.Millisecond
	return b.lines < maxEvents && b.bytes+len(r.message)+eventExtra <= maxBatch && width <= maxSpan && width >= 0
}

// add lets the record join; end is where it ends in the segment.
func (b *batch) add(seg *segment, from, end int64, r record) {
	if b.lines == 0 {
		b.first, b.last, b.stream = r.ms, r.ms, seg.stream
	} else if r.ms != b.ms {
		b.edge = b.batchEnd
	}
	b.extend(seg, from, end)
	b.lines++
	b.bytes += len(r.message) + eventExtra
	b.first, b.last, b.ms = min(b.first, r.ms), max(b.last, r.ms), r.ms
}

// extend takes the bytes up to end into the batch.
func (b *batch) extend(seg *segment, from, end int64) {
	if n := len(b.spans); n == 0 || b.spans[n-1].seg != seg || b.spans[n-1].to < from {
		b.spans = append(b.spans, span{seg: seg, from: from})
		b.batchEnd.spans = len(b.spans)
	}
	b.spans[len(b.spans)-1].to, b.to = end, end
}

// cut ends the batch before the record r. If r shares its millisecond with the last ones they
// are left to the next batch together: CloudWatch sorts by time, and two batches on their way
// at once may arrive in any order.
func (b *batch) cut(r record) {
	if r.ms != b.ms || b.edge.lines == 0 {
		return
	}
	b.batchEnd = b.edge
	b.spans = b.spans[:b.batchEnd.spans]
	b.spans[len(b.spans)-1].to = b.to
}

// sort puts the events in the order of their times, as the service demands, and leaves those
// of the same millisecond in the order they were written.
func (b *batch) sort() {
	slices.SortStableFunc(b.events, func(x, y event) int { return cmp.Compare(x.ms, y.ms) })
}

// appendEvents adds what can be shipped of a span. A line from the future, written before a
// wrong clock was set right, is sent as one of now: its own text tells its time.
func (b *batch) appendEvents(data []byte) {
	now := b.taken.UnixMilli()
	text := string(data) // One copy for all of them.
	r := reader{b: data, last: true}
	for rec, ok := r.next(); ok; rec, ok = r.next() {
		ms := rec.ms
		if ms > now+maxAhead.Milliseconds() {
			ms = now
		}
		if tooOld(rec, b.taken) {
			continue
		}
		b.events = append(b.events, event{ms, text[r.off-len(rec.message) : r.off]})
	}
}

// tooOld says whether CloudWatch would not take the record any more.
func tooOld(r record, now time.Time) bool {
	return r.ms < now.Add(-maxAge).UnixMilli() || r.ms < 0
}
