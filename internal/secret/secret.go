// Package secret seals what Redis keeps and nobody may read there: stored
// secrets, and inputs of tasks that hold some.
//
// A sealed value is text: 1.<key id>.<base64 of salt, nonce and ciphertext>.
// The cipher is AES-256-GCM. Each value has a key of its own, derived from the
// configured one and the salt by HKDF-SHA-256: one key with random nonces must
// not seal more than 2^32 values (NIST SP 800-38D, 8.3), which a busy server
// would have sealed within months.
//
// What a value is for is authenticated with it, so that whoever can write to
// Redis cannot put one in the place of another.
package secret

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

const (
	version  = "1"
	keySize  = 32 // bytes
	saltSize = 16
	idLength = 12 // of a key's id, in hexadecimal digits
)

// ErrBroken says that a sealed value is not what was sealed under this purpose.
var ErrBroken = errors.New("the sealed value was changed, or is for something else")

// UnknownKeyError says that a value is sealed with a key that is not there.
type UnknownKeyError struct {
	ID string // the key's id
}

// Error names the key.
func (e *UnknownKeyError) Error() string {
	return "sealed with key " + e.ID + ", which is not configured"
}

// Keys seals with its first key and opens with any. It is safe for concurrent use.
type Keys struct {
	list []key
}

type key struct {
	id    string
	bytes []byte
}

// ParseKeys reads keys of 32 bytes in base64 or hexadecimal, parted by white
// space or commas. The first one seals; older ones only open what they sealed.
// The error never holds a key.
func ParseKeys(text string) (*Keys, error) {
	k := &Keys{}
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(", \t\r\n", r) }) {
		b, err := parseKey(word)
		if err != nil {
			return nil, fmt.Errorf("key %d: %w", len(k.list)+1, err)
		}
		k.list = append(k.list, key{id: keyID(b), bytes: b})
	}
	if len(k.list) == 0 {
		return nil, errors.New("holds no key")
	}
	return k, nil
}

func parseKey(word string) ([]byte, error) {
	if b, err := hex.DecodeString(word); err == nil && len(b) == keySize {
		return b, nil
	}
	b, err := base64.RawStdEncoding.Strict().DecodeString(strings.TrimRight(word, "="))
	if err != nil || len(b) != keySize {
		return nil, errors.New("must be 32 bytes in base64 or hexadecimal; `openssl rand -base64 32` makes one")
	}
	return b, nil
}

// keyID names a key without telling anything of it.
func keyID(key []byte) string {
	h := hmac.New(sha256.New, key)
	h.Write([]byte("windlass key id"))
	return hex.EncodeToString(h.Sum(nil))[:idLength]
}

// ID names the key that seals.
func (k *Keys) ID() string { return k.list[0].id }

// KeyID names the key that a value was sealed with, empty for what is not a sealed value.
func KeyID(sealed string) string {
	first, rest, _ := strings.Cut(sealed, ".")
	id, _, found := strings.Cut(rest, ".")
	if first != version || !found || len(id) != idLength || strings.Trim(id, "0123456789abcdef") != "" {
		return ""
	}
	return id
}

// Seal gives value in a form that only Open under the same purpose reads.
func (k *Keys) Seal(purpose, value string) string {
	salt := make([]byte, saltSize)
	_, _ = rand.Read(salt) // never fails: it crashes instead
	// With a nonce made inside, Seal puts it before the ciphertext.
	sealed := k.list[0].cipher(salt).Seal(salt, nil, []byte(value), []byte(purpose))
	return version + "." + k.ID() + "." + base64.RawStdEncoding.EncodeToString(sealed)
}

// Open gives what was sealed under this purpose. Errors: *UnknownKeyError, ErrBroken.
func (k *Keys) Open(purpose, sealed string) (string, error) {
	id := KeyID(sealed)
	if id == "" {
		return "", ErrBroken
	}
	b, err := base64.RawStdEncoding.Strict().DecodeString(sealed[len(version)+len(id)+2:])
	if err != nil || len(b) < saltSize {
		return "", ErrBroken
	}
	for _, key := range k.list {
		if key.id != id {
			continue
		}
		value, err := key.cipher(b[:saltSize]).Open(nil, nil, b[saltSize:], []byte(purpose))
		if err != nil {
			return "", ErrBroken
		}
		return string(value), nil
	}
	return "", &UnknownKeyError{ID: id}
}

// cipher gives the cipher of one value. It panics on what cannot be: the sizes are constants.
func (k key) cipher(salt []byte) cipher.AEAD {
	own, err := hkdf.Key(sha256.New, k.bytes, salt, "windlass sealed value", keySize)
	if err != nil {
		panic(fmt.Sprintf("secret: derive a key: %v", err))
	}
	block, err := aes.NewCipher(own)
	if err != nil {
		panic(fmt.Sprintf("secret: %v", err))
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(fmt.Sprintf("secret: %v", err))
	}
	return aead
}

// Digest gives a hash of text that nobody without the current key can try guesses
// against.
func (k *Keys) Digest(text string) string {
	h := hmac.New(sha256.New, k.list[0].bytes)
	h.Write([]byte("windlass digest\x00" + text))
	return hex.EncodeToString(h.Sum(nil))
}

// ForSecret is the purpose of a stored secret.
func ForSecret(name string) string { return "secret\x00" + name }

// ForInput is the purpose of a task's whole input, which belongs to the public
// part of it: that stands beside it in the clear.
func ForInput(kind string, public []byte) string { return "input\x00" + kind + "\x00" + string(public) }
