package store

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"windlass/internal/redistest"
)

const (
	aclUser     = "windlass"
	aclPassword = "s3cret"
)

func openSentinel(t testing.TB) redis.UniversalClient {
	return connect(t, redistest.StartSentinel(t, 1).URL())
}

// openTLSUser is what a replication group with TLS and a user of its own is to a client.
func openTLSUser(t testing.TB) redis.UniversalClient {
	a := redistest.NewAuthority(t)
	// The tests themselves empty the server and look at all keys.
	s := redistest.StartTLS(t, a, redistest.UserArgs(t, aclUser, aclPassword, "+flushall", "+keys", "+script|flush", "+rename", "+config|set")...)
	return connectTo(t, Address{
		URL: s.URL(), Username: aclUser, CAFile: a.File,
		Password: func(context.Context) (string, error) { return aclPassword, nil },
	})
}

func TestUserMayBeCheckedAndNoMore(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.UserArgs(t, aclUser, aclPassword)...)
	rdb := connect(t, "redis://"+aclUser+":"+aclPassword+"@"+s.Addr())
	if warnings, err := Check(t.Context(), rdb, 0); err != nil || len(warnings) > 0 {
		t.Errorf("check: %v, %v", warnings, err)
	}
	// The cluster keeps its default user, which sets it up.
	c := redistest.StartCluster(t, 1, redistest.UserArgs(t, aclUser, aclPassword)[3:]...)
	e := newEnv(t, c.Client(t), Options{})
	e.rdb = connect(t, strings.Replace(c.URL(), "://", "://"+aclUser+":"+aclPassword+"@", 1))
	if warnings, err := Check(t.Context(), e.rdb, 0); err != nil || len(warnings) > 0 {
		t.Errorf("check of a cluster: %v, %v", warnings, err)
	}
	e = e.with(Options{})
	e.submit(nil)
	e.claim("default")
	e.ok(e.Beat(e.ctx, Worker{ID: "w1"}))

	for _, cmd := range [][]any{{"flushall"}, {"get", "other"}, {"config", "get", "*"}, {"keys", "*"}} {
		if err := rdb.Do(t.Context(), cmd...).Err(); err == nil || !strings.HasPrefix(err.Error(), "NOPERM") {
			t.Errorf("%v: got %v, want NOPERM", cmd, err)
		}
	}
}

func TestPasswordRotation(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, "--requirepass", "first")
	admin := server.Client(t) // its one connection lives on
	file := filepath.Join(t.TempDir(), "password")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("first")
	rdb := connectTo(t, Address{URL: "redis://" + server.Addr(), Password: func(context.Context) (string, error) {
		b, err := os.ReadFile(file)
		return string(b), err
	}})
	e := newEnv(t, rdb, Options{})
	e.submit(nil)

	e.ok(admin.ConfigSet(e.ctx, "requirepass", "second").Err())
	e.submit(nil) // on the connection that is there
	hangUp := func() { e.ok(admin.Do(e.ctx, "client", "kill", "type", "normal", "skipme", "yes").Err()) }
	hangUp()
	if _, err := e.Submit(e.ctx, sub(nil)); err == nil || !Unavailable(err) || strings.Contains(err.Error(), "first") {
		t.Errorf("with the old password: got %v, want that Redis cannot be asked", err)
	}
	write("second")
	e.submit(nil)

	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	e.submit(nil)
	hangUp()
	if _, err := e.Submit(e.ctx, sub(nil)); err == nil || !Unavailable(err) || !strings.Contains(err.Error(), "no password") {
		t.Errorf("without the file: got %v", err)
	}
	write("")
	if _, err := e.Submit(e.ctx, sub(nil)); err == nil || !Unavailable(err) || !strings.Contains(err.Error(), "empty") {
		t.Errorf("with an empty file: got %v", err)
	}
	write("second")
	e.submit(nil)
}

