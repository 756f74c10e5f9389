// Package redistest gives a test a real Redis, and the means to break it.
//
// A server is a redis-server process found in PATH, on a free loopback port, in a
// directory of its own. It ends with the test that started it, and also when the test
// binary is killed. [StartTLS] makes one that speaks TLS, [StartCluster] a real Redis Cluster
// of such processes, and [StartSentinel] a master with replicas under Sentinels.
// [Embedded] is the in-memory stand-in that the product falls back to, so that the same
// test can be run on both.
//
// The package is for tests only; a linter rule keeps it out of the program.
package redistest

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/redis/go-redis/v9"
)

// Server is one redis-server process. Its methods are for the test's goroutine: they are
// not safe for concurrent use, and they end the test when they fail.
type Server struct {
	t    testing.TB
	bin  string
	dir  string
	port int
	args []string
	proc *process

	authority *Authority // signed its certificate; nil: it speaks no TLS
	config    string     // of a Sentinel: the file that it runs on
}

// What a server logs just before it reads its first command, after any data was loaded: the
// same words since Redis 2.0, in Valkey too. A Sentinel does not say them.
const (
	serverReady   = "eady to accept connections"
	sentinelReady = "+monitor master"
)

// Start runs a redis-server and returns once it accepts connections, which takes about
// 20 ms. It keeps nothing on disk unless args say so. The process is killed when t ends.
//
// The args are redis-server options and come last, so they win: "--appendonly", "yes"
// makes a server that remembers over [Server.Restart]; "--requirepass", "secret" one
// whose [Server.URL] carries the password. The options --port, --dir, --daemonize,
// --logfile and --loglevel belong to this package.
//
// A missing redis-server fails the test; it never skips it.
func Start(t testing.TB, args ...string) *Server {
	t.Helper()
	return start(&Server{t: t, args: args}, 65535)
}

// start runs s on a port up to maxPort: a cluster node needs room above its own.
func start(s *Server, maxPort int) *Server {
	t := s.t
	t.Helper()
	bin, err := exec.LookPath("redis-server")
	if err != nil {
		t.Fatalf("find redis-server: %v: run make test, or apt-get install redis-server", err)
	}
	s.bin, s.dir = bin, t.TempDir()
	// After TempDir, so that the process is gone when its directory is removed.
	t.Cleanup(s.Kill)

	// Another process may take the port between our look and the server's bind. Then the
	// server exits, and the next port will do.
	const tries = 5
	for range tries {
		s.port = freePort(t, maxPort)
		if err = s.run(); err == nil {
			return s
		}
	}
	t.Fatalf("start redis-server, %d ports tried: %v", tries, err)
	return nil
}

// URL is the address as Redis clients write it, with the password if there is one:
// redis://127.0.0.1:6379, redis://:secret@127.0.0.1:6379. It begins with rediss for one that
// speaks TLS.
func (s *Server) URL() string { return s.url().String() }

func (s *Server) url() *url.URL {
	u := &url.URL{Scheme: "redis", Host: s.Addr()}
	if s.authority != nil {
		u.Scheme = "rediss"
	}
	if p := s.password(); p != "" {
		u.User = url.UserPassword("", p)
	}
	return u
}

// Addr is host:port. It stays the same over [Server.Restart].
func (s *Server) Addr() string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port))
}

// Client returns a client of this server, closed when t ends.
func (s *Server) Client(t testing.TB) *redis.Client {
	t.Helper()
	return s.ClientAs(t, "", s.password())
}

// ClientAs is [Server.Client] for a user of the server.
func (s *Server) ClientAs(t testing.TB, user, password string) *redis.Client {
	t.Helper()
	opts := &redis.Options{Addr: s.Addr(), Username: user, Password: password}
	if s.authority != nil {
		opts.TLSConfig = &tls.Config{RootCAs: s.authority.pool, MinVersion: tls.VersionTLS12}
	}
	return newClient(t, opts)
}

// Kill ends the process at once (SIGKILL), as a crash would, and returns when it is gone.
// Killing a dead server does nothing.
func (s *Server) Kill() {
	if s.proc == nil {
		return
	}
	s.proc.kill()
	s.proc = nil
}

// Tear cuts bytes off the end of the append-only file of a server that was killed, as a kill
// in the middle of a write does.
func (s *Server) Tear(bytes int64) {
	s.t.Helper()
	name := filepath.Join(s.dir, "appendonlydir", "appendonly.aof.1.incr.aof") // Redis 7
	if _, err := os.Stat(name); err != nil {
		name = filepath.Join(s.dir, "appendonly.aof")
	}
	info, err := os.Stat(name)
	if err == nil {
		err = os.Truncate(name, info.Size()-bytes)
	}
	if err != nil {
		s.t.Fatalf("tear the append-only file: %v", err)
	}
}

// Restart runs the server again with the same port, directory and arguments, and returns
// once it accepts connections. A server that still runs is killed first. The data is gone
// unless the arguments make Redis keep it.
func (s *Server) Restart() {
	s.t.Helper()
	s.Kill()
	if err := s.run(); err != nil {
		s.t.Fatalf("restart redis-server: %v", err)
	}
}

// Pause stops the process without ending it (SIGSTOP): connections stay open and new ones
// are accepted by the kernel, but nothing answers. That is how a stuck host looks.
func (s *Server) Pause() {
	s.t.Helper()
	s.signal(syscall.SIGSTOP)
	if err := waitStopped(s.proc.cmd.Process.Pid); err != nil {
		s.t.Fatalf("wait until redis-server is stopped: %v", err)
	}
}

// Resume lets a paused process go on (SIGCONT). It then answers what it was sent meanwhile.
func (s *Server) Resume() {
	s.t.Helper()
	s.signal(syscall.SIGCONT)
}

func (s *Server) signal(sig syscall.Signal) {
	s.t.Helper()
	if s.proc == nil {
		s.t.Fatalf("send %v to redis-server: it is not running", sig)
	}
	if err := s.proc.cmd.Process.Signal(sig); err != nil {
		s.t.Fatalf("send %v to redis-server: %v", sig, err)
	}
}

func (s *Server) run() error {
	args, ready := []string{"--bind", "127.0.0.1", "--dir", s.dir}, serverReady
	switch {
	case s.config != "":
		ready = sentinelReady
		args = append([]string{s.config, "--sentinel", "--port", strconv.Itoa(s.port)}, args...)
	case s.authority != nil:
		args = append(args, "--save", "", "--port", "0", "--tls-port", strconv.Itoa(s.port))
	default:
		args = append(args, "--save", "", "--port", strconv.Itoa(s.port))
	}
	proc, err := startProcess(s.bin, append(args, s.args...), ready)
	if err != nil {
		return fmt.Errorf("run redis-server on port %d: %w", s.port, err)
	}
	s.proc = proc
	return nil
}

func (s *Server) password() string {
	for i, a := range s.args[:max(0, len(s.args)-1)] {
		if a == "--requirepass" {
			return s.args[i+1]
		}
	}
	return ""
}

// freePort returns a port that nobody listens on at this moment, not above maxPort.
func freePort(t testing.TB, maxPort int) int {
	t.Helper()
	for {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatalf("find a free port: %v", err)
		}
		port := l.Addr().(*net.TCPAddr).Port
		if err := l.Close(); err != nil {
			t.Fatalf("find a free port: close: %v", err)
		}
		if port <= maxPort {
			return port
		}
	}
}

func newClient(t testing.TB, opts *redis.Options) *redis.Client {
	t.Helper()
	c := redis.NewClient(opts)
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("close redis client: %v", err)
		}
	})
	return c
}
