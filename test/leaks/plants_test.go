package leaks

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// plants are the secrets of one run of the test: each a value that occurs nowhere else.
type plants struct {
	mu     sync.Mutex
	values map[string]string // value -> where it was planted
}

// add makes a value for a place.
func (p *plants) add(place string) string {
	b := make([]byte, 12)
	_, _ = rand.Read(b)
	value := "plant" + hex.EncodeToString(b)
	p.note(place, value)
	return value
}

// signing makes a signing secret.
func (p *plants) signing(place string) string {
	b := make([]byte, 32)
	_, _ = rand.Read(b)
	secret := base64.StdEncoding.EncodeToString(b)
	p.note(place, secret)
	return "whsec_" + secret
}

func (p *plants) note(place, value string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.values == nil {
		p.values = map[string]string{}
	}
	p.values[value] = place
}

// look fails the test for each plant that text holds, in one of the spellings in
// which text may have it.
func (p *plants) look(t *testing.T, where, text string) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	for value, place := range p.values {
		for _, spelled := range []string{
			value, url.QueryEscape(value), hex.EncodeToString([]byte(value)),
			base64.StdEncoding.EncodeToString([]byte(value)), base64.RawURLEncoding.EncodeToString([]byte(value)),
		} {
			if i := strings.Index(text, spelled); i >= 0 {
				t.Errorf("the secret of %s is in %s: …%s…", place, where, text[max(0, i-200):min(len(text), i+len(spelled)+50)])
				break
			}
		}
	}
}
