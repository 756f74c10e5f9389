package api

import (
	"sync/atomic"
	"time"
)

// turnStep is how far the moments of two streams in a row are apart. Those that share a
// moment share its calls to the store, too.
const turnStep = 10 * time.Millisecond

// turns spreads what streams do in the same rhythm. A thousand that were opened together,
// or that hear of the same change, would else all act at once, and every other
// request would wait until they have.
type turns struct {
	begun time.Time
	given atomic.Int64
}

// turn is one stream's.
type turn struct {
	begun  time.Time
	number int64
}

func (t *turns) next() turn { return turn{t.begun, t.given.Add(1)} }

// next gives the stream's next moment of a rhythm: after now, and at most every later.
func (t turn) next(every time.Duration) time.Time {
	now := time.Now()
	own := time.Duration(t.number) * turnStep % every
	return now.Add(every - (now.Sub(t.begun)+every-own)%every)
}
