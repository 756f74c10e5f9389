// Package task is the language that the rest of Windlass shares: what a task,
// its states, attempts, policy and kind are. It stores nothing, sends nothing
// and imports the standard library only.
package task

import (
	"encoding/json"
	"time"
)

// Bounds that hold for every task. They are part of the API: the documentation
// shows them and a value beyond one is refused at submit, except where the
// comment says that it is cut.
const (
	// MaxInput is the size of a task's input in bytes of JSON.
	MaxInput = 256 << 10
	// MaxResult is the size of a task's result in bytes of JSON. An attempt
	// whose result is larger fails for good.
	MaxResult = 1 << 20
	// MaxCheckpoint is the size of a checkpoint in bytes, as stored (compressed).
	MaxCheckpoint = 4 << 20
	// MaxAttemptsKept is how many attempts a record shows; older ones are dropped.
	MaxAttemptsKept = 100
	// MaxLogLines is how many log lines a task keeps; older ones are dropped.
	MaxLogLines = 1000
	// MaxLogLine is the size of one log line in bytes; a longer one is cut.
	MaxLogLine = 4 << 10
	// MaxTags is how many tags a task may carry.
	MaxTags = 16
	// MaxTagLength is the length of one tag in characters.
	MaxTagLength = 64
	// MaxUniqueLength is the length of a unique key in characters.
	MaxUniqueLength = 200
	// MaxErrorMessage is the size of an error's message in bytes; a longer one is cut.
	MaxErrorMessage = 1 << 10
	// MaxLine is the size of a task's subject and summary in bytes; longer ones are cut.
	MaxLine = 300
)

// State says where a task is in its life.
type State string

// The states. The last four are final: a task leaves them only when it is
// retried by hand, and then as the same task with its history.
const (
	Scheduled State = "scheduled" // waits for its time
	Pending   State = "pending"   // waits for a worker
	Active    State = "active"    // a worker runs it
	Retrying  State = "retrying"  // failed, will be tried again at a known time
	Succeeded State = "succeeded" // has its result
	Failed    State = "failed"    // no attempts left, or not worth another
	Canceled  State = "canceled"  // somebody called it off
	Expired   State = "expired"   // its start deadline passed before it started
)

// States lists every state in the order of a task's life.
func States() []State {
	return []State{Scheduled, Pending, Active, Retrying, Succeeded, Failed, Canceled, Expired}
}

// Final reports whether nothing more happens to a task in this state by itself.
func (s State) Final() bool {
	return s == Succeeded || s == Failed || s == Canceled || s == Expired
}

// Task is one unit of work: the record as clients see it.
type Task struct {
	ID      string `json:"id" doc:"Names the task for ever; it tells the queue too." example:"tsk_01k9x4h2m8v3n5p7q9r1s3t5v7_default"`
	Kind    string `json:"kind" doc:"What sort of task this is." example:"site.audit"`
	Queue   string `json:"queue" doc:"The line it waits in." example:"default"`
	State   State  `json:"state" enum:"scheduled,pending,active,retrying,succeeded,failed,canceled,expired" doc:"Where it is in its life. The last four are final."`
	Subject string `json:"subject" doc:"What the task is about, in one line." example:"GET https://example.com/"`
	Summary string `json:"summary" doc:"How it came out, in one line; empty until it succeeded." example:"3 broken links on 120 pages"`

	Input  json.RawMessage `json:"input,omitempty" doc:"What was handed in, secrets redacted. Left out of lists."`
	Result json.RawMessage `json:"result,omitempty" doc:"What came out. Left out of lists, and until the task succeeded."`
	Error  *Failure        `json:"error,omitempty" doc:"Why the last attempt did not succeed."`

	Progress     *Progress `json:"progress,omitempty" doc:"How far the current or last attempt came."`
	Attempts     []Attempt `json:"attempts" doc:"The tries so far, oldest first; the last 100 are kept."`
	AttemptsUsed int       `json:"attempts_used" doc:"How many attempts count against max_attempts."`
	MaxAttempts  int       `json:"max_attempts" doc:"How many attempts the task may use."`
	Policy       Policy    `json:"policy" doc:"The rules in force for its attempts."`

	Tags   []string `json:"tags" doc:"Words to find it by."`
	Unique string   `json:"unique,omitempty" doc:"While it waits or runs, no second task with this key enters the same queue."`

	CreatedAt  time.Time  `json:"created_at" doc:"When it was handed in."`
	RunAt      time.Time  `json:"run_at" doc:"When it may start, or may be tried again."`
	StartedAt  *time.Time `json:"started_at,omitempty" doc:"When its first attempt started."`
	FinishedAt *time.Time `json:"finished_at,omitempty" doc:"When it reached its final state."`
	ExpiresAt  *time.Time `json:"expires_at,omitempty" doc:"Its start deadline."`

	CancelRequested bool     `json:"cancel_requested" doc:"It is active and was asked to stop."`
	Overrunning     bool     `json:"overrunning" doc:"It is active, and its handler goes on although the attempt's time is over or it was told to stop."`
	Waiting         *Waiting `json:"waiting,omitempty" doc:"Why it does not run right now."`
	Version         int64    `json:"version" doc:"Grows with every change of the record."`
	TraceID         string   `json:"trace_id,omitempty" doc:"The W3C trace that it belongs to, when its submit was part of one. Left out of lists." example:"4bf92f3577b34da6a3ce929d0e0e4736"`
	LogsURL         string   `json:"logs_url,omitempty" doc:"Where the program's own log lines about it can be read, in the CloudWatch console. Left out of lists, and when they are not shipped there."`

	SubmittedBy string `json:"submitted_by,omitempty" doc:"The token or person that handed it in; left out for the configuration's admin token, and where nobody signs in." example:"tok_3x9k2m8v3n5p"`

	Traceparent string `json:"-"` // W3C trace context of the submit, handed on by http.request
	// Sealed is the whole input, encrypted, when Input lacks the secrets in it.
	Sealed string `json:"-"`
}

