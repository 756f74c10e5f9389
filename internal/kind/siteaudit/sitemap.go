package siteaudit

import (
	"bytes"
	"compress/gzip"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/net/html/charset"
)

const (
	// maxSitemap is how many bytes of one sitemap are read, unpacked.
	maxSitemap = 10 << 20
	// maxSitemaps is how many sitemap files are asked for.
	maxSitemaps = 50
	// maxLocations is how many addresses of one sitemap are read; it is also
	// what the protocol allows (sitemaps.org).
	maxLocations = 50_000
)

// parseSitemap reads a sitemap or a sitemap index, gzip or plain, up to the
// bounds above. What stands before a fault is given with the error.
func parseSitemap(body []byte) (pages, sitemaps []string, err error) {
	var r io.Reader = bytes.NewReader(body)
	if bytes.HasPrefix(body, []byte{0x1f, 0x8b}) {
		if r, err = gzip.NewReader(r); err != nil {
			return nil, nil, fmt.Errorf("unpack sitemap: %w", err)
		}
	}
	limited := &io.LimitedReader{R: r, N: maxSitemap}
	d := xml.NewDecoder(limited)
	d.Strict = false
	d.CharsetReader = charset.NewReaderLabel
	var open []string // the elements around the current place
	for len(pages)+len(sitemaps) < maxLocations {
		token, err := d.Token()
		if errors.Is(err, io.EOF) || err != nil && limited.N == 0 {
			break
		}
		if err != nil {
			return pages, sitemaps, fmt.Errorf("read sitemap: %w", err)
		}
		switch t := token.(type) {
		case xml.StartElement:
			open = append(open, t.Name.Local)
		case xml.EndElement:
			open = open[:max(0, len(open)-1)]
		case xml.CharData:
			// A <loc> means something by its parent: that of <image:image> is no page.
			loc := strings.TrimSpace(string(t))
			if n := len(open); n < 2 || open[n-1] != "loc" || loc == "" {
				continue
			}
			switch open[len(open)-2] {
			case "url":
				pages = append(pages, loc)
			case "sitemap":
				sitemaps = append(sitemaps, loc)
			}
		}
	}
	return pages, sitemaps, nil
}
