package store

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"windlass/internal/redistest"
)

func TestConnectRefusesWithoutSecrets(t *testing.T) {
	for _, url := range []string{
		"", "localhost:6379", "http://me:s3cret@host", "redis://me:s3cret@host:port/0", "redis://:s3cret@host/x?dial_timeout=soon",
		"redis://:s3cret@ho st:1", "redis://:s3cret%zz@host", "redis+cluster://:s3cret@host?max_retries=some",
		"redis://host:6379/s3cret",
	} {
		rdb, err := Connect(Address{URL: url})
		if err == nil {
			_ = rdb.Close() // it contacted nothing
			t.Errorf("%q was accepted", url)
			continue
		}
		if strings.Contains(err.Error(), "s3cret@") || strings.Contains(err.Error(), ":s3cret") {
			t.Errorf("the error tells the password: %v", err)
		}
	}
}

func TestConnectSchemes(t *testing.T) {
	for url, cluster := range map[string]bool{
		"redis://host": false, "rediss://:pw@host:6380/2": false, "unix:///run/redis.sock": false,
		"redis+cluster://a:1?addr=b:2": true, "rediss+cluster://:pw@a:1": true,
	} {
		rdb, err := Connect(Address{URL: url})
		if err != nil {
			t.Errorf("%s: %v", url, err)
			continue
		}
		secure := strings.HasPrefix(url, "rediss")
		switch c := rdb.(type) {
		case *redis.ClusterClient:
			if !cluster || (c.Options().TLSConfig != nil) != secure {
				t.Errorf("%s: cluster client, TLS %v", url, c.Options().TLSConfig != nil)
			}
		case *redis.Client:
			if cluster || (c.Options().TLSConfig != nil) != secure {
				t.Errorf("%s: client of one node, TLS %v", url, c.Options().TLSConfig != nil)
			}
		}
		if err := rdb.Close(); err != nil {
			t.Errorf("%s: close: %v", url, err)
		}
	}
}

// oldServer answers INFO as a Redis of some version and takes what Check tries; every
// other command is an error.
func oldServer(t *testing.T, info string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() }) // the test is over
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go answer(conn, info)
		}
	}()
	return l.Addr().String()
}

// answer reads commands as RESP arrays of bulk strings: *<n>, then $<length> and text n times.
func answer(conn net.Conn, info string) {
	defer conn.Close()
	lines := bufio.NewScanner(conn)
	for lines.Scan() {
		n := 0
		if _, err := fmt.Sscanf(lines.Text(), "*%d", &n); err != nil {
			return
		}
		var words []string
		for range n {
			lines.Scan() // the length: none of these texts holds a line break
			lines.Scan()
			words = append(words, lines.Text())
		}
		reply := "-ERR unknown command\r\n"
		switch strings.ToLower(words[0]) {
		case "info":
			reply = fmt.Sprintf("$%d\r\n%s\r\n", len(info), info)
		case "evalsha":
			reply = ":0\r\n"
		case "subscribe":
			reply = strings.Repeat("*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n", len(words)-1)
		}
		if _, err := fmt.Fprint(conn, reply); err != nil {
			return
		}
	}
}

func TestCheckRefusesOldServers(t *testing.T) {
	for version, want := range map[string]string{
		"5.0.7": "this Redis is version 5.0.7; Windlass needs 6.2 or newer, or Valkey", "6.0.16": "6.0.16", "6.2.14": "",
	} {
		addr := oldServer(t, "# Server\r\nredis_version:"+version+"\r\nmaxmemory_policy:volatile-lru\r\n")
		warnings, err := Check(t.Context(), connect(t, "redis://"+addr), 0)
		if want == "" {
			if err != nil || len(warnings) != 1 || !strings.Contains(warnings[0], "volatile-lru") {
				t.Errorf("%s: got %v, %v, want a warning", version, warnings, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", version, err, want)
		}
	}
}

func testCheck(e *env) {
	if warnings, err := Check(e.ctx, e.rdb, 0); err != nil || len(warnings) != 0 {
		e.t.Errorf("check: got %v, %v", warnings, err)
	}
}

func TestCheckMemoryPolicy(t *testing.T) {
	t.Parallel()
	args := []string{"--maxmemory-policy", "allkeys-lru", "--maxmemory", "100mb"}
	for name, rdb := range map[string]redis.UniversalClient{
		"one node": connect(t, redistest.Start(t, args...).URL()),
		"cluster":  connect(t, redistest.StartCluster(t, 3, args...).URL()),
	} {
		warnings, err := Check(t.Context(), rdb, 0)
		want := []string{"Redis may throw accepted tasks away: maxmemory-policy is allkeys-lru. Set it to noeviction."}
		if err != nil || !slices.Equal(warnings, want) {
			t.Errorf("%s: got %v, %v, want %v", name, warnings, err, want)
		}
	}
}

func TestAtLeast(t *testing.T) {
	for version, want := range map[string]bool{
		"6.2.0": true, "6.2": true, "7.0.15": true, "10.0.0": true, "6.1.9": false, "5.9.0": false, "6": false, "": false, "x.y": false,
	} {
		if got := atLeast(version, 6, 2); got != want {
			t.Errorf("%q: got %v, want %v", version, got, want)
		}
	}
}

// dumb gives the address of a server that hangs up on everybody.
func dumb(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() }) // the test is over
	go func() {
		for conn, err := l.Accept(); err == nil; conn, err = l.Accept() {
			_ = conn.Close() // that is the point
		}
	}()
	return l.Addr().String()
}

