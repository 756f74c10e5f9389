package siteaudit

import (
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// scanner walks over the tokens of a page and writes down what it finds.
type scanner struct {
	z   *html.Tokenizer
	doc *document

	base, canonical, title string
	found                  []finding
	idBytes                int

	anchor  int  // the open <a> in found; -1 when none
	inTitle bool // the next text is the title
	titled  bool // the page's title was seen
	silent  bool // the next text is a script or the like
	svg     int  // depth of <svg>, where <title> is a tooltip
	inert   int  // depth of <template>, whose links are not yet links
}

// finding is a URL as the page has it.
type finding struct {
	kind      kind
	raw, text string
}

func (s *scanner) run() {
	for {
		switch s.z.Next() {
		case html.ErrorToken:
			return
		case html.TextToken:
			s.text(s.z.Token().Data)
		case html.StartTagToken:
			s.open(s.z.Token())
		case html.SelfClosingTagToken:
			t := s.z.Token()
			s.open(t)
			if t.DataAtom == atom.Svg || t.DataAtom == atom.Template {
				s.close(t.DataAtom)
			}
		case html.EndTagToken:
			s.close(s.z.Token().DataAtom)
		}
	}
}

func (s *scanner) text(data string) {
	switch {
	case s.inTitle:
		s.title += data
	case s.silent || s.anchor < 0 || s.inert > 0:
	case len(s.found[s.anchor].text) < 4*maxText:
		s.found[s.anchor].text += data
	}
}

func (s *scanner) close(tag atom.Atom) {
	s.silent = false
	switch tag {
	case atom.A:
		s.anchor = -1
	case atom.Title:
		s.inTitle = false
	case atom.Svg:
		s.svg = max(0, s.svg-1)
	case atom.Template:
		s.inert = max(0, s.inert-1)
	}
}

// open handles a start tag.
func (s *scanner) open(t html.Token) {
	attr := attributes(t)
	switch t.DataAtom {
	case atom.Template:
		s.inert++
	case atom.Svg:
		s.svg++
	case atom.Script, atom.Style:
		s.silent = true
	case atom.Noscript:
		// Its content is what a reader without scripts sees: links like any other.
		s.z.NextIsNotRawText()
	case atom.Title:
		s.inTitle = s.svg == 0 && !s.titled
		s.titled = s.titled || s.inTitle
	}
	if s.inert > 0 {
		return
	}
	s.mark(attr["id"])
	if t.DataAtom == atom.A {
		s.mark(attr["name"])
	}
	switch t.DataAtom {
	case atom.Base:
		if s.base == "" {
			s.base = attr["href"]
		}
	case atom.A, atom.Area:
		s.link(t.DataAtom, attr)
	case atom.Link:
		s.relation(attr)
	case atom.Meta:
		if strings.EqualFold(attr["http-equiv"], "refresh") {
			s.add(kindLink, refresh(attr["content"]), "")
		}
	default:
		s.asset(t, attr)
	}
}

// link handles <a> and <area>. An empty href is a link to the page itself.
func (s *scanner) link(tag atom.Atom, attr map[string]string) {
	if tag == atom.A {
		s.anchor = -1
	}
	href, ok := attr["href"]
	if !ok {
		return
	}
	if s.put(finding{kindLink, href, attr["alt"]}) && tag == atom.A {
		s.anchor = len(s.found) - 1
	}
}

// relation handles <link>: what the browser loads and what readers may follow.
// Hints such as preconnect name no document.
func (s *scanner) relation(attr map[string]string) {
	for rel := range strings.FieldsSeq(strings.ToLower(attr["rel"])) {
		switch rel {
		case "canonical":
			s.canonical = attr["href"]
			s.add(kindLink, attr["href"], "")
		case "alternate", "next", "prev":
			// "alternate stylesheet" is a style sheet.
			if !strings.Contains(strings.ToLower(attr["rel"]), "stylesheet") {
				s.add(kindLink, attr["href"], attr["title"])
			}
		case "stylesheet":
			s.add(kindStyle, attr["href"], "")
		case "icon", "apple-touch-icon", "mask-icon":
			s.add(kindImage, attr["href"], "")
		case "preload", "modulepreload", "prefetch", "manifest":
			s.add(kindResource, attr["href"], "")
			s.set(kindResource, attr["imagesrcset"], "")
		}
	}
}

// asset handles the elements that load something.
func (s *scanner) asset(t html.Token, attr map[string]string) {
	switch t.Data {
	case "img":
		s.add(kindImage, attr["src"], attr["alt"])
		s.set(kindImage, attr["srcset"], attr["alt"])
		if s.anchor >= 0 {
			s.found[s.anchor].text += " " + attr["alt"] + " "
		}
	case "image", "use", "feimage": // SVG
		s.add(kindImage, attr["href"], "")
		s.add(kindImage, attr["xlink:href"], "")
	case "input":
		if strings.EqualFold(attr["type"], "image") {
			s.add(kindImage, attr["src"], attr["alt"])
		}
	case "script":
		s.add(kindScript, attr["src"], "")
	case "audio", "video", "track", "source":
		s.add(kindMedia, attr["src"], "")
		s.set(kindImage, attr["srcset"], "")
		s.add(kindImage, attr["poster"], "")
	case "iframe", "frame", "embed":
		s.add(kindFrame, attr["src"], attr["title"])
	case "object":
		s.add(kindFrame, attr["data"], "")
	}
}

// add writes down a URL other than an <a>'s. Browsers load nothing for an empty
// one, and one that is only a fragment means a part of the page at hand.
func (s *scanner) add(k kind, raw, text string) {
	raw = strings.TrimSpace(raw)
	if raw != "" && !strings.HasPrefix(raw, "#") {
		s.put(finding{k, raw, text})
	}
}

func (s *scanner) put(f finding) bool {
	if len(s.found) == maxFound {
		s.doc.linksCut = true
		return false
	}
	s.found = append(s.found, f)
	return true
}

func (s *scanner) set(k kind, srcset, text string) {
	for _, raw := range candidates(srcset) {
		s.add(k, raw, text)
	}
}

// mark keeps a name that a fragment may point at.
func (s *scanner) mark(name string) {
	switch {
	case name == "":
	case s.idBytes+len(name) > maxIDBytes:
		s.doc.partial = true
	default:
		s.idBytes += len(name)
		s.doc.anchors = append(s.doc.anchors, name)
	}
}

// attributes gives the attributes of a tag by name. The first of two with the
// same name counts (HTML Standard, 13.2.5.33).
func attributes(t html.Token) map[string]string {
	m := make(map[string]string, len(t.Attr))
	for _, a := range t.Attr {
		if _, twice := m[a.Key]; !twice {
			m[a.Key] = a.Val
		}
	}
	return m
}
