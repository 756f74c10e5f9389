package api

import "testing"

func TestLoopbackHost(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost:8000": true, "LOCALHOST": true, "127.0.0.1:8000": true, "127.9.9.9": true, "[::1]:8000": true, "[::1]": true,
		"[::ffff:127.0.0.1]:80": true, "": false, "windlass.example:8000": false, "127.0.0.1.evil.example": false,
		"localhost.evil.example": false, "10.0.0.1:8000": false, "0.0.0.0:8000": false,
	} {
		if got := loopbackHost(host); got != want {
			t.Errorf("%q: got %t", host, got)
		}
	}
}
