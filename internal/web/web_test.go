package web

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
)

func page(t *testing.T) *Page {
	t.Helper()
	text := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
	p, err := load(fstest.MapFS{
		"dist/.gitkeep": text(""), "dist/index.html": text("<!doctype html>page page page"), "dist/index.html.br": text("packed-br"),
		"dist/assets/app-1a2b.js": text("script script script"), "dist/assets/app-1a2b.js.gz": text("packed-gz"),
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestServe(t *testing.T) {
	tests := []struct {
		name, method, path, accept, encoding string
		status                               int
		body, cache, contentEncoding         string
	}{
		{"index", "GET", "/", "text/html", "", 200, "<!doctype", "no-cache", ""},
		{"index packed", "GET", "/", "text/html", "gzip, br", 200, "packed-br", "no-cache", "br"},
		{"weight zero refuses", "GET", "/", "text/html", "br;q=0.0", 200, "<!doctype", "no-cache", ""},
		{"deep link", "GET", "/tasks/tsk_1_default", "text/html,*/*", "", 200, "<!doctype", "no-cache", ""},
		{"asset", "GET", "/assets/app-1a2b.js", "*/*", "gzip", 200, "packed-gz", "public, max-age=31536000, immutable", "gzip"},
		{"deep link with a dot", "GET", "/new/http.request", "text/html,*/*", "", 200, "<!doctype", "no-cache", ""},
		{"API elsewhere", "GET", "/api/v1/tasks", "text/html", "", 404, "", "", ""},
		{"asset missing", "GET", "/assets/gone.js", "*/*", "", 404, "", "", ""},
		{"data for nobody", "GET", "/tasks", "application/json", "", 404, "", "", ""},
		{"keep file hidden", "GET", "/.gitkeep", "*/*", "", 404, "", "", ""},
		{"no writing", "POST", "/", "", "", 405, "", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest(tt.method, tt.path, nil)
			r.Header.Set("Accept", tt.accept)
			r.Header.Set("Accept-Encoding", tt.encoding)
			w := httptest.NewRecorder()
			page(t).ServeHTTP(w, r)
			if w.Code != tt.status || !strings.HasPrefix(w.Body.String(), tt.body) {
				t.Errorf("got %d %q", w.Code, w.Body)
			}
			if tt.status == 200 && (w.Header().Get("Cache-Control") != tt.cache || w.Header().Get("Content-Encoding") != tt.contentEncoding) {
				t.Errorf("headers %v", w.Header())
			}
		})
	}
}

func TestUnchangedPageIsNotSentAgain(t *testing.T) {
	p := page(t)
	first := httptest.NewRecorder()
	p.ServeHTTP(first, httptest.NewRequest("GET", "/", nil))
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("If-None-Match", first.Header().Get("ETag"))
	w := httptest.NewRecorder()
	p.ServeHTTP(w, r)
	if w.Code != http.StatusNotModified || w.Body.Len() != 0 {
		t.Errorf("got %d, %d bytes", w.Code, w.Body.Len())
	}
}

func TestPolicyForbidsInlineCode(t *testing.T) {
	w := httptest.NewRecorder()
	page(t).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	csp := w.Header().Get("Content-Security-Policy")
	if !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") {
		t.Errorf("policy %q", csp)
	}
}

func TestNotBuiltSaysHow(t *testing.T) {
	p, err := load(fstest.MapFS{"dist/.gitkeep": &fstest.MapFile{}})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	p.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if w.Code != 200 || !strings.Contains(w.Body.String(), "make build") {
		t.Errorf("got %d %q", w.Code, w.Body)
	}
}
