package store

import (
	"encoding/base32"
	"encoding/binary"
	"sort"
	"strings"
	"sync"
	"time"
)

// An id is tsk_<26 characters>_<queue>. The characters are 48 bits of Unix ms,
// 16 that count within one ms, and 64 random ones, in Crockford's base 32, so
// ids sort by time as text.
const (
	idPrefix = "tsk_"
	idLength = 26
)

var idEncoding = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// ValidQueue reports whether name may name a queue: 1 to 40 of a-z, 0-9, _ and -.
// A brace would break asynq's cluster slots (asynq issue 480).
func ValidQueue(name string) bool {
	for _, c := range []byte(name) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' && c != '-' {
			return false
		}
	}
	return len(name) >= 1 && len(name) <= MaxQueueName
}

// idSource mints ids that grow within this process. The zero value is ready.
type idSource struct {
	mu    sync.Mutex
	ms    uint64
	count uint16
}

func (s *idSource) next(now time.Time, queue string) string { return s.mint(now).id(queue) }

func (s *idSource) mint(now time.Time) (n idNumber) {
	s.mu.Lock()
	if ms := uint64(now.UnixMilli()); ms > s.ms {
		s.ms, s.count = ms, 0
	} else if s.count++; s.count == 0 {
		s.ms++
	}
	ms, count := s.ms, s.count
	s.mu.Unlock()

	binary.BigEndian.PutUint64(n[:8], ms<<16|uint64(count))
	randomBytes(n[8:])
	return n
}

// idNumber is what tells a queue's ids apart.
type idNumber [16]byte

func (n idNumber) String() string { return idEncoding.EncodeToString(n[:]) }

func (n idNumber) id(queue string) string { return idPrefix + n.String() + "_" + queue }

// plus gives the number that counts i more.
func (n idNumber) plus(i int) idNumber {
	binary.BigEndian.PutUint64(n[:8], binary.BigEndian.Uint64(n[:8])+uint64(i))
	return n
}

// parseNumber reads what String wrote.
func parseNumber(text string) (n idNumber, ok bool) {
	b, err := idEncoding.DecodeString(text)
	// The decoder passes over line breaks and spare bits: only what encodes back is a number.
	return idNumber(append(b, n[:]...)), err == nil && idEncoding.EncodeToString(b) == text && len(b) == len(n)
}

// parseID gives the queue and the time (to the ms) that an id tells.
func parseID(id string) (queue string, created time.Time, ok bool) {
	rest, found := strings.CutPrefix(id, idPrefix)
	if !found || len(rest) < idLength+2 || rest[idLength] != '_' {
		return "", time.Time{}, false
	}
	n, ok := parseNumber(rest[:idLength])
	if !ok || !ValidQueue(rest[idLength+1:]) {
		return "", time.Time{}, false
	}
	ms := binary.BigEndian.Uint64(n[:8]) >> 16
	return rest[idLength+1:], time.UnixMilli(int64(ms)).UTC(), true
}

// idBound gives the text that sorts before every id minted at t or later.
func idBound(t time.Time) string {
	ms := max(t.Add(time.Millisecond-1).UnixMilli(), 0) // ids count whole ms
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], uint64(ms)<<16)
	return idPrefix + idEncoding.EncodeToString(b[:])
}

func sorted(names []string) []string {
	sort.Strings(names)
	return names
}
