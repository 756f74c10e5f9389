// Package web serves the page. It knows nothing of tasks: the page asks the API
// like any other client.
package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"
)

// The page is built into dist by `make page`. Without it only .gitkeep is there,
// so that the program compiles in a fresh clone.
//
//go:embed all:dist
var built embed.FS

// policy lets the page load from its own host only and run no inline code.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// permissions gives up what a browser could offer beside copying text, which the page does.
const permissions = "accelerometer=(), autoplay=(), camera=(), display-capture=(), fullscreen=(), geolocation=(), " +
	"gyroscope=(), magnetometer=(), microphone=(), midi=(), payment=(), publickey-credentials-get=(), usb=(), xr-spatial-tracking=()"

const notBuilt = `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Windlass</title>
<h1>The page is not built</h1>
<p>This program was compiled without its page. Run <code>make build</code> in the source folder and start <code>bin/windlass</code>.</p>
<p>The API works: see <a href="/docs">its documentation</a>.</p></html>
`

// asset is one file of the page in the encodings it was built in.
type asset struct {
	header http.Header // what every answer with it holds
	plain  body
	packed map[string]body // by content encoding
}

// newHeader gives the header of a file. Names below assets hold a hash of the
// content, so they never change.
func newHeader(contentType string, immutable bool) http.Header {
	h := http.Header{}
	h.Set("Content-Type", contentType)
	h.Set("Vary", "Accept-Encoding")
	h.Set("Accept-Ranges", "bytes")
	h.Set("Cache-Control", "no-cache")
	if immutable {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	if strings.HasPrefix(contentType, "text/html") {
		h.Set("Content-Security-Policy", policy)
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Permissions-Policy", permissions)
	}
	return h
}

type body struct {
	bytes        []byte
	etag, length []string // as a header holds them
}

// Page is the built page as a handler.
type Page struct {
	assets map[string]*asset // by URL path
	index  *asset
}

// New reads the embedded page. The error can only mean a faulty build.
func New() (*Page, error) { return load(built) }

func load(files fs.FS) (*Page, error) {
	p := &Page{assets: map[string]*asset{}}
	err := fs.WalkDir(files, "dist", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Ext(name) == ".br" || path.Ext(name) == ".gz" || d.Name() == ".gitkeep" {
			return err
		}
		a, err := read(files, name)
		p.assets["/"+strings.TrimPrefix(name, "dist/")] = a
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the built page: %w", err)
	}
	p.index = p.assets["/index.html"]
	if p.index == nil {
		p.index = &asset{header: newHeader("text/html; charset=utf-8", false), plain: newBody([]byte(notBuilt))}
	}
	return p, nil
}

func read(files fs.FS, name string) (*asset, error) {
	plain, err := fs.ReadFile(files, name)
	if err != nil {
		return nil, err
	}
	a := &asset{
		header: newHeader(mime.TypeByExtension(path.Ext(name)), strings.HasPrefix(name, "dist/assets/")),
		plain:  newBody(plain), packed: map[string]body{},
	}
	for encoding, ending := range map[string]string{"br": ".br", "gzip": ".gz"} {
		if packed, err := fs.ReadFile(files, name+ending); err == nil && len(packed) < len(plain) {
			a.packed[encoding] = newBody(packed)
		}
	}
	return a, nil
}

func newBody(b []byte) body {
	sum := sha256.Sum256(b)
	return body{b, []string{`"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`}, []string{strconv.Itoa(len(b))}}
}

// ServeHTTP answers files by their path, and every other path that a browser
// navigates to with the page itself, which knows what to show there.
func (p *Page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		h.Set("Allow", "GET, HEAD")
		http.Error(w, "The page can only be read.", http.StatusMethodNotAllowed)
		return
	}
	a, found := p.assets[r.URL.Path]
	if !found {
		if strings.HasPrefix(r.URL.Path, "/api/") || !navigates(r) {
			http.NotFound(w, r)
			return
		}
		a = p.index
	}
	p.serve(w, r, a)
}

func (p *Page) serve(w http.ResponseWriter, r *http.Request, a *asset) {
	h := w.Header()
	for name, values := range a.header {
		h[name] = values
	}
	b := a.plain
	for _, encoding := range []string{"br", "gzip"} {
		if packed, ok := a.packed[encoding]; ok && accepts(r.Header.Get("Accept-Encoding"), encoding) {
			b = packed
			h.Set("Content-Encoding", encoding)
			break
		}
	}
	h["Etag"] = b.etag
	// What ServeContent would find out, when nothing special is asked.
	if r.Method == http.MethodGet && r.Header["Range"] == nil && r.Header["If-None-Match"] == nil && r.Header["If-Match"] == nil {
		h["Content-Length"] = b.length
		_, _ = w.Write(b.bytes) // a client that went away
		return
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(b.bytes))
}

// navigates tells a person's way to a page from a script's or an image's request
// for a file that is missing: those must not get a page with status 200. Browsers
// name text/html; curl takes anything, and gets a page for what looks like one.
func navigates(r *http.Request) bool {
	accept := r.Header.Get("Accept")
	return strings.Contains(accept, "text/html") || path.Ext(r.URL.Path) == "" && (accept == "" || strings.Contains(accept, "*/*"))
}

// accepts reads Accept-Encoding (RFC 9110 section 12.5.3) as far as it matters
// here: named, and not refused by a weight of zero.
func accepts(header, encoding string) bool {
	for part := range strings.SplitSeq(header, ",") {
		name, weight, weighed := strings.Cut(strings.TrimSpace(part), ";")
		if !strings.EqualFold(strings.TrimSpace(name), encoding) {
			continue
		}
		if !weighed {
			return true
		}
		q := strings.TrimPrefix(strings.ReplaceAll(weight, " ", ""), "q=")
		return strings.Trim(q, "0.") != ""
	}
	return false
}
