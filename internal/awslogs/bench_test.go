package awslogs

import (
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// BenchmarkLine is what a line costs its caller: slog.JSONHandler to a file beside the two modes.
func BenchmarkLine(b *testing.B) {
	b.Run("file", func(b *testing.B) {
		file, err := os.Create(filepath.Join(b.TempDir(), "log"))
		if err != nil {
			b.Fatal(err)
		}
		defer func() { _ = file.Close() }()
		benchmarkLines(b, slog.New(slog.NewJSONHandler(file, nil)), func() {})
	})
	for name, inMemory := range map[string]bool{"durable": false, "memory": true} {
		b.Run(name, func(b *testing.B) {
			f := newFake(b)
			f.discard = true
			toFake(b, f.server.URL)
			limits := defaultBounds()
			limits.gather = time.Hour // Nothing goes but by flush.
			s, log, _ := ship(b, limits, func(c *Config) { c.InMemory = inMemory })
			benchmarkLines(b, log, func() { flush(b, s) })
		})
	}
}

// benchmarkLines writes in bursts of less than a batch and lets each be shipped while the clock
// stands: the sender's work is BenchmarkShip's matter. cpu-ns/op is the time of the writing thread,
// which a busy machine does not stretch.
func benchmarkLines(b *testing.B, log *slog.Logger, settle func()) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	b.ReportAllocs()
	var cpu, since time.Duration
	since = cpuTime(ownThread)
	for n := 1; b.Loop(); n++ {
		log.Info("a line of the usual length, as programs write them all day", "n", n, "queue", "default", "task", "01JDXW2R")
		if n%4000 == 0 {
			b.StopTimer()
			cpu += cpuTime(ownThread) - since
			settle()
			since = cpuTime(ownThread)
			b.StartTimer()
		}
	}
	cpu += cpuTime(ownThread) - since
	b.ReportMetric(float64(cpu.Nanoseconds())/float64(b.N), "cpu-ns/op")
}

const ownThread = 1 // RUSAGE_THREAD of Linux

// cpuTime is what the calling thread or the process has used of a core, 0 where that is not told.
func cpuTime(who int) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(who, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkShip is how many lines of 200 bytes reach the fake in a second, written and shipped, and what one
// takes of a core, the fake's part with it.
func BenchmarkShip(b *testing.B) {
	for name, inMemory := range map[string]bool{"durable": false, "memory": true} {
		b.Run(name, func(b *testing.B) {
			f := newFake(b)
			f.discard = true
			toFake(b, f.server.URL)
			s, log, _ := ship(b, defaultBounds(), func(c *Config) { c.InMemory = inMemory })
			const many = 200_000
			text := strings.Repeat("x", 89)
			begin, cpu := time.Now(), cpuTime(syscall.RUSAGE_SELF)
			lines := 0
			for b.Loop() {
				for range many {
					log.Info(text)
				}
				flush(b, s)
				lines += many
			}
			b.ReportMetric(float64(lines)/time.Since(begin).Seconds(), "lines/s")
			b.ReportMetric(float64((cpuTime(syscall.RUSAGE_SELF)-cpu).Nanoseconds())/float64(lines), "cpu-ns/line")
			b.ReportMetric(float64(f.bytes)/float64(f.taken), "bytes/line")
			b.ReportMetric(0, "ns/op")
		})
	}
}
