package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// redisOptions are the same for everybody: nothing is written to disk, so that a disk's
// moods are not measured. How durable a task is then depends on Redis alone, on all sides.
var redisOptions = []string{"--save", "", "--appendonly", "no"}

// stage is what one sample needs: a Redis of its own, and what runs beside it. Everything
// ends with close.
type stage struct {
	*bench
	folder      string // for logs, and for files of the programs
	addr        string // of Redis
	redisServer *process
	redis       *redis.Client
	ran         []*process
	ends        []func()
}

// openStage starts an empty Redis. The caller closes the stage.
func (b *bench) openStage(ctx context.Context, name string) (s *stage, err error) {
	s = &stage{bench: b, folder: b.path(workFolder, "log", name)}
	if err := os.MkdirAll(s.folder, 0o755); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if s.addr, err = freeAddr(ctx); err != nil {
		return nil, err
	}
	_, port, _ := net.SplitHostPort(s.addr)
	argv := append([]string{"redis-server", "--bind", "127.0.0.1", "--port", port, "--dir", s.folder}, redisOptions...)
	p, err := startProcess(s.guard, s.folder, "redis", s.folder, nil, argv...)
	if err != nil {
		return nil, err
	}
	s.redisServer = p
	s.redis = redis.NewClient(&redis.Options{Addr: s.addr, PoolSize: 2})
	s.ends = append(s.ends, p.stop, func() { s.redis.Close() })
	ready := func() (bool, error) { return s.redis.Ping(ctx).Err() == nil, p.alive() }
	if err := poll(ctx, 10*time.Millisecond, ready); err != nil {
		return nil, fmt.Errorf("wait for redis-server: %w", err)
	}
	return s, nil
}

// start runs a program beside the stage's Redis, until it is stopped or the stage is closed.
func (s *stage) start(name, dir string, env []string, argv ...string) (*process, error) {
	p, err := startProcess(s.guard, s.folder, fmt.Sprintf("%s-%d", name, len(s.ran)+1), dir, env, argv...)
	if err == nil {
		s.ran = append(s.ran, p)
	}
	return p, err
}

// close ends everything, the last first.
func (s *stage) close() {
	for _, end := range s.ends {
		defer end()
	}
	for _, p := range s.ran {
		defer p.stop()
	}
}

// memory is what all programs of the stage take, without Redis.
func (s *stage) memory() (float64, error) {
	total := 0.0
	for _, p := range s.ran {
		m, err := p.memory()
		if err != nil {
			return 0, err
		}
		total += m
	}
	return total, nil
}

// redisMemory is what the data takes in Redis, in bytes: without its clients' buffers.
func (s *stage) redisMemory(ctx context.Context) (float64, error) {
	used, err := s.redisInfo(ctx, "memory", "used_memory")
	if err != nil {
		return 0, err
	}
	clients, err := s.redisInfo(ctx, "memory", "mem_clients_normal")
	return used - clients, err
}

// redisTime is how long Redis has been busy since it was started, in seconds.
func (s *stage) redisTime(ctx context.Context) (float64, error) {
	user, err := s.redisInfo(ctx, "cpu", "used_cpu_user")
	if err != nil {
		return 0, err
	}
	system, err := s.redisInfo(ctx, "cpu", "used_cpu_sys")
	return user + system, err
}

func (s *stage) redisInfo(ctx context.Context, section, name string) (float64, error) {
	info, err := s.redis.Info(ctx, section).Result()
	if err != nil {
		return 0, fmt.Errorf("read %s from Redis: %w", name, err)
	}
	for line := range strings.Lines(info) {
		if text, ok := strings.CutPrefix(line, name+":"); ok {
			return strconv.ParseFloat(strings.TrimSpace(text), 64)
		}
	}
	return 0, fmt.Errorf("read %s from Redis: it says nothing of it", name)
}

// freeAddr is an address of this machine that nobody listens on at this moment.
func freeAddr(ctx context.Context) (string, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// pause lets a stage come to rest.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
