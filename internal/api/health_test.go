package api

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// A load balancer's rule for /metrics must not be got round by another spelling.
func TestMetricsHaveOneAddress(t *testing.T) {
	t.Parallel()
	h := HealthHandler(nil, nil, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "counts") }))
	for path, want := range map[string]int{"/metrics": 200, "/metrics?x=1": 200, "/%6detrics": 404, "/metric%73": 404, "/metrics%2f": 404} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		if w.Code != want {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}

// Outside the API requests have no id, so nothing is said in its place.
func TestReadyzOutsideTheAPI(t *testing.T) {
	t.Parallel()
	h := HealthHandler(func(context.Context) error { return errors.New("a cause that is nobody's business") }, []string{"worker"}, http.NotFoundHandler())
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/readyz", nil))
	if body := w.Body.String(); w.Code != 503 || strings.Contains(body, "instance") || strings.Contains(body, "business") ||
		!strings.Contains(body, `"code":"not_ready"`) || !strings.Contains(body, `"roles":["worker"]`) {
		t.Errorf("%d %s", w.Code, body)
	}
}
