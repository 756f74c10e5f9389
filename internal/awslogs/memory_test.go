package awslogs

import (
	"io"
	"net/http"
	"net/http/httptest"
	"runtime/metrics"
	"testing"
)

// heapBytes is the memory that the heap holds, used or not.
func heapBytes() uint64 {
	sample := []metrics.Sample{
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/memory/classes/heap/unused:bytes"},
		{Name: "/memory/classes/heap/free:bytes"},
	}
	metrics.Read(sample)
	var sum uint64
	for _, s := range sample {
		sum += s.Value.Uint64()
	}
	return sum
}

// While CloudWatch is away, silent or refusing, lines pile up on the disk and not in memory.
func TestMemoryWhileAway(t *testing.T) {
	for name, silent := range map[string]bool{"silent": true, "refusing": false} {
		t.Run(name, func(t *testing.T) {
			both(t, func(t *testing.T, mode func(*Config)) {
				// Not the fake: its memory would be counted.
				server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					_, _ = io.Copy(io.Discard, r.Body)
					if silent {
						<-r.Context().Done()
					}
					w.WriteHeader(http.StatusServiceUnavailable)
				}))
				t.Cleanup(server.Close)
				t.Cleanup(server.CloseClientConnections)
				toFake(t, server.URL)
				s, log, _ := ship(t, quick(), mode)
				before, most := heapBytes(), uint64(0)
				for n := 1; n <= 100_000; n += 5000 { // 22 MB
					write(log, n, n+4999)
					most = max(most, heapBytes())
				}
				grown := max(most, before) - before
				t.Logf("100,000 lines wait, %d KiB on the disk; the heap has grown by %d KiB", s.Health().SpooledBytes>>10, grown>>10)
				if grown > 32<<20 {
					t.Errorf("the heap has grown by %d MiB", grown>>20)
				}
			})
		})
	}
}
