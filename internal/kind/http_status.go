package kind

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"windlass/internal/task"
)

// statusRange is a range of HTTP statuses, both ends included.
type statusRange struct{ low, high int }

// parseStatusRanges reads a list such as "200-299", "304"; the empty list is
// 200-299. rule says what is wrong with it as a task.FieldError does.
func parseStatusRanges(list []string) (ranges []statusRange, rule string) {
	if len(list) == 0 {
		return []statusRange{{200, 299}}, ""
	}
	for _, item := range list {
		first, last, isRange := strings.Cut(item, "-")
		if !isRange {
			last = first
		}
		r := statusRange{parseStatus(first), parseStatus(last)}
		if r.low == 0 || r.high < r.low {
			return nil, "must hold statuses such as 204 or ranges such as 200-299, from 200 to 599"
		}
		ranges = append(ranges, r)
	}
	return ranges, ""
}

// parseStatus gives 0 for what is not a final status.
func parseStatus(s string) int {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil || len(s) != 3 || n < 200 || n > 599 {
		return 0
	}
	return int(n)
}

func (r statusRange) holds(status int) bool { return r.low <= status && status <= r.high }

// statusFault gives the failure that an unwanted status means. Statuses that
// speak of now rather than of the request are worth another attempt: 408, 425,
// 429 and all of 5xx.
func statusFault(status int, header http.Header, now time.Time) *task.Error {
	name := strings.TrimSpace(fmt.Sprintf("%d %s", status, http.StatusText(status)))
	fault := &task.Error{Code: "http_status", Message: "The target answered " + name + "."}
	switch {
	case status == http.StatusRequestTimeout || status == http.StatusTooEarly || status == http.StatusTooManyRequests || status >= 500:
		if fault.After = askedWait(status, header, now); fault.After > 0 {
			fault.Message = fmt.Sprintf("The target answered %s and asks to wait for %s.", name, took(fault.After))
		}
	case status == http.StatusGone:
		// Standard Webhooks: the receiver wants no more calls.
		fault.Final = true
		fault.Message = "The target answered 410 Gone: it is no longer there and wants no more calls."
	default:
		fault.Final = true
	}
	return fault
}
