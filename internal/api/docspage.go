package api

import "strings"

// html writes the reference.
func (d docsPage) html() []byte {
	p := &htmlPage{}
	p.head("API reference", "")
	d.contents(p)
	p.put("<main id=\"main\">\n<h1>API reference</h1>\n")
	for _, text := range d.About {
		p.put("<p>%s</p>\n", text)
	}
	p.put("<p><a href=\"/openapi.json\">openapi.json</a> · <a href=\"/openapi.yaml\">openapi.yaml</a> · <a href=\"/problems\">Problems</a></p>\n")
	for _, g := range d.Groups {
		p.put("<section>\n<h2>%s</h2>\n<p>%s</p>\n", g.Name, g.Description)
		for _, o := range g.Operations {
			o.html(p)
		}
		p.put("</section>\n")
	}
	p.put("<section>\n<h2>Types</h2>\n")
	for _, t := range d.Types {
		t.html(p)
	}
	p.put("</section>\n</main>\n")
	return p.end()
}

func (d docsPage) contents(p *htmlPage) {
	p.put("<a class=\"skip\" href=\"#main\">Skip to content</a>\n<nav aria-label=\"Contents\">\n<p class=\"brand\"><a href=\"/\">Windlass</a></p>\n")
	for _, g := range d.Groups {
		p.put("<h2>%s</h2>\n<ul>", g.Name)
		for _, o := range g.Operations {
			p.put("<li><a href=\"#%s\">%s</a></li>", o.OperationID, o.Summary)
		}
		p.put("</ul>\n")
	}
	p.put("<h2>Types</h2>\n<ul>")
	for _, t := range d.Types {
		p.put("<li><a href=\"#type-%s\">%s</a></li>", t.Name, t.Name)
	}
	p.put("</ul>\n</nav>\n")
}

func (o docsOperation) html(p *htmlPage) {
	p.put("<article id=\"%s\">\n<h3><a href=\"#%s\">%s</a></h3>\n", o.OperationID, o.OperationID, o.Summary)
	p.put("<p class=\"route\"><span class=\"method %s\">%s</span> <code>%s</code>", o.Method, o.Method, o.Path)
	o.role(p)
	p.put("</p>\n")
	if o.Description != "" {
		p.put("<p>%s</p>\n", o.Description)
	}
	if len(o.Parameters) > 0 {
		p.put("<h4>Parameters</h4>\n<dl>")
		for _, a := range o.Parameters {
			p.put("<dt><code>%s</code> <span class=\"note\">%s · %s", a.Name, a.In, a.Schema.Sort())
			p.required(a.Required)
			p.put("</span></dt>\n<dd>%s", a.Description)
			p.rules(a.Schema)
			p.put("</dd>")
		}
		p.put("</dl>\n")
	}
	if o.Body != "" {
		p.put("<h4>Body</h4><p><a href=\"#type-%s\">%s</a></p>\n", o.Body, o.Body)
	}
	p.put("<h4>Answers</h4>\n<dl>")
	for _, a := range o.Answers {
		p.put("<dt><span class=\"status\">%s</span> %s</dt>\n", a.Status, a.Description)
		for _, f := range a.Forms {
			p.put("<dd><span class=\"note\">%s</span>", f.Media)
			if f.Schema != "" {
				p.put(" <a href=\"#type-%s\">%s</a>", f.Schema, f.Schema)
			}
			p.put("</dd>")
		}
	}
	p.put("</dl>\n")
	for _, c := range o.Curls {
		if c.Title != "" {
			p.put("<h4>Example: %s</h4>", c.Title)
		}
		p.put("<pre tabindex=\"0\"><code>%s</code></pre>\n", c.Text)
	}
	p.put("</article>\n")
}

// role says who may call, where that is not everybody.
func (o docsOperation) role(p *htmlPage) {
	if o.Role == "" {
		return
	}
	p.put(" <span class=\"note\">for the role %s", o.Role)
	if o.Role != "admin" {
		p.put(" and those above")
	}
	p.put("</span>")
}

func (t docsType) html(p *htmlPage) {
	p.put("<article id=\"type-%s\">\n<h3><a href=\"#type-%s\">%s</a></h3>\n<dl>", t.Name, t.Name, t.Name)
	for _, f := range t.Fields {
		p.put("<dt><code>%s</code> <span class=\"note\">%s", f.Name, f.Schema.Sort())
		for _, n := range f.Schema.Named() {
			p.put(" <a href=\"#type-%s\">%s</a>", n, n)
		}
		p.required(f.Required)
		p.put("</span></dt>\n<dd>%s", f.Schema.Description)
		p.rules(f.Schema)
		p.put("</dd>")
	}
	p.put("</dl>\n</article>\n")
}

func (p *htmlPage) required(yes bool) {
	if yes {
		p.put(" · required")
	}
}

func (p *htmlPage) rules(s specSchema) {
	if rules := s.Rules(); len(rules) > 0 {
		p.put("<span class=\"rules\">%s</span>", strings.Join(rules, "; "))
	}
}
