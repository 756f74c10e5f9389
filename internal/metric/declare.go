package metric

import "windlass/internal/task"

// Type says how values of a metric come together.
type Type string

// The types of metrics.
const (
	Gauge     Type = "gauge"     // what is now
	Counter   Type = "counter"   // how often, since the process began
	Histogram Type = "histogram" // how values are spread, since the process began
)

// Unit is what a metric's values are, in CloudWatch's word.
type Unit string

// The units of metrics.
const (
	Count   Unit = "Count"
	Seconds Unit = "Seconds"
	Bytes   Unit = "Bytes"
	None    Unit = "None" // a share, from 0 to 1
)

// Source says which processes tell a metric.
type Source string

// The sources of metrics.
const (
	API       Source = "api"       // each process with the role api
	Worker    Source = "worker"    // each worker
	Scheduler Source = "scheduler" // each scheduler
	Leader    Source = "leader"    // the scheduler that leads, for all processes together
	Shipper   Source = "shipper"   // each process that ships to CloudWatch
)

// Label is one way to tell the series of a metric apart. Its values are bounded, so that nobody
// can make series without end.
type Label struct {
	Name string
	// Values are all that there are. Empty: the values come from outside.
	Values []string
	// Most is how many values from outside count as themselves, the first ones in a process.
	// All others are Other.
	Most int
}

// Other stands for the values of a label that have no place of their own.
const Other = "other"

// CloudWatch says what of a metric goes to CloudWatch, which bills each name with each set of
// dimensions. There is always the dimension Environment, and never one that names a process.
type CloudWatch struct {
	// Name is the metric's name in the namespace Namespace. Empty: it does not go there.
	Name string
	// By are sets of labels; each makes one more set of dimensions. The empty set is Environment
	// alone.
	By [][]string
	// Max rolls series of a gauge up to the greatest. Else they are added up.
	Max bool
}

// Metric declares one.
type Metric struct {
	// Name is the one in Prometheus.
	Name   string
	Help   string
	Type   Type
	Unit   Unit
	Source Source
	Labels []Label
	// Buckets are the upper bounds of a Histogram, ascending.
	Buckets    []float64
	CloudWatch CloudWatch
}

// The names of metrics, for those who feed them.
const (
	Tasks                 = "windlass_tasks"
	QueueBacklog          = "windlass_queue_backlog"
	QueueOldestPending    = "windlass_queue_oldest_pending_seconds"
	QueueBacklogPerWorker = "windlass_queue_backlog_per_worker"
	BacklogPerWorker      = "windlass_backlog_per_worker"
	ServedBacklog         = "windlass_served_backlog"
	ServedOldestPending   = "windlass_served_oldest_pending_seconds"
	Workers               = "windlass_workers"
	SlotsUsed             = "windlass_worker_slots_used"
	SlotsFree             = "windlass_worker_slots_free"
	RedisMemory           = "windlass_redis_memory_ratio"
	RedisLatency          = "windlass_redis_latency_seconds"
	SchedulerLeads        = "windlass_scheduler_leads"
	SweeperRepairs        = "windlass_sweeper_repairs_total"

	AttemptsStarted     = "windlass_attempts_started_total"
	AttemptsFinished    = "windlass_attempts_finished_total"
	AttemptDuration     = "windlass_attempt_duration_seconds"
	TaskWait            = "windlass_task_wait_seconds"
	AttemptsOverrunning = "windlass_attempts_overrunning"

	HTTPRequestDuration = "windlass_http_request_duration_seconds"
	EventStreams        = "windlass_event_streams"
	HTTPRequestsLimited = "windlass_http_requests_limited_total"

	LogQueuedLines     = "windlass_log_queued_lines"
	LogMemoryBytes     = "windlass_log_memory_bytes"
	LogSpooledBytes    = "windlass_log_spooled_bytes"
	LogOldestUnshipped = "windlass_log_oldest_unshipped_seconds"
	LogLastSuccess     = "windlass_log_last_success_timestamp_seconds"
	LogShippedLines    = "windlass_log_shipped_lines_total"
	LogRejectedLines   = "windlass_log_rejected_lines_total"
	LogDroppedLines    = "windlass_log_dropped_lines_total"
	LogDamagedLines    = "windlass_log_damaged_lines_total"
	LogFailedCalls     = "windlass_log_failed_calls_total"
)

