package main

import (
	"bytes"
	"errors"
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"windlass/internal/awslogs"
	"windlass/internal/egress"
	"windlass/internal/oidc"
	"windlass/internal/store"
)

func env(pairs ...string) func(string) string {
	m := map[string]string{}
	for i := 0; i+1 < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	return func(name string) string { return m[name] }
}

func TestParseConfigDefaults(t *testing.T) {
	c, err := parseConfig(nil, env(), &bytes.Buffer{})
	if err != nil {
		t.Fatal(err)
	}
	if len(c.roleNames) != 4 || c.listen != "127.0.0.1:8000" || c.queues["critical"] != 6 || c.drain != 25*time.Second || c.egress.Allow != nil {
		t.Errorf("got %+v", c)
	}
}

func TestParseConfigFlagWinsOverVariable(t *testing.T) {
	c, err := parseConfig([]string{"-role", "worker", "-queues=a=2,b"}, env("WINDLASS_ROLE", "api", "WINDLASS_CONCURRENCY", "7"), &bytes.Buffer{})
	if err != nil {
		t.Fatal(err)
	}
	if !c.has(roleWorker) || c.has(roleAPI) || c.concurrency != 7 || c.queues["a"] != 2 || c.queues["b"] != 1 {
		t.Errorf("got %+v", c)
	}
	if c.listen != "127.0.0.1:0" {
		t.Errorf("a worker alone listens on %s, want a free port", c.listen)
	}
}

func TestParseConfigLogs(t *testing.T) {
	c, err := parseConfig(nil, env(), &bytes.Buffer{})
	if err != nil || c.ship.Group != "" || c.ship.InMemory || c.ship.Stream != "{role}/{host}/{boot}" || c.ship.RetentionDays != 30 {
		t.Errorf("got %+v, %v", c.ship, err)
	}
	c, err = parseConfig([]string{"-role", "worker,scheduler", "-log-group", "/windlass/prod"},
		env("WINDLASS_LOG_STREAM", "{role}", "WINDLASS_LOG_DELIVERY", "memory", "WINDLASS_LOG_SPOOL_DIR", "/var/spool/w", "WINDLASS_LOG_RETENTION_DAYS", "0"), &bytes.Buffer{})
	want := awslogs.Config{Group: "/windlass/prod", Stream: "{role}", InMemory: true, SpoolDir: "/var/spool/w"}
	if err != nil || c.ship != want || c.roleWord() != "worker-scheduler" {
		t.Errorf("got %+v, %s, %v", c.ship, c.roleWord(), err)
	}
}

func TestParseConfigMetrics(t *testing.T) {
	c, err := parseConfig(nil, env(), &bytes.Buffer{})
	if err != nil || c.metricsStream != "{role}/{host}/{boot}/metrics" || c.environment != "default" {
		t.Errorf("got %q, %q, %v", c.metricsStream, c.environment, err)
	}
	c, err = parseConfig([]string{"-metrics-stream", "off"}, env("WINDLASS_ENVIRONMENT", "production"), &bytes.Buffer{})
	if err != nil || c.metricsStream != metricsOff || c.environment != "production" {
		t.Errorf("got %q, %q, %v", c.metricsStream, c.environment, err)
	}
	_, err = parseConfig([]string{"-metrics-stream", "a:b", "-environment", "a b"}, env(), &bytes.Buffer{})
	if err == nil || !strings.Contains(err.Error(), "-metrics-stream: ") || !strings.Contains(err.Error(), "-environment: ") {
		t.Errorf("got %v", err)
	}
}

func TestParseConfigSecretFromFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("0123456789abcdef0123\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := parseConfig([]string{"-listen", "0.0.0.0:80"}, env("WINDLASS_ADMIN_TOKEN_FILE", file), &bytes.Buffer{})
	if err != nil || c.adminToken != "0123456789abcdef0123" {
		t.Errorf("got %q, %v", c.adminToken, err)
	}
}

// A page in front of an API elsewhere has no token: the API asks for its own.
func TestParseConfigFront(t *testing.T) {
	c, err := parseConfig([]string{"-role", "web", "-listen", ":8000", "-backend-url", "http://backend:8000"}, env(), &bytes.Buffer{})
	if err != nil || c.backendURL != "http://backend:8000" || c.needsRedis() {
		t.Errorf("got %+v, %v", c, err)
	}
}

