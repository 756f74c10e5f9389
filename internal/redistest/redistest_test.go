package redistest_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"windlass/internal/redistest"
)

func TestStartServersAreApart(t *testing.T) {
	t.Parallel()
	a, b := redistest.Start(t), redistest.Start(t)
	if a.Addr() == b.Addr() {
		t.Fatalf("two servers share %s", a.Addr())
	}
	set(t, a.Client(t), "k", "a")
	if err := b.Client(t).Get(t.Context(), "k").Err(); !errors.Is(err, redis.Nil) {
		t.Errorf("get from the other server: got %v, want redis.Nil", err)
	}
}

func TestStartWithPassword(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, "--requirepass", "open sesame")
	if err := s.Client(t).Ping(t.Context()).Err(); err != nil {
		t.Errorf("ping %s: %v", s.URL(), err)
	}
	bare := redis.NewClient(&redis.Options{Addr: s.Addr()})
	defer bare.Close()
	if err := bare.Ping(t.Context()).Err(); err == nil || !strings.Contains(err.Error(), "NOAUTH") {
		t.Errorf("ping without the password: got %v, want NOAUTH", err)
	}
}

func TestStartFailures(t *testing.T) {
	tests := []struct {
		name string
		path string
		args []string
		want string
	}{
		{"no redis-server", t.TempDir(), nil, "run make test, or apt-get install redis-server"},
		{"bad option", os.Getenv("PATH"), []string{"--no-such-option", "1"}, "Bad directive"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv("PATH", tt.path)
			got := fatalText(t, func(tb testing.TB) { redistest.Start(tb, tt.args...) })
			if !strings.Contains(got, tt.want) {
				t.Errorf("got failure %q, want it to say %q", got, tt.want)
			}
		})
	}
}

func TestKillAndRestart(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		args []string
		want string
	}{
		{"forgets", nil, ""},
		{"remembers", []string{"--appendonly", "yes", "--appendfsync", "always"}, "v"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := redistest.Start(t, tt.args...)
			addr := s.Addr()
			set(t, s.Client(t), "k", "v")

			s.Kill()
			s.Kill() // A second time does nothing.
			if conn, err := net.Dial("tcp", addr); err == nil {
				conn.Close()
				t.Fatal("a killed server accepts connections")
			}

			s.Restart()
			if s.Addr() != addr {
				t.Fatalf("after the restart: got address %s, want %s", s.Addr(), addr)
			}
			got, err := s.Client(t).Get(t.Context(), "k").Result()
			if err != nil && !errors.Is(err, redis.Nil) {
				t.Fatal(err)
			}
			if got != tt.want {
				t.Errorf("after the restart: got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestPauseAndResume(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	opts, err := redis.ParseURL(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	opts.ContextTimeoutEnabled = true
	client := redis.NewClient(opts)
	defer client.Close()
	set(t, client, "k", "v")

	s.Pause()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if got, err := client.Get(ctx, "k").Result(); err == nil {
		t.Errorf("get from a paused server: got %q, want no answer", got)
	}

	s.Resume()
	if got, err := client.Get(t.Context(), "k").Result(); err != nil || got != "v" {
		t.Errorf("get from a resumed server: got %q, %v, want %q", got, err, "v")
	}

	s.Pause() // A paused server must not hold up the end of the test.
}

func TestCluster(t *testing.T) {
	t.Parallel()
	c := redistest.StartCluster(t, 3)
	want := fmt.Sprintf("redis+cluster://%s?addr=%s&addr=%s", c.Nodes[0].Addr(),
		c.Nodes[1].Addr(), c.Nodes[2].Addr())
	if got := c.URL(); got != want {
		t.Errorf("URL: got %q, want %q", got, want)
	}
	client := c.Client(t)
	for i := range 100 {
		if err := client.Set(t.Context(), fmt.Sprint("k", i), i, 0).Err(); err != nil {
			t.Fatal(err)
		}
	}
	total := int64(0)
	for i, n := range c.Nodes {
		size, err := n.Client(t).DBSize(t.Context()).Result()
		if err != nil {
			t.Fatal(err)
		}
		if size == 0 {
			t.Errorf("node %d holds no keys", i)
		}
		total += size
	}
	if total != 100 {
		t.Errorf("all nodes hold %d keys, want 100", total)
	}
}

func TestClusterNodeComesBack(t *testing.T) {
	t.Parallel()
	c := redistest.StartCluster(t, 1)
	node := c.Nodes[0]
	before, err := node.Client(t).ClusterMyID(t.Context()).Result()
	if err != nil {
		t.Fatal(err)
	}
	node.Restart()
	after, err := node.Client(t).ClusterMyID(t.Context()).Result()
	if err != nil {
		t.Fatal(err)
	}
	if before != after {
		t.Errorf("a restarted node is %s, want it to be %s still", after, before)
	}
}

func TestEmbeddedKeepsTime(t *testing.T) {
	t.Parallel()
	client := redistest.Embedded(t).Client(t)
	if err := client.Set(t.Context(), "k", "v", 50*time.Millisecond).Err(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the key to expire", func() bool {
		return errors.Is(client.Get(t.Context(), "k").Err(), redis.Nil)
	})
}

// The test binary runs itself as a child that starts a server and hangs; the child is
// killed as no defer or cleanup can notice, and the server has to go with it.
func TestServerDiesWithItsTestBinary(t *testing.T) {
	const asChild = "REDISTEST_CHILD"
	if os.Getenv(asChild) != "" {
		s := redistest.Start(t)
		s.Pause() // The hardest case: a stopped process takes no signal but SIGKILL.
		fmt.Println("addr", s.Addr())
		select {}
	}
	if runtime.GOOS != "linux" {
		return // Elsewhere there is no such promise.
	}
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
	child.Env = append(os.Environ(), asChild+"=1")
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	addr := ""
	for lines := bufio.NewScanner(out); addr == "" && lines.Scan(); {
		if rest, ok := strings.CutPrefix(lines.Text(), "addr "); ok {
			addr = rest
		}
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait() // It was killed, and says so.
	if addr == "" {
		t.Fatal("the child did not start a server")
	}
	waitFor(t, "the server to be gone", func() bool {
		// The kernel accepts for a paused process, and when its backlog is full lets the
		// caller wait: only a refusal says that nobody has the port.
		conn, err := net.DialTimeout("tcp", addr, 100*time.Millisecond)
		if err == nil {
			conn.Close()
		}
		return errors.Is(err, syscall.ECONNREFUSED)
	})
}

func set(t *testing.T, c *redis.Client, key, value string) {
	t.Helper()
	if err := c.Set(t.Context(), key, value, 0).Err(); err != nil {
		t.Fatalf("set %s: %v", key, err)
	}
}

func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(10 * time.Second)
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited 10 s for %s", what)
		}
	}
}

// recorder is a test that keeps its fatal text and then ends, as a test does.
type recorder struct {
	testing.TB
	text string
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.text = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

func fatalText(t *testing.T, f func(testing.TB)) string {
	t.Helper()
	r := &recorder{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		f(r)
	}()
	<-done
	return r.text
}
