package api

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"windlass/internal/redistest"
	"windlass/internal/store"
)

// outage is one way in which a Redis refuses, and the way out of it.
type outage struct {
	args      []string
	cause     func(*breaker)
	mend      func(*breaker)
	stillRead bool   // tasks can be read meanwhile
	code      string // what readyz says
}

// breaker holds one server and a connection to it that lives through most of what is done to it.
type breaker struct {
	*testing.T
	server *redistest.Server
	admin  *redis.Conn
	// reloaded is closed when nobody waits for the reload that was begun any more.
	reloaded chan struct{}
}

func (b *breaker) do(args ...any) {
	b.Helper()
	if err := b.admin.Do(context.Background(), args...).Err(); err != nil {
		b.Fatalf("%v: %v", args, err)
	}
}

func (b *breaker) hangUp() { b.do("client", "kill", "type", "normal", "skipme", "yes") }

func (b *breaker) dump() string {
	b.Helper()
	dir, err := b.admin.ConfigGet(context.Background(), "dir").Result()
	if err != nil {
		b.Fatal(err)
	}
	return filepath.Join(dir["dir"], "dump.rdb")
}

func (b *breaker) save(status string) {
	b.Helper()
	b.do("bgsave")
	eventually(b.T, func() bool {
		info, err := b.admin.Info(context.Background(), "persistence").Result()
		return err == nil && strings.Contains(info, "rdb_bgsave_in_progress:0") && strings.Contains(info, "rdb_last_bgsave_status:"+status)
	})
}

func outages() map[string]outage {
	return map[string]outage{
		"full": {
			code: "redis_full",
			cause: func(b *breaker) {
				b.do("setrange", "ballast", 8<<20, "x")
				b.do("config", "set", "maxmemory", "6mb", "maxmemory-policy", "noeviction")
			},
			mend: func(b *breaker) { b.do("del", "ballast") }, stillRead: true,
		},
		"read-only": {
			code:  "redis_read_only",
			cause: func(b *breaker) { b.server.Follow(redistest.Start(b)) },
			mend:  func(b *breaker) { b.do("replicaof", "no", "one") }, stillRead: true,
		},
		"loading": {
			code: "redis_loading",
			args: []string{"--enable-debug-command", "yes", "--loading-process-events-interval-bytes", "1024"},
			cause: func(b *breaker) {
				keys := []any{"mset"}
				for i := range 30_000 {
					keys = append(keys, i, "some twenty letters.")
				}
				b.do(keys...)
				b.do("config", "set", "key-load-delay", "1000") // microseconds a key: until it is mended
				ask := b.server.Client(b)
				b.reloaded = make(chan struct{})
				go func() {
					defer close(b.reloaded)
					_ = b.admin.Do(context.Background(), "debug", "reload").Err() // answers when it is over
				}()
				eventually(b.T, func() bool { return redis.IsLoadingError(ask.Get(context.Background(), "k").Err()) })
			},
			mend: func(b *breaker) {
				if err := b.server.Client(b).ConfigSet(context.Background(), "key-load-delay", "0").Err(); err != nil {
					b.Fatal(err)
				}
				<-b.reloaded
			},
		},
		"another password": {
			code:  "redis_denied",
			cause: func(b *breaker) { b.do("config", "set", "requirepass", "s3cret"); b.hangUp() },
			mend:  func(b *breaker) { b.do("config", "set", "requirepass", "") },
		},
		"fewer permissions": {
			code:  "redis_denied",
			cause: func(b *breaker) { b.do("acl", "setuser", "default", "-evalsha", "-eval") },
			mend:  func(b *breaker) { b.do("acl", "setuser", "default", "+@all") },
		},
		"cannot save": {
			code: "redis_cannot_save",
			cause: func(b *breaker) {
				b.do("config", "set", "save", "3600 1000000", "stop-writes-on-bgsave-error", "yes")
				if err := os.MkdirAll(filepath.Join(b.dump(), "in the way"), 0o700); err != nil {
					b.Fatal(err)
				}
				b.save("err")
			},
			mend: func(b *breaker) {
				if err := os.RemoveAll(b.dump()); err != nil {
					b.Fatal(err)
				}
				// After a failure Redis waits five seconds before it saves by itself; a BGSAVE is at once.
				b.save("ok")
			}, stillRead: true,
		},
		"too many clients": {
			// Whether the refusal is read before the connection breaks or the time is over is chance.
			code:  "",
			cause: func(b *breaker) { b.do("config", "set", "maxclients", "1"); b.hangUp() },
			mend:  func(b *breaker) { b.do("config", "set", "maxclients", "1000") },
		},
		"hung":   {code: "redis_silent", cause: func(b *breaker) { b.server.Pause() }, mend: func(b *breaker) { b.server.Resume() }},
		"killed": {code: "redis_unreachable", cause: func(b *breaker) { b.server.Kill() }, mend: func(b *breaker) { b.server.Restart() }},
	}
}

