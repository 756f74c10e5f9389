package awslogs

import (
	"strconv"
	"unicode/utf8"
)

const (
	// maxPart keeps a quoted part of a line below maxMessage: of JSON on one line only
	// quotes and backslashes need a second byte.
	maxPart = 500_000
	// maxSeqLen is the longest number and the comma after it.
	maxSeqLen = 21
)

// cutText cuts valid UTF-8 into pieces of at most n bytes, between characters.
func cutText(text []byte, n int) [][]byte {
	var parts [][]byte
	for len(text) > n {
		end := n
		for end > 0 && !utf8.RuneStart(text[end]) {
			end--
		}
		parts = append(parts, text[:end])
		text = text[end:]
	}
	return append(parts, text)
}

// appendQuoted appends valid UTF-8 as a JSON string.
func appendQuoted(b, text []byte) []byte {
	b = append(b, '"')
	for _, c := range text {
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < 0x20:
			b = append(b, `\u00`...)
			if c < 0x10 {
				b = append(b, '0')
			}
			b = strconv.AppendUint(b, uint64(c), 16)
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}
