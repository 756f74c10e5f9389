package store

import (
	"context"
	"net"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"
)

// How long Redis is waited for. A request ends in an error in well under a second
// when nobody listens, and after mostPatience when somebody does and says nothing.
const (
	// answerTimeout bounds one connecting, one write and the answer to it. Redis on a
	// network nearby answers in a millisecond; a fork of a large one, a slow
	// script or a lost packet may hold it up for a second. Less would turn such blips into errors.
	answerTimeout = 2 * time.Second
	// mostPatience bounds a command with all its tries. What is left of it after one
	// answerTimeout is for another try on a new connection: the old one may lead
	// to a host that is gone. It is above watchBlock, or no wait for changes could end well.
	mostPatience = 3 * time.Second
	// The pauses between the three tries after the first (go-redis's number): together
	// 0.15 to 0.65 s. That is the outage which nobody notices. go-redis's own
	// pauses, and its five dials a try, made two seconds of it.
	leastBackoff = 50 * time.Millisecond
	mostBackoff  = 250 * time.Millisecond
)

// patience bounds commands and pipelines by mostPatience, and sees to it that a
// pipeline that failed says so in every command.
type patience struct{}

// DialHook changes nothing.
func (patience) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

// ProcessHook bounds one command.
func (patience) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		ctx, cancel := context.WithTimeout(ctx, mostPatience)
		defer cancel()
		return next(ctx, cmd)
	}
}

// ProcessPipelineHook bounds one pipeline as a whole. When a server refuses the
// user of its connection, go-redis 9.23 returns that and leaves the commands as
// if they had been answered with nothing.
func (patience) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		ctx, cancel := context.WithTimeout(ctx, mostPatience)
		defer cancel()
		err := next(ctx, cmds)
		if err != nil && !slices.ContainsFunc(cmds, func(c redis.Cmder) bool { return c.Err() != nil }) {
			for _, c := range cmds {
				c.SetErr(err)
			}
		}
		return err
	}
}
