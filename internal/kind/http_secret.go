package kind

import (
	"encoding/base64"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode"
)

// redacted stands where a secret was.
const redacted = "[redacted]"

// secretName reports whether a header field or query parameter of this name
// carries a credential as a rule. It would rather hide too much: a hidden value
// costs a look elsewhere, a shown one costs a new credential.
func secretName(name string) bool {
	plain := strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, name)
	for _, part := range []string{
		"token", "secret", "password", "passwd", "passphrase", "signature", "authorization", "cookie", "credential", "session", "apikey",
	} {
		if strings.Contains(plain, part) {
			return true
		}
	}
	for _, end := range []string{"key", "auth", "sig", "pwd", "pass"} {
		if strings.HasSuffix(plain, end) {
			return plain != "idempotencykey"
		}
	}
	return false
}

// redactHTTPRequest gives the input as everybody may see it. The body stays: what
// is secret in it only the submitter knows.
func redactHTTPRequest(in HTTPRequestInput) HTTPRequestInput {
	in.URL = redactURL(in.URL)
	if in.Secret != "" {
		in.Secret = redacted
	}
	in.Headers = maps.Clone(in.Headers)
	for name := range in.Headers {
		if secretName(name) {
			in.Headers[name] = redacted
		}
	}
	return in
}

// shortestScrubbed is the length below which a value is too common a string to
// be taken for the secret wherever it occurs.
const shortestScrubbed = 6

// scrubber replaces the input's secrets in what the target answers: echo
// endpoints and error pages repeat what they were sent.
func (in HTTPRequestInput) scrubber() *strings.Replacer {
	values := []string{in.Secret, strings.TrimPrefix(in.Secret, signingKeyPrefix)}
	if u, err := url.Parse(in.URL); err == nil {
		values = append(values, urlSecrets(u)...)
	}
	for name, value := range in.Headers {
		if !secretName(name) {
			continue
		}
		_, credentials, _ := strings.Cut(value, " ") // after the scheme, RFC 9110, 11.4
		values = append(values, value, credentials)
		if cookies, err := http.ParseCookie(value); err == nil {
			for _, c := range cookies {
				values = append(values, c.Value)
			}
		}
	}
	// A Replacer takes the first that fits, so the longest goes first.
	slices.SortFunc(values, func(a, b string) int { return len(b) - len(a) })
	var pairs []string
	for _, v := range values {
		if len(v) >= shortestScrubbed {
			pairs = append(pairs, v, redacted)
		}
	}
	return strings.NewReplacer(pairs...)
}

func urlSecrets(u *url.URL) []string {
	var values []string
	if u.User != nil {
		password, _ := u.User.Password()
		values = append(values, u.User.Username(), password, u.User.String(), basicCredentials(u.User))
	}
	for pair := range strings.SplitSeq(u.RawQuery, "&") {
		name, value, _ := strings.Cut(pair, "=")
		if !secretParameter(name) {
			continue
		}
		values = append(values, value)
		if decoded, err := url.QueryUnescape(value); err == nil {
			values = append(values, decoded)
		}
	}
	return values
}

// basicCredentials gives what follows "Basic " in an Authorization field (RFC 7617).
func basicCredentials(user *url.Userinfo) string {
	password, _ := user.Password()
	return base64.StdEncoding.EncodeToString([]byte(user.Username() + ":" + password))
}
