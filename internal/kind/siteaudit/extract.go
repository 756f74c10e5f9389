package siteaudit

import (
	"bytes"
	"net/url"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html"
	"golang.org/x/net/html/charset"

	"windlass/internal/task"
)

// Bounds on what one page may add to an audit.
const (
	maxLinks   = 5000     // distinct links and assets of a page
	maxFound   = 50_000   // links and assets of a page, repeated ones too
	maxText    = 100      // bytes of a link's text
	maxTitle   = 300      // bytes of a title
	maxIDBytes = 16 << 10 // of a page's anchors together
)

// kind is the sort of thing that a page does with a URL.
type kind string

const (
	kindLink     kind = "link"
	kindImage    kind = "image"
	kindScript   kind = "script"
	kindStyle    kind = "style"
	kindMedia    kind = "media"
	kindFrame    kind = "frame"
	kindResource kind = "resource" // preloads, manifests
	kindFragment kind = "fragment" // a link whose place on the page is missing
	kindSitemap  kind = "sitemap"  // named in a sitemap or in robots.txt
)

// loads reports whether a browser fetches the URL while it shows the page.
func (k kind) loads() bool { return k != kindLink && k != kindSitemap && k != kindFragment }

// document is what an audit needs to know about one HTML page.
type document struct {
	title     string
	anchors   []string // ids and names that a fragment may point at
	partial   bool     // more anchors exist than are kept
	canonical string   // the URL that the page says it should be known by
	links     []link
	linksCut  bool // the page has more than maxLinks
}

// link is one URL on a page. Exactly one of target and bad is set.
type link struct {
	kind     kind
	text     string
	target   string // normal form, without fragment
	fragment string // the anchor that must be there; empty when none must
	bad      string // what the page has instead of a URL, fit to be shown
}

// extract reads the HTML page at address. contentType is its header and helps
// to find the encoding (WHATWG HTML Standard, 13.2.3.2).
func extract(address *url.URL, contentType string, body []byte) *document {
	// Without a declaration only the first kilobyte would be looked at, and a
	// page in UTF-8 whose first letter beyond ASCII comes later be misread.
	encoding, _, declared := charset.DetermineEncoding(body[:min(len(body), 1024)], contentType)
	if declared || !utf8.Valid(body) {
		if decoded, err := encoding.NewDecoder().Bytes(body); err == nil {
			body = decoded
		}
	}
	s := scanner{z: html.NewTokenizer(bytes.NewReader(body)), anchor: -1, doc: &document{}}
	s.run()
	s.doc.title = task.Cut(strings.Join(strings.Fields(s.title), " "), maxTitle)
	s.finish(address)
	return s.doc
}

// finish resolves what the scanner found. It comes last because a <base> counts
// for the links above it too.
func (s *scanner) finish(address *url.URL) {
	base := address
	if u, _, err := resolve(address, s.base); err == nil && u != nil {
		base = u
	}
	if u, _, err := resolve(base, s.canonical); err == nil && u != nil && s.canonical != "" {
		s.doc.canonical = u.String()
	}
	type identity struct {
		target, fragment, bad string
		loads                 bool
	}
	seen := map[identity]bool{}
	for _, f := range s.found {
		l := link{kind: f.kind, text: task.Cut(strings.Join(strings.Fields(f.text), " "), maxText)}
		u, fragment, err := resolve(base, f.raw)
		switch {
		case err != nil:
			l.bad = showable(f.raw)
		case u == nil:
			continue
		default:
			l.target, l.fragment = u.String(), anchorOf(fragment)
		}
		id := identity{l.target, l.fragment, l.bad, l.kind.loads()}
		if seen[id] {
			continue
		}
		if len(seen) == maxLinks {
			s.doc.linksCut = true
			return
		}
		seen[id] = true
		s.doc.links = append(s.doc.links, l)
	}
}

// hasAnchor reports whether fragment, as written in a link, names one of anchors.
func hasAnchor(anchors []string, fragment string) bool {
	decoded, err := url.PathUnescape(fragment)
	if err != nil {
		decoded = fragment
	}
	for _, a := range anchors {
		if a == fragment || a == decoded {
			return true
		}
	}
	return false
}

// anchorOf gives the part of a fragment that must name an anchor; empty when
// none must: "#", "#top" (HTML Standard, 7.4.6.4), text fragments, and the
// "#/…" and "#!…" with which programs on a page name their own places.
func anchorOf(fragment string) string {
	fragment, _, _ = strings.Cut(fragment, ":~:")
	if strings.EqualFold(fragment, "top") || strings.HasPrefix(fragment, "/") || strings.HasPrefix(fragment, "!") {
		return ""
	}
	return fragment
}

// candidates gives the URLs of a srcset attribute (HTML Standard, 4.8.4.2.2).
func candidates(srcset string) []string {
	const space = " \t\n\f\r"
	var urls []string
	for {
		srcset = strings.TrimLeft(srcset, space+",")
		if srcset == "" {
			return urls
		}
		end := strings.IndexAny(srcset, space)
		if end < 0 {
			end = len(srcset)
		}
		u := srcset[:end]
		srcset = srcset[end:]
		if bare := strings.TrimRight(u, ","); bare != u {
			u = bare
		} else {
			srcset = afterDescriptors(srcset)
		}
		if u != "" {
			urls = append(urls, u)
		}
	}
}

// afterDescriptors drops everything up to the comma that ends a candidate. A
// comma in parentheses does not.
func afterDescriptors(s string) string {
	depth := 0
	for i, c := range s {
		switch c {
		case '(':
			depth++
		case ')':
			depth--
		case ',':
			if depth <= 0 {
				return s[i+1:]
			}
		}
	}
	return ""
}

// refresh gives the URL of a <meta http-equiv=refresh>, empty when it has none.
func refresh(content string) string {
	_, rest, ok := strings.Cut(content, ";")
	if !ok {
		return ""
	}
	rest = strings.TrimSpace(rest)
	if len(rest) < 4 || !strings.EqualFold(rest[:3], "url") {
		return ""
	}
	rest, ok = strings.CutPrefix(strings.TrimSpace(rest[3:]), "=")
	if !ok {
		return ""
	}
	return strings.Trim(strings.TrimSpace(rest), `'"`)
}
