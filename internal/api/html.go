package api

import (
	"bytes"
	_ "embed"
	"fmt"
	"html"
)

//go:embed page/style.css
var pageStyle string

// htmlPage is a page that is being written. It stands for html/template, which looks methods up by
// name: a program that does keeps every method of every library it has, and is a third larger.
type htmlPage struct{ bytes.Buffer }

// put writes a format of HTML. Its values are text, in elements or in quoted attributes: they are
// escaped, all of them.
func (p *htmlPage) put(format string, values ...any) {
	for i, v := range values {
		if text, ok := v.(string); ok {
			values[i] = html.EscapeString(text)
		}
	}
	fmt.Fprintf(p, format, values...)
}

// head begins a page; an empty class is none.
func (p *htmlPage) head(title, class string) {
	p.put("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"+
		"<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n<title>%s · Windlass</title>\n<style>", title)
	p.WriteString(pageStyle)
	p.put("</style>\n</head>\n<body class=\"%s\">\n", class)
}

// end gives the page, whole.
func (p *htmlPage) end() []byte {
	p.put("</body>\n</html>\n")
	return p.Bytes()
}
