// Package signature signs requests as the Standard Webhooks specification has it.
// https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
package signature

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The prefixes of keys: of a secret that both sides have, and of the two halves
// of a pair.
const (
	SymmetricPrefix = "whsec_"
	PrivatePrefix   = "whsk_"
	PublicPrefix    = "whpk_"
)

// Key signs requests. The zero value does not.
type Key struct {
	symmetric []byte
	private   ed25519.PrivateKey
}

// ParseKey reads a signing secret: whsec_ and the base64 of 24 to 64 bytes, for
// v1 signatures (HMAC-SHA-256), or whsk_ and the base64 of an ed25519 private key,
// for v1a ones: its seed of 32 bytes, or seed and public key, 64 bytes. rule says
// what is wrong with it in a clause, and is empty when nothing is.
func ParseKey(secret string) (key Key, rule string) {
	if encoded, ok := strings.CutPrefix(secret, PrivatePrefix); ok {
		return parsePrivate(encoded)
	}
	const wanted = "must be whsec_ followed by the base64 of 24 to 64 bytes, or whsk_ followed by that of an ed25519 private key"
	encoded, ok := strings.CutPrefix(secret, SymmetricPrefix)
	if !ok {
		return Key{}, wanted
	}
	b, ok := decode(encoded)
	if !ok || len(b) < 24 || len(b) > 64 {
		return Key{}, wanted
	}
	return Key{symmetric: b}, ""
}

func parsePrivate(encoded string) (key Key, rule string) {
	const wanted = "must be whsk_ followed by the base64 of an ed25519 private key of 32 or 64 bytes"
	b, ok := decode(encoded)
	if !ok || len(b) != ed25519.SeedSize && len(b) != ed25519.PrivateKeySize {
		return Key{}, wanted
	}
	private := ed25519.NewKeyFromSeed(b[:ed25519.SeedSize])
	if len(b) == ed25519.PrivateKeySize && !private.Equal(ed25519.PrivateKey(b)) {
		return Key{}, "must hold the public key that belongs to its seed"
	}
	return Key{private: private}, ""
}

// decode is strict, because the decoder otherwise skips line breaks and stray
// bits, which the receiver's decoder may not.
func decode(encoded string) ([]byte, bool) {
	b, err := base64.StdEncoding.Strict().DecodeString(encoded)
	return b, err == nil && !strings.ContainsAny(encoded, "\r\n")
}

// Looks reports whether a value is meant to be a signing secret.
func Looks(value string) bool {
	return strings.HasPrefix(value, SymmetricPrefix) || strings.HasPrefix(value, PrivatePrefix)
}

// Public gives the half of the key that receivers get, empty when they get the
// secret itself.
func (k Key) Public() string {
	if k.private == nil {
		return ""
	}
	public := k.private[ed25519.SeedSize:] // it stands behind the seed
	return PublicPrefix + base64.StdEncoding.EncodeToString(public)
}

// Scheme names the sort of the key's signatures: v1 or v1a.
func (k Key) Scheme() string {
	if k.private != nil {
		return "v1a"
	}
	return "v1"
}

func (k Key) signature(content []byte) string {
	if k.private != nil {
		return "v1a," + base64.StdEncoding.EncodeToString(ed25519.Sign(k.private, content))
	}
	mac := hmac.New(sha256.New, k.symmetric)
	mac.Write(content)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// Sign adds the fields for body, with one signature a key: while a key is
// replaced the receiver accepts the request by either. The id stays the same
// over all attempts so that the receiver can tell a repetition; the time is this
// attempt's, for receivers refuse old ones.
func Sign(h http.Header, keys []Key, id string, at time.Time, body []byte) {
	timestamp := strconv.FormatInt(at.Unix(), 10)
	content := append([]byte(id+"."+timestamp+"."), body...)
	signatures := make([]string, len(keys))
	for i, k := range keys {
		signatures[i] = k.signature(content)
	}
	h.Set("webhook-id", id)
	h.Set("webhook-timestamp", timestamp)
	h.Set("webhook-signature", strings.Join(signatures, " "))
}
