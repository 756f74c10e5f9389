package awslogs

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"slices"
)

// A segment begins with a head: a magic word 8, what of it is acknowledged 40 and the CRC of
// that 4, then the length of the stream's name 2, its CRC 4, and the name. What is acknowledged
// is an offset, and two spans after it: more than window batches are never on their way.
const (
	segmentMagic = "WINDLOG1"
	ackedAt      = 8
	ackedCRC     = ackedAt + 8 + 16*(window-1)
	streamAt     = ackedCRC + 4
	nameAt       = streamAt + 6
)

// span is a part of a segment that holds whole records.
type span struct {
	seg      *segment
	from, to int64
	lines    int // once it was read: with those that are lost
}

// segment is a run of records, in memory or in a file, and how far they have come. Both
// look the same byte by byte, so a segment moves from memory to a file without anybody
// who knows an offset in it noticing. The spool's mutex guards the fields.
type segment struct {
	next   *segment
	number int // in the order of writing
	folder *folder
	stream string
	path   string   // "" while it is in memory
	file   *os.File // open for writing only while it is the newest
	mem    []byte

	size    int64 // the end of the last whole record
	read    int64 // the collector has come this far
	acked   int64 // all before this is acknowledged
	done    []span
	lines   int // of records written by this process and not yet collected
	lastSeq uint64

	sealed  bool  // nothing is added any more
	thinned bool  // only serious lines are left
	busy    bool  // the keeper is rewriting it
	adopted bool  // written by an earlier process
	since   int64 // when that was, ms
}

// appendHead begins a segment.
func appendHead(b []byte, stream string) []byte {
	start := len(b)
	b = append(b, segmentMagic...)
	b = append(b, make([]byte, streamAt-ackedAt)...)
	b = binary.BigEndian.AppendUint16(b, uint16(len(stream)))
	b = binary.BigEndian.AppendUint32(b, crc32.Checksum([]byte(stream), castagnoli))
	b = append(b, stream...)
	putAcked(b[start:], int64(nameAt+len(stream)), nil)
	return b
}

// putAcked notes in a head what of the segment is acknowledged.
func putAcked(head []byte, acked int64, done []span) {
	b := binary.BigEndian.AppendUint64(head[:ackedAt], uint64(acked))
	for i := range window - 1 {
		var d span
		if i < len(done) {
			d = done[i]
		}
		b = binary.BigEndian.AppendUint64(b, uint64(d.from))
		b = binary.BigEndian.AppendUint64(b, uint64(d.to))
	}
	binary.BigEndian.PutUint32(head[ackedCRC:], crc32.Checksum(b[ackedAt:], castagnoli))
}

// parseHead gives the stream and what is acknowledged of a segment of the given size. Where
// the second one makes no sense it says that nothing is: lines twice are better than none.
func parseHead(b []byte, size int64) (stream string, acked int64, done []span, err error) {
	if len(b) < nameAt || string(b[:len(segmentMagic)]) != segmentMagic {
		return "", 0, nil, errors.New("not a segment of log lines")
	}
	end := nameAt + int(binary.BigEndian.Uint16(b[streamAt:]))
	if len(b) < end {
		return "", 0, nil, errors.New("a segment of log lines ends in its head")
	}
	name := b[nameAt:end]
	if crc32.Checksum(name, castagnoli) != binary.BigEndian.Uint32(b[streamAt+2:]) {
		return "", 0, nil, errors.New("the head of a segment of log lines is damaged")
	}
	if crc32.Checksum(b[ackedAt:ackedCRC], castagnoli) != binary.BigEndian.Uint32(b[ackedCRC:]) {
		return string(name), int64(end), nil, nil
	}
	number := func(at int) int64 { return int64(binary.BigEndian.Uint64(b[at:])) }
	acked = max(int64(end), min(size, number(ackedAt)))
	for at := ackedAt + 8; at < ackedCRC; at += 16 {
		if d := (span{from: number(at), to: number(at + 8)}); acked < d.from && d.from < d.to && d.to <= size {
			done = append(done, d)
		}
	}
	return string(name), acked, done, nil
}

