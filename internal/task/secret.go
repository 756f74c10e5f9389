package task

import (
	"bytes"
	"context"
	"encoding/json"
	"net/url"
	"reflect"
	"strings"
	"unicode"
)

// Redacted stands where a secret was.
const Redacted = "[redacted]"

// MinSecret is the length in bytes below which a value is too common a string to
// be taken for the secret wherever it occurs.
const MinSecret = 6

// Secret is a stored secret as an attempt gets it.
type Secret struct {
	Value    string
	Previous string   // the value before, while it is still good; empty when there is none
	Hosts    []string // where it may be sent: names, and *. with a name; empty: nowhere
}

// SecretRef is a place in an input that names a stored secret.
type SecretRef struct {
	Field string // dotted path below the input
	Name  string
}

// ValidSecretName reports whether s can be the name of a stored secret: 1 to 64 of
// a-z, 0-9, dot, _ and -, beginning with a letter or digit.
func ValidSecretName(s string) bool {
	return s != "" && len(s) <= 64 && !strings.ContainsRune("._-", rune(s[0])) &&
		strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789._-") == ""
}

// SecretSource looks a stored secret up. Its errors are *Error, fit for the outside.
type SecretSource func(ctx context.Context, name string) (Secret, error)

// SecretName reports whether a header field, query parameter or member of this
// name carries a credential as a rule. It would rather hide too much: a hidden
// value costs a look elsewhere, a shown one costs a new credential.
func SecretName(name string) bool {
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

// RedactURL gives a URL with its user and the secret values of its query
// replaced, and without its fragment. What is not an absolute URL is replaced whole.
func RedactURL(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" {
		return Redacted
	}
	withUser := u.User != nil
	u.User, u.Fragment, u.RawFragment = nil, "", ""
	u.RawQuery = redactQuery(u.RawQuery)
	clean := u.String()
	if withUser {
		clean = strings.Replace(clean, "//", "//"+Redacted+"@", 1)
	}
	return clean
}

// redactQuery keeps the order and spelling of everything that is not secret,
// which url.Values would not.
func redactQuery(query string) string {
	pairs := strings.Split(query, "&")
	for i, pair := range pairs {
		name, value, _ := strings.Cut(pair, "=")
		if value != "" && secretParameter(name) {
			pairs[i] = name + "=" + Redacted
		}
	}
	return strings.Join(pairs, "&")
}

// secretParameter is SecretName for a name as it stands in a query.
func secretParameter(name string) bool {
	decoded, err := url.QueryUnescape(name)
	return err != nil || SecretName(decoded)
}

// URLSecrets lists what RedactURL hides, in the spellings in which others repeat it.
func URLSecrets(u *url.URL) []string {
	var values []string
	if u.User != nil {
		password, _ := u.User.Password()
		values = append(values, u.User.Username(), password, u.User.String())
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

// checkSecretFields says which field has a writeOnly tag and a type that cannot
// be replaced: what is secret is text, alone or in structs, lists and maps.
func checkSecretFields(t reflect.Type, marked bool) (fault string) {
	switch t.Kind() {
	case reflect.String:
	case reflect.Pointer, reflect.Slice, reflect.Map:
		if marked || t.Elem().Kind() != reflect.Uint8 { // raw JSON is bytes
			return checkSecretFields(t.Elem(), marked)
		}
	case reflect.Struct:
		for field := range t.Fields() {
			if !field.IsExported() {
				continue
			}
			if fault := checkSecretFields(field.Type, marked || field.Tag.Get("writeOnly") == "true"); fault != "" {
				return field.Name + ": " + fault
			}
		}
	default:
		if marked {
			return "only text can be writeOnly, and this is " + t.String()
		}
	}
	return ""
}

// eachSecret replaces every string below v that a writeOnly tag marks by what f
// makes of it. v is addressable.
func eachSecret(v reflect.Value, marked bool, f func(string) string) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			eachSecret(v.Elem(), marked, f)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if field := v.Type().Field(i); field.IsExported() {
				eachSecret(v.Field(i), marked || field.Tag.Get("writeOnly") == "true", f)
			}
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return
		}
		for i := range v.Len() {
			eachSecret(v.Index(i), marked, f)
		}
	case reflect.Map:
		for _, name := range v.MapKeys() {
			item := reflect.New(v.Type().Elem()).Elem()
			item.Set(v.MapIndex(name))
			eachSecret(item, marked, f)
			v.SetMapIndex(name, item)
		}
	case reflect.String:
		if marked && v.String() != "" {
			v.SetString(f(v.String()))
		}
	}
}

// hasSecretFields reports whether a writeOnly tag marks anything below t.
func hasSecretFields(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		return hasSecretFields(t.Elem())
	case reflect.Struct:
		for field := range t.Fields() {
			if field.IsExported() && (field.Tag.Get("writeOnly") == "true" || hasSecretFields(field.Type)) {
				return true
			}
		}
	}
	return false
}

// Conceal gives the input as everybody may see it, and whether that differs from
// what it is. An input that does not decode comes back as null rather than whole.
func (k Kind) Conceal(input json.RawMessage) (public json.RawMessage, holdsSecrets bool) {
	public = input
	if k.redact != nil {
		if public, holdsSecrets = k.redact(input); !holdsSecrets {
			public = input // as it was written
		}
	}
	public, found := k.redactPaths(public)
	return public, holdsSecrets || found
}

// redactPaths gives the input with what the configuration's paths name replaced,
// and whether they name anything in it.
func (k Kind) redactPaths(input json.RawMessage) (public json.RawMessage, found bool) {
	public = input
	for _, p := range k.paths {
		if changed, ok := p.redact(public, "input"); ok {
			public, found = changed, true
		}
	}
	return public, found
}

func redactWith[In any](redact func(In) In, raw json.RawMessage) (json.RawMessage, bool) {
	null := json.RawMessage("null")
	in, err := decode[In](raw)
	if err != nil {
		return null, true
	}
	before, err := encode(in)
	if err != nil {
		return null, true
	}
	eachSecret(reflect.ValueOf(&in).Elem(), false, func(string) string { return Redacted })
	if redact != nil {
		in = redact(in)
	}
	after, err := encode(in)
	if err != nil {
		return null, true
	}
	return after, !bytes.Equal(before, after)
}
