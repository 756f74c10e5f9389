package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// report is all that came out of one run of the program.
type report struct {
	Began    time.Time `json:"began"`
	Seconds  float64   `json:"seconds"`
	Runs     int       `json:"runs"`
	Versions []version `json:"versions"`
	Results  []result  `json:"results"`
}

// version is of something that took part.
type version struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// print writes the table, as Markdown.
func (r report) print(w io.Writer) {
	var versions []string
	for _, v := range r.Versions {
		versions = append(versions, v.Name+" "+v.Version)
	}
	fmt.Fprintf(w, "\n%s. Medians of %d alternating runs.\n\n", strings.Join(versions, ", "), r.Runs)
	fmt.Fprintln(w, "| measurement | Windlass | peer | ratio | goal | met |")
	fmt.Fprintln(w, "|---|---:|---:|---:|---:|---|")
	for _, line := range r.Results {
		ratio, met := times(line.Ratio), ""
		if line.Unit == share || line.Ratio == 0 {
			ratio = ""
		}
		if line.Met != nil {
			met = map[bool]string{true: "yes", false: "no"}[*line.Met]
		}
		fmt.Fprintf(w, "| %s | %s | %s: %s | %s | %s | %s |\n", line.Title,
			line.Unit.format(median(line.Windlass)), line.Against, line.Unit.format(median(line.Peer)),
			ratio, line.Goal, met)
	}
}

// keep writes every value to a file in the folder, named by the time, for a later run to be
// compared with.
func (r report) keep(folder string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("keep the results: %w", err)
	}
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("keep the results: %w", err)
	}
	name := filepath.Join(folder, r.Began.Format("2006-01-02T15-04-05")+".json")
	if err := os.WriteFile(name, append(text, '\n'), 0o644); err != nil {
		return fmt.Errorf("keep the results: %w", err)
	}
	return nil
}
