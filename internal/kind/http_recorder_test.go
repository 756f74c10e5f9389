package kind

import (
	"encoding/json"
	"log/slog"
	"strings"
	"sync"

	"windlass/internal/task"
)

// runRecorder keeps what a run reports.
type runRecorder struct {
	mu       sync.Mutex
	progress []task.Progress
	lines    []string
}

func (r *runRecorder) Progress(p task.Progress) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.progress = append(r.progress, p)
}

func (r *runRecorder) Log(level slog.Level, message string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, level.String()+" "+message)
}

func (r *runRecorder) Checkpoint([]byte) error { return nil }

// log gives every line so far.
func (r *runRecorder) log() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.lines, "\n")
}

// attempt gives the run of a task's attempt and what takes its reports.
func attempt(number int) (*task.Run, *runRecorder) {
	r := new(runRecorder)
	return task.NewRun(&task.Task{ID: "tsk_01_default"}, number, nil, r), r
}

// rawJSON gives v as an input for a kind. It panics on what is not JSON.
func rawJSON(v any) json.RawMessage {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return raw
}
