package kind

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParseStatusRanges(t *testing.T) {
	tests := []struct {
		list []string
		want []statusRange // nil: refused
	}{
		{nil, []statusRange{{200, 299}}},
		{[]string{"204"}, []statusRange{{204, 204}}},
		{[]string{"200-299", "304", "404-404"}, []statusRange{{200, 299}, {304, 304}, {404, 404}}},
		{[]string{"200-599"}, []statusRange{{200, 599}}},
		{[]string{""}, nil}, {[]string{"2xx"}, nil}, {[]string{"100"}, nil}, {[]string{"600"}, nil}, {[]string{"299-200"}, nil},
		{[]string{"200-"}, nil}, {[]string{"-200"}, nil}, {[]string{"200-300-400"}, nil}, {[]string{" 200"}, nil}, {[]string{"0200"}, nil},
		{[]string{"+200"}, nil}, {[]string{"200", "x"}, nil},
	}
	for _, tt := range tests {
		got, rule := parseStatusRanges(tt.list)
		if (rule == "") != (tt.want != nil) {
			t.Errorf("%q: rule %q", tt.list, rule)
		}
		if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(statusRange{})); diff != "" {
			t.Errorf("%q (-want +got):\n%s", tt.list, diff)
		}
	}
}

func FuzzParseStatusRanges(f *testing.F) {
	for _, seed := range []string{"200-299", "304", "", "200-299,304", "2xx", "599-200", "-", "200-٢٩٩"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, list string) {
		ranges, rule := parseStatusRanges(strings.Split(list, ","))
		if rule != "" {
			return
		}
		var again []string
		for _, r := range ranges {
			if r.low < 200 || r.low > r.high || r.high > 599 {
				t.Fatalf("%q: range %v", list, r)
			}
			again = append(again, fmt.Sprintf("%d-%d", r.low, r.high))
		}
		if same, rule := parseStatusRanges(again); rule != "" || !cmp.Equal(ranges, same, cmp.AllowUnexported(statusRange{})) {
			t.Errorf("%q: %v written again is %v, %s", list, ranges, same, rule)
		}
	})
}

func TestHTTPRequestJudgesTheStatus(t *testing.T) {
	type outcome int
	const (
		success outcome = iota
		retried
		final
	)
	tests := []struct {
		status  int
		success []string
		want    outcome
	}{
		{200, nil, success}, {204, nil, success}, {299, nil, success},
		{304, nil, final}, {304, []string{"304"}, success}, {200, []string{"304"}, final}, {404, []string{"200-299", "404"}, success},
		{503, []string{"503"}, success},
		{400, nil, final}, {401, nil, final}, {403, nil, final}, {404, nil, final}, {409, nil, final}, {410, nil, final}, {422, nil, final},
		{408, nil, retried}, {425, nil, retried}, {429, nil, retried}, {500, nil, retried}, {501, nil, retried}, {502, nil, retried},
		{503, nil, retried}, {504, nil, retried}, {599, nil, retried},
	}
	for _, tt := range tests {
		s := server(t, answers(tt.status, ""))
		in := HTTPRequestInput{URL: s.URL, Success: tt.success}
		if tt.want == success {
			if out := succeed(t, in); out.Status != tt.status {
				t.Errorf("status %d, want %d", out.Status, tt.status)
			}
			continue
		}
		e := fail(t, in)
		if e.Code != "http_status" || e.Final != (tt.want == final) || e.After != 0 || !strings.HasPrefix(e.Message, fmt.Sprintf("The target answered %d", tt.status)) {
			t.Errorf("%d with success %v: %+v, want it final = %v", tt.status, tt.success, e, tt.want == final)
		}
	}
}

func TestStatusFaultSentences(t *testing.T) {
	tests := []struct {
		status int
		after  string
		want   string
	}{
		{503, "", "The target answered 503 Service Unavailable."},
		{503, "120", "The target answered 503 Service Unavailable and asks to wait for 2m0s."},
		{429, "30", "The target answered 429 Too Many Requests and asks to wait for 30 s."},
		{404, "30", "The target answered 404 Not Found."},
		{410, "", "The target answered 410 Gone: it is no longer there and wants no more calls."},
		{599, "", "The target answered 599."},
	}
	for _, tt := range tests {
		if got := statusFault(tt.status, http.Header{"Retry-After": {tt.after}}, time.Now()).Message; got != tt.want {
			t.Errorf("%d: %q, want %q", tt.status, got, tt.want)
		}
	}
}

func TestHTTPRequestWaitsAsAsked(t *testing.T) {
	s := server(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "90")
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	if e := fail(t, HTTPRequestInput{URL: s.URL}); e.After != 90*time.Second || e.Final {
		t.Errorf("%+v, want another attempt after 90s", e)
	}
}