// How many values the labels from outside may have.
const (
	mostQueues = 100 // as many as the store allows
	mostKinds  = 50
)

// all stands for the dimension Environment alone.
func all() []string { return []string{} }

// durations are the buckets of what takes from a millisecond to an hour.
func durations() []float64 {
	return []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600}
}

// All is the one list of metrics. Prometheus, CloudWatch and docs/metrics.md follow it.
func All() []Metric {
	list := fleet()
	list = append(list, worker()...)
	list = append(list, api()...)
	return append(list, shipper()...)
}

// fleet is what the leading scheduler tells for all processes, and what it does itself.
func fleet() []Metric {
	queue := Label{Name: "queue", Most: mostQueues}
	kind := Label{Name: "kind", Most: mostKinds}
	state := Label{Name: "state"}
	for _, s := range task.States() {
		state.Values = append(state.Values, string(s))
	}
	sort := Label{Name: "sort", Values: []string{"carried", "timed", "leased", "indexed"}}
	return []Metric{
		{Name: Tasks, Help: "Tasks in the store.", Type: Gauge, Unit: Count, Source: Leader, Labels: []Label{queue, kind, state}},
		{Name: QueueBacklog, Help: "Tasks that wait for a worker.", Type: Gauge, Unit: Count, Source: Leader, Labels: []Label{queue},
			CloudWatch: CloudWatch{Name: "Backlog", By: [][]string{all(), {"queue"}}}},
		{Name: QueueOldestPending, Help: "How long a queue's first task has waited for a worker.", Type: Gauge, Unit: Seconds, Source: Leader, Labels: []Label{queue},
			CloudWatch: CloudWatch{Name: "OldestPendingAge", By: [][]string{all(), {"queue"}}, Max: true}},
		{Name: QueueBacklogPerWorker, Help: "Tasks of a queue that wait, for each worker that serves it; all of them if none does.", Type: Gauge, Unit: Count, Source: Leader, Labels: []Label{queue},
			CloudWatch: CloudWatch{Name: "BacklogPerWorker", By: [][]string{{"queue"}}, Max: true}},
		{Name: BacklogPerWorker, Help: "Tasks that wait for a worker, for each worker; all of them if there is none.", Type: Gauge, Unit: Count, Source: Leader,
			CloudWatch: CloudWatch{Name: "BacklogPerWorker", By: [][]string{all()}}},
		{Name: ServedBacklog, Help: "Tasks that wait in queues that a worker serves; all of them if there is none. What workers scale by: more of them do not help the others.", Type: Gauge, Unit: Count, Source: Leader,
			CloudWatch: CloudWatch{Name: "ServedBacklog", By: [][]string{all()}}},
		{Name: ServedOldestPending, Help: "How long the first task of those queues has waited.", Type: Gauge, Unit: Seconds, Source: Leader,
			CloudWatch: CloudWatch{Name: "ServedOldestPendingAge", By: [][]string{all()}, Max: true}},
		{Name: Workers, Help: "Workers that gave a sign of life lately.", Type: Gauge, Unit: Count, Source: Leader,
			CloudWatch: CloudWatch{Name: "Workers", By: [][]string{all()}}},
		{Name: SlotsUsed, Help: "Slots of all workers in which a task runs.", Type: Gauge, Unit: Count, Source: Leader,
			CloudWatch: CloudWatch{Name: "SlotsUsed", By: [][]string{all()}}},
		{Name: SlotsFree, Help: "Slots of all workers in which no task runs.", Type: Gauge, Unit: Count, Source: Leader,
			CloudWatch: CloudWatch{Name: "SlotsFree", By: [][]string{all()}}},
		{Name: RedisMemory, Help: "Share of its memory that Redis uses: of maxmemory, or of the machine's where that is not set; of a cluster's masters the fullest.", Type: Gauge, Unit: None, Source: Leader,
			CloudWatch: CloudWatch{Name: "RedisMemoryShare", By: [][]string{all()}}},
		{Name: RedisLatency, Help: "How long Redis took to answer a ping.", Type: Gauge, Unit: Seconds, Source: Leader,
			CloudWatch: CloudWatch{Name: "RedisLatency", By: [][]string{all()}}},
		{Name: SchedulerLeads, Help: "1 on the scheduler that leads, 0 on those that stand by.", Type: Gauge, Unit: Count, Source: Leader,
			CloudWatch: CloudWatch{Name: "LeaderPresent", By: [][]string{all()}}},
		{Name: SweeperRepairs, Help: "What the sweeper put right, by sort.", Type: Counter, Unit: Count, Source: Scheduler, Labels: []Label{sort},
			CloudWatch: CloudWatch{Name: "SweeperRepairs", By: [][]string{all()}}},
	}
}

