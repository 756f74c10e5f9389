package api

import (
	"net/http"
	"slices"
	"strings"

	"github.com/go-chi/chi/v5"
)

type problemView struct {
	Code, Slug, Title, About string
	Status                   int
}

func problemViews() []problemView {
	var views []problemView
	for code, s := range problemSorts() {
		views = append(views, problemView{code, slug(code), s.title, s.about, s.status})
	}
	slices.SortFunc(views, func(a, b problemView) int { return strings.Compare(a.Code, b.Code) })
	return views
}

// problemPage explains one sort of problem, or lists all.
func (a *API) problemPage(w http.ResponseWriter, r *http.Request) {
	views := problemViews()
	name := chi.URLParam(r, "slug")
	if name != "" {
		views = slices.DeleteFunc(views, func(v problemView) bool { return v.Slug != name })
	}
	if len(views) == 0 {
		a.notFound(w, r)
		return
	}
	a.document.serve(typeHTML, problemsHTML(views, name != ""))(w, r)
}

func problemsHTML(views []problemView, single bool) []byte {
	p := &htmlPage{}
	title := "Problems"
	if single {
		title = views[0].Title + " · Problems"
	}
	p.head(title, "narrow")
	p.put("<main>\n<p><a href=\"/docs\">API reference</a>")
	if single {
		p.put(" · <a href=\"/problems\">All problems</a></p>\n")
	} else {
		p.put("</p>\n<h1>Problems</h1>\n")
	}
	for _, v := range views {
		p.put("<article id=\"%s\">\n", v.Slug)
		if single {
			p.put("<h1>%s</h1>\n", v.Title)
		} else {
			p.put("<h3><a href=\"/problems/%s\">%s</a></h3>\n", v.Slug, v.Title)
		}
		p.put("<p><code>%s</code> <span class=\"status\">%d</span></p>\n<p>%s</p>\n</article>\n", v.Code, v.Status, v.About)
	}
	p.put("</main>\n")
	return p.end()
}
