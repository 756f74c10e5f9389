package tracing

import (
	"log/slog"
	"sync"
	"time"
)

// noticeInterval is how often a fault is said: a collector that is away must not fill the log.
const noticeInterval = time.Minute

// notices takes the SDK's errors.
type notices struct {
	log *slog.Logger

	mu   sync.Mutex
	last time.Time
}

// Handle implements otel.ErrorHandler.
func (n *notices) Handle(err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if now := time.Now(); n.last.IsZero() || now.Sub(n.last) >= noticeInterval {
		n.last = now
		n.log.Warn("spans could not be sent", "error", err)
	}
}