func TestParseConfigFaults(t *testing.T) {
	tests := []struct {
		name string
		args []string
		env  func(string) string
		want []string // all of them in one error
	}{
		{"several at once", []string{"-role", "cook", "-drain", "fast", "-queues", "{x}"}, env("WINDLASS_CONCURRENCY", "0"),
			[]string{"-role", `"cook"`, "-drain", "-queues", "WINDLASS_CONCURRENCY"}},
		{"open address without a token", []string{"-listen", "0.0.0.0:8000"}, env(), []string{"-listen", "WINDLASS_ADMIN_TOKEN"}},
		{"a name is no loopback", []string{"-listen", "windlass.internal:8000"}, env(), []string{"-listen"}},
		{"a backend of this machine may trust it", []string{"-role", "web", "-listen", "0.0.0.0:8000", "-backend-url", "http://127.0.0.1:8001"}, env(), []string{"-listen", "WINDLASS_ADMIN_TOKEN"}},
		{"a backend beside the API", []string{"-role", "api,web", "-backend-url", "http://backend:8000"}, env(), []string{"-backend-url", "without api"}},
		{"no backend's URL", []string{"-role", "web"}, env("WINDLASS_BACKEND_URL", "backend:8000"), []string{"WINDLASS_BACKEND_URL", "http://backend:8000"}},
		{"short token", nil, env("WINDLASS_ADMIN_TOKEN", "short"), []string{"WINDLASS_ADMIN_TOKEN"}},
		{"token file empty", nil, env("WINDLASS_ADMIN_TOKEN_FILE", "/dev/null"), []string{"WINDLASS_ADMIN_TOKEN_FILE", "empty"}},
		{"no role", []string{"-role", ""}, env(), []string{"-role", "empty"}},
		{"queue twice", []string{"-queues", "a=1,a=2"}, env(), []string{"-queues", "twice"}},
		{"token file missing", nil, env("WINDLASS_ADMIN_TOKEN_FILE", "/does/not/exist"), []string{"WINDLASS_ADMIN_TOKEN_FILE"}},
		{"not a Redis URL", []string{"-redis-url", "localhost:6379"}, env(), []string{"-redis-url"}},
		{"a Redis password twice", []string{"-redis-url", "redis://:hunter2@host"}, env("WINDLASS_REDIS_PASSWORD", "hunter3"), []string{"-redis-url", "WINDLASS_REDIS_PASSWORD"}},
		{"a Redis password for nothing", nil, env("WINDLASS_REDIS_PASSWORD", "hunter3"), []string{"-redis-url", "WINDLASS_REDIS_PASSWORD"}},
		{"Redis password file empty", []string{"-redis-url", "redis://host"}, env("WINDLASS_REDIS_PASSWORD_FILE", "/dev/null"), []string{"WINDLASS_REDIS_PASSWORD_FILE", "empty"}},
		{"Redis password file missing", []string{"-redis-url", "redis://host"}, env("WINDLASS_REDIS_PASSWORD_FILE", "/does/not/exist"), []string{"WINDLASS_REDIS_PASSWORD_FILE"}},
		{"authorities without TLS", []string{"-redis-url", "redis://host", "-redis-ca-file", "/dev/null"}, env(), []string{"-redis-ca-file", "rediss"}},
		{"authorities missing", []string{"-redis-url", "rediss://host", "-redis-ca-file", "/does/not/exist"}, env(), []string{"-redis-ca-file", "/does/not/exist"}},
		{"a file of no authorities", []string{"-redis-url", "rediss://host", "-redis-ca-file", "/dev/null"}, env(), []string{"-redis-ca-file", "PEM"}},
		{"no master's name", []string{"-redis-url", "redis+sentinel://a,b"}, env(), []string{"-redis-url", "master"}},
		{"network", []string{"-egress-allow", "10.0.0.0"}, env(), []string{"-egress-allow"}},
		{"proxies", []string{"-trusted-proxies", "10.0.0.0/8,alb"}, env(), []string{"-trusted-proxies", `"alb"`}},
		{"rates", []string{"-rate-limits", "submit=fast"}, env("WINDLASS_MAX_STREAMS", "-1"), []string{"-rate-limits", `"fast"`, "WINDLASS_MAX_STREAMS"}},
		{"denied network", []string{"-egress-deny", "10.0.0.0/8,a b"}, env(), []string{"-egress-deny", "a b"}},
		{"host", []string{"-egress-hosts", "https://example.com"}, env(), []string{"-egress-hosts"}},
		{"ports", []string{"-egress-ports", "80,99999"}, env("WINDLASS_EGRESS_SCHEMES", "ftp"), []string{"-egress-ports", "99999", "WINDLASS_EGRESS_SCHEMES"}},
		{"key for secrets", nil, env("WINDLASS_SECRETS_KEY", "c2hvcnQ="), []string{"WINDLASS_SECRETS_KEY", "32 bytes"}},
		{"path of a secret", []string{"-redact", "body.card"}, env(), []string{"-redact", "input.json.card.number"}},
		{"streams for nothing", []string{"-log-stream", "s"}, env("WINDLASS_METRICS_STREAM", "m"), []string{"-log-stream: nothing is shipped", "WINDLASS_METRICS_STREAM: nothing is shipped"}},
		{"a word that stands for nothing", []string{"-log-group", "g", "-log-stream", "{rol}/x"}, env("WINDLASS_METRICS_STREAM", "{hostname}"), []string{`-log-stream: "{rol}/x" has braces`, "WINDLASS_METRICS_STREAM"}},
		{"a group of AWS's own", []string{"-log-group", "aws/x"}, env(), []string{"-log-group: ", "aws/"}},
		{"log group", []string{"-log-group", "a b"}, env("WINDLASS_LOG_STREAM", "a:b"), []string{"-log-group", "WINDLASS_LOG_STREAM"}},
		{"log delivery", nil, env("WINDLASS_LOG_DELIVERY", "never", "WINDLASS_LOG_RETENTION_DAYS", "2"), []string{"WINDLASS_LOG_DELIVERY", "durable", "WINDLASS_LOG_RETENTION_DAYS", "365"}},
		{"profiles for everybody", []string{"-admin-listen", "0.0.0.0:6060"}, env(), []string{"-admin-listen", "loopback"}},
		{"profiles on any address", nil, env("WINDLASS_ADMIN_LISTEN", ":6060"), []string{"WINDLASS_ADMIN_LISTEN", "loopback"}},
		{"profiles without a port", []string{"-admin-listen", "127.0.0.1"}, env(), []string{"-admin-listen", "127.0.0.1:6060"}},
		{"a collector that is no URL", []string{"-role", "cook"}, env("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318"), []string{"-role", "OTEL_EXPORTER_OTLP_ENDPOINT", "http"}},
		{"unknown flag", []string{"-colour"}, env(), []string{"-colour", "-h"}},
		{"word left over", []string{"serve"}, env(), []string{`"serve"`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := parseConfig(tt.args, tt.env, &bytes.Buffer{})
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not name %q", err, want)
				}
			}
		})
	}
}

