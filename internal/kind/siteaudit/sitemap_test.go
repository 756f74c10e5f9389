package siteaudit

import (
	"bytes"
	"compress/gzip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func zipped(t testing.TB, s string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte(s)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

const mapWithImages = `<?xml version="1.0" encoding="UTF-8"?>
<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" xmlns:image="http://www.google.com/schemas/sitemap-image/1.1">
<url><image:image><image:loc>https://example.com/i.png</image:loc></image:image><loc> https://example.com/a?b=1&amp;c=2 </loc><lastmod>2026-01-01</lastmod></url>
<url><loc><![CDATA[https://example.com/b]]></loc></url><loc>stray</loc></urlset>`

func TestParseSitemap(t *testing.T) {
	tests := []struct {
		name     string
		body     []byte
		pages    []string
		sitemaps []string
		fails    bool
	}{
		{"pages", []byte(mapWithImages), []string{"https://example.com/a?b=1&c=2", "https://example.com/b"}, nil, false},
		{"gzip", zipped(t, mapWithImages), []string{"https://example.com/a?b=1&c=2", "https://example.com/b"}, nil, false},
		{"index", []byte("<sitemapindex><sitemap><loc>/a.xml</loc></sitemap><sitemap><loc>/b.xml.gz</loc></sitemap></sitemapindex>"), nil, []string{"/a.xml", "/b.xml.gz"}, false},
		{"latin", []byte("<?xml version='1.0' encoding='iso-8859-1'?><urlset><url><loc>/caf\xe9</loc></url></urlset>"), []string{"/café"}, nil, false},
		{"cut short", []byte("<urlset><url><loc>/a</loc></url><url><loc>/b</lo"), []string{"/a", "/b"}, nil, true},
		{"empty", nil, nil, nil, false},
		{"broken gzip", []byte{0x1f, 0x8b, 0}, nil, nil, true},
		{"no encoding that exists", []byte("<?xml version='1.0' encoding='klingon'?><urlset/>"), nil, nil, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			pages, sitemaps, err := parseSitemap(tt.body)
			if d := cmp.Diff([][]string{tt.pages, tt.sitemaps}, [][]string{pages, sitemaps}); d != "" || (err != nil) != tt.fails {
				t.Errorf("%v\n%s", err, d)
			}
		})
	}
}

func TestParseSitemapBounds(t *testing.T) {
	many := "<urlset>" + strings.Repeat("<url><loc>/a</loc></url>", maxLocations+1) + "</urlset>"
	if pages, _, err := parseSitemap(zipped(t, many)); err != nil || len(pages) != maxLocations {
		t.Errorf("%d pages, %v", len(pages), err)
	}
	bomb := "<urlset>" + strings.Repeat(" ", maxSitemap) + "<url><loc>/a</loc></url></urlset>"
	if pages, _, err := parseSitemap(zipped(t, bomb)); err != nil || len(pages) != 0 {
		t.Errorf("%d pages, %v", len(pages), err)
	}
}

func FuzzParseSitemap(f *testing.F) {
	f.Add([]byte(mapWithImages))
	f.Add(zipped(f, "<urlset><url><loc>/a</loc></url></urlset>"))
	f.Add([]byte("<sitemapindex><sitemap><loc>/a</loc></sitemap></b></sitemapindex>"))
	f.Add([]byte("<!DOCTYPE x [<!ENTITY a 'b'>]><url><loc>&a;</loc>"))
	f.Fuzz(func(t *testing.T, body []byte) {
		pages, sitemaps, _ := parseSitemap(body)
		if len(pages)+len(sitemaps) > maxLocations {
			t.Fatal(len(pages), len(sitemaps))
		}
		for _, loc := range append(pages, sitemaps...) {
			if loc == "" || loc != strings.TrimSpace(loc) {
				t.Fatalf("%q", loc)
			}
		}
	})
}