// submitsAgain measures from now until a submission of each queue is taken, and
// that none of those before took longer than patience allows.
func (e *env) submitsAgain(queues ...string) time.Duration {
	e.t.Helper()
	begin := time.Now()
	for _, q := range queues {
		e.eventually("a submission to "+q, func() bool {
			one := time.Now()
			_, err := e.Submit(e.ctx, sub(func(s *Submission) { s.Queue = q }))
			if took := time.Since(one); took > mostPatience+time.Second {
				e.t.Errorf("a submission took %v", took)
			}
			if err != nil && !Unavailable(err) {
				e.t.Fatalf("submit: %v", err)
			}
			return err == nil
		})
	}
	return time.Since(begin)
}

// go-redis 9.22 and later stays with a dead master for up to 60 s unless told otherwise.
func TestClusterClientIsNotStuckToADeadMaster(t *testing.T) {
	t.Parallel()
	c := redistest.StartReplicatedCluster(t, 3, 1)
	e := newEnv(t, connect(t, c.URL()), Options{})
	queues := names("q", 12)
	e.submitsAgain(queues...)
	c.Nodes[1].Kill()
	c.WaitFailover(t, c.Nodes[1])
	took := e.submitsAgain(queues...)
	t.Logf("all queues were served %v after the failover", took)
	if took > 8*time.Second {
		t.Errorf("it took %v after the failover until all queues were served", took)
	}
}

// A killed master leaves its clients; a demoted one keeps them and takes no writes.
func TestSentinelFailover(t *testing.T) {
	for name, fault := range map[string]func(*redistest.Sentinel){
		"killed":  func(s *redistest.Sentinel) { s.Nodes[0].Kill() },
		"demoted": func(s *redistest.Sentinel) { s.Demote() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := redistest.StartSentinel(t, 1)
			e := newEnv(t, connect(t, s.URL()), Options{})
			e.submit(nil)
			e.claim("default")
			fault(s)
			s.WaitFailover(s.Nodes[0])
			took := e.submitsAgain("default")
			e.claim("default")
			t.Logf("it went on %v after the failover", took)
			if took > 5*time.Second {
				t.Errorf("it took %v after the failover", took)
			}
		})
	}
}

// relay stands for a name that leads to another host after a failover.
type relay struct {
	net.Listener

	mu   sync.Mutex
	to   string
	open []net.Conn
}

func newRelay(t *testing.T, to string) *relay {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{Listener: l, to: to}
	t.Cleanup(func() {
		_ = l.Close() // the test is over
		r.mu.Lock()
		defer r.mu.Unlock()
		for _, c := range r.open {
			_ = c.Close() // the test is over
		}
	})
	go r.run()
	return r
}

func (r *relay) run() {
	for near, err := r.Accept(); err == nil; near, err = r.Accept() {
		r.mu.Lock()
		far, err := net.Dial("tcp", r.to)
		if err != nil {
			_ = near.Close() // nobody is there
			r.mu.Unlock()
			continue
		}
		r.open = append(r.open, near, far)
		r.mu.Unlock()
		go pass(near, far)
		go pass(far, near)
	}
}

func pass(to, from net.Conn) {
	b := make([]byte, 32<<10)
	for {
		n, err := from.Read(b)
		if _, werr := to.Write(b[:n]); err != nil || werr != nil {
			_, _ = to.Close(), from.Close() // one side has ended
			return
		}
	}
}

