package siteaudit

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// writeCSV writes one row a fault (RFC 4180).
func (r Report) writeCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	out.UseCRLF = true
	rows := [][]string{{"sort", "page", "text", "target", "status", "detail"}}
	for _, b := range r.Broken {
		status := ""
		if b.Status != 0 {
			status = strconv.Itoa(b.Status)
		}
		rows = append(rows, row("broken", b.Found, status, b.Message))
	}
	for _, f := range r.Redirects {
		rows = append(rows, row("redirect", f.Found, strconv.Itoa(f.Hops[0].Status), fmt.Sprintf("Leads to %s over %s.", f.Final, count(len(f.Hops), "redirect"))))
	}
	for _, m := range r.MixedContent {
		rows = append(rows, row("mixed_content", m, "", "Loaded over http by a page on https."))
	}
	for _, page := range r.Titles.Missing {
		rows = append(rows, []string{"title_missing", page, "", "", "", "The page has no title."})
	}
	for _, d := range r.Titles.Duplicate {
		rows = append(rows, []string{"title_duplicate", d.Pages[0], d.Title, "", "", fmt.Sprintf("%d pages share this title: %s", d.PagesTotal, strings.Join(d.Pages, " "))})
	}
	for _, p := range r.SlowPages {
		rows = append(rows, []string{"slow_page", p.Page, "", "", "", fmt.Sprintf("First byte after %s.", p.FirstByte.Std())})
	}
	for _, p := range r.HeavyPages {
		rows = append(rows, []string{"heavy_page", p.Page, "", "", "", fmt.Sprintf("%d bytes of HTML.", p.Bytes)})
	}
	for _, u := range r.NotChecked {
		rows = append(rows, row("not_checked", u.Found, "", u.Message))
	}
	for _, cells := range rows {
		for i, cell := range cells {
			cells[i] = inert(cell)
		}
		if err := out.Write(cells); err != nil {
			return fmt.Errorf("write csv: %w", err)
		}
	}
	out.Flush()
	if err := out.Error(); err != nil {
		return fmt.Errorf("write csv: %w", err)
	}
	return nil
}

func row(sort string, f Found, status, detail string) []string {
	if f.FoundOnTotal > 1 {
		detail += fmt.Sprintf(" On %d pages.", f.FoundOnTotal)
	}
	return []string{sort, f.Page, f.Text, f.Target, status, detail}
}

// inert keeps spreadsheets from taking a cell for a formula: link texts and
// titles are written by strangers.
func inert(cell string) string {
	if cell != "" && strings.IndexByte("=+-@\t\r", cell[0]) >= 0 {
		return "'" + cell
	}
	return cell
}