func TestUnreachable(t *testing.T) {
	t.Parallel()
	rdb := connect(t, "redis://"+dumb(t)+"?max_retries=-1")
	s, err := New(rdb, Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	calls := map[string]error{}
	_, calls["check"] = Check(ctx, rdb, 0)
	_, calls["submit"] = s.Submit(ctx, sub(nil))
	_, calls["submit once"] = s.SubmitOnce(ctx, "me", "k", "p", sub(nil))
	_, _, calls["claim"] = s.Claim(ctx, Want{Queue: "default", Worker: "w1", Many: 1})
	_, calls["extend"] = s.Extend(ctx, "default", nil)
	_, calls["list"] = s.List(ctx, Filter{Queues: []string{"default"}}, 10, "")
	_, calls["counts"] = s.Counts(ctx)
	_, calls["upkeep"] = s.Upkeep(ctx, "default")
	_, _, calls["trim"] = s.Trim(ctx)
	_, _, calls["watch"] = s.Watch(ctx, "", "")
	_, calls["signals"] = s.Signals(ctx, []string{"default"})
	_, calls["workers"] = s.Workers(ctx)
	_, calls["processes"] = s.Processes(ctx)
	_, calls["leader"] = s.Leader(ctx)
	_, calls["vitals"] = s.Vitals(ctx)
	calls["present"], calls["absent"] = s.Present(ctx, Process{ID: "p"}), s.Absent(ctx, "p")
	_, calls["oldest"] = s.OldestPending(ctx, "default")
	calls["ping"], calls["clock"], calls["beat"] = s.Ping(ctx), s.SyncClock(ctx), s.Beat(ctx, Worker{ID: "w"})
	id := s.ids.next(s.Now(), "default")
	_, calls["get"] = s.Get(ctx, id)
	_, calls["cancel"] = s.Cancel(ctx, id)
	_, calls["end"] = s.End(ctx, Held{ID: id, Attempt: 1}, succeed())
	_, calls["logs"] = s.Logs(ctx, id, 0, 1)
	calls["retry"], calls["delete"] = s.Retry(ctx, id), s.Delete(ctx, id)
	calls["report"], calls["forget"] = s.Report(ctx, Held{ID: id}, Report{}), s.ForgetGone(ctx)
	calls["leave"], calls["register"] = s.Leave(ctx, "w"), s.Register(ctx, []string{"q"})
	for name, err := range calls {
		if err == nil || !Unavailable(err) {
			t.Errorf("%s: got %v, want that Redis could not be asked", name, err)
		}
	}
}

func TestSource(t *testing.T) {
	for _, url := range []string{"", redistest.Start(t).URL()} {
		source, err := OpenSource(Address{URL: url})
		if err != nil {
			t.Fatal(err)
		}
		if source.Embedded() != (url == "") {
			t.Errorf("%q: embedded is %v", url, source.Embedded())
		}
		if warnings, err := source.Check(t.Context(), 0); err != nil || len(warnings) != 0 {
			t.Errorf("%q: check: %v, %v", url, warnings, err)
		}
		a, err := source.Client()
		if err != nil {
			t.Fatal(err)
		}
		b, err := source.Client()
		if err != nil {
			t.Fatal(err)
		}
		if err := a.Set(t.Context(), "k", "v", 0).Err(); err != nil {
			t.Error(err)
		}
		if got := b.Get(t.Context(), "k").Val(); got != "v" {
			t.Errorf("%q: two clients see two servers: %q", url, got)
		}
		if err := errors.Join(a.Close(), b.Close(), source.Close()); err != nil {
			t.Errorf("%q: close: %v", url, err)
		}
	}
	if _, err := OpenSource(Address{URL: "nonsense"}); err == nil {
		t.Error("nonsense was accepted")
	}
}

// A pipeline far larger than any buffer, on which a bare pipe locks up.
func TestEmbeddedTakesLargePipelines(t *testing.T) {
	rdb := openEmbedded(t)
	pipe := rdb.Pipeline()
	value := strings.Repeat("x", 1000)
	for range 2000 {
		pipe.Set(t.Context(), "k", value, 0)
		pipe.Get(t.Context(), "k")
	}
	cmds, err := pipe.Exec(t.Context())
	if err != nil || len(cmds) != 4000 {
		t.Errorf("%d answers, %v", len(cmds), err)
	}
}

func TestEagerConn(t *testing.T) {
	near, far := net.Pipe()
	c := newEagerConn(near)
	want := strings.Repeat("0123456789", 100_000)
	for i := range 10 { // nobody reads yet
		if _, err := io.WriteString(c, want[i*100_000:(i+1)*100_000]); err != nil {
			t.Fatal(err)
		}
	}
	got := make([]byte, len(want))
	if _, err := io.ReadFull(far, got); err != nil || string(got) != want {
		t.Errorf("read %v: the same is %v", err, string(got) == want)
	}
	for range 2 {
		if err := c.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}
	if _, err := c.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("write after the close: got %v, want net.ErrClosed", err)
	}
}
