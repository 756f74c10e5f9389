package awslogs

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
)

// A record is one line in a segment:
//
//	mark 4 | length of the message 4 | CRC-32C of all that follows 4 |
//	time in ms 8 | sequence number 8 | serious 1 | message
//
// Numbers are big endian. The mark begins with a byte that UTF-8 has no use for, and
// messages are UTF-8, so a reader that met damage finds the next record by its mark.
const (
	recordMark = "\xffWL\xfe"
	recordHead = 29
	crcFrom    = 12
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var (
	errShort   = errors.New("the record goes on")
	errDamaged = errors.New("this is not a record")
)

// record is a line as the spool keeps it.
type record struct {
	ms      int64 // when it was written, milliseconds since 1970
	seq     uint64
	serious bool   // WARN or above: dropped last
	message []byte // UTF-8, 1 to maxMessage bytes
}

// beginRecord leaves room for the head; the message is appended next.
func beginRecord(b []byte) []byte {
	var head [recordHead]byte
	return append(b, head[:]...)
}

// endRecord fills in the head of the record that begins at start and ends with b.
func endRecord(b []byte, start int, ms int64, seq uint64, serious bool) {
	r := b[start:]
	copy(r, recordMark)
	binary.BigEndian.PutUint32(r[4:], uint32(len(r)-recordHead))
	binary.BigEndian.PutUint64(r[12:], uint64(ms))
	binary.BigEndian.PutUint64(r[20:], seq)
	r[28] = 0
	if serious {
		r[28] = 1
	}
	binary.BigEndian.PutUint32(r[8:], crc32.Checksum(r[crcFrom:], castagnoli))
}

// parseRecord reads the record that b begins with and its length in bytes. The message is
// part of b. errShort means that b may hold the beginning of one.
func parseRecord(b []byte) (record, int, error) {
	if !bytes.HasPrefix(b, []byte(recordMark)[:min(len(b), len(recordMark))]) {
		return record{}, 0, errDamaged
	}
	if len(b) < recordHead {
		return record{}, 0, errShort
	}
	length := binary.BigEndian.Uint32(b[4:])
	if length == 0 || length > maxMessage {
		return record{}, 0, errDamaged
	}
	n := recordHead + int(length)
	if len(b) < n {
		return record{}, 0, errShort
	}
	if crc32.Checksum(b[crcFrom:n], castagnoli) != binary.BigEndian.Uint32(b[8:]) {
		return record{}, 0, errDamaged
	}
	return record{
		ms:      int64(binary.BigEndian.Uint64(b[12:])),
		seq:     binary.BigEndian.Uint64(b[20:]),
		serious: b[28] == 1,
		message: b[recordHead:n],
	}, n, nil
}

// reader walks over the records in b and steps over what is damaged. It trusts nothing:
// the bytes are from a disk.
type reader struct {
	b    []byte
	off  int  // where the next record begins
	last bool // nothing follows b
	hurt bool // something was stepped over since the last record
}

// next gives the next whole record, or false at the end. Unless b is the last of it, what
// may be the beginning of a record is left for another read from off.
func (r *reader) next() (record, bool) {
	for r.off < len(r.b) {
		rec, n, err := parseRecord(r.b[r.off:])
		if err == nil {
			r.off += n
			return rec, true
		}
		if errors.Is(err, errShort) && !r.last {
			return record{}, false
		}
		r.hurt = true
		r.skip()
	}
	return record{}, false
}

// skip moves to the next mark, or to the end.
func (r *reader) skip() {
	if i := bytes.Index(r.b[r.off+1:], []byte(recordMark)); i >= 0 {
		r.off += 1 + i
		return
	}
	end := len(r.b)
	if !r.last {
		end -= len(recordMark) - 1 // A mark may begin here.
	}
	r.off = max(r.off+1, end)
}
