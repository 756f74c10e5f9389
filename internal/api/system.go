package api

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"windlass/internal/store"
)

// System is how all of Windlass fares, as far as this process can tell.
type System struct {
	At        time.Time       `json:"at"`
	Well      bool            `json:"well" doc:"Whether nothing was found that somebody should look at."`
	Findings  []Finding       `json:"findings" nullable:"false" doc:"What somebody should look at, the worst first."`
	Process   string          `json:"process" doc:"The id of the process that answers."`
	Leader    string          `json:"leader" doc:"The id of the process that leads the schedulers; empty when none does or nobody can tell."`
	Processes []store.Process `json:"processes" nullable:"false" doc:"Every process that gave a sign of life within 15 s. While the store is away, only the one that answers."`
	Redis     Redis           `json:"redis"`
}

// Redis is how the store fares.
type Redis struct {
	Reachable bool `json:"reachable" doc:"Whether it answers. The numbers are 0 when it does not."`
	Embedded  bool `json:"embedded" doc:"It is one in the process's memory."`
	store.Vitals
}

// Finding is one thing that is not as it should be.
type Finding struct {
	Where   string `json:"where" enum:"redis,tokens,scheduler,queue,worker,logs" doc:"Which part it is about."`
	Message string `json:"message" doc:"A sentence for people: what is wrong, and what to do."`
}

type systemOutput struct {
	Body System
}

// systemTimeout bounds what is asked of the store: the page is needed most when that is away.
const systemTimeout = 3 * time.Second

// getSystem also answers while the store is away, and says so.
func (a *API) getSystem(ctx context.Context, _ *struct{}) (*systemOutput, error) {
	ctx, cancel := context.WithTimeout(ctx, systemTimeout)
	defer cancel()
	self := a.config.Process()
	self.SeenAt = a.store.Now().UTC().Truncate(time.Millisecond)
	s := System{At: self.SeenAt, Findings: []Finding{}, Process: self.ID, Processes: []store.Process{self}}
	s.Redis.Embedded = a.config.Embedded
	if err := a.lookAround(ctx, &s); err != nil {
		a.log.WarnContext(ctx, "the system page knows this process alone", "error", err, "request_id", requestID(ctx))
		s.find("redis", "Redis does not answer. No task is accepted, starts or ends until it does; those that were accepted are kept in it.")
	}
	for _, p := range s.Processes {
		s.findShipping(p, "Log lines", p.Logs)
		s.findShipping(p, "Metrics", p.Metrics)
	}
	s.Well = len(s.Findings) == 0
	return &systemOutput{s}, nil
}

// lookAround asks the store for all that is beyond this process.
func (a *API) lookAround(ctx context.Context, s *System) error {
	var err error
	if s.Redis.Vitals, err = a.vitals.get(ctx); err != nil {
		return err
	}
	s.Redis.Reachable = true
	if err := a.config.Ready(ctx); err != nil {
		a.log.WarnContext(ctx, "the store takes nothing", "error", err, "request_id", requestID(ctx))
		s.find("redis", "Redis answers, and takes nothing that is written: %s. No task is accepted until that is over.", unready(err).Title)
	}
	s.findRedis()
	all, err := a.store.Processes(ctx)
	if err != nil {
		return err
	}
	// This process knows itself better than its last sign of life does.
	all = slices.DeleteFunc(all, func(p store.Process) bool { return p.ID == s.Process })
	s.Processes = append(s.Processes, all...)
	if s.Leader, err = a.store.Leader(ctx); err != nil {
		return err
	}
	counts, err := a.counts.get(ctx)
	if err != nil {
		return err
	}
	crew, err := a.crew.get(ctx)
	if err != nil {
		return err
	}
	if a.config.TokensOnly && a.config.OIDC == nil {
		keys, err := a.keyholders.get(ctx)
		if err != nil {
			return err
		}
		if trouble := keys.Trouble(s.At); trouble != "" {
			s.find("tokens", "%s", trouble)
		}
	}
	caller := CallerOf(ctx)
	s.findWork(caller.seen(counts), caller.seenCrew(crew))
	return nil
}

