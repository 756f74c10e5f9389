// Package ratelimit bounds how often one client may do something, over all
// processes together and without a Redis call for most requests.
//
// Redis holds the truth (GCRA, store.Permits). A process leases permits from it and
// spends them, oldest first. A lease is twice what was spent since the last one, at most a
// tenth of the rate's burst, and lapses after a second, or after two when another
// one follows it. A hundredth of the burst may be spent on credit while the store is
// asked, and is paid for by the next question, so that a client that was quiet does
// not wait for Redis. So all processes together let through, in any time t, at most
//
//	burst + (t + 2 s) / interval + processes * burst/50
//
// where a strict limiter would let through burst + t/interval. Rates with a burst
// below 20 are leased one by one, and those below 100 know no credit. What lapses
// was charged for nothing: at worst a client gets a third of its rate.
// While Redis does not answer, each process keeps to the rate by itself.
package ratelimit

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Rate is how often something may be done: Count times in each Per on average,
// and all of these at once after a pause. Zero: as often as one likes.
type Rate struct {
	Count int
	Per   time.Duration
}

// MaxCount is the largest Count. Together with Per it keeps an interval at a microsecond or more.
const MaxCount = 1_000_000

// String is the rate in words: "20 a second".
func (r Rate) String() string {
	unit := map[time.Duration]string{time.Second: "a second", time.Minute: "a minute", time.Hour: "an hour"}[r.Per]
	return strconv.Itoa(r.Count) + " " + unit
}

// interval is how long one permit takes to earn.
func (r Rate) interval() time.Duration { return r.Per / time.Duration(r.Count) }

// ParseRate reads "20/s", "600/m" or "1000/h", and "0" for no limit.
func ParseRate(text string) (Rate, error) {
	if text == "0" {
		return Rate{}, nil
	}
	count, unit, _ := strings.Cut(text, "/")
	per := map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour}[unit]
	n, err := strconv.Atoi(count)
	if err != nil || n < 1 || n > MaxCount || per == 0 {
		return Rate{}, fmt.Errorf("%q is not a rate such as 20/s, 600/m, 1000/h, or 0 for no limit", text)
	}
	return Rate{Count: n, Per: per}, nil
}

// Decision is what a limiter says to one request.
type Decision struct {
	OK    bool
	Wait  time.Duration // when not OK: after this it may be tried again
	Left  int           // how many more may come at once
	Reset time.Duration // until all of the rate may come at once again
}