// Failure is why an attempt did not succeed, fit for a stranger's eyes.
type Failure struct {
	Code    string `json:"code" doc:"Stable word for the sort of failure." example:"http_status"`
	Message string `json:"message" doc:"A sentence for people." example:"The target answered 503."`
}

// Progress is how far an attempt came.
type Progress struct {
	Done    int64  `json:"done" doc:"Steps done."`
	Total   int64  `json:"total" doc:"Steps known so far; 0 when unknown."`
	Message string `json:"message" doc:"What it is doing now."`
}

// Outcome is how an attempt ended. The zero value means that it has not.
type Outcome string

// The outcomes. Only OutcomeFailed counts against max_attempts.
const (
	OutcomeSucceeded Outcome = "succeeded"
	OutcomeFailed    Outcome = "failed"
	OutcomeCanceled  Outcome = "canceled"
	OutcomeLost      Outcome = "lost"     // its worker died or lost contact
	OutcomeReleased  Outcome = "released" // handed back by a worker that shut down
)

// Attempt is one try at a task. Attempts are numbered from 1 and the number
// grows for as long as the task exists, also across a retry by hand.
type Attempt struct {
	Number     int        `json:"number"`
	Worker     string     `json:"worker" doc:"The worker that ran it."`
	StartedAt  time.Time  `json:"started_at"`
	FinishedAt *time.Time `json:"finished_at,omitempty"`
	Outcome    Outcome    `json:"outcome,omitempty" enum:"succeeded,failed,canceled,lost,released" doc:"Left out while it runs."`
	Error      *Failure   `json:"error,omitempty"`
}

// Waiting says why a task does not run right now.
type Waiting struct {
	Reason  WaitReason `json:"reason" enum:"scheduled,retry,no_worker,worker_busy" doc:"Stable word for the cause."`
	Until   *time.Time `json:"until,omitempty" doc:"When the wait ends by itself, if that is known."`
	Message string     `json:"message" doc:"A sentence for people."`
}

// WaitReason is why a task waits.
type WaitReason string

// The reasons to wait.
const (
	WaitScheduled  WaitReason = "scheduled"   // its time has not come
	WaitRetry      WaitReason = "retry"       // it failed and will be tried again
	WaitNoWorker   WaitReason = "no_worker"   // no worker serves its queue
	WaitWorkerBusy WaitReason = "worker_busy" // every worker of its queue is busy
)

// LogLine is one line that an attempt wrote about itself.
type LogLine struct {
	Seq     int64     `json:"seq" doc:"Counts the task's lines from 1."`
	At      time.Time `json:"at"`
	Attempt int       `json:"attempt"`
	Level   string    `json:"level" enum:"debug,info,warn,error"`
	Message string    `json:"message"`
}
