package store

import (
	"time"

	"github.com/google/go-cmp/cmp"
)

func testProcesses(e *env) {
	at := e.Now().UTC().Truncate(time.Millisecond)
	p := Process{
		ID: "b-7-X", Host: "b", PID: 7, Version: "v1", Roles: []string{"api"}, StartedAt: at,
		Logs: &LogShipping{Group: "/g", Stream: "s", QueuedLines: 3, OldestUnshippedAt: &at, LastError: "CloudWatch refuses."},
	}
	e.ok(e.Present(e.ctx, p))
	e.ok(e.Present(e.ctx, Process{ID: "a-9-X", Host: "a", StartedAt: at}))
	got, err := e.Processes(e.ctx)
	e.ok(err)
	if len(got) != 2 || got[0].ID != "a-9-X" || e.Now().Sub(got[1].SeenAt) > ProcessTTL {
		e.t.Fatalf("processes: %+v", got)
	}
	p.SeenAt = got[1].SeenAt
	if diff := cmp.Diff(p, got[1]); diff != "" {
		e.t.Errorf("process (-want +got):\n%s", diff)
	}
	e.ok(e.Absent(e.ctx, "a-9-X"))

	quiet := e.with(Options{}) // its clock stands 16 s, then 151 s back
	for _, back := range []time.Duration{ProcessTTL + time.Second, 10*ProcessTTL + time.Second} {
		quiet.skew.Store(-back.Milliseconds())
		e.ok(quiet.Present(e.ctx, p))
		if got, err := e.Processes(e.ctx); err != nil || len(got) != 0 {
			e.t.Errorf("silent for %s: still listed: %v, %v", back, got, err)
		}
		e.ok(e.ForgetGone(e.ctx))
		kept := e.rdb.HLen(e.ctx, processes.key()).Val()
		if forgotten := back > 10*ProcessTTL; (kept == 0) != forgotten {
			e.t.Errorf("silent for %s: %d kept", back, kept)
		}
	}
}

func testVitals(e *env) {
	v, err := e.Vitals(e.ctx)
	e.ok(err)
	if v.Masters < 1 || v.LatencySeconds <= 0 {
		e.t.Errorf("vitals: %+v", v)
	}
	if v.Version == "" { // the embedded one tells no more
		return
	}
	if v.UsedBytes == 0 || v.Eviction != noEviction || v.MemoryShare == nil || *v.MemoryShare <= 0 || *v.MemoryShare >= 1 {
		e.t.Errorf("vitals: %+v", v)
	}
}