// worker is what each worker counts.
func worker() []Metric {
	queue := Label{Name: "queue", Most: mostQueues}
	kind := Label{Name: "kind", Most: mostKinds}
	outcome := Label{Name: "outcome", Values: []string{"succeeded", "failed", "canceled", "lost", "released"}}
	return []Metric{
		{Name: AttemptsStarted, Help: "Attempts that this worker began.", Type: Counter, Unit: Count, Source: Worker, Labels: []Label{kind, queue},
			CloudWatch: CloudWatch{Name: "AttemptsStarted", By: [][]string{all()}}},
		{Name: AttemptsFinished, Help: "Attempts that ended here, by outcome.", Type: Counter, Unit: Count, Source: Worker, Labels: []Label{kind, queue, outcome},
			CloudWatch: CloudWatch{Name: "AttemptsFinished", By: [][]string{{"outcome"}}}},
		{Name: AttemptDuration, Help: "How long attempts took.", Type: Histogram, Unit: Seconds, Source: Worker, Labels: []Label{kind}, Buckets: durations(),
			CloudWatch: CloudWatch{Name: "AttemptDuration", By: [][]string{{"kind"}}}},
		{Name: TaskWait, Help: "How long tasks waited past the time at which they could start.", Type: Histogram, Unit: Seconds, Source: Worker, Labels: []Label{kind, queue}, Buckets: durations(),
			CloudWatch: CloudWatch{Name: "TaskWait", By: [][]string{{"queue"}}}},
		{Name: AttemptsOverrunning, Help: "Attempts whose handlers go on although their time is over or they were told to stop.", Type: Gauge, Unit: Count, Source: Worker},
	}
}

// api is what each process with the role api measures.
func api() []Metric {
	method := Label{Name: "method", Values: []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}}
	route := Label{Name: "route", Most: 100} // of the list of routes
	status := Label{Name: "status", Most: 60}
	return []Metric{
		{Name: HTTPRequestDuration, Help: "How long requests took, by route.", Type: Histogram, Unit: Seconds, Source: API, Labels: []Label{method, route, status},
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10, 60}},
		{Name: EventStreams, Help: "Event streams that are open.", Type: Gauge, Unit: Count, Source: API},
		{Name: HTTPRequestsLimited, Help: "Requests refused because their client was over a limit.", Type: Counter, Unit: Count, Source: API,
			Labels: []Label{{Name: "limit", Values: []string{"submit", "read", "change", "stream", "sign_in", "refused"}}}},
	}
}

// shipper is the health of what goes to CloudWatch.
func shipper() []Metric {
	labels := []Label{{Name: "stream", Values: []string{"log", "metrics"}}}
	m := func(name, help string, t Type, u Unit) Metric {
		return Metric{Name: name, Help: help, Type: t, Unit: u, Source: Shipper, Labels: labels}
	}
	dropped := m(LogDroppedLines, "Lines dropped for want of room.", Counter, Count)
	dropped.CloudWatch = CloudWatch{Name: "LogLinesDropped", By: [][]string{all()}}
	behind := m(LogOldestUnshipped, "Age of the oldest line that is not shipped.", Gauge, Seconds)
	behind.CloudWatch = CloudWatch{Name: "LogOldestUnshipped", By: [][]string{all()}, Max: true}
	return []Metric{
		m(LogQueuedLines, "Lines that wait to be acknowledged by CloudWatch.", Gauge, Count),
		m(LogMemoryBytes, "What lines take in memory.", Gauge, Bytes),
		m(LogSpooledBytes, "What lines take on the disk.", Gauge, Bytes),
		behind,
		m(LogLastSuccess, "When CloudWatch last took lines, in seconds since 1970; 0 before the first time.", Gauge, Seconds),
		m(LogShippedLines, "Lines that CloudWatch took.", Counter, Count),
		m(LogRejectedLines, "Lines that CloudWatch did not take.", Counter, Count),
		dropped,
		m(LogDamagedLines, "Lines that could not be read from the disk.", Counter, Count),
		m(LogFailedCalls, "Calls to CloudWatch that failed.", Counter, Count),
	}
}
