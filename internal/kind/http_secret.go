package kind

import (
	"context"
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"windlass/internal/egress"
	"windlass/internal/signature"
	"windlass/internal/task"
)

// redactHTTPRequest gives the input as everybody may see it. The body stays: what
// is secret in it only the submitter knows.
func redactHTTPRequest(in HTTPRequestInput) HTTPRequestInput {
	in.URL = task.RedactURL(in.URL)
	in.Headers = maps.Clone(in.Headers)
	for name := range in.Headers {
		if task.SecretName(name) {
			in.Headers[name] = task.Redacted
		}
	}
	return in
}

// hidden lists the input's secrets as the target may repeat them, beside Secret.
func (in HTTPRequestInput) hidden() []string {
	values := []string{in.Secret, unprefixed(in.Secret)}
	if u, err := url.Parse(in.URL); err == nil {
		values = append(values, task.URLSecrets(u)...)
		if u.User != nil {
			values = append(values, basicCredentials(u.User))
		}
	}
	for name, value := range in.Headers {
		if !task.SecretName(name) {
			continue
		}
		_, credentials, _ := strings.Cut(value, " ") // after the scheme, RFC 9110, 11.4
		values = append(values, value, credentials, basicPassword(credentials))
		if cookies, err := http.ParseCookie(value); err == nil {
			for _, c := range cookies {
				values = append(values, c.Value)
			}
		}
	}
	return values
}

// unprefixed gives the bytes of a signing secret, which some receivers keep without its prefix.
func unprefixed(secret string) string {
	return strings.TrimPrefix(strings.TrimPrefix(secret, signature.SymmetricPrefix), signature.PrivatePrefix)
}

// basicCredentials gives what follows "Basic " in an Authorization field (RFC 7617).
func basicCredentials(user *url.Userinfo) string {
	password, _ := user.Password()
	return base64.StdEncoding.EncodeToString([]byte(user.Username() + ":" + password))
}

// basicPassword gives the password in what follows "Basic ", empty when it is none.
func basicPassword(credentials string) string {
	text, err := base64.StdEncoding.DecodeString(credentials)
	if _, password, ok := strings.Cut(string(text), ":"); ok && err == nil && utf8.Valid(text) {
		return password
	}
	return ""
}

// secrets lists the stored secrets that the input names.
func (in HTTPRequestInput) secrets() []task.SecretRef {
	var refs []task.SecretRef
	if in.SecretName != "" {
		refs = append(refs, task.SecretRef{Field: "secret_name", Name: in.SecretName})
	}
	for _, header := range slices.Sorted(maps.Keys(in.SecretHeaders)) {
		_, name := cutScheme(in.SecretHeaders[header])
		refs = append(refs, task.SecretRef{Field: "secret_headers." + header, Name: name})
	}
	return refs
}

// cutScheme parts "Bearer orders-token" into what stands before the secret's
// value and the secret's name.
func cutScheme(reference string) (before, name string) {
	if scheme, name, ok := strings.Cut(reference, " "); ok {
		return scheme + " ", name
	}
	return "", reference
}

// checkSecretHeaders finds the references that cannot be used.
func checkSecretHeaders(in HTTPRequestInput) task.FieldErrors {
	var faults task.FieldErrors
	given := map[string]bool{}
	for name := range in.Headers {
		given[http.CanonicalHeaderKey(name)] = true
	}
	for _, header := range slices.Sorted(maps.Keys(in.SecretHeaders)) {
		canonical := http.CanonicalHeaderKey(header)
		before, name := cutScheme(in.SecretHeaders[header])
		rule := headerRule(header, canonical, "")
		switch {
		case rule != "":
		case canonical == "Host":
			rule = "must be left out: a host is no secret"
		case given[canonical]:
			rule = "must not be given twice, here or in headers, in whatever case"
		case !task.ValidSecretName(name) || before != "" && !isToken(strings.TrimSuffix(before, " ")):
			rule = "must be the name of a stored secret, with a scheme before it if need be, such as Bearer orders-token"
		}
		if rule != "" {
			faults.Add("secret_headers."+task.Cut(header, 100), rule)
		}
		given[canonical] = true
	}
	return faults
}

// unlock looks up the stored secrets that the input names, for this attempt only.
func (x *httpExchange) unlock(ctx context.Context) error {
	if x.in.SecretName != "" {
		s, err := x.run.Secret(ctx, x.in.SecretName)
		if err != nil {
			return err
		}
		for _, value := range []string{s.Value, s.Previous} {
			if value == "" {
				continue
			}
			x.run.Hide(unprefixed(value))
			key, rule := signature.ParseKey(value)
			if rule != "" {
				return secretFault("The stored secret %s cannot sign: it %s.", x.in.SecretName, rule)
			}
			x.keys = append(x.keys, key)
		}
	}
	x.secretHeaders = make(map[string]string, len(x.in.SecretHeaders))
	for header, reference := range x.in.SecretHeaders {
		before, name := cutScheme(reference)
		s, err := x.run.Secret(ctx, name)
		if err != nil {
			return err
		}
		// Whoever may hand in tasks could read a secret by sending it to a host of
		// their own, so its keeper says where it may go.
		if host := x.target.Hostname(); !egress.Hosts(s.Hosts).MatchHost(host) {
			return secretFault("The stored secret %s may not be sent to %s: its hosts do not name it.", name, host)
		}
		x.run.Hide(basicPassword(s.Value))
		x.secretHeaders[header] = before + s.Value
	}
	return nil
}

func secretFault(format string, args ...any) error {
	return &task.Error{Code: "secret_unusable", Message: fmt.Sprintf(format, args...), Final: true}
}
