package awslogs

import (
	"log/slog"
	"sync"
	"time"
)

const noticeEvery = time.Minute

// notices tells the operator what is wrong, on the way that does not lead through CloudWatch:
// each sort of trouble at most once a minute.
type notices struct {
	log *slog.Logger

	mu   sync.Mutex
	last map[string]time.Time
}

func (n *notices) say(key string, err error) {
	if n.log == nil || err == nil {
		return
	}
	n.mu.Lock()
	last := n.last[key]
	due := time.Since(last) >= noticeEvery
	if due {
		n.last[key] = time.Now()
	}
	n.mu.Unlock()
	if due {
		n.log.Warn("log lines to CloudWatch: trouble", "error", err)
	}
}
