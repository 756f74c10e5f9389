package siteaudit

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestNoteInAnyOrder holds because answers come in an order that nobody can
// foresee, and a report must not depend on it.
func TestNoteInAnyOrder(t *testing.T) {
	s := newState()
	for i := range 50 {
		n, _ := s.target(fmt.Sprintf("https://example.com/%d", (i*7)%50))
		s.Targets[n].Depth = i % 3
	}
	var forth, back *refs
	for i := range 50 {
		forth = s.note(forth, i, link{kind: kindLink, text: fmt.Sprint(i)})
		back = s.note(back, 49-i, link{kind: kindLink, text: fmt.Sprint(49 - i)})
	}
	if d := cmp.Diff(forth, back); d != "" || forth.Total != 50 || len(forth.Places) != maxPlaces {
		t.Errorf("%d of %d places\n%s", len(forth.Places), forth.Total, d)
	}
	if first := s.Targets[forth.Places[0]]; first.Depth != 0 || first.URL != "https://example.com/0" || forth.Text != "0" {
		t.Errorf("the first is %+v with %q", first, forth.Text)
	}
}

func TestKeepAnchors(t *testing.T) {
	c := &crawl{anchorBytes: maxAnchorBytes - 5}
	short, long := &page{Anchors: []string{"ab", "cd"}}, &page{Anchors: []string{"ef"}}
	c.keepAnchors(short)
	c.keepAnchors(long)
	if len(short.Anchors) != 2 || short.Partial || long.Anchors != nil || !long.Partial {
		t.Errorf("got %+v, %+v", short, long)
	}
}

func TestAnswerIsPage(t *testing.T) {
	tests := []struct {
		a    answer
		want bool
	}{
		{answer{status: 200, contentType: "text/html"}, true},
		{answer{status: 200, contentType: "text/html ; charset=utf-8"}, true},
		{answer{status: 200, contentType: "application/xhtml+xml;charset=utf-8"}, true},
		{answer{status: 200, contentType: "text/htmlx"}, false},
		{answer{status: 200, contentType: "application/json"}, false},
		{answer{status: 200}, false},
		{answer{status: 404, contentType: "text/html"}, false},
		{answer{status: 200, contentType: "text/html", attachment: true}, false},
	}
	for _, tt := range tests {
		if got := tt.a.html(); got != tt.want {
			t.Errorf("%+v: got %t", tt.a, got)
		}
	}
}
