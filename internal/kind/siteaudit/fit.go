package siteaudit

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
)

// fit cuts the longest lists of r until the whole has at most limit bytes of
// JSON. What it keeps of each list is the beginning.
func (r Report) fit(limit int) (Report, error) {
	whole, err := encodedSize(r)
	if err != nil || whole <= limit {
		return r, err
	}
	var sizes [][]int // of every entry of every list
	for _, measure := range []func() ([]int, error){
		func() ([]int, error) { return entrySizes(r.Broken) },
		func() ([]int, error) { return entrySizes(r.Redirects) },
		func() ([]int, error) { return entrySizes(r.MixedContent) },
		func() ([]int, error) { return entrySizes(r.Titles.Missing) },
		func() ([]int, error) { return entrySizes(r.Titles.Duplicate) },
		func() ([]int, error) { return entrySizes(r.SlowPages) },
		func() ([]int, error) { return entrySizes(r.HeavyPages) },
		func() ([]int, error) { return entrySizes(r.NotChecked) },
	} {
		s, err := measure()
		if err != nil {
			return r, err
		}
		sizes = append(sizes, s)
	}
	// Everything but the entries: what is left when they are taken away.
	frame := whole
	for _, s := range sizes {
		frame -= sum(s)
	}
	// A list that loses every entry gains back one comma that was never there.
	keep := share(sizes, limit-frame-len(sizes))
	r.Truncated = true
	r.Broken, r.Redirects, r.MixedContent = r.Broken[:keep[0]], r.Redirects[:keep[1]], r.MixedContent[:keep[2]]
	r.Titles.Missing, r.Titles.Duplicate = r.Titles.Missing[:keep[3]], r.Titles.Duplicate[:keep[4]]
	r.SlowPages, r.HeavyPages, r.NotChecked = r.SlowPages[:keep[5]], r.HeavyPages[:keep[6]], r.NotChecked[:keep[7]]
	return r, nil
}

// share gives how many entries of each list fit into space together. Short lists
// stay whole; the others get the same number of bytes each.
func share(sizes [][]int, space int) []int {
	order := make([]int, len(sizes))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return sum(sizes[a]) - sum(sizes[b]) })
	keep := make([]int, len(sizes))
	for done, i := range order {
		part := max(0, space) / (len(order) - done)
		for _, size := range sizes[i] {
			if size > part {
				break
			}
			part -= size
			space -= size
			keep[i]++
		}
	}
	return keep
}

// entrySizes gives the bytes that each entry adds to the JSON of its list.
func entrySizes[T any](list []T) ([]int, error) {
	sizes := make([]int, len(list))
	for i, v := range list {
		n, err := encodedSize(v)
		if err != nil {
			return nil, err
		}
		sizes[i] = n + len(",")
	}
	return sizes, nil
}

// encodedSize gives the bytes of v as a result is written.
func encodedSize(v any) (int, error) {
	var n counter
	e := json.NewEncoder(&n)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return 0, fmt.Errorf("measure: %w", err)
	}
	return int(n) - len("\n"), nil
}

// counter counts what is written to it.
type counter int

var _ io.Writer = (*counter)(nil)

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

func sum(sizes []int) int {
	n := 0
	for _, s := range sizes {
		n += s
	}
	return n
}
