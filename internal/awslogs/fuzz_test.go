package awslogs

import (
	"bytes"
	"testing"
)

// Whatever is on the disk, the reader comes to an end, gives only what its CRC vouches for, and
// finds the whole record behind the rubbish.
func FuzzReader(f *testing.F) {
	good := beginRecord(nil)
	good = append(good, `{"seq":7,"msg":"good"}`...)
	endRecord(good, 0, 1000, 7, true)
	f.Add([]byte(nil), 0)
	f.Add(good, 3)
	f.Add(good[:len(good)-3], 40)
	f.Add([]byte(recordMark), 2)
	f.Add([]byte(recordMark+"\x00\x00\x00\x30"), 9)
	f.Add(append(bytes.Clone(good), good[:9]...), 50)
	f.Fuzz(func(t *testing.T, rubbish []byte, cut int) {
		data := append(bytes.Clone(rubbish), good...)
		whole := records(t, data, len(data))
		if n := len(whole); n == 0 || !bytes.Equal(whole[n-1], good[recordHead:]) {
			t.Fatalf("the good record is not found behind %q", rubbish)
		}
		// Read in two pieces it is the same.
		if cut < 0 {
			cut = -(cut + 1)
		}
		pieces := records(t, data, cut%(len(data)+1))
		if len(pieces) != len(whole) {
			t.Fatalf("%d records in pieces, %d in one", len(pieces), len(whole))
		}
	})
}

// records reads data up to a place, and then from where that ended.
func records(t *testing.T, data []byte, at int) (messages [][]byte) {
	t.Helper()
	from := 0
	for _, r := range []reader{{b: data[:at], last: at == len(data)}, {last: true}} {
		if r.b == nil {
			r.b = data[from:]
		}
		steps := 0
		for rec, ok := r.next(); ok; rec, ok = r.next() {
			if steps++; steps > len(data) || r.off > len(r.b) {
				t.Fatal("it does not come to an end")
			}
			messages = append(messages, rec.message)
		}
		from += r.off
		if at == len(data) {
			break
		}
	}
	return messages
}

func FuzzHead(f *testing.F) {
	f.Add(appendHead(nil, "worker/host/boot"), int64(5000))
	f.Add([]byte(segmentMagic), int64(8))
	f.Fuzz(func(t *testing.T, head []byte, size int64) {
		stream, acked, done, err := parseHead(head, size)
		if err != nil {
			return
		}
		s := &segment{stream: stream, size: size, acked: acked, read: acked, done: done}
		for from, steps := acked, 0; ; steps++ {
			begin, end := s.undone(from)
			if begin >= end {
				break
			}
			if steps > window || begin < acked || end > size {
				t.Fatalf("from %d to %d of %+v", begin, end, s)
			}
			from = end
		}
	})
}
