package awslogs

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// newMetadata is the metadata service of an instance with a role.
func newMetadata(t *testing.T) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("PUT /latest/api/token", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", "21600")
		_, _ = w.Write([]byte("token"))
	})
	say := func(path, format string, args ...any) {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintf(w, format, args...) })
	}
	say("/latest/meta-data/iam/security-credentials/{$}", "windlass")
	say("/latest/meta-data/iam/security-credentials/windlass",
		`{"Code":"Success","AccessKeyId":"ASIAROLE","SecretAccessKey":"s","Token":"t","Expiration":%q}`,
		time.Now().Add(6*time.Hour).UTC().Format(time.RFC3339))
	say("/latest/dynamic/instance-identity/document", `{"region":"eu-west-3"}`)
	say("/latest/meta-data/placement/region", "eu-west-3")
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}
