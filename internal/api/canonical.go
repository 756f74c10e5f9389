package api

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// maxDepth is how many objects and lists may stand inside each other in a submission.
const maxDepth = 100

// deeper reports whether more than most objects and lists stand inside each other in JSON
// text. Of other text it says something.
func deeper(raw []byte, most int) bool {
	now, quoted := 0, false
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			if now++; now > most {
				return true
			}
		case c == '}' || c == ']':
			now--
		}
	}
	return false
}

// decodeExact reads one JSON value with its numbers as they were written, and
// nothing after it.
func decodeExact(raw []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, fmt.Errorf("read JSON: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("read JSON: something follows its end")
	}
	return v, nil
}

// canonical gives JSON in one form for one meaning: compact, members sorted by
// name, the last of those with the same name, numbers as they were written.
func canonical(raw []byte) ([]byte, error) {
	v, err := decodeExact(raw)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("write JSON: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// digest is the SHA-256 of the parts, each ended by a byte that JSON and names never hold.
func digest(parts ...[]byte) string {
	h := sha256.New()
	for _, p := range parts {
		h.Write(p)
		h.Write([]byte{0})
	}
	return hex.EncodeToString(h.Sum(nil))
}