// The primary's name of a replication group (ElastiCache has one) leads to
// another node after a failover, while connections to the old one stay open.
func TestPrimaryBecomesAReplica(t *testing.T) {
	t.Parallel()
	first, second := redistest.Start(t), redistest.Start(t)
	name := newRelay(t, first.Addr())
	e := newEnv(t, connect(t, "redis://"+name.Addr().String()), Options{})
	e.submit(nil)
	if _, err := e.claimOne("default"); err != nil { // on the pool that is not for pipelines
		t.Fatal(err)
	}
	name.mu.Lock()
	name.to = second.Addr()
	name.mu.Unlock()
	first.Follow(second)
	begin := time.Now()
	e.submit(nil)
	if c, err := e.claimOne("default"); err != nil || c == nil {
		t.Errorf("claim: %v, %v", c, err)
	}
	if took := time.Since(begin); took > mostPatience {
		t.Errorf("it took %v", took)
	}
	if n := second.Client(t).DBSize(e.ctx).Val(); n == 0 {
		t.Error("the new primary has nothing")
	}
}

func TestWaitsEnd(t *testing.T) {
	t.Parallel()
	modes := map[string]func() (string, func(), func()){
		"one node": func() (string, func(), func()) { s := redistest.Start(t); return s.URL(), s.Pause, s.Kill },
		"cluster": func() (string, func(), func()) {
			n := redistest.StartCluster(t, 1)
			return n.URL(), n.Nodes[0].Pause, n.Nodes[0].Kill
		},
	}
	for name, open := range modes {
		url, pause, kill := open()
		e := newEnv(t, connect(t, url), Options{})
		e.submit(nil)
		for _, fault := range []struct {
			name string
			do   func()
			most time.Duration
			// Each far from what go-redis would take by itself, and far from a busy machine's delays.
		}{{"hung", pause, 8 * time.Second}, {"gone", kill, 2500 * time.Millisecond}} {
			fault.do()
			for _, what := range []string{"first", "second"} {
				begin := time.Now()
				_, err := e.Submit(e.ctx, sub(nil))
				if took := time.Since(begin); err == nil || !Unavailable(err) || took > fault.most {
					t.Errorf("%s, %s, %s submission: %v after %v, want an error within %v", name, fault.name, what, err, took, fault.most)
				}
			}
		}
	}
	if watchBlock+500*time.Millisecond > mostPatience {
		t.Error("a wait for changes is longer than any command may take")
	}
}

func TestAddressSchemes(t *testing.T) {
	for url, want := range map[string][]string{
		"redis+sentinel://u:p%40@a,b:1/mine/3":                                     {"mine", "3", "u", "p@", "", "a:26379,b:1"},
		"rediss+sentinel://a/?master=mine&sentinel_username=s&sentinel_password=x": {"mine", "0", "", "", "x", "a:26379"},
		"redis+sentinel://[::1]:5,[::2]/m":                                         {"m", "0", "", "", "", "[::1]:5,[::2]:26379"},
	} {
		u, err := parseURL(url)
		if err != nil {
			t.Errorf("%s: %v", url, err)
			continue
		}
		o, err := redis.ParseFailoverURL(u.text)
		if err != nil {
			t.Errorf("%s: %v", url, err)
			continue
		}
		got := []string{u.master, string(rune('0' + o.DB)), u.user.Username(), u.password(), u.sentinelPassword, strings.Join(o.SentinelAddrs, ",")}
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", url, got, want)
		}
	}
	for url, want := range map[string]string{
		"redis+cluster://:p@a:1,b,[::1]:3": "a:1,b:6379,[::1]:3", "rediss+cluster://a?addr=b:2": "a:6379,b:2",
	} {
		rdb := connect(t, url)
		if got := strings.Join(rdb.(*redis.ClusterClient).Options().Addrs, ","); got != want {
			t.Errorf("%s: got %s, want %s", url, got, want)
		}
	}
	for _, url := range []string{
		"redis+sentinel://a,b", "redis+sentinel://a/m/x", "redis+sentinel://a/m/0/1", "redis+cluster://a/2", "redis://a:1,b:2/0",
		"unix+cluster:///x", "redis+rings://a", "redis+sentinel://u:s3cret@a:b/m",
	} {
		if rdb, err := Connect(Address{URL: url}); err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: got %v, %v", url, rdb, err)
		}
	}
}
