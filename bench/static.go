package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// The sizes of the files that are fetched. Of the page's files those that come nearest are
// taken.
const (
	smallFile = 512
	largeFile = 40 << 10
)

// static is how often a file of the page is given, uncompressed as wrk asks for it: by Windlass
// out of itself, and the same bytes by nginx from the disk.
func static() measurement {
	return measurement{
		name:    "static",
		against: "nginx",
		rows: []row{
			{"static file, the page's icon", perSecond, atLeast(0.8)},
			{"static file, the page's nearest to 40 KB", perSecond, goal{}},
		},
		ours: func(ctx context.Context, s *stage) ([]float64, error) {
			w, err := s.windlass(ctx)
			if err != nil {
				return nil, err
			}
			return staticRates(ctx, s, w.client, "/assets/", func(string) error { return nil })
		},
		peer: func(ctx context.Context, s *stage) ([]float64, error) {
			// There is no API behind it, and nobody asks for it.
			p, c, err := s.nginx(ctx, "1")
			if err != nil {
				return nil, err
			}
			html := filepath.Join(s.folder, "html", "static")
			if err := os.MkdirAll(html, 0o755); err != nil {
				return nil, err
			}
			return staticRates(ctx, s, c, "/static/", func(name string) error {
				content, err := os.ReadFile(s.path(pageAssets, name))
				if err != nil {
					return err
				}
				if err := os.WriteFile(filepath.Join(html, name), content, 0o644); err != nil {
					return err
				}
				return poll(ctx, readyPause, func() (bool, error) {
					_, err := c.read(ctx, "/static/"+name)
					return err == nil, p.alive()
				})
			})
		},
	}
}

// staticRates loads the two files below path, after prepare has been told of each.
func staticRates(ctx context.Context, s *stage, c *client, path string, prepare func(name string) error) ([]float64, error) {
	var rates []float64
	for _, size := range []int64{smallFile, largeFile} {
		name, err := pageFile(s.path(pageAssets), size)
		if err != nil {
			return nil, err
		}
		if err := prepare(name); err != nil {
			return nil, err
		}
		want, err := os.ReadFile(s.path(pageAssets, name))
		if err != nil {
			return nil, err
		}
		got, err := c.read(ctx, path+name)
		if err != nil {
			return nil, err
		}
		if string(got) != string(want) {
			return nil, fmt.Errorf("%s%s is not the page's file: run make build", path, name)
		}
		rate, err := s.get(ctx, c.base+path+name)
		if err != nil {
			return nil, err
		}
		rates = append(rates, rate)
	}
	return rates, nil
}

// pageFile is the page's file whose size is nearest to size.
func pageFile(folder string, size int64) (string, error) {
	entries, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("%w: run make build", err)
	}
	if err != nil {
		return "", err
	}
	name, away := "", int64(-1)
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			return "", err
		}
		if strings.HasSuffix(e.Name(), ".br") || strings.HasSuffix(e.Name(), ".gz") {
			continue
		}
		if d := max(info.Size()-size, size-info.Size()); away < 0 || d < away {
			name, away = e.Name(), d
		}
	}
	if name == "" {
		return "", fmt.Errorf("no files in %s: run make build", folder)
	}
	return name, nil
}
