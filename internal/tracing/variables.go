package tracing

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// variables are those that the exporter and the SDK read by themselves, with what each must be.
// Left to them, a wrong value is passed over, said in words of their own, or a panic.
func variables() map[string]func(value string) error {
	queue := whole(1, 1_000_000, "spans")
	limit := whole(-1, 1_000_000, "of them, -1 for any number")
	v := map[string]func(string) error{
		"OTEL_TRACES_SAMPLER":                    checkSampler,
		"OTEL_BSP_SCHEDULE_DELAY":                milliseconds,
		"OTEL_BSP_EXPORT_TIMEOUT":                milliseconds,
		"OTEL_BSP_MAX_QUEUE_SIZE":                queue,
		"OTEL_BSP_MAX_EXPORT_BATCH_SIZE":         queue,
		"OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT":        limit,
		"OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT": limit,
		"OTEL_SPAN_EVENT_COUNT_LIMIT":            limit,
		"OTEL_SPAN_LINK_COUNT_LIMIT":             limit,
		"OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT":       limit,
		"OTEL_LINK_ATTRIBUTE_COUNT_LIMIT":        limit,
	}
	for _, of := range []string{"OTEL_EXPORTER_OTLP_", "OTEL_EXPORTER_OTLP_TRACES_"} {
		v[of+"TIMEOUT"] = milliseconds
		v[of+"COMPRESSION"] = oneOf("gzip", "none")
		v[of+"HEADERS"] = checkHeaders
		v[of+"CERTIFICATE"] = checkCertificates
	}
	return v
}

// checkVariables names every variable that cannot be followed, and its rule.
func checkVariables(getenv func(string) string) error {
	var faults []error
	all := variables()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if value := strings.TrimSpace(getenv(name)); value != "" {
			if err := all[name](value); err != nil {
				faults = append(faults, fmt.Errorf("%s: %w", name, err))
			}
		}
	}
	if strings.Contains(strings.ToLower(getenv("OTEL_TRACES_SAMPLER")), "ratio") {
		if err := checkRatio(strings.TrimSpace(getenv("OTEL_TRACES_SAMPLER_ARG"))); err != nil {
			faults = append(faults, fmt.Errorf("OTEL_TRACES_SAMPLER_ARG: %w", err))
		}
	}
	for _, of := range []string{"OTEL_EXPORTER_OTLP_", "OTEL_EXPORTER_OTLP_TRACES_"} {
		if err := checkPair(getenv(of+"CLIENT_CERTIFICATE"), getenv(of+"CLIENT_KEY")); err != nil {
			faults = append(faults, fmt.Errorf("%sCLIENT_CERTIFICATE and _KEY: %w", of, err))
		}
	}
	return errors.Join(faults...)
}

func whole(least, most int, what string) func(string) error {
	return func(value string) error {
		if n, err := strconv.Atoi(value); err != nil || n < least || n > most {
			return fmt.Errorf("%q is not a whole number from %d to %d (%s)", value, least, most, what)
		}
		return nil
	}
}

func milliseconds(value string) error { return whole(1, 3_600_000, "milliseconds")(value) }

func oneOf(known ...string) func(string) error {
	return func(value string) error {
		if !slices.Contains(known, value) {
			return fmt.Errorf("%q is not one of %s", value, strings.Join(known, ", "))
		}
		return nil
	}
}

func checkSampler(value string) error {
	return oneOf("always_on", "always_off", "traceidratio", "parentbased_always_on",
		"parentbased_always_off", "parentbased_traceidratio")(strings.ToLower(value))
}

func checkRatio(value string) error {
	if value == "" {
		return nil
	}
	if f, err := strconv.ParseFloat(value, 64); err != nil || !(f >= 0 && f <= 1) { // NaN is neither.
		return fmt.Errorf("%q is not a number from 0 to 1", value)
	}
	return nil
}

var headerName = regexp.MustCompile("^[-!#$%&'*+.^_`|~0-9A-Za-z]+$")

// checkHeaders names no value: they are credentials.
func checkHeaders(value string) error {
	for i, pair := range strings.Split(value, ",") {
		name, v, found := strings.Cut(pair, "=")
		if _, err := url.PathUnescape(v); !found || err != nil || !headerName.MatchString(strings.TrimSpace(name)) {
			return fmt.Errorf("part %d is not name=value with the value in URL encoding; commas stand between parts", i+1)
		}
	}
	return nil
}

func checkCertificates(file string) error {
	pem, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if !x509.NewCertPool().AppendCertsFromPEM(pem) {
		return fmt.Errorf("%s holds no certificate in PEM", file)
	}
	return nil
}

func checkPair(certificate, key string) error {
	if certificate == "" && key == "" {
		return nil
	}
	if certificate == "" || key == "" {
		return errors.New("one is no use without the other")
	}
	_, err := tls.LoadX509KeyPair(certificate, key)
	return err
}
