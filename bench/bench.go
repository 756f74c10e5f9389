package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// Where everything is, from the root of the source tree.
const (
	windlassBin = "bin/windlass"
	asynqBin    = ".cache/bench/asynq"
	workFolder  = ".cache/bench"
	python      = ".cache/peer/bin"
	peerSource  = "bench/peer"
	pageAssets  = "internal/web/dist/assets"
)

// sampleTimeout bounds one sample with all that it prepares.
const sampleTimeout = 10 * time.Minute

// sizes is how much is measured.
type sizes struct {
	load  time.Duration
	tasks int
	list  int
}

// bench is one run of the program.
type bench struct {
	runs     int
	sizes    sizes
	progress io.Writer
	root     string // of the source tree
	self     string // our own program

	only, without string   // of the crowd's behaviours
	extra         []string // of Windlass's arguments, in a crowd
	shared        bool     // a crowd competes for the cores with what is measured
	guard         *guard
}

// measure takes every measurement in turn and prints the table. One that fails does not keep
// the others from being taken.
func (b *bench) measure(ctx context.Context, chosen []measurement, stdout io.Writer) (err error) {
	if b.root, err = os.Getwd(); err != nil {
		return err
	}
	if b.self, err = os.Executable(); err != nil {
		return err
	}
	if err := os.RemoveAll(b.path(workFolder, "log")); err != nil {
		return err
	}
	versions, err := b.versions(ctx)
	if err != nil {
		return err
	}
	if b.guard, err = startGuard(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.guard.close()) }()

	began := time.Now()
	var results []result
	var failed []error
	for _, m := range chosen {
		of, err := b.take(ctx, m)
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", m.name, err))
			fmt.Fprintf(b.progress, "%s: %v\n", m.name, err)
		}
		if ctx.Err() != nil {
			break
		}
		results = append(results, of...)
	}
	r := report{Began: began.UTC().Truncate(time.Second), Seconds: time.Since(began).Seconds(), Runs: b.runs, Versions: versions, Results: results}
	r.print(stdout)
	return errors.Join(append(failed, r.keep(b.path(workFolder, "results")))...)
}

// take measures both sides of m in turn, as often as asked.
func (b *bench) take(ctx context.Context, m measurement) ([]result, error) {
	ours, peer := make([][]float64, len(m.rows)), make([][]float64, len(m.rows))
	kept := map[string]*stage{}
	defer func() {
		for _, s := range kept {
			s.close()
		}
	}()
	sample := func(side string, of side, into [][]float64, run int) error {
		ctx, cancel := context.WithTimeout(ctx, sampleTimeout)
		defer cancel()
		s := kept[side]
		if s == nil {
			var err error
			if s, err = b.openStage(ctx, fmt.Sprintf("%s-%s-%d", m.name, side, run+1)); err != nil {
				return err
			}
			if m.keep {
				kept[side] = s
			} else {
				defer s.close()
			}
		}
		values, err := of(ctx, s)
		if err != nil {
			return fmt.Errorf("%s, run %d: %w", side, run+1, err)
		}
		for i, v := range values {
			into[i] = append(into[i], v)
		}
		fmt.Fprintf(b.progress, "%s, run %d of %d, %s: %s\n", m.name, run+1, b.runs, side, m.format(values))
		return nil
	}
	for run := range b.runs {
		if err := sample("windlass", m.ours, ours, run); err != nil {
			return nil, err
		}
		if err := sample("peer", m.peer, peer, run); err != nil {
			return nil, err
		}
	}
	return m.results(ours, peer), nil
}

// path is of a file of the source tree.
func (b *bench) path(parts ...string) string {
	return filepath.Join(append([]string{b.root}, parts...)...)
}
