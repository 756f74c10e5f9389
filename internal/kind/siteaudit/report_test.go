package siteaudit

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"windlass/internal/task"
)

func TestFit(t *testing.T) {
	long := Report{Totals: Totals{Broken: 500, TitlesMissing: 3, SlowPages: 400, NotChecked: 1}}
	for i := range 500 {
		long.Broken = append(long.Broken, status(on(fmt.Sprintf("https://example.com/%d?<&>", i), kindLink, "a “link”", 1, home), 404))
	}
	for i := range 400 {
		long.SlowPages = append(long.SlowPages, SlowPage{fmt.Sprintf("https://example.com/%d", i), task.Duration(time.Second)})
	}
	long.Titles.Missing = []string{"a", "b", "c"}
	long.NotChecked = []Unchecked{{Found: on("x", kindLink, "", 1, "y"), Code: leftRobots}}
	whole, err := encodedSize(long)
	if err != nil {
		t.Fatal(err)
	}
	for _, limit := range []int{whole, whole - 1, 50_000, 20_000, 2_000} {
		r, err := long.fit(limit)
		if err != nil {
			t.Fatal(err)
		}
		n, err := encodedSize(r)
		if err != nil || n > limit || n < limit-1000 && limit > 2000 {
			t.Errorf("limit %d: %d bytes, %v", limit, n, err)
		}
		if r.Truncated != (limit < whole) || r.Totals != long.Totals {
			t.Errorf("limit %d: truncated %t, %+v", limit, r.Truncated, r.Totals)
		}
		if len(r.Titles.Missing) != 3 || len(r.NotChecked) != 1 {
			t.Errorf("limit %d: a short list was cut", limit)
		}
		if limit == 20_000 && (len(r.SlowPages) < 100 || len(r.Broken) < 30 || r.Broken[0].Target != long.Broken[0].Target) {
			t.Errorf("limit %d: %d slow, %d broken", limit, len(r.SlowPages), len(r.Broken))
		}
	}
	if r, err := long.fit(0); err != nil || len(r.Broken)+len(r.SlowPages)+len(r.Titles.Missing)+len(r.NotChecked) != 0 {
		t.Errorf("no room at all leaves %+v, %v", r, err)
	}
}

func TestSummary(t *testing.T) {
	tests := []struct {
		want    string
		stopped stopped
		totals  Totals
	}{
		{"no faults on 12 pages", stoppedNone, Totals{Pages: 12}},
		{"3 broken links on 120 pages", stoppedDepth, Totals{Pages: 120, Broken: 3, SlowPages: 4}},
		{"1 broken link on 1 page, page limit reached", stoppedPages, Totals{Pages: 1, Broken: 1}},
		{"1 thing worth a look on 2 pages, link limit reached", stoppedLinks, Totals{Pages: 2, HeavyPages: 1}},
		{"6 things worth a look on 2 pages, time was up", stoppedTime, Totals{Pages: 2, Redirects: 1, MixedContent: 1, TitlesMissing: 1, TitlesDuplicate: 1, SlowPages: 1, HeavyPages: 1}},
	}
	for _, tt := range tests {
		if got := (Report{StoppedBy: tt.stopped, Totals: tt.totals}).summary(); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}

func TestCSV(t *testing.T) {
	r := plantedReport()
	r.Broken[0].Text = "=HYPERLINK(\"http://evil.test\")"
	r.Broken[1].Text = "two\nlines, \"quoted\""
	r.Titles.Duplicate[0].Title = "@home"
	r.SlowPages[0].FirstByte = task.Duration(1500 * time.Millisecond)
	var b bytes.Buffer
	if err := r.writeCSV(&b); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(b.String(), "sort,page,text,target,status,detail\r\n") {
		t.Errorf("begins with %q", b.String()[:40])
	}
	rows, err := csv.NewReader(&b).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	sorts := map[string]int{}
	for _, row := range rows[1:] {
		sorts[row[0]]++
		for _, cell := range row {
			if cell != "" && strings.ContainsAny(cell[:1], "=+-@\t\r") {
				t.Errorf("a spreadsheet may run %q", cell)
			}
		}
	}
	want := map[string]int{"broken": 27, "redirect": 3, "mixed_content": 1, "title_missing": 1, "title_duplicate": 1, "slow_page": 1, "heavy_page": 1, "not_checked": 4}
	if d := cmp.Diff(want, sorts); d != "" {
		t.Error(d)
	}
	picked := [][]string{rows[1], rows[2], rows[4], rows[28]}
	wantRows := [][]string{
		{"broken", home, "'=HYPERLINK(\"http://evil.test\")", base + "/gone", "404", "Answered 404 Not Found. On 4 pages."},
		{"broken", home, "two\nlines, \"quoted\"", base + "/install#windows", "", "The page has no element with this id. On 2 pages."},
		{"broken", outside, "no host", "http://nohost.test/", "", "The host's name has no address."},
		{"redirect", ways, "moved", base + "/moved", "301", "Leads to https://example.com/install over 1 redirect."},
	}
	if d := cmp.Diff(wantRows, picked); d != "" {
		t.Error(d)
	}
}

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, fmt.Errorf("disk full") }

func TestCSVTellsOfFailedWrite(t *testing.T) {
	if err := (Report{}).writeCSV(failingWriter{}); err == nil || !strings.Contains(err.Error(), "disk full") {
		t.Errorf("got %v", err)
	}
}
