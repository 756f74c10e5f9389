package main

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
)

// side takes one sample of what is measured, on a stage with an empty Redis: one value for
// each row of its measurement.
type side func(ctx context.Context, s *stage) ([]float64, error)

// measurement is something that is measured on two sides.
type measurement struct {
	name    string // what it is chosen by
	ours    side
	peer    side
	against string // who the peer is
	keep    bool   // both sides keep their stage from run to run
	rows    []row
}

// row is one line of the table.
type row struct {
	title string
	unit  unit
	goal  goal
}

// result is what came out for a row. Its form is that of the kept file, too.
type result struct {
	Measurement string    `json:"measurement"`
	Title       string    `json:"title"`
	Unit        unit      `json:"unit"`
	Against     string    `json:"against"`
	Windlass    []float64 `json:"windlass"`
	Peer        []float64 `json:"peer"`
	Ratio       float64   `json:"ratio"` // median by median, Windlass by peer; 0 where the peer has 0
	Goal        string    `json:"goal,omitempty"`
	Met         *bool     `json:"met,omitempty"` // nil where there is no goal
}

func (m measurement) results(ours, peer [][]float64) []result {
	var all []result
	for i, row := range m.rows {
		r := result{
			Measurement: m.name, Title: row.title, Unit: row.unit, Against: m.against,
			Windlass: ours[i], Peer: peer[i], Goal: row.goal.text(row.unit),
		}
		if with := median(peer[i]); with != 0 {
			r.Ratio = median(ours[i]) / with
		}
		if row.goal.sort != noGoal {
			met := row.goal.met(median(ours[i]), r.Ratio)
			r.Met = &met
		}
		all = append(all, r)
	}
	return all
}

// format is a sample in words.
func (m measurement) format(values []float64) string {
	var words []string
	for i, v := range values {
		words = append(words, m.rows[i].unit.format(v))
	}
	return strings.Join(words, ", ")
}

// unit is what a value counts.
type unit string

const (
	perSecond unit = "per second"
	seconds   unit = "seconds"
	byteCount unit = "bytes"
	share     unit = "share" // 1 is all
)

func (u unit) format(v float64) string {
	switch {
	case u == perSecond:
		return thousands(v) + "/s"
	case u == seconds && v < 0.1:
		return fmt.Sprintf("%.2f ms", v*1e3)
	case u == seconds && v < 1:
		return fmt.Sprintf("%.0f ms", v*1e3)
	case u == seconds:
		return fmt.Sprintf("%.2f s", v)
	case u == byteCount && v >= 1<<20:
		return fmt.Sprintf("%.1f MB", v/(1<<20))
	case u == byteCount:
		return thousands(v) + " B"
	case u == share:
		return fmt.Sprintf("%.0f %%", v*100)
	}
	return fmt.Sprint(v)
}

// thousands is 12,345 for 12345.4.
func thousands(v float64) string {
	digits := fmt.Sprintf("%.0f", v)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

type goalSort int

const (
	noGoal goalSort = iota
	leastRatio
	mostRatio
	mostValue
)

// goal is what a row should reach. The zero value asks nothing.
type goal struct {
	sort  goalSort
	bound float64
}

// atLeast asks for so many times the peer's value or more.
func atLeast(ratio float64) goal { return goal{leastRatio, ratio} }

// atMost asks for so many times the peer's value or less.
func atMost(ratio float64) goal { return goal{mostRatio, ratio} }

// valueAtMost asks for a value in the row's unit, whatever the peer's is.
func valueAtMost(value float64) goal { return goal{mostValue, value} }

func (g goal) met(ours, ratio float64) bool {
	switch g.sort {
	case leastRatio:
		return ratio >= g.bound
	case mostRatio:
		return ratio <= g.bound
	case mostValue:
		return ours <= g.bound
	default:
		return true
	}
}

func (g goal) text(u unit) string {
	switch g.sort {
	case leastRatio:
		return "≥ " + times(g.bound)
	case mostRatio:
		return "≤ " + times(g.bound)
	case mostValue:
		return "≤ " + u.format(g.bound)
	default:
		return ""
	}
}

// times is a ratio as people write it: three digits that matter, at most.
func times(ratio float64) string {
	switch {
	case math.IsNaN(ratio) || math.IsInf(ratio, 0):
		return "-"
	case ratio >= 10:
		return fmt.Sprintf("%.0fx", ratio)
	case ratio >= 1:
		return strings.TrimSuffix(fmt.Sprintf("%.1f", ratio), ".0") + "x"
	default:
		return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.3f", ratio), "0"), ".") + "x"
	}
}

// median is NaN for no values.
func median(values []float64) float64 { return percentile(values, 50) }

// percentile is the value that p of a hundred do not exceed; between two it takes the middle.
func percentile(values []float64, p float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	at := p / 100 * float64(len(sorted)-1)
	return (sorted[int(math.Floor(at))] + sorted[int(math.Ceil(at))]) / 2
}
