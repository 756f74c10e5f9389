package api

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"windlass/internal/front"
	"windlass/internal/ratelimit"
)

func limited(rates string, streams int) func(*Config) {
	return func(c *Config) {
		parsed, err := ParseRates(rates)
		if err != nil {
			panic(err)
		}
		c.Limits = Limits{Rates: parsed, Streams: streams}
		if c.Proxies, err = front.ParseProxies("127.0.0.0/8"); err != nil {
			panic(err)
		}
	}
}

func TestParseRates(t *testing.T) {
	t.Parallel()
	rates, err := ParseRates(" submit=100/s, viewer.read=5/m,change=0")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]ratelimit.Rate{
		"submit": {Count: 100, Per: time.Second}, "viewer.read": {Count: 5, Per: time.Minute}, "change": {},
		"sign_in": {Count: 30, Per: time.Minute}, // the default
	} {
		if got, named := rates[name]; got != want || !named {
			t.Errorf("%s: got %+v", name, got)
		}
	}
	if rates, err := ParseRates("0"); err != nil || len(rates) != 0 {
		t.Errorf("got %v, %v", rates, err)
	}
	for _, text := range []string{"submit", "submit=1/d", "write=1/s", "boss.read=1/s", "viewer.=1/s", "submit=1/s,,"} {
		if _, err := ParseRates(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	s := newSite(t, limited("submit=3/h,read=2/h,change=1/h,sign_in=0", 0))
	first := s.do("POST", "/api/v1/tasks", oneReport).want(http.StatusAccepted)
	if got := first.header.Get("RateLimit"); got != `"submit";r=2;t=1200` {
		t.Errorf("RateLimit is %s", got)
	}
	if got := first.header.Get("RateLimit-Policy"); got != `"submit";q=3;w=3600` {
		t.Errorf("RateLimit-Policy is %s", got)
	}
	// A bulk request is charged for each of its tasks.
	bulk := fmt.Sprintf(`{"items":[%s,%s]}`, oneReport, oneReport)
	s.do("POST", "/api/v1/tasks/bulk", bulk).want(http.StatusOK)
	for _, path := range []string{"/api/v1/tasks", "/api/v1/tasks/bulk"} {
		body := map[string]string{"/api/v1/tasks": oneReport, "/api/v1/tasks/bulk": bulk}[path]
		refused := s.do("POST", path, body).want(http.StatusTooManyRequests)
		if refused.at("code") != "rate_limited" || refused.header.Get("Retry-After") == "" || !strings.Contains(refused.header.Get("RateLimit"), ";r=0;") {
			t.Errorf("%s: %s %v", path, refused.body, refused.header)
		}
	}
	// Other sorts have limits of their own.
	s.do("GET", "/api/v1/tasks", "").want(http.StatusOK)
	s.do("GET", "/api/v1/kinds", "").want(http.StatusOK)
	s.do("GET", "/api/v1/kinds", "").want(http.StatusTooManyRequests)
	s.do("DELETE", "/api/v1/tasks/"+first.task().ID, "").want(http.StatusConflict)
	s.do("DELETE", "/api/v1/tasks/"+first.task().ID, "").want(http.StatusTooManyRequests)
	// Health and documents have none.
	for range 5 {
		s.do("GET", "/livez", "").want(http.StatusOK)
		s.do("GET", "/docs", "").want(http.StatusOK)
	}
	if got := s.do("GET", "/metrics", "").body; !strings.Contains(got, `windlass_http_requests_limited_total{limit="submit"} 2`) {
		t.Error("the metric does not tell")
	}
	// Another address is another client; a network of one customer is not.
	s.do("GET", "/api/v1/kinds", "", "X-Forwarded-For", "198.51.100.7").want(http.StatusOK)
	for _, host := range []string{"1", "2"} {
		s.do("GET", "/api/v1/kinds", "", "X-Forwarded-For", "2001:db8::"+host).want(http.StatusOK)
	}
	s.do("GET", "/api/v1/kinds", "", "X-Forwarded-For", "2001:db8::3").want(http.StatusTooManyRequests)
	if !strings.Contains(s.log.String(), `"client":"198.51.100.7"`) {
		t.Error("the log does not name the client")
	}
}

func TestLimitsWithoutTheStore(t *testing.T) {
	t.Parallel()
	s := newSite(t, limited("read=2/h", 0))
	s.redis.Kill()
	for _, want := range []int{200, 200, 429} {
		s.do("GET", "/api/v1/kinds", "").want(want)
	}
}

func TestStreamsOfOneClient(t *testing.T) {
	t.Parallel()
	s := newSite(t, limited("0", 2))
	open := func(address string) *http.Response {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.server.URL+"/api/v1/events", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Forwarded-For", address)
		response, err := s.server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = response.Body.Close() })
		return response
	}
	one := open("192.0.2.1")
	open("192.0.2.1")
	if got := open("192.0.2.1").StatusCode; got != http.StatusTooManyRequests {
		t.Errorf("a third stream: %d", got)
	}
	if got := open("192.0.2.2").StatusCode; got != http.StatusOK {
		t.Errorf("somebody else's stream: %d", got)
	}
	_ = one.Body.Close()
	for { // the server notices in its own time
		if open("192.0.2.1").StatusCode == http.StatusOK {
			return
		}
	}
}

func TestSizes(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	nested := func(levels int) string {
		return `{"kind":"test.plain","input":{"message":` + strings.Repeat("[", levels) + strings.Repeat("]", levels) + `}}`
	}
	s.do("POST", "/api/v1/tasks", nested(98)).want(http.StatusAccepted)
	if got := s.do("POST", "/api/v1/tasks", nested(99)).want(http.StatusUnprocessableEntity).at("errors.0.message"); got != "must not be nested deeper than 100 levels" {
		t.Errorf("got %q", got)
	}
	s.do("POST", "/api/v1/tasks", `{"kind":"test.plain","input":{"message":"`+strings.Repeat(`[\"`, 500)+`"}}`).want(http.StatusAccepted)
	s.do("GET", "/api/v1/tasks?queue="+strings.Repeat("a", 17<<10), "").want(http.StatusRequestURITooLong)
	s.api.bodies.Store(maxBodies) // as if others were sending that much
	if got := s.do("POST", "/api/v1/tasks", oneReport).want(http.StatusServiceUnavailable); got.at("code") != "too_busy" || got.header.Get("Retry-After") == "" {
		t.Errorf("got %s", got.body)
	}
	if left := s.api.bodies.Load(); left != maxBodies {
		t.Errorf("%d bytes stay counted", left-maxBodies)
	}
}
