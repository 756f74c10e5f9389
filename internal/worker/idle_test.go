package worker

import (
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// An idle worker asks Redis about four times a second: upkeep of three queues,
// a sign of life, now and then a look at the lines.
func TestIdleWorkerAsksSeldom(t *testing.T) {
	b := newBench(t)
	o, err := redis.ParseURL(b.url)
	if err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(o)
	defer func() { _ = client.Close() }()
	b.start(0, echo)
	b.wait(b.submit(nil), final) // it has started

	const span = 4 * time.Second
	if err := client.ConfigResetStat(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	<-time.After(span)
	info, err := client.Info(t.Context(), "commandstats").Result()
	if err != nil {
		t.Fatal(err)
	}
	calls := 0
	for _, m := range regexp.MustCompile(`cmdstat_(evalsha|hset|hgetall|smembers|publish|subscribe):calls=(\d+)`).FindAllStringSubmatch(info, -1) {
		n, _ := strconv.Atoi(m[2])
		calls += n
	}
	// The test's worker serves two queues with a lease of one second, so it beats
	// seven times as often as one with the default: 3 a second, beside 2 of upkeep.
	if most := int(span.Seconds())*6 + 4; calls == 0 || calls > most {
		t.Errorf("%d calls in %s, want 1 to %d:\n%s", calls, span, most, info)
	}
}
