package store

import (
	"testing"
	"time"

	"windlass/internal/redistest"
)

// One node is tried by the doctor's own tests.
func TestDiagnoseOfManyNodes(t *testing.T) {
	for name, url := range map[string]string{"cluster": redistest.StartCluster(t, 3).URL(), "sentinel": redistest.StartSentinel(t, 1).URL()} {
		t.Run(name, func(t *testing.T) {
			d, err := Diagnose(t.Context(), Address{URL: url}, 0)
			if err != nil {
				t.Fatal(err)
			}
			if d.Version == "" || d.Latency <= 0 || d.UsedMemory <= 0 || d.Ahead.Abs() > time.Second || d.TLS || d.User != "" {
				t.Errorf("got %+v", d)
			}
		})
	}
}
