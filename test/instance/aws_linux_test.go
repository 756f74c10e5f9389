package instance

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	instanceID = "i-0123456789abcdef0"
	region     = "eu-central-1"
)

// cloud is AWS as the instance sees it.
type cloud struct {
	url string // the endpoint of every service

	mu        sync.Mutex
	target    string            // the lifecycle state that the group wants
	completed map[string]string // hook to result
	changed   chan struct{}
}

// newCloud starts the metadata service, the group's hooks, and moto for the rest.
func newCloud(t *testing.T) *cloud {
	t.Helper()
	c := &cloud{target: "InService", completed: map[string]string{}, changed: make(chan struct{}, 16)}
	behind, err := url.Parse(moto(t))
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(behind)
	c.url = serve(t, "127.0.0.1:0", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !c.hook(w, r) {
			proxy.ServeHTTP(w, r)
		}
	}))
	serve(t, metadataAddress+":80", c.metadata())
	return c
}

// serve runs a server until the test ends.
func serve(t *testing.T, address string, h http.Handler) (url string) {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: h}
	done := make(chan struct{})
	go func() { _ = server.Serve(l); close(done) }()
	t.Cleanup(func() { _ = server.Close(); <-done })
	return "http://" + l.Addr().String()
}

// hook answers CompleteLifecycleAction, which moto does not have.
func (c *cloud) hook(w http.ResponseWriter, r *http.Request) bool {
	if !strings.Contains(r.Header.Get("Authorization"), "/autoscaling/") {
		return false
	}
	if err := r.ParseForm(); err != nil || r.Form.Get("Action") != "CompleteLifecycleAction" ||
		r.Form.Get("AutoScalingGroupName") != "windlass-test-all" || r.Form.Get("InstanceId") != instanceID {
		http.Error(w, "not expected", http.StatusBadRequest)
		return true
	}
	c.mu.Lock()
	c.completed[r.Form.Get("LifecycleHookName")] = r.Form.Get("LifecycleActionResult")
	c.mu.Unlock()
	c.changed <- struct{}{}
	w.Header().Set("Content-Type", "text/xml")
	fmt.Fprint(w, `<CompleteLifecycleActionResponse xmlns="http://autoscaling.amazonaws.com/doc/2011-01-01/"><CompleteLifecycleActionResult/><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></CompleteLifecycleActionResponse>`)
	return true
}

// wait waits until a hook was completed and gives the result.
func (c *cloud) wait(t *testing.T, hook string, most time.Duration) string {
	t.Helper()
	timeout := time.After(most)
	for {
		c.mu.Lock()
		result := c.completed[hook]
		c.mu.Unlock()
		if result != "" {
			return result
		}
		select {
		case <-c.changed:
		case <-timeout:
			t.Errorf("the hook %s was not completed within %s", hook, most)
			return ""
		}
	}
}

func (c *cloud) want(state string) {
	c.mu.Lock()
	c.target = state
	c.mu.Unlock()
}

// metadata is the metadata service, with tokens required.
func (c *cloud) metadata() http.Handler {
	const token = "token-of-the-test"
	mux := http.NewServeMux()
	mux.HandleFunc("PUT /latest/api/token", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", r.Header.Get("X-Aws-Ec2-Metadata-Token-Ttl-Seconds"))
		_, _ = io.WriteString(w, token)
	})
	say := func(path string, text func() string) {
		mux.HandleFunc("GET /latest/"+path, func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("X-Aws-Ec2-Metadata-Token") != token {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			_, _ = io.WriteString(w, text())
		})
	}
	fixed := func(text string) func() string { return func() string { return text } }
	say("meta-data/instance-id", fixed(instanceID))
	say("meta-data/autoscaling/target-lifecycle-state", func() string {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.target
	})
	say("meta-data/placement/region", fixed(region))
	say("dynamic/instance-identity/document", fixed(`{"region":"`+region+`"}`))
	say("meta-data/iam/security-credentials/{$}", fixed("windlass"))
	say("meta-data/iam/security-credentials/windlass", fixed(fmt.Sprintf(
		`{"Code":"Success","LastUpdated":%q,"Type":"AWS-HMAC","AccessKeyId":"ASIAROLE","SecretAccessKey":"s","Token":"t","Expiration":%q}`,
		time.Now().UTC().Format(time.RFC3339), time.Now().Add(6*time.Hour).UTC().Format(time.RFC3339))))
	return mux
}

// moto starts it and gives its address.
func moto(t *testing.T) string {
	t.Helper()
	bin, err := filepath.Abs("../../.cache/moto/bin/moto_server")
	if err == nil {
		_, err = os.Stat(bin)
	}
	if err != nil {
		t.Fatalf("moto is not installed: run make test, or scripts/setup moto (%v)", err)
	}
	cmd := exec.Command(bin, "-H", "127.0.0.1", "-p", "0")
	out, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	address := make(chan string, 1)
	go func() {
		defer close(address)
		running := regexp.MustCompile(`Running on (http://127\.0\.0\.1:\d+)`)
		lines := bufio.NewScanner(out)
		for lines.Scan() { // to the end, so that moto is never kept waiting
			if m := running.FindStringSubmatch(lines.Text()); m != nil {
				address <- m[1]
			}
		}
	}()
	select {
	case url := <-address:
		if url != "" {
			return url
		}
	case <-time.After(60 * time.Second):
	}
	t.Fatal("moto does not start")
	return ""
}

// aws runs the aws command as somebody with all rights.
func (c *cloud) aws(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "../../.cache/awscli/bin/aws", args...)
	cmd.Env = append(os.Environ(), "AWS_ENDPOINT_URL="+c.url, "AWS_REGION="+region, "AWS_DEFAULT_REGION="+region, "AWS_ACCESS_KEY_ID=a", "AWS_SECRET_ACCESS_KEY=s")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("aws %v: %v\n%s", args, err, out)
	}
	return string(out)
}
