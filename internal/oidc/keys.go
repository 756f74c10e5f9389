package oidc

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

const (
	// keyKept is how long a key is used without asking again. A key's id never means another key.
	keyKept = 24 * time.Hour
	// missKept is how long an id without a key is remembered.
	missKept = time.Minute
	// maxKeys is how many ids are remembered.
	maxKeys = 64
	// maxFetches is how often in a fetchWindow the endpoint is asked, whatever ids strangers make up.
	maxFetches  = 20
	fetchWindow = time.Minute
	// fetchTimeout bounds one question.
	fetchTimeout = 3 * time.Second
	// maxKey is the size of a key's file in bytes.
	maxKey = 4 << 10
)

// Keys gets the load balancers' public keys by their ids and keeps them. It is
// safe for concurrent use.
type Keys struct {
	url    string
	client *http.Client
	clock  func() time.Time
	group  singleflight.Group

	mu      sync.Mutex
	known   map[string]keyEntry
	fetches int
	since   time.Time // when fetches began to be counted
}

type keyEntry struct {
	key   *ecdsa.PublicKey // nil: there is none
	until time.Time
}

// KeysURL is where AWS has the keys of a region's load balancers.
func KeysURL(region string) string {
	return "https://public-keys.auth.elb." + region + ".amazonaws.com"
}

// NewKeys gives the keys at url, each at <url>/<id>. It contacts nobody.
func NewKeys(url string) *Keys {
	transport := &http.Transport{ // no proxy: a variable must not put somebody in the middle
		MaxIdleConns: 2, IdleConnTimeout: time.Minute, TLSHandshakeTimeout: fetchTimeout, ResponseHeaderTimeout: fetchTimeout,
		ForceAttemptHTTP2: true,
	}
	return &Keys{
		url: strings.TrimSuffix(url, "/"), clock: time.Now, known: map[string]keyEntry{},
		client: &http.Client{
			Transport: transport, Timeout: fetchTimeout,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// get gives the key of an id. Errors: ErrInvalid when there is none, ErrUnavailable.
func (k *Keys) get(ctx context.Context, id string) (*ecdsa.PublicKey, error) {
	if !properKeyID(id) {
		return nil, invalid("its key has no proper id")
	}
	switch key, known := k.look(id); {
	case known && key == nil:
		return nil, invalid("its key is not known")
	case known:
		return key, nil
	}
	// Those who wait for the same key share one question, which outlives the first of them.
	shared := k.group.DoChan(id, func() (any, error) { return k.fetch(context.WithoutCancel(ctx), id) })
	select {
	case got := <-shared:
		if got.Err != nil {
			return nil, got.Err
		}
		key, _ := got.Val.(*ecdsa.PublicKey)
		return key, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, context.Cause(ctx))
	}
}

// properKeyID keeps an id from leading to another address.
func properKeyID(id string) bool {
	const allowed = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_"
	return id != "" && len(id) <= 64 && strings.Trim(id, allowed) == ""
}

func (k *Keys) look(id string) (key *ecdsa.PublicKey, known bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	e, known := k.known[id]
	return e.key, known && k.clock().Before(e.until)
}

// mayFetch counts a question to the endpoint, if one more is allowed.
func (k *Keys) mayFetch() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if now := k.clock(); now.Sub(k.since) >= fetchWindow {
		k.since, k.fetches = now, 0
	}
	k.fetches++
	return k.fetches <= maxFetches
}

func (k *Keys) remember(id string, key *ecdsa.PublicKey, keep time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.clock()
	for other, e := range k.known {
		// Ids that strangers made up go before keys that are in use.
		if len(k.known) >= maxKeys && (e.key == nil || !now.Before(e.until)) {
			delete(k.known, other)
		}
	}
	if len(k.known) >= maxKeys {
		clear(k.known)
	}
	k.known[id] = keyEntry{key, now.Add(keep)}
}

func (k *Keys) fetch(ctx context.Context, id string) (*ecdsa.PublicKey, error) {
	if !k.mayFetch() {
		return nil, fmt.Errorf("%w: it was asked for too many keys lately", ErrUnavailable)
	}
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, k.url+"/"+id, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	response, err := k.client.Do(r)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxKey))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	case response.StatusCode == http.StatusNotFound || response.StatusCode == http.StatusForbidden: // as S3 says it
		k.remember(id, nil, missKept)
		return nil, invalid("its key is not known")
	case response.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("%w: it is answered with %d", ErrUnavailable, response.StatusCode)
	}
	key, err := readKey(body)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	k.remember(id, key, keyKept)
	return key, nil
}

func readKey(text []byte) (*ecdsa.PublicKey, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("it is no PEM")
	}
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("read key: %w", err)
	}
	key, ok := parsed.(*ecdsa.PublicKey)
	if !ok || key.Curve != elliptic.P256() {
		return nil, errors.New("it is no key of the curve P-256")
	}
	return key, nil
}
