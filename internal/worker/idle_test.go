package worker

import (
	"regexp"
	"strconv"
	"testing"
	"time"

	"windlass/internal/store"
)

// An idle worker asks Redis at most five times a second: upkeep of each queue, a
// sign of life, now and then a look at the lines.
func TestIdleWorkerAsksSeldom(t *testing.T) {
	b := newBenchWith(t, store.Options{Lease: 7 * time.Second})
	b.start(0, echo)
	b.wait(b.submit(nil), final) // it has started

	if err := b.client.ConfigResetStat(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	<-time.After(4 * time.Second)
	info, err := b.client.Info(t.Context(), "commandstats").Result()
	if err != nil {
		t.Fatal(err)
	}
	calls := 0
	for _, m := range regexp.MustCompile(`cmdstat_(evalsha|hset|hgetall|smembers|publish|subscribe):calls=(\d+)`).FindAllStringSubmatch(info, -1) {
		n, _ := strconv.Atoi(m[2])
		calls += n
	}
	span := time.Since(begun)
	if most := int(span.Seconds() * 5); calls == 0 || calls > most {
		t.Errorf("%d calls in %s, want 1 to %d:\n%s", calls, span, most, info)
	}
}
