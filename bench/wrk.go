package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"time"
)

const (
	wrkConnections = 64
	// wrkWarmUp is not counted: connections are made, and code is loaded.
	wrkWarmUp = 2 * time.Second
)

// get loads a URL by wrk and gives the answers per second.
func (s *stage) get(ctx context.Context, url string) (float64, error) {
	return s.wrk(ctx, url)
}

// post is get for a POST of JSON.
func (s *stage) post(ctx context.Context, url, body string) (float64, error) {
	script := filepath.Join(s.folder, "post.lua")
	text := fmt.Sprintf("wrk.method = \"POST\"\nwrk.headers[\"Content-Type\"] = \"application/json\"\nwrk.body = [[%s]]\n", body)
	if err := os.WriteFile(script, []byte(text), 0o644); err != nil {
		return 0, err
	}
	return s.wrk(ctx, url, "-s", script)
}

func (s *stage) wrk(ctx context.Context, url string, options ...string) (float64, error) {
	var out string
	for _, d := range []time.Duration{wrkWarmUp, s.sizes.load} {
		argv := append([]string{"wrk", "-t", "2", "-c", strconv.Itoa(wrkConnections), "-d", fmt.Sprintf("%.0fs", d.Seconds()),
			"--timeout", "10s"}, options...)
		p, err := s.start("wrk", s.folder, nil, append(argv, url)...)
		if err != nil {
			return 0, err
		}
		if err := p.wait(ctx); err != nil {
			return 0, err
		}
		if out, err = p.output(); err != nil {
			return 0, err
		}
	}
	return wrkRate(out)
}

// wrkRate reads what wrk prints. Answers that are no success, and lost ones, make it an error.
func wrkRate(out string) (float64, error) {
	if bad := regexp.MustCompile(`(?m)^\s*(Non-2xx|Socket errors).*$`).FindString(out); bad != "" {
		return 0, fmt.Errorf("wrk says: %s", bad)
	}
	rate := regexp.MustCompile(`(?m)^Requests/sec:\s+([0-9.]+)$`).FindStringSubmatch(out)
	if rate == nil {
		return 0, fmt.Errorf("wrk gives no rate: %q", out)
	}
	perSecond, err := strconv.ParseFloat(rate[1], 64)
	if err == nil && perSecond == 0 {
		err = errors.New("wrk got no answer at all")
	}
	return perSecond, err
}