func TestParseConfigEgress(t *testing.T) {
	c, err := parseConfig([]string{
		"-egress-allow", "10.1.0.0/16", "-egress-deny", "10.1.9.7/24, *.Internal.example.com,192.0.2.7", "-egress-hosts", "api.example.com",
		"-egress-ports", "443,8000-8999", "-egress-schemes", "https", "-egress-host-connections", "4",
	}, env(), &bytes.Buffer{})
	if err != nil {
		t.Fatal(err)
	}
	want := egress.Policy{
		Allow: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")},
		Deny:  []netip.Prefix{netip.MustParsePrefix("10.1.9.0/24"), netip.MustParsePrefix("192.0.2.7/32")},
		Hosts: egress.Hosts{"api.example.com"}, DenyHosts: egress.Hosts{"*.internal.example.com"},
		Ports: egress.Ports{{First: 443, Last: 443}, {First: 8000, Last: 8999}}, HTTPSOnly: true, HostConnections: 4,
	}
	if !reflect.DeepEqual(c.egress, want) {
		t.Errorf("policy %+v\nwant %+v", c.egress, want)
	}
}

func TestSecretsKeyNeverShows(t *testing.T) {
	const key = "aHVudGVyMmh1bnRlcjJodW50ZXIyaHVudGVyMg" // too short
	if _, err := parseConfig(nil, env("WINDLASS_SECRETS_KEY", key), &bytes.Buffer{}); err == nil || strings.Contains(err.Error(), key[:8]) {
		t.Errorf("%v", err)
	}
}

func TestRedisPasswordNeverShows(t *testing.T) {
	for _, url := range []string{"redis://user:hunter2hunter2@[::1", "redis://:hunter2hunter2@host:notaport/0", "http://:hunter2hunter2@host"} {
		if _, err := parseConfig([]string{"-redis-url", url}, env(), &bytes.Buffer{}); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%v", err)
		}
	}
}

