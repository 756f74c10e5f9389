package awslogs

import (
	"log/slog"
	"sync"
	"time"
)

const noticeEvery = time.Minute

// callTrouble is the sort of trouble that is over when a call succeeds.
const callTrouble = "call"

// notices tells the operator what is wrong, on the way that does not lead through CloudWatch:
// each sort of trouble at most once a minute.
type notices struct {
	log  *slog.Logger
	what string // that is shipped: "log lines"

	mu      sync.Mutex
	last    map[string]time.Time
	calling bool // callTrouble was said, and not yet that it is over
}

// say tells of a trouble, and reports whether it did: not if the same sort was said just now.
func (n *notices) say(key string, err error) bool {
	if err == nil {
		return false
	}
	n.mu.Lock()
	due := time.Since(n.last[key]) >= noticeEvery
	if due {
		if n.last == nil {
			n.last = map[string]time.Time{}
		}
		n.last[key] = time.Now()
		n.calling = n.calling || key == callTrouble
	}
	n.mu.Unlock()
	if due && n.log != nil {
		n.log.Warn(n.what+" to CloudWatch: trouble", "error", err)
	}
	return due
}

// over tells that calls succeed again, if it was said that they do not.
func (n *notices) over() {
	n.mu.Lock()
	was := n.calling
	n.calling = false
	n.mu.Unlock()
	if was && n.log != nil {
		n.log.Info(n.what + " to CloudWatch: it takes them again")
	}
}
