package store

import (
	"context"
	"fmt"
	"strings"
)

// Signal tells a worker to look at once instead of at its next turn. Signals
// may get lost; a worker looks by itself every second anyway.
type Signal struct {
	Queue  string
	Cancel string // id of a task that was asked to stop; empty: work came or a time changed
}

// Signals delivers the signals of the queues until ctx ends, then closes the
// channel. Errors: Redis could not be asked. It connects again by itself after that.
func (s *Store) Signals(ctx context.Context, queues []string) (<-chan Signal, error) {
	var channels []string
	for _, q := range queues {
		channels = append(channels, wakeChannel(q), cancelChannel(q))
	}
	sub := s.rdb.Subscribe(ctx, channels...)
	if _, err := sub.Receive(ctx); err != nil {
		_ = sub.Close() // the error that counts is the one of Receive
		return nil, fmt.Errorf("subscribe to signals: %w", err)
	}
	signals := make(chan Signal)
	go func() {
		defer close(signals)
		defer func() { _ = sub.Close() }()
		messages := sub.Channel()
		for {
			select {
			case <-ctx.Done():
				return
			case m, ok := <-messages:
				if !ok {
					return
				}
				signal := Signal{Queue: queueOfChannel(m.Channel)}
				if strings.HasSuffix(m.Channel, ":cancel") {
					signal.Cancel = m.Payload
				}
				select {
				case signals <- signal:
				case <-ctx.Done():
					return
				}
			}
		}
	}()
	return signals, nil
}

// queueOfChannel gives the queue whose hash tag a channel or key carries.
func queueOfChannel(channel string) string {
	_, rest, _ := strings.Cut(channel, "{")
	queue, _, _ := strings.Cut(rest, "}")
	return queue
}
