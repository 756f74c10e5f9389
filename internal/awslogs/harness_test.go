package awslogs

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"
)

const group = "/windlass/test"

// toFake points the SDK's default chain at a server on loopback.
func toFake(t testing.TB, url string) {
	t.Helper()
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL_CLOUDWATCH_LOGS": url, "AWS_REGION": "eu-central-1",
		"AWS_ACCESS_KEY_ID": "AKIDTEST", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "",
		"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
		"AWS_PROFILE": "", "AWS_ENDPOINT_URL": "",
	} {
		t.Setenv(name, value)
	}
}

// quick makes what takes seconds take milliseconds.
func quick() bounds {
	b := defaultBounds()
	b.gather, b.slow, b.diskRetry = 20*time.Millisecond, 200*time.Millisecond, 50*time.Millisecond
	b.put, b.backoffMin, b.backoffMax = 30*time.Second, time.Millisecond, 20*time.Millisecond
	return b
}

// journal collects what a shipper says of its own troubles.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(b)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// ship opens a shipper of lines to a stream named "s", closed with the test.
func ship(t testing.TB, b bounds, change ...func(*Config)) (*Shipper, *slog.Logger, *journal) {
	t.Helper()
	said := &journal{}
	c := Config{Group: group, Stream: "s", SpoolDir: t.TempDir(), Log: slog.New(slog.NewTextHandler(said, nil))}
	for _, f := range change {
		f(&c)
	}
	s, err := open(c, b)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_, _ = s.Close(ctx)
		if t.Failed() {
			t.Logf("health %+v; said:\n%s", s.Health(), said)
		}
	})
	return s, slog.New(s.Handler(slog.LevelDebug)), said
}

// flush waits until everything is shipped.
func flush(t testing.TB, s *Shipper) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	if err := s.Flush(ctx); err != nil {
		t.Fatalf("not everything was shipped: %v; %+v", err, s.Health())
	}
}

// shut closes the shipper with time enough, and gives what is left.
func shut(t testing.TB, s *Shipper, within time.Duration) Left {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	left, err := s.Close(ctx)
	if err != nil {
		t.Fatalf("close: %v", err)
	}
	return left
}

// until polls for a condition.
func until(t testing.TB, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(2 * time.Minute); !holds(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("after 2 min still not: %s", what)
		}
	}
}

// wantOnce checks that the lines numbered 1 to n are there, in order, once.
func wantOnce(t testing.TB, lines []line, n int) {
	t.Helper()
	if err := inOrder(lines, n); err != nil {
		t.Error(err)
	}
}

func inOrder(lines []line, n int) error {
	if len(lines) != n {
		return fmt.Errorf("%d lines, want %d", len(lines), n)
	}
	for i, l := range lines {
		if l.N != i+1 || l.Seq != i+1 {
			return fmt.Errorf("place %d has line %d with number %d", i+1, l.N, l.Seq)
		}
	}
	return nil
}

// write writes the lines from one number to another.
func write(log *slog.Logger, from, to int) {
	for n := from; n <= to; n++ {
		log.Info("a line of the usual length, as programs write them all day", "n", n, "queue", "default", "task", "01JDXW2R")
	}
}

func contextOf(d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), d)
}
