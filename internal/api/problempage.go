package api

import (
	"bytes"
	"html/template"
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
	page, err := template.New("problems").Parse(problemHTML)
	if err == nil {
		var b bytes.Buffer
		err = page.Execute(&b, map[string]any{"Style": template.CSS(pageStyle), "Single": name != "", "Problems": views})
		if err == nil {
			a.document.serve(typeHTML, b.Bytes())(w, r)
			return
		}
	}
	a.writeProblem(w, r, a.problemOf(r.Context(), err))
}
