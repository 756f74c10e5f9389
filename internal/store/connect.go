package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// Connect gives a client for a URL: redis://, rediss:// (TLS), unix://, or
// redis+cluster:// and rediss+cluster:// for a Redis Cluster. It contacts
// nothing. Its errors never hold the password. The caller closes the client.
func Connect(rawURL string) (redis.UniversalClient, error) {
	scheme, rest, found := strings.Cut(rawURL, "://")
	if !found {
		return nil, errors.New("not a URL: write redis://host:6379/0, or rediss:// for TLS")
	}
	if plain, cluster := strings.CutSuffix(scheme, "+cluster"); cluster {
		o, err := redis.ParseClusterURL(plain + "://" + rest)
		if err != nil {
			return nil, withoutURL(err)
		}
		// Topology is asked for every second: go-redis stays with a dead master for
		// 60 s by default (go-redis issue 3979).
		o.ClusterStateReloadInterval = time.Second
		o.DisableIdentity, o.MaintNotificationsConfig = true, noMaintenance()
		return redis.NewClusterClient(o), nil
	}
	o, err := redis.ParseURL(rawURL)
	if err != nil {
		return nil, withoutURL(err)
	}
	o.DisableIdentity, o.MaintNotificationsConfig = true, noMaintenance()
	return redis.NewClient(o), nil
}

// LogTo sends what go-redis says of its own accord to log, for the whole
// process: it would write to standard error in a format of its own.
func LogTo(log *slog.Logger) { redis.SetLogger(redisLog{log}) }

type redisLog struct{ log *slog.Logger }

// Printf takes one line. Faults that matter come back as errors too, so this is for debugging.
func (l redisLog) Printf(ctx context.Context, format string, args ...any) {
	l.log.DebugContext(ctx, "go-redis: "+fmt.Sprintf(format, args...))
}

// noMaintenance leaves out the hand-over notices that only Redis Enterprise
// sends, with their goroutines a client.
func noMaintenance() *maintnotifications.Config {
	return &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
}

// withoutURL keeps the reason and drops the address with its password.
func withoutURL(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return fmt.Errorf("not a Redis URL: %w", u.Err)
	}
	return fmt.Errorf("not a Redis URL: %w", err)
}

// Source makes clients of one Redis: the one that a URL names, or one in this process.
type Source struct {
	url      string
	embedded *Embedded // nil when url names a server
}

// OpenSource gives the source for a URL as Connect takes it; empty means an
// Embedded one. It contacts nothing. The caller closes it after its clients.
func OpenSource(url string) (*Source, error) {
	if url == "" {
		return &Source{embedded: OpenEmbedded()}, nil
	}
	c, err := Connect(url)
	if err != nil {
		return nil, err
	}
	return &Source{url: url}, c.Close()
}

// Client makes a client. The caller closes it.
func (s *Source) Client() (redis.UniversalClient, error) {
	if s.embedded != nil {
		return s.embedded.NewClient(), nil
	}
	return Connect(s.url)
}

// Check asks the server whether Windlass can rely on it: see the function Check.
func (s *Source) Check(ctx context.Context) ([]string, error) {
	client, err := s.Client()
	if err != nil {
		return nil, err
	}
	warnings, err := Check(ctx, client)
	return warnings, errors.Join(err, client.Close())
}

// Embedded reports whether nothing outlives this process.
func (s *Source) Embedded() bool { return s.embedded != nil }

// Close ends an embedded Redis; any other stays.
func (s *Source) Close() error {
	if s.embedded == nil {
		return nil
	}
	return s.embedded.Close()
}

// Embedded is an in-memory Redis in this process. Nothing in it outlives the process.
type Embedded struct {
	Client *redis.Client

	server *miniredis.Miniredis
	stop   chan struct{}
}

// OpenEmbedded starts one. It listens on no port. The caller closes it.
func OpenEmbedded() *Embedded {
	e := &Embedded{server: miniredis.NewMiniRedis(), stop: make(chan struct{})}
	e.Client = e.NewClient()
	go e.tick()
	return e
}

// NewClient makes a further client. The caller closes it.
func (e *Embedded) NewClient() *redis.Client {
	return redis.NewClient(&redis.Options{
		Addr: "embedded", Dialer: e.dial,
		DisableIdentity: true, MaintNotificationsConfig: noMaintenance(), PoolSize: 100,
	})
}

func (e *Embedded) dial(context.Context, string, string) (net.Conn, error) {
	pipe, err := e.server.Dial()
	if err != nil {
		return nil, fmt.Errorf("connect to the embedded redis: %w", err)
	}
	return newEagerConn(pipe), nil
}

// Close stops it and closes its client.
func (e *Embedded) Close() error {
	close(e.stop)
	err := e.Client.Close()
	e.server.Close()
	return err
}

// tick lets keys expire: miniredis does not by itself, and its ClockTTL option
// looks at every key on each command. FastForward costs about 0.3 µs a key, so
// with many keys it comes less often.
func (e *Embedded) tick() {
	const most = 10 * time.Second
	wait := time.Second
	for last := time.Now(); ; {
		select {
		case <-e.stop:
			return
		case <-time.After(wait):
		}
		now := time.Now()
		e.server.FastForward(now.Sub(last))
		wait = min(max(time.Second, 100*time.Since(now)), most)
		last = now
	}
}

// Check asks the server whether Windlass can rely on it. The error says why it
// cannot; warnings are sentences for the operator.
func Check(ctx context.Context, rdb redis.UniversalClient) (warnings []string, err error) {
	if c, ok := rdb.(*redis.ClusterClient); ok {
		var mu sync.Mutex // the masters are asked at the same time
		err = c.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error {
			w, err := checkNode(ctx, node)
			mu.Lock()
			defer mu.Unlock()
			if len(w) > 0 {
				warnings = w // one faulty master is enough, and they have the same words
			}
			return err
		})
		return warnings, err
	}
	return checkNode(ctx, rdb)
}

func checkNode(ctx context.Context, rdb redis.Cmdable) ([]string, error) {
	info, err := rdb.Info(ctx).Result()
	if err != nil {
		return nil, fmt.Errorf("ask redis what it is: %w", err)
	}
	version := infoField(info, "redis_version")
	if version == "" {
		return nil, nil // miniredis tells none
	}
	if !atLeast(version, 6, 2) {
		return nil, fmt.Errorf("this Redis is version %s; Windlass needs 6.2 or newer, or Valkey", version)
	}
	if policy := infoField(info, "maxmemory_policy"); policy != "" && policy != "noeviction" {
		return []string{fmt.Sprintf("Redis may throw accepted tasks away: maxmemory-policy is %s. Set it to noeviction.", policy)}, nil
	}
	return nil, nil
}

func infoField(info, name string) string {
	for line := range strings.Lines(info) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func atLeast(version string, major, minor int) bool {
	parts := strings.SplitN(version, ".", 3)
	if len(parts) < 2 {
		return false
	}
	a, err1 := strconv.Atoi(parts[0])
	b, err2 := strconv.Atoi(parts[1])
	return err1 == nil && err2 == nil && (a > major || a == major && b >= minor)
}
