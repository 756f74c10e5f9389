package ratelimit

import (
	"testing"
	"time"
)

func TestParseRate(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Rate{
		"0": {}, "20/s": {20, time.Second}, "600/m": {600, time.Minute}, "1000000/h": {1_000_000, time.Hour},
	} {
		if got, err := ParseRate(text); err != nil || got != want {
			t.Errorf("%q gives %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "20", "0/s", "-1/s", "1.5/s", "1000001/s", "20/d", "20/s/s", " 20/s"} {
		if got, err := ParseRate(text); err == nil {
			t.Errorf("%q gives %+v", text, got)
		}
	}
}
