package siteaudit

import (
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func read(t *testing.T, contentType, body string) *document {
	t.Helper()
	u, err := url.Parse("https://example.com/dir/page")
	if err != nil {
		t.Fatal(err)
	}
	return extract(u, contentType, []byte(body))
}

func TestExtractLinks(t *testing.T) {
	const dir = "https://example.com/dir/"
	tests := []struct {
		name, body string
		want       []link
	}{
		{"text", "<a href=x> one <b>two</b>\n three<br></a> four", []link{{kind: kindLink, text: "one two three", target: dir + "x"}}},
		{"image in a link", "<a href=x><img src=i alt='A  bay'></a>", []link{{kind: kindLink, text: "A bay", target: dir + "x"}, {kind: kindImage, text: "A bay", target: dir + "i"}}},
		{"long text", "<a href=x>" + strings.Repeat("ä", 200) + "</a>", []link{{kind: kindLink, text: strings.Repeat("ä", 48) + "…", target: dir + "x"}}},
		{"unclosed", "<a href=x>one<a href=y>two", []link{{kind: kindLink, text: "one", target: dir + "x"}, {kind: kindLink, text: "two", target: dir + "y"}}},
		{"twice", "<a href=x>one</a><a href=./x>two</a><a href=x#f>three</a>", []link{{kind: kindLink, text: "one", target: dir + "x"}, {kind: kindLink, text: "three", target: dir + "x", fragment: "f"}}},
		{"base below", "<a href=x>x</a><base href=/other/><base href=/third/>", []link{{kind: kindLink, text: "x", target: "https://example.com/other/x"}}},
		{"bad base", "<base href='http://[bad'><a href=x>x</a>", []link{{kind: kindLink, text: "x", target: dir + "x"}}},
		{"area", "<map><area href=x alt=Bay></map>", []link{{kind: kindLink, text: "Bay", target: dir + "x"}}},
		{"srcset", "<picture><source srcset='a 1x,b 2x'><img srcset='c, d 100w'></picture>", []link{
			{kind: kindImage, target: dir + "a"}, {kind: kindImage, target: dir + "b"}, {kind: kindImage, target: dir + "c"}, {kind: kindImage, target: dir + "d"}}},
		{"media", "<video src=v poster=p><track src=t></video><audio src=a></audio>", []link{
			{kind: kindMedia, target: dir + "v"}, {kind: kindImage, target: dir + "p"}, {kind: kindMedia, target: dir + "t"}, {kind: kindMedia, target: dir + "a"}}},
		{"frames", "<iframe src=i title=Map></iframe><embed src=e><object data=o></object>", []link{
			{kind: kindFrame, text: "Map", target: dir + "i"}, {kind: kindFrame, target: dir + "e"}, {kind: kindFrame, target: dir + "o"}}},
		{"relations", "<link rel='alternate stylesheet' href=s><link rel=icon href=i><link rel=alternate href=f title=Feed><link rel=modulepreload href=m><link rel='dns-prefetch' href=//d.test>", []link{
			{kind: kindStyle, target: dir + "s"}, {kind: kindImage, target: dir + "i"}, {kind: kindLink, text: "Feed", target: dir + "f"}, {kind: kindResource, target: dir + "m"}}},
		{"svg", "<svg><use href=#a /><use xlink:href='/i.svg#b'/><image href=p></svg>", []link{
			{kind: kindImage, target: "https://example.com/i.svg", fragment: "b"}, {kind: kindImage, target: dir + "p"}}},
		{"button", "<input type=image src=b alt=Go><input type=text src=c>", []link{{kind: kindImage, text: "Go", target: dir + "b"}}},
		{"not links", "<script>'<a href=s>'</script><style><a href=t></style><!--<a href=c>--><template><img src=t></template><textarea><a href=a></textarea><a name=n>x</a>", nil},
		{"no script", "<noscript><img src=n></noscript>", []link{{kind: kindImage, target: dir + "n"}}},
		{"refresh", "<meta http-equiv=Refresh content='0;URL=\"y\"'>", []link{{kind: kindLink, target: dir + "y"}}},
		{"bad", "<a href='http://[bad'>x</a>", []link{{kind: kindLink, text: "x", bad: "http://[bad"}}},
		{"entities", "<a href='?a=1&amp;b=2'>x &amp; y</a>", []link{{kind: kindLink, text: "x & y", target: dir + "page?a=1&b=2"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if d := cmp.Diff(tt.want, read(t, "text/html", tt.body).links, cmp.AllowUnexported(link{})); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestExtractTitle(t *testing.T) {
	tests := []struct{ name, contentType, body, want string }{
		{"plain", "text/html", "<title> A\n&amp; B </title>", "A & B"},
		{"first counts", "text/html", "<title>A</title><title>B</title>", "A"},
		{"first counts though empty", "text/html", "<title></title><title>B</title>", ""},
		{"svg", "text/html", "<svg><title>Logo</title></svg><title>Page</title>", "Page"},
		{"header", "text/html; charset=windows-1251", "<title>\xcf\xf0\xe8\xe2\xe5\xf2</title>", "Привет"},
		{"meta", "text/html", "<meta charset=shift_jis><title>\x8d\x60</title>", "港"},
		{"utf-16", "text/html", "\xff\xfe<\x00t\x00i\x00t\x00l\x00e\x00>\x00A\x00<\x00/\x00t\x00i\x00t\x00l\x00e\x00>\x00", "A"},
		{"late utf-8", "text/html", "<!--" + strings.Repeat("x", 2000) + "--><title>Größe</title>", "Größe"},
		{"undeclared latin", "text/html", "<title>Gr\xf6\xdfe</title>", "Größe"},
		{"unknown encoding", "text/html; charset=klingon", "<title>A</title>", "A"},
		{"broken utf-8", "text/html; charset=utf-8", "<title>A\xff</title>", "A\uFFFD"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := read(t, tt.contentType, tt.body).title; got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestExtractBounds(t *testing.T) {
	var links, anchors strings.Builder
	for i := range maxLinks + 10 {
		links.WriteString("<a href=" + strings.Repeat("x", 1+i%7) + string(rune('a'+i%26)) + "?" + strings.Repeat("y", i%97) + string(rune(0x100+i)) + ">x</a>")
		anchors.WriteString("<p id=anchor" + string(rune(0x100+i)) + ">")
	}
	doc := read(t, "text/html; charset=utf-8", links.String()+anchors.String())
	if len(doc.links) != maxLinks || !doc.linksCut || !doc.partial || len(doc.anchors) > maxIDBytes/6 {
		t.Errorf("%d links, cut %t, %d anchors, partial %t", len(doc.links), doc.linksCut, len(doc.anchors), doc.partial)
	}
	if doc := read(t, "text/html", strings.Repeat("<a href=x>", maxFound+1)); len(doc.links) != 1 || !doc.linksCut {
		t.Errorf("%d links, cut %t", len(doc.links), doc.linksCut)
	}
}

func TestAnchors(t *testing.T) {
	doc := read(t, "text/html", "<p id=a><a name='b c'>x</a><p name=d><p id=%41>")
	for fragment, want := range map[string]bool{"a": true, "b%20c": true, "b c": true, "d": false, "%41": true, "A": false, "%zz": false} {
		if hasAnchor(doc.anchors, fragment) != want {
			t.Errorf("#%s: got %t", fragment, !want)
		}
	}
	for fragment, want := range map[string]string{"": "", "top": "", "TOP": "", "a": "a", ":~:text=x": "", "a:~:text=x": "a", "/route": "", "!route": ""} {
		if got := anchorOf(fragment); got != want {
			t.Errorf("#%s: got %q", fragment, got)
		}
	}
}

func TestCandidates(t *testing.T) {
	tests := map[string][]string{
		"":                                nil,
		"a":                               {"a"},
		"a, b":                            {"a", "b"},
		"a,b":                             {"a,b"}, // one URL with a comma, by the standard
		"a 1x,b 2x":                       {"a", "b"},
		" , a 1x , ,b 2x,":                {"a", "b"},
		"data:image/png;base64,AAAA 1x,b": {"data:image/png;base64,AAAA", "b"},
		"a (x,y) 1x, b":                   {"a", "b"},
		"a (x":                            {"a"},
		",,,":                             nil,
	}
	for srcset, want := range tests {
		if d := cmp.Diff(want, candidates(srcset)); d != "" {
			t.Errorf("%q:\n%s", srcset, d)
		}
	}
}

func TestRefresh(t *testing.T) {
	for content, want := range map[string]string{"5": "", "5; url=/x": "/x", "0;URL = '/y'": "/y", "0; /z": "", "0;url": "", "": ""} {
		if got := refresh(content); got != want {
			t.Errorf("%q: got %q", content, got)
		}
	}
}

func FuzzExtract(f *testing.F) {
	f.Add("text/html", []byte("<title>x</title><base href=/b/><a href=x#y>z<img srcset='a 1x, b'></a><svg><title>t</title></svg>"))
	f.Add("text/html; charset=utf-16", []byte("\xff\xfe<\x00a\x00>\x00"))
	f.Add("", []byte("<template><a href=x></template><noscript><a href=y></noscript><script><a href=z>"))
	f.Add("application/xhtml+xml", []byte("<a href='http://u:secret@[x'><link rel='icon preload' imagesrcset='a,b' href=#><plaintext><a href=q>"))
	page, err := url.Parse("https://example.com/dir/page")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, contentType string, body []byte) {
		doc := extract(page, contentType, body)
		if len(doc.links) > maxLinks || len(doc.title) > maxTitle || !utf8.ValidString(doc.title) {
			t.Fatalf("%d links, title %q", len(doc.links), doc.title)
		}
		for _, l := range doc.links {
			if (l.target == "") == (l.bad == "") || len(l.text) > maxText || !utf8.ValidString(l.text+l.bad) {
				t.Fatalf("%+v", l)
			}
			if l.bad != "" {
				continue
			}
			u, _, err := resolve(page, l.target)
			if err != nil || u.String() != l.target {
				t.Fatalf("%q is not in normal form: %v, %v", l.target, u, err)
			}
		}
	})
}

func FuzzCandidates(f *testing.F) {
	for _, seed := range []string{"", "a 1x, b 2x", ",,a,, b(1,2) 3w,", "a (", "\t\n,", "data:,x 1x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, srcset string) {
		for _, u := range candidates(srcset) {
			if u == "" || strings.ContainsAny(u, " \t\n\f\r") || strings.HasSuffix(u, ",") || !strings.Contains(srcset, u) {
				t.Fatalf("%q has %q", srcset, u)
			}
		}
	})
}
