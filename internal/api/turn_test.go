package api

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestStreamsTakeTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		all := turns{begun: time.Now()}
		<-time.After(time.Hour + 7*time.Millisecond)
		for _, every := range []time.Duration{gather, countsEvery, 15 * time.Second} {
			const streams = 1000
			at := map[time.Duration]int{}
			for range streams {
				turn := all.next()
				first := time.Until(turn.next(every))
				if first <= 0 || first > every {
					t.Fatalf("%s until a moment of %s", first, every)
				}
				at[first]++
			}
			moments := min(int(every/turnStep), streams)
			if len(at) != moments {
				t.Errorf("%d streams have %d moments in %s, want %d", streams, len(at), every, moments)
			}
			for moment, n := range at {
				if n > streams/moments+1 {
					t.Errorf("%d streams act %s from now", n, moment)
				}
			}
			// The rhythm stays, however late a stream is at its moment.
			turn := all.next()
			<-time.After(time.Until(turn.next(every)) + 3*time.Millisecond)
			if got := time.Until(turn.next(every)); got != every-3*time.Millisecond {
				t.Errorf("%s until the next moment of %s", got, every)
			}
		}
	})
}

func TestManyStreamsGatherLonger(t *testing.T) {
	t.Parallel()
	for streams, want := range map[int64]time.Duration{1: gather, 250: gather, 500: 2 * gather, 1000: gatherMost, 10_000: gatherMost} {
		if got := gatherOf(streams); got != want {
			t.Errorf("%d streams gather for %s, want %s", streams, got, want)
		}
	}
}
