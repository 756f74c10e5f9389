package main

import (
	"context"
	"debug/buildinfo"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"strings"
)

// versions asks everything that takes part for its version. What is missing is an error.
func (b *bench) versions(ctx context.Context) ([]version, error) {
	all := []version{{"cores", fmt.Sprint(runtime.NumCPU())}, {"Go", strings.TrimPrefix(runtime.Version(), "go")}}
	for _, ask := range []struct {
		name   string
		answer string // what it answers, up to the version
		argv   []string
	}{
		{"Windlass", "windlass ", []string{b.path(windlassBin), "-version"}},
		{"Redis", "v=", []string{"redis-server", "--version"}},
		{"nginx", "nginx/", []string{"nginx", "-v"}},
		{"wrk", "wrk ", []string{"wrk", "-v"}},
		{"Python", "Python ", []string{b.path(python, "python"), "--version"}},
	} {
		// Whether it calls its answer a failure does not matter: wrk -v does.
		out, err := exec.CommandContext(ctx, ask.argv[0], ask.argv[1:]...).CombinedOutput()
		_, found, ok := strings.Cut(string(out), ask.answer)
		if !ok {
			return nil, fmt.Errorf("ask %s for its version: %w: run make bench", ask.name, errors.Join(err, errors.New(string(out))))
		}
		all = append(all, version{ask.name, strings.TrimPrefix(strings.Fields(found)[0], "debian/")})
	}
	for _, name := range []string{"fastapi", "uvicorn", "celery"} {
		script := "import importlib.metadata, sys; print(importlib.metadata.version(sys.argv[1]))"
		out, err := exec.CommandContext(ctx, b.path(python, "python"), "-c", script, name).Output()
		if err != nil {
			return nil, fmt.Errorf("ask for the version of %s: %w: run make bench", name, err)
		}
		all = append(all, version{name, strings.TrimSpace(string(out))})
	}
	info, err := buildinfo.ReadFile(b.path(asynqBin))
	if err != nil {
		return nil, fmt.Errorf("ask for the version of asynq: %w: run make bench", err)
	}
	for _, m := range info.Deps {
		if m.Path == "github.com/hibiken/asynq" {
			all = append(all, version{"asynq", m.Version})
		}
	}
	return all, nil
}
