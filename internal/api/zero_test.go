package api

import (
	"fmt"
	"testing"
)

// A zero that was sent is not the default: it is refused where it is no value.
func TestZeroIsNotTheDefault(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	for _, zero := range []string{"0s", "0", "0h0m", "0.00ms", "-0s", "00us", "-1s", "5 apples", "1"} {
		for _, field := range []string{"min_backoff", "max_backoff", "timeout", "deadline"} {
			body := fmt.Sprintf(`{"kind":"test.report","input":{"name":"ab"},"policy":{%q:%q}}`, field, zero)
			got := s.do("POST", "/api/v1/tasks", body).want(422)
			if got.at("errors.0.location") != "body.policy."+field || got.at("errors.0.message") != `must be a duration above 0s, such as "30s", "5m" or "1h30m"` {
				t.Errorf("%s of %s: %s", field, zero, got.body)
			}
		}
	}
	for _, body := range []string{
		`{"kind":"test.report","input":{"name":"ab"},"policy":{"max_attempts":0}}`,
		`{"kind":"test.report","input":{"name":"ab","size":0}}`,
		`{"kind":"test.report","input":{"name":"ab","wait":"0s"}}`,
	} {
		s.do("POST", "/api/v1/tasks", body).want(422)
	}
	for _, some := range []string{"1ns", "0h1m", "0.001s", "0s0.5ms", "10m", "1h0m0s", "07s"} {
		body := fmt.Sprintf(`{"kind":"test.report","input":{"name":"ab","wait":%q,"pause":"0s"},"policy":{"timeout":%q}}`, some, some)
		s.do("POST", "/api/v1/tasks", body).want(202)
	}
	for path, field := range map[string]string{"/api/v1/tokens": "expires_in"} {
		if got := s.do("POST", path, `{"name":"n","role":"viewer","expires_in":"0s"}`).want(422); got.at("errors.0.location") != "body."+field {
			t.Errorf("%s: %s", path, got.body)
		}
	}
	id := s.submit(oneReport).ID
	s.do("POST", "/api/v1/tasks/"+id+"/links", `{"expires_in":"0s"}`).want(422)
}