// However Redis refuses, a submission gets the same clear answer soon, readyz
// tells, and all is well again when it is over.
func TestOutages(t *testing.T) {
	for name, o := range outages() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := redistest.Start(t, o.args...)
			client, err := store.Connect(store.Address{URL: server.URL()})
			if err != nil {
				t.Fatal(err)
			}
			s := newSiteOn(t, server, client, nil)
			b := &breaker{T: t, server: server, admin: server.Client(t).Conn()}
			t.Cleanup(func() { _ = b.admin.Close() }) // the test is over
			id := s.submit(oneReport).ID
			eventually(t, func() bool { return s.do("GET", "/readyz", "").status == 200 })

			o.cause(b)
			begin := time.Now()
			got := s.do("POST", "/api/v1/tasks", oneReport)
			if got.status != 503 {
				t.Fatalf("status is %d: %s; log: %s", got.status, got.body, s.log.String())
			}
			if took := time.Since(begin); took > 10*time.Second {
				t.Errorf("the answer took %v", took)
			}
			if got.at("code") != "store_unavailable" || got.at("type") != "/problems/store-unavailable" || got.header.Get("Retry-After") != "5" {
				t.Errorf("got %s %v", got.body, got.header)
			}
			if strings.Contains(got.body, "127.0.0.1") || strings.Contains(s.log.String(), "s3cret") {
				t.Errorf("it tells too much: %s; %s", got.body, s.log.String())
			}
			var ready answer
			eventually(t, func() bool {
				ready = s.do("GET", "/readyz", "")
				return ready.status == 503 && strings.HasPrefix(ready.at("code"), o.code)
			})
			if ready.at("type") != "/problems/"+slug(ready.at("code")) || ready.at("detail") == "" ||
				ready.header.Get("Content-Type") != problemType || strings.Contains(ready.body, "127.0.0.1") {
				t.Errorf("readyz says %s", ready.body)
			}
			s.do("GET", "/livez", "").want(200)
			read := 503
			if o.stillRead {
				read = 200
			}
			s.do("GET", "/api/v1/tasks", "").want(read)

			o.mend(b)
			eventually(t, func() bool { return s.do("GET", "/readyz", "").status == 200 })
			s.submit(oneReport)
			if name != "read-only" && name != "killed" { // which lose what they had
				s.do("GET", "/api/v1/tasks/"+id, "").want(200)
			}
		})
	}
}

// Many who ask at once are answered by one trial.
func TestReadinessIsShared(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	client := s.redis.Client(t)
	for range 50 {
		s.do("GET", "/readyz", "").want(200)
	}
	stats, err := client.Info(t.Context(), "commandstats").Result()
	if err != nil {
		t.Fatal(err)
	}
	_, calls, found := strings.Cut(stats, "cmdstat_set:calls=")
	if calls, _, _ = strings.Cut(calls, ","); !found || len(calls) > 1 {
		t.Errorf("50 questions within a moment were %q writes", calls)
	}
	if errors.Is(s.store.Ready(t.Context()), context.Canceled) {
		t.Error("one who went away was everybody's answer")
	}
}