func (s *System) find(where, format string, args ...any) {
	s.Findings = append(s.Findings, Finding{Where: where, Message: fmt.Sprintf(format, args...)})
}

// fullShare is how full Redis may be before it is worth a word.
const fullShare = 0.8

func (s *System) findRedis() {
	if share := s.Redis.MemoryShare; share != nil && *share >= fullShare {
		s.find("redis", "Redis has filled %.0f %% of its memory. When it is full, new tasks are refused: give it more, or keep fewer ended tasks.", 100**share)
	}
	if policy := s.Redis.Eviction; policy != "" && policy != "noeviction" {
		s.find("redis", "Redis may throw accepted tasks away: its maxmemory-policy is %s. Set it to noeviction.", policy)
	}
}

func (s *System) findWork(counts []store.Count, crew []store.Worker) {
	if s.Leader == "" {
		s.find("scheduler", "No scheduler leads: lost tasks are not found again, and old ones not removed. Start a process with -role scheduler.")
	}
	for _, w := range crew {
		if w.Overrunning > 0 {
			s.find("worker", "Attempts on %s, process %d, that go on though they were told to end: %d. Each takes a slot until it returns or the process is started again.", w.Host, w.PID, w.Overrunning)
		}
	}
	s.findUnserved(counts, store.ServedQueues(crew))
}

// mostUnserved is how many queues without a worker are worth a line each. Whoever may submit can
// make up a hundred of them.
const mostUnserved = 5

func (s *System) findUnserved(counts []store.Count, served map[string]bool) {
	type queue struct {
		name    string
		waiting int64
	}
	var all []queue
	seen := map[string]bool{}
	for _, c := range counts {
		if waiting := inLine(counts, c.Queue); waiting > 0 && !served[c.Queue] && !seen[c.Queue] {
			all = append(all, queue{c.Queue, waiting})
		}
		seen[c.Queue] = true
	}
	slices.SortStableFunc(all, func(a, b queue) int { return cmp.Compare(b.waiting, a.waiting) })
	for _, q := range all[:min(len(all), mostUnserved)] {
		s.find("queue", "No worker serves the queue %s. Tasks that wait in it: %d. Start one with -queues %s=1.", q.name, q.waiting, q.name)
	}
	if len(all) > mostUnserved {
		var waiting int64
		for _, q := range all[mostUnserved:] {
			waiting += q.waiting
		}
		s.find("queue", "No worker serves %d further queues either. Tasks that wait in them: %d. The list of queues names them.", len(all)-mostUnserved, waiting)
	}
}

// lateLogs is how long a line may wait for CloudWatch before it is worth a word.
const lateLogs = time.Minute

// findShipping looks at how the process fares with shipping what it says.
func (s *System) findShipping(p store.Process, what string, l *store.LogShipping) {
	if l == nil {
		return
	}
	whose := fmt.Sprintf("%s of %s, process %d,", what, p.Host, p.PID)
	if l.OldestUnshippedAt != nil && s.At.Sub(*l.OldestUnshippedAt) > lateLogs {
		s.find("logs", "%s have waited for CloudWatch for %s. %s", whose, s.At.Sub(*l.OldestUnshippedAt).Round(time.Minute), l.LastError)
	}
	if l.DiskFailing {
		s.find("logs", "%s cannot be written to the disk and stay in memory: look at its spool folder.", whose)
	}
	if lost := l.DroppedLines + l.DamagedLines; lost > 0 {
		s.find("logs", "%s that were lost since its start, for want of room or by a damaged disk: %d.", whose, lost)
	}
	if l.RejectedLines > 0 {
		s.find("logs", "%s that CloudWatch did not take, as too old, too far ahead or not valid: %d.", whose, l.RejectedLines)
	}
}
