package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// Address says where Redis is and how to get in.
type Address struct {
	// URL is one of
	//   redis://user:password@host:6379/0          one node, or what a replication group calls its primary
	//   unix:///run/redis.sock?db=0                the same by a socket
	//   redis+sentinel://user:password@host:26379,host:26379/master/0
	//   redis+cluster://user:password@host:6379,host:6379
	// with rediss for redis where TLS is spoken. User, password, port and database
	// may be left out. Sentinels with a password of their own take
	// ?sentinel_username= and ?sentinel_password=. Other parameters are go-redis's.
	URL string
	// Username wins over the URL's. Empty: the URL's, or Redis's user "default".
	Username string
	// Password is asked for each new connection, so that it may change. Nil: the URL's.
	Password func(context.Context) (string, error)
	// CAFile names certificates (PEM) that alone are trusted to sign Redis's. It is
	// read for each new connection. Empty: the machine's authorities.
	CAFile string
}

// poolSize is how many connections a client may have at once to a node. In a
// cluster each queue that is watched holds one of them, and must not take it from others.
const poolSize = 2 * MaxQueues

// errNoPassword says that the password could not be had, for one connection.
var errNoPassword = errors.New("no password for redis")

// Connect gives a client of the Redis at a. It contacts nothing. Its errors
// never hold the password. The caller closes the client.
func Connect(a Address) (redis.UniversalClient, error) {
	u, err := parseURL(a.URL)
	if err != nil {
		return nil, err
	}
	if a.Password != nil && u.password() != "" {
		return nil, errors.New("the URL holds a password, and another is given beside it: leave one of them out")
	}
	d, err := newDialer(u, a.CAFile)
	if err != nil {
		return nil, err
	}
	var client redis.UniversalClient
	switch u.mode {
	case modeCluster:
		client, err = a.clusterClient(u, d)
	case modeSentinel:
		client, err = a.sentinelClient(u, d)
	default:
		client, err = a.nodeClient(u, d)
	}
	if err != nil {
		return nil, withoutURL(err)
	}
	client.AddHook(patience{})
	return client, nil
}

func (a Address) nodeClient(u redisURL, d *dialer) (*redis.Client, error) {
	o, err := redis.ParseURL(u.text)
	if err != nil {
		return nil, err
	}
	o.Dialer, o.ContextTimeoutEnabled = d.dial, true
	o.Username = cmp.Or(a.Username, o.Username)
	o.CredentialsProviderContext = a.credentials(o.Username)
	o.PoolSize = cmp.Or(o.PoolSize, poolSize)
	o.DialTimeout, o.DialerRetries = cmp.Or(o.DialTimeout, answerTimeout), 1
	o.ReadTimeout, o.WriteTimeout = cmp.Or(o.ReadTimeout, answerTimeout), cmp.Or(o.WriteTimeout, answerTimeout)
	o.MinRetryBackoff, o.MaxRetryBackoff = cmp.Or(o.MinRetryBackoff, leastBackoff), cmp.Or(o.MaxRetryBackoff, mostBackoff)
	o.DisableIdentity, o.MaintNotificationsConfig = true, noMaintenance()
	return redis.NewClient(o), nil
}

func (a Address) sentinelClient(u redisURL, d *dialer) (*redis.Client, error) {
	o, err := redis.ParseFailoverURL(u.text)
	if err != nil {
		return nil, err
	}
	o.Dialer, o.ContextTimeoutEnabled = d.dial, true
	o.MasterName = u.master
	o.Username, o.Password = cmp.Or(a.Username, u.user.Username()), u.password()
	o.SentinelUsername, o.SentinelPassword = u.sentinelUser, u.sentinelPassword
	o.CredentialsProviderContext = a.credentials(o.Username)
	o.PoolSize = cmp.Or(o.PoolSize, poolSize)
	o.DialTimeout, o.DialerRetries = cmp.Or(o.DialTimeout, answerTimeout), 1
	o.ReadTimeout, o.WriteTimeout = cmp.Or(o.ReadTimeout, answerTimeout), cmp.Or(o.WriteTimeout, answerTimeout)
	o.MinRetryBackoff, o.MaxRetryBackoff = cmp.Or(o.MinRetryBackoff, leastBackoff), cmp.Or(o.MaxRetryBackoff, mostBackoff)
	o.DisableIdentity = true
	return redis.NewFailoverClient(o), nil
}

func (a Address) clusterClient(u redisURL, d *dialer) (*redis.ClusterClient, error) {
	o, err := redis.ParseClusterURL(u.text)
	if err != nil {
		return nil, err
	}
	o.Dialer, o.ContextTimeoutEnabled = d.dial, true
	o.Username = cmp.Or(a.Username, o.Username)
	o.CredentialsProviderContext = a.credentials(o.Username)
	o.PoolSize = cmp.Or(o.PoolSize, poolSize)
	o.DialTimeout, o.DialerRetries = cmp.Or(o.DialTimeout, answerTimeout), 1
	o.ReadTimeout, o.WriteTimeout = cmp.Or(o.ReadTimeout, answerTimeout), cmp.Or(o.WriteTimeout, answerTimeout)
	o.MinRetryBackoff, o.MaxRetryBackoff = cmp.Or(o.MinRetryBackoff, leastBackoff), cmp.Or(o.MaxRetryBackoff, mostBackoff)
	// Topology is asked for every second: go-redis stays with a dead master for
	// 60 s by default (go-redis issue 3979).
	o.ClusterStateReloadInterval = time.Second
	o.DisableIdentity, o.MaintNotificationsConfig = true, noMaintenance()
	return redis.NewClusterClient(o), nil
}

// credentials asks for the password anew; nil leaves that of the URL.
func (a Address) credentials(username string) func(context.Context) (string, string, error) {
	if a.Password == nil {
		return nil
	}
	return func(ctx context.Context) (string, string, error) {
		password, err := a.Password(ctx)
		if err == nil && password == "" {
			err = errors.New("it is empty")
		}
		if err != nil {
			return "", "", fmt.Errorf("%w: %w", errNoPassword, err)
		}
		return username, password, nil
	}
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

// Source makes clients of one Redis: the one at an Address, or one in this process.
type Source struct {
	address  Address
	embedded *Embedded // nil when the address names a server
}

// OpenSource gives the source for an address as Connect takes it; one without
// a URL means an Embedded one. It contacts nothing. The caller closes it after its clients.
func OpenSource(a Address) (*Source, error) {
	if a.URL == "" {
		return &Source{embedded: OpenEmbedded()}, nil
	}
	c, err := Connect(a)
	if err != nil {
		return nil, err
	}
	return &Source{address: a}, c.Close()
}

// Client makes a client. The caller closes it.
func (s *Source) Client() (redis.UniversalClient, error) {
	if s.embedded != nil {
		return s.embedded.NewClient(), nil
	}
	return Connect(s.address)
}

// Check asks the server whether Windlass can rely on it: see the function Check.
func (s *Source) Check(ctx context.Context, replicas int) ([]string, error) {
	client, err := s.Client()
	if err != nil {
		return nil, err
	}
	warnings, err := Check(ctx, client, replicas)
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
