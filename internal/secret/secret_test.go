package secret

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
)

func newKeys(t testing.TB, fills ...byte) *Keys {
	t.Helper()
	var words []string
	for _, fill := range fills {
		words = append(words, base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{fill}, keySize)))
	}
	k, err := ParseKeys(strings.Join(words, "\n"))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestParseKeys(t *testing.T) {
	b := bytes.Repeat([]byte{7}, keySize)
	std, raw, hexed := base64.StdEncoding.EncodeToString(b), base64.RawStdEncoding.EncodeToString(b), hex.EncodeToString(b)
	for _, text := range []string{std, raw, hexed, " " + std + "\n", std + "," + hexed, std + "\r\n" + raw} {
		k, err := ParseKeys(text)
		if err != nil || k.ID() != newKeys(t, 7).ID() {
			t.Errorf("%q: %v", text, err)
		}
	}
	for _, text := range []string{"", " \n", "short", std[:40], std + std, hexed[:62], std + " nokey"} {
		_, err := ParseKeys(text)
		if err == nil {
			t.Errorf("%q is taken", text)
		} else if text != "" && strings.Contains(err.Error(), std[:20]) {
			t.Errorf("the error tells the key: %v", err)
		}
	}
}

func TestOpenGivesWhatWasSealed(t *testing.T) {
	k := newKeys(t, 1)
	for _, value := range []string{"", "x", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", strings.Repeat("long", 1<<16), "\x00\xff"} {
		sealed := k.Seal("a", value)
		if KeyID(sealed) != k.ID() {
			t.Errorf("key id %q, want %q", KeyID(sealed), k.ID())
		}
		if len(value) > 8 && strings.Contains(sealed, value[:8]) {
			t.Error("the sealed value holds the value")
		}
		if got, err := k.Open("a", sealed); err != nil || got != value {
			t.Errorf("opened to %d bytes, %v; want %d", len(got), err, len(value))
		}
		if k.Seal("a", value) == sealed {
			t.Error("the same value is sealed alike twice: it can be recognised")
		}
		if _, err := k.Open("b", sealed); !errors.Is(err, ErrBroken) {
			t.Errorf("opened for another purpose: %v", err)
		}
	}
}

func TestDigest(t *testing.T) {
	a, b := newKeys(t, 1, 2), newKeys(t, 2, 1)
	if a.Digest("x") != newKeys(t, 1).Digest("x") || a.Digest("x") == b.Digest("x") || a.Digest("x") == a.Digest("y") {
		t.Error("a digest depends on text and first key, and on nothing else")
	}
}

func TestRotation(t *testing.T) {
	old := newKeys(t, 1)
	sealed := old.Seal("a", "value")
	both := newKeys(t, 2, 1)
	if got, err := both.Open("a", sealed); err != nil || got != "value" {
		t.Errorf("with the older key behind: %q, %v", got, err)
	}
	again := both.Seal("a", "value")
	if _, err := newKeys(t, 2).Open("a", again); err != nil {
		t.Errorf("the newer key does not open what it sealed: %v", err)
	}
	_, err := newKeys(t, 2).Open("a", sealed)
	if unknown, ok := errors.AsType[*UnknownKeyError](err); !ok || unknown.ID != old.ID() {
		t.Errorf("without the older key: %v, want it named", err)
	}
}

func TestOpenRefusesEveryChange(t *testing.T) {
	k := newKeys(t, 1)
	sealed := k.Seal("a", "value")
	for i := range len(sealed) {
		changed := []byte(sealed)
		changed[i] ^= 1
		if got, err := k.Open("a", string(changed)); err == nil {
			t.Errorf("with byte %d changed it opens to %q", i, got)
		}
		if got, err := k.Open("a", sealed[:i]); err == nil {
			t.Errorf("cut after %d bytes it opens to %q", i, got)
		}
	}
}

// Whatever stands in Redis, opening it ends in an error or in what was sealed.
func FuzzOpen(f *testing.F) {
	k := newKeys(f, 1, 2)
	f.Add("a", k.Seal("a", "value"))
	f.Add("b", k.Seal("a", "value"))
	f.Add("a", newKeys(f, 2).Seal("a", ""))
	f.Add("a", newKeys(f, 3).Seal("a", "value"))
	f.Add("", "")
	f.Add("a", "1."+k.ID()+".")
	f.Add("a", "1."+k.ID()+"."+base64.RawStdEncoding.EncodeToString(make([]byte, saltSize+12+16)))
	f.Fuzz(func(t *testing.T, purpose, sealed string) {
		value, err := k.Open(purpose, sealed)
		if err != nil {
			return
		}
		if value != "value" && value != "" {
			t.Errorf("%q was opened to %q, which nobody sealed", sealed, value)
		}
	})
}

func FuzzSeal(f *testing.F) {
	k := newKeys(f, 1)
	f.Add("secret\x00orders", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD")
	f.Add("", "")
	f.Fuzz(func(t *testing.T, purpose, value string) {
		if got, err := k.Open(purpose, k.Seal(purpose, value)); err != nil || got != value {
			t.Errorf("opened to %q, %v; want %q", got, err, value)
		}
	})
}
