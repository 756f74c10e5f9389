package siteaudit

import (
	"slices"
	"strings"
	"time"
)

// maxPlaces is how many pages are named for one target; all are counted.
const maxPlaces = 20

// wish is what is to be done about a target.
type wish int

const (
	wishCheck wish = iota // ask whether it is there
	wishRead              // fetch it as a page of the site and follow its links
	wishNone              // leave it alone
)

// left is why a page of the site was not read.
type left string

const (
	leftDepth   left = "depth"
	leftSimilar left = "similar_pages"
	leftPages   left = "page_limit"
)

// target is one URL and everything known about it. Targets are kept in
// checkpoints by the thousand, so the JSON names are short.
type target struct {
	URL   string `json:"u"` // normal form, or what a page has instead of a URL
	Wish  wish   `json:"w,omitempty"`
	Depth int    `json:"d,omitempty"` // links from the start page
	Hops  int    `json:"h,omitempty"` // redirects from the nearest link
	Left  left   `json:"l,omitempty"` // why a page of the site is not read
	// Link says that it is somewhere to go, rather than a part of a page.
	Link bool `json:"k,omitempty"`
	// Listed says that so far only a sitemap names it.
	Listed bool `json:"y,omitempty"`

	Done   bool  `json:"o,omitempty"`
	Status int   `json:"s,omitempty"`
	Fault  fault `json:"f,omitempty"`
	HTML   bool  `json:"t,omitempty"`
	// Next is the target that this one redirects to, one more than its number;
	// zero when it does not.
	Next int `json:"n,omitempty"`
	// OwnFragment says that the redirect names a place on the page it leads to.
	OwnFragment bool  `json:"x,omitempty"`
	Page        *page `json:"p,omitempty"` // when it was read

	Named bool             `json:"e,omitempty"` // a page, a sitemap or robots.txt names it
	Refs  *refs            `json:"r,omitempty"` // which; nil when nothing will be said about it
	Loads *refs            `json:"m,omitempty"` // pages of an https site that load it over http
	Frags map[string]*refs `json:"a,omitempty"` // fragments not found here so far

	known bool // was admitted to the crawl
	waits bool // for an answer
}

// page is what is kept of a page that was read.
type page struct {
	Title     string        `json:"t,omitempty"`
	Anchors   []string      `json:"a,omitempty"`
	Partial   bool          `json:"p,omitempty"` // not all anchors are known
	Copy      bool          `json:"c,omitempty"` // names another page as the one to be known
	FirstByte time.Duration `json:"f,omitempty"`
	Bytes     int64         `json:"b,omitempty"` // of HTML; at most maxBody
}

// fine reports whether nothing can be said against t any more, so that it does
// not matter who names it.
func (t *target) fine() bool {
	if t.Wish == wishNone {
		return t.Left == ""
	}
	return t.Done && t.Fault == "" && t.Next == 0 && (t.Page != nil || !t.HTML)
}

// refs is the places that name a target. Whatever order the answers came in,
// the same places are kept.
type refs struct {
	Total  int    `json:"n"`
	Places []int  `json:"p"` // targets, nearest to the start first; at most maxPlaces
	Kind   kind   `json:"k"` // in the first place
	Text   string `json:"t,omitempty"`
}

// state is the whole of a crawl: what a checkpoint keeps.
type state struct {
	Version int       `json:"version"`
	Site    int       `json:"site"` // the target where the start URL ended
	Mapped  bool      `json:"mapped"`
	Full    bool      `json:"full"` // maxTargets was reached
	Targets []*target `json:"targets"`

	index map[string]int
}

// stateVersion changes when an older checkpoint can no longer be read.
const stateVersion = 1

func newState() *state {
	return &state{Version: stateVersion, index: map[string]int{}}
}

// restore builds what a checkpoint leaves out.
func (s *state) restore() {
	s.index = make(map[string]int, len(s.Targets))
	for i, t := range s.Targets {
		s.index[t.URL] = i
		t.known = true // every target in a checkpoint was
	}
}

// target gives the number of the target with this URL, made if it is new. It
// gives false when there is no room for another.
func (s *state) target(address string) (int, bool) {
	if i, ok := s.index[address]; ok {
		return i, true
	}
	if len(s.Targets) >= maxTargets {
		s.Full = true
		return 0, false
	}
	s.Targets = append(s.Targets, &target{URL: address})
	s.index[address] = len(s.Targets) - 1
	return len(s.Targets) - 1, true
}

// nearer orders places: by the way from the start, then by URL.
func (s *state) nearer(a, b int) int {
	x, y := s.Targets[a], s.Targets[b]
	if x.Depth != y.Depth {
		return x.Depth - y.Depth
	}
	return strings.Compare(x.URL, y.URL)
}

// note adds a place that was not noted before to r, which may be nil.
func (s *state) note(r *refs, place int, l link) *refs {
	if r == nil {
		r = &refs{}
	}
	r.Total++
	at, _ := slices.BinarySearchFunc(r.Places, place, s.nearer)
	if at == maxPlaces {
		return r
	}
	if at == 0 {
		r.Kind, r.Text = l.kind, l.text
	}
	r.Places = slices.Insert(r.Places, at, place)
	r.Places = r.Places[:min(len(r.Places), maxPlaces)]
	return r
}

// name writes down that a place names target i.
func (s *state) name(i, place int, l link) {
	t := s.Targets[i]
	t.Named = true
	if !t.fine() {
		t.Refs = s.note(t.Refs, place, l)
	}
}

// ending is where a target leads in the end.
type ending struct {
	at    int   // the last target of the chain
	chain []int // the redirects up to it; empty when there are none
	fault fault
	// moved says that a redirect on the way names its own place on the page.
	moved bool
}

// follow walks from target i over its redirects.
func (s *state) follow(i int) ending {
	e := ending{at: i}
	for s.Targets[e.at].Next != 0 {
		if slices.Contains(e.chain, e.at) {
			e.fault = faultLoop
			return e
		}
		if len(e.chain) == maxHops {
			e.fault = faultHops
			return e
		}
		t := s.Targets[e.at]
		e.chain = append(e.chain, e.at)
		e.moved = e.moved || t.OwnFragment
		e.at = t.Next - 1
	}
	e.fault = s.Targets[e.at].Fault
	return e
}