// newMemory begins a segment in memory.
func newMemory(number int, stream string) *segment {
	mem := appendHead(make([]byte, 0, memorySegment), stream)
	n := int64(len(mem))
	return &segment{number: number, stream: stream, mem: mem, size: n, read: n, acked: n}
}

// newFile begins a segment in a file.
func newFile(f *folder, number int, stream string) (*segment, error) {
	path := f.file(number)
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("begin a segment: %w", err)
	}
	head := appendHead(nil, stream)
	if _, err := file.Write(head); err != nil {
		return nil, errors.Join(fmt.Errorf("begin a segment: %w", err), file.Close(), os.Remove(path))
	}
	n := int64(len(head))
	return &segment{number: number, folder: f, stream: stream, path: path, file: file, size: n, read: n, acked: n}, nil
}

// openSegment takes over a file of an earlier process. Of one whose head is damaged the
// records are still read; they go to the given stream.
func openSegment(f *folder, path, stream string) (*segment, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	head := make([]byte, nameAt+maxStreamName)
	n, err := io.ReadFull(file, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, err
	}
	s := &segment{folder: f, path: path, stream: stream, size: info.Size(), sealed: true, adopted: true, since: info.ModTime().UnixMilli()}
	if name, acked, done, err := parseHead(head[:n], s.size); err == nil {
		s.stream, s.acked, s.done = name, acked, done
	}
	s.read = s.acked
	return s, nil
}

// start is where the first record of a segment of this process is.
func (s *segment) start() int64 { return int64(nameAt + len(s.stream)) }

// complete says whether the segment has served.
func (s *segment) complete() bool { return s.sealed && !s.busy && s.acked >= s.size }

// confirm notes that a span is acknowledged. Spans may come in any order.
func (s *segment) confirm(from, to int64) {
	s.done = append(s.done, span{from: from, to: to})
	for moved := true; moved; {
		moved = false
		s.done = slices.DeleteFunc(s.done, func(d span) bool {
			if d.from > s.acked {
				return false
			}
			s.acked = max(s.acked, d.to)
			moved = true
			return true
		})
	}
}

// place is where the bytes of a segment are, valid without the spool's mutex: what is
// before the segment's size never changes.
type place struct {
	path string
	mem  []byte
}

func (s *segment) place() place { return place{s.path, s.mem} }

// bytes reads what is between two offsets.
func (p place) bytes(from, to int64) ([]byte, error) {
	if p.path == "" {
		return p.mem[from:to], nil
	}
	file, err := os.Open(p.path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	b := make([]byte, to-from)
	n, err := file.ReadAt(b, from)
	if errors.Is(err, io.EOF) {
		err = nil // Somebody cut it: what is left is read.
	}
	return b[:n], err
}

// writeAcked notes in the file what of it is acknowledged, for the process that may have to go
// on with it.
func writeAcked(path string, acked int64, done []span) error {
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	head := make([]byte, streamAt)
	putAcked(head, acked, done)
	_, err = file.WriteAt(head[ackedAt:], ackedAt)
	return errors.Join(err, file.Close())
}

// unread is how much is still to be collected.
func (s *segment) unread() int64 {
	n := s.size - s.read
	for _, d := range s.done {
		if d.from >= s.read {
			n -= d.to - d.from
		}
	}
	return n
}

// undone gives the first part from an offset on that an earlier process had no
// acknowledgement for.
func (s *segment) undone(from int64) (begin, end int64) {
	end = s.size
	for moved := true; moved; {
		moved = false
		for _, d := range s.done {
			if d.from <= from && from < d.to {
				from, moved = d.to, true
			}
		}
	}
	for _, d := range s.done {
		if d.from > from {
			end = min(end, d.from)
		}
	}
	return from, end
}
