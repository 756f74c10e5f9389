package store

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"hash/crc32"
	"math/big"
	"strings"
)

// A secret is a prefix, 256 random bits and a CRC-32 of both, in base 62. The
// prefix lets people, and programs that search code for leaks, know what they
// see; the checksum lets typing errors and noise be refused without asking Redis.
//
// Redis gets its SHA-256 only. A slow hash would protect what can be guessed;
// nobody tries 2^256 values, however fast the hash, and each request pays for it.
const (
	tokenPrefix   = "wl_"
	sessionPrefix = "wls_"
	// LinkPrefix begins the secret of a link to a task.
	LinkPrefix = "wll_"

	secretRandom   = 43 // characters of 256 bits in base 62
	secretChecksum = 6  // characters of 32 bits
)

const base62 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

// secret is what remains of one after it was read: what names it and what proves it.
type secret struct {
	name string // 12 characters derived from the hash; they name the record
	hash string // SHA-256 in hex
}

// newSecret makes one, and gives the text that only its holder may ever have.
func newSecret(prefix string) (string, secret) {
	var random [32]byte
	randomBytes(random[:])
	text := prefix + inBase62(new(big.Int).SetBytes(random[:]), secretRandom)
	text += checksum(text)
	return text, secretOf(text)
}

func checksum(text string) string {
	sum := crc32.ChecksumIEEE([]byte(text))
	return inBase62(big.NewInt(int64(sum)), secretChecksum)
}

func inBase62(n *big.Int, width int) string {
	digits := n.Text(62)
	return strings.Repeat("0", width-len(digits)) + digits
}

// secretNames is how many characters name a secret: 60 bits of its hash.
const secretNames = 12

func secretOf(text string) secret {
	sum := sha256.Sum256([]byte(text))
	return secret{name: idEncoding.EncodeToString(sum[:8])[:secretNames], hash: hex.EncodeToString(sum[:])}
}

// parseSecret reads a secret of one sort. It is false for what none can be: such text needs no look-up.
func parseSecret(prefix, text string) (secret, bool) {
	body, found := strings.CutPrefix(text, prefix)
	if !found || len(body) != secretRandom+secretChecksum || strings.Trim(body, base62) != "" {
		return secret{}, false
	}
	if end := len(text) - secretChecksum; checksum(text[:end]) != text[end:] {
		return secret{}, false
	}
	return secretOf(text), true
}

// proves reports whether the record's hash is this secret's.
func (s secret) proves(hash string) bool {
	return hash != "" && subtle.ConstantTimeCompare([]byte(s.hash), []byte(hash)) == 1
}
