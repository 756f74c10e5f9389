package main

import (
	"context"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// TestMain lets the test binary be its own guard.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == guardCommand {
		if err := standGuard(os.Stdin); err != nil {
			panic(err)
		}
		return
	}
	m.Run()
}

// family starts a shell with a child of its own, both of which would last.
func family(t *testing.T, g *guard) *process {
	t.Helper()
	p, err := startProcess(g, t.TempDir(), "family", t.TempDir(), nil, "sh", "-c", "sleep 300 & echo born; wait")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.stop)
	wait(t, "the child is born", func() bool { out, err := p.output(); return err == nil && out == "born\n" })
	return p
}

func wait(t *testing.T, what string, is func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := poll(ctx, 5*time.Millisecond, func() (bool, error) { return is(), nil }); err != nil {
		t.Fatalf("wait until %s: %v", what, err)
	}
}

func gone(group int) func() bool {
	return func() bool { members, err := groupMembers(group); return err == nil && len(members) == 0 }
}

func newGuard(t *testing.T) *guard {
	t.Helper()
	g, err := startGuard()
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestStopEndsTheWholeFamily(t *testing.T) {
	g := newGuard(t)
	defer g.close()
	p := family(t, g)
	if members, err := groupMembers(p.group()); err != nil || len(members) != 2 {
		t.Fatalf("members = %v, %v, want two", members, err)
	}
	p.stop()
	wait(t, "all are gone", gone(p.group()))
	if p.alive() == nil {
		t.Error("a stopped process is alive")
	}
}

// What a guard sees when we are killed is the end of its input, as here.
func TestGuardEndsWhatIsLeft(t *testing.T) {
	g := newGuard(t)
	left := family(t, g)
	if err := g.close(); err != nil {
		t.Fatal(err)
	}
	wait(t, "all are gone", gone(left.group()))
}

func TestGuardSparesWhatItForgot(t *testing.T) {
	g := newGuard(t)
	p := family(t, g)
	if err := g.forget(p.group()); err != nil {
		t.Fatal(err)
	}
	if err := g.close(); err != nil {
		t.Fatal(err)
	}
	if err := p.alive(); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(-p.group(), 0); err != nil {
		t.Errorf("signal the family: %v", err)
	}
}

func TestMemoryIsOfTheWholeFamily(t *testing.T) {
	g := newGuard(t)
	defer g.close()
	p := family(t, g)
	all, err := p.memory()
	if err != nil || all < 100<<10 || all > 100<<20 {
		t.Errorf("memory = %v, %v, want some of a shell and its child", all, err)
	}
	p.stop()
	if m, err := p.memory(); err == nil {
		t.Errorf("memory of nobody = %v, want an error", m)
	}
}

func TestPageFileIsTheNearest(t *testing.T) {
	folder := t.TempDir()
	for name, size := range map[string]int{"icon.svg": 340, "a.js": 28_000, "b.js": 66_000, "b.js.br": 41_000} {
		if err := os.WriteFile(filepath.Join(folder, name), make([]byte, size), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for size, want := range map[int64]string{smallFile: "icon.svg", largeFile: "a.js"} {
		if got, err := pageFile(folder, size); err != nil || got != want {
			t.Errorf("nearest to %d = %q, %v, want %q", size, got, err, want)
		}
	}
	if got, err := pageFile(t.TempDir(), smallFile); err == nil {
		t.Errorf("a page that is not built has %q, want an error", got)
	}
}