// The file is read again whenever a connection needs the password.
func TestRedisPasswordFromFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "password")
	for _, want := range []string{"hunter2", "hunter3"} {
		if err := os.WriteFile(file, []byte(want+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := parseConfig([]string{"-redis-url", "redis+sentinel://a,b/mymaster", "-redis-username", "me"}, env("WINDLASS_REDIS_PASSWORD_FILE", file), &bytes.Buffer{})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := c.redis.Password(t.Context()); err != nil || got != want || c.redis.Username != "me" {
			t.Errorf("got %q for %q, %v", got, c.redis.Username, err)
		}
		if err := os.WriteFile(file, []byte("later"), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := c.redis.Password(t.Context()); err != nil || got != "later" {
			t.Errorf("got %q, %v, want what the file says now", got, err)
		}
	}
}

func TestHelpNamesEveryOption(t *testing.T) {
	var help bytes.Buffer
	if _, err := parseConfig([]string{"-h"}, env(), &help); !errors.Is(err, flag.ErrHelp) {
		t.Fatalf("got %v", err)
	}
	for _, o := range options() {
		if !strings.Contains(help.String(), o.env()) || !strings.Contains(help.String(), o.usage) {
			t.Errorf("-h lacks %s", o.name)
		}
	}
}

func TestParseConfigAccess(t *testing.T) {
	const arn = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/windlass/50dc6c495c0c9188"
	c, err := parseConfig([]string{"-auth", "tokens", "-listen", "0.0.0.0:80", "-cors-origins", "https://a.example, http://b.example:8080"}, env(), &bytes.Buffer{})
	if err != nil || !c.tokensOnly || strings.Join(c.origins, " ") != "https://a.example http://b.example:8080" || c.oidc.verifier() != nil {
		t.Errorf("got %+v, %v", c, err)
	}
	c, err = parseConfig([]string{"-listen", "0.0.0.0:80", "-oidc-signers", arn, "-oidc-issuer", "https://id.example", "-oidc-client", "w",
		"-oidc-roles", "admin=groups=platform, operator=custom:role=a=b,viewer=*"}, env(), &bytes.Buffer{})
	want := []oidc.Grant{{Role: "admin", Claim: "groups", Value: "platform"}, {Role: "operator", Claim: "custom:role", Value: "a=b"}, {Role: "viewer"}}
	if err != nil || !cmp.Equal(c.oidc.grants, want) || c.oidc.verifier() == nil || !c.oidc.admits() {
		t.Errorf("got %+v, %v", c.oidc, err)
	}
	for name, args := range map[string][]string{
		"-auth":          {"-auth", "none"},
		"-cors-origins":  {"-cors-origins", "https://a.example/path"},
		"-oidc-signers":  {"-oidc-issuer", "https://id.example"},
		"-oidc-issuer":   {"-oidc-signers", arn},
		"-oidc-roles":    {"-oidc-roles", "root=*"},
		"groups":         {"-oidc-roles", "admin=groups"},
		"ARN":            {"-oidc-signers", "arn:aws:iam::1:role/x"},
		"-oidc-keys-url": {"-oidc-keys-url", "ftp://x"},
	} {
		if _, err := parseConfig(args, env(), &bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%v: %v", args, err)
		}
	}
}

func TestParseTokenCall(t *testing.T) {
	redis := env("WINDLASS_REDIS_URL", "redis://127.0.0.1:6379")
	c, err := parseTokenCall([]string{"create", "-role", "submitter", "-expires", "90d", "-name", " Büro, Zürich ", "-kinds", "demo.echo, demo.echo", "-queues", "a,b"}, redis)
	if err != nil || c.token.Role != store.RoleSubmitter || c.life != 90*24*time.Hour || c.token.Name != "Büro, Zürich" || len(c.token.Queues) != 2 || len(c.token.Kinds) != 1 {
		t.Errorf("got %+v, %v", c, err)
	}
	if c, err := parseTokenCall([]string{"revoke", "-redis-url", "redis://h", "tok_1"}, env()); err != nil || c.id != "tok_1" || c.redis.URL != "redis://h" {
		t.Errorf("got %+v, %v", c, err)
	}
	for want, args := range map[string][]string{
		`"make"`:     {"make"},
		"-role":      {"create"},
		"operator":   {"create", "-role", "root"},
		"90d":        {"create", "-role", "viewer", "-expires", "4000d"},
		"1m":         {"create", "-role", "viewer", "-expires", "1s"},
		"queue's":    {"create", "-role", "viewer", "-queues", "UP"},
		"bound":      {"create", "-role", "admin", "-queues", "low"},
		"characters": {"create", "-role", "viewer", "-name", " "},
		`"-5d"`:      {"create", "-role", "viewer", "-expires", "-5d"},
		`"nosuch"`:   {"create", "-role", "viewer", "-kinds", "demo.echo,nosuch"},
		`"" is none`: {"create", "-role", "viewer", "-kinds", ",,"},
		"id":         {"revoke"},
		"one too":    {"list", "x"},
		"-colour":    {"list", "-colour"},
		"first":      {"revoke", "tok_1", "-redis-url"},
	} {
		if _, err := parseTokenCall(args, redis); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v", args, err)
		}
	}
	for _, name := range []string{"a\nb", "\x1b[31mred", "\xff", "abc\u202edef", "zero\u200bwidth"} {
		if _, err := parseTokenCall([]string{"create", "-role", "viewer", "-name", name}, redis); err == nil || !strings.Contains(err.Error(), "printable") {
			t.Errorf("%q: %v", name, err)
		}
	}
	if _, err := parseTokenCall([]string{"list"}, env()); err == nil || !strings.Contains(err.Error(), "-redis-url") {
		t.Errorf("without Redis: %v", err)
	}
}
