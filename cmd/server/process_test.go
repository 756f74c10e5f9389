package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"windlass/internal/redistest"
	"windlass/internal/task"
)

// childVariable makes the test binary be Windlass itself, so that tests run,
// signal and kill real processes.
const childVariable = "TEST_WINDLASS_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		main()
		return
	}
	m.Run()
}

// child is a running Windlass.
type child struct {
	t   *testing.T
	cmd *exec.Cmd
	url string

	mu     sync.Mutex
	log    bytes.Buffer
	exited chan struct{}
}

// start runs Windlass and waits until it listens.
func start(t *testing.T, args ...string) *child {
	t.Helper()
	return startWith(t, nil, args...)
}

// startWith adds variables to its environment.
func startWith(t *testing.T, variables []string, args ...string) *child {
	t.Helper()
	c := &child{t: t, exited: make(chan struct{})}
	c.cmd = exec.Command(os.Args[0], append([]string{"-listen", "127.0.0.1:0", "-log-format", "json"}, args...)...)
	c.cmd.Env = append(append(os.Environ(), childVariable+"=1"), variables...)
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stderr, err := c.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	addresses := make(chan string, 1)
	go c.read(stderr, addresses)
	t.Cleanup(func() {
		_ = c.cmd.Process.Kill()
		<-c.exited
		if t.Failed() {
			c.mu.Lock()
			t.Logf("log of %v:\n%s", args, c.log.String())
			c.mu.Unlock()
		}
	})
	select {
	case c.url = <-addresses:
	case <-c.exited:
		t.Fatalf("windlass %v ended at once", args)
	case <-time.After(30 * time.Second):
		t.Fatalf("windlass %v does not listen", args)
	}
	return c
}

func (c *child) read(r io.Reader, addresses chan<- string) {
	defer close(c.exited)
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		c.mu.Lock()
		c.log.Write(append(lines.Bytes(), '\n'))
		c.mu.Unlock()
		var line struct{ Msg, Address string }
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "listening" {
			addresses <- line.Address
		}
	}
	_ = c.cmd.Wait()
}

// stop sends SIGTERM and gives the exit code.
func (c *child) stop() int {
	c.t.Helper()
	c.terminate()
	return c.wait()
}

func (c *child) terminate() {
	c.t.Helper()
	if err := c.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		c.t.Fatal(err)
	}
}

func (c *child) wait() int {
	c.t.Helper()
	select {
	case <-c.exited:
	case <-time.After(60 * time.Second):
		c.t.Fatal("windlass does not end after SIGTERM")
	}
	return c.cmd.ProcessState.ExitCode()
}

func (c *child) submit(prefer, body string) task.Task {
	c.t.Helper()
	r, err := http.NewRequest("POST", c.url+"/api/v1/tasks", strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Prefer", prefer)
	return c.do(r)
}

func (c *child) get(id string) task.Task {
	c.t.Helper()
	r, err := http.NewRequest("GET", c.url+"/api/v1/tasks/"+id, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	return c.do(r)
}

func (c *child) do(r *http.Request) task.Task {
	c.t.Helper()
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	var got task.Task
	body, err := io.ReadAll(response.Body)
	if err == nil {
		err = json.Unmarshal(body, &got)
	}
	if err != nil || response.StatusCode >= 300 {
		c.t.Fatalf("%s %s: %d %s (%v)", r.Method, r.URL.Path, response.StatusCode, body, err)
	}
	return got
}

// until polls the API, as a client without events would, until the condition holds.
func (c *child) until(id string, most time.Duration, holds func(task.Task) bool) task.Task {
	c.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(most); ; <-tick.C {
		got := c.get(id)
		if holds(got) {
			return got
		}
		if time.Now().After(end) {
			c.t.Fatalf("after %s the task is %s, %+v, %+v", most, got.State, got.Progress, got.Attempts)
		}
	}
}

// untilNotReady waits for readyz to say that the process drains. A process that
// no longer answers fails the test.
func (c *child) untilNotReady() {
	c.t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); <-tick.C {
		response, err := http.Get(c.url + "/readyz")
		if err != nil {
			c.t.Fatalf("readyz while draining: %v", err)
		}
		body, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if response.StatusCode == http.StatusServiceUnavailable {
			if err != nil || !bytes.Contains(body, []byte(`"code":"shutting_down"`)) || !bytes.Contains(body, []byte(`"roles":["worker"]`)) {
				c.t.Errorf("readyz while draining: %s, %v", body, err)
			}
			return
		}
	}
	c.t.Fatal("readyz never says that the process drains")
}

func final(t task.Task) bool { return t.State.Final() }

func TestAllRolesInOneProcess(t *testing.T) {
	c := start(t)
	got := c.submit("wait=20", `{"kind":"demo.echo","input":{"message":"hello"}}`)
	if got.State != task.Succeeded || string(got.Result) != `{"message":"hello"}` {
		t.Errorf("got %s %s", got.State, got.Result)
	}
	for path, want := range map[string]string{"/livez": "", "/readyz": "", "/metrics": "windlass_attempts_finished_total", "/docs": "demo.echo", "/redoc": "", "/openapi.json": `"openapi"`} {
		response, err := http.Get(c.url + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err != nil || response.StatusCode != 200 || !strings.Contains(string(body), want) {
			t.Errorf("%s: %d, %v", path, response.StatusCode, err)
		}
	}
	if code := c.stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// A replication group with TLS, an authority of its own and a user who may do
// what SECURITY.md grants and no more; the password changes while all roles run.
func TestAllRolesOverTLSAsAUser(t *testing.T) {
	authority := redistest.NewAuthority(t)
	redis := redistest.StartTLS(t, authority, append(redistest.UserArgs(t, "windlass", "first"), "--user", "admin", "on", ">admin", "+@all")...)
	password := filepath.Join(t.TempDir(), "password")
	write := func(text string) {
		if err := os.WriteFile(password, []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("first")
	t.Setenv("WINDLASS_REDIS_USERNAME", "windlass")
	t.Setenv("WINDLASS_REDIS_PASSWORD_FILE", password)
	// Each try may find one more of the connections that are killed below: under TLS go-redis does not look.
	c := start(t, "-redis-url", redis.URL()+"?max_retries=20", "-redis-ca-file", authority.File)
	echo := func() {
		t.Helper()
		got := c.submit("wait=20", `{"kind":"demo.echo","input":{"message":"hello"}}`)
		if got.State != task.Succeeded {
			t.Errorf("got %s %+v", got.State, got.Error)
		}
	}
	echo()
	admin := redis.ClientAs(t, "admin", "admin")
	write("second")
	for _, cmd := range [][]any{{"acl", "setuser", "windlass", ">second", "<first"}, {"client", "kill", "user", "windlass"}} {
		if err := admin.Do(t.Context(), cmd...).Err(); err != nil {
			t.Fatal(err)
		}
	}
	echo()
	c.mu.Lock()
	log := c.log.String()
	c.mu.Unlock()
	for _, secret := range []string{`"first`, `second"`, "NOPERM"} {
		if strings.Contains(log, secret) {
			t.Errorf("the log has %s", secret)
		}
	}
	if code := c.stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// TestAuditOfItself is the first thing that a newcomer tries.
func TestAuditOfItself(t *testing.T) {
	c := start(t, "-egress-allow", "127.0.0.0/8")
	got := c.submit("wait=50", fmt.Sprintf(`{"kind":"site.audit","input":{"url":%q}}`, c.url+"/docs"))
	if got.State != task.Succeeded {
		t.Fatalf("got %s %+v", got.State, got.Error)
	}
	response, err := http.Get(c.url + "/api/v1/tasks/" + got.ID + "/result?format=csv")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != 200 || !strings.HasPrefix(response.Header.Get("Content-Type"), "text/csv") {
		t.Errorf("CSV: %d %s", response.StatusCode, response.Header.Get("Content-Type"))
	}
}

func TestSigtermLetsATaskFinish(t *testing.T) {
	hold := make(chan struct{})
	release := sync.OnceFunc(func() { close(hold) })
	target := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hold }))
	defer target.Close()
	defer release() // first
	redis := redistest.Start(t)
	front := start(t, "-role", "api", "-redis-url", redis.URL())
	worker := start(t, "-role", "worker", "-redis-url", redis.URL(), "-egress-allow", "127.0.0.0/8")
	id := front.submit("", fmt.Sprintf(`{"kind":"http.request","input":{"url":%q}}`, target.URL)).ID
	front.until(id, 20*time.Second, func(t task.Task) bool { return t.State == task.Active })
	worker.terminate()
	worker.untilNotReady()
	release()
	if code := worker.wait(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if got := front.get(id); got.State != task.Succeeded || len(got.Attempts) != 1 {
		t.Errorf("got %s after %d attempts", got.State, len(got.Attempts))
	}
}

// slowSite is a site of many pages that takes its time, and counts requests.
type slowSite struct {
	mu    sync.Mutex
	pages map[string]int
	whole chan struct{} // until it is closed, most of the pages are held back
}

const slowPages = 60

func (s *slowSite) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.pages[r.URL.Path]++
	held := len(s.pages) > 40
	s.mu.Unlock()
	if r.URL.Path != "/" && !strings.HasPrefix(r.URL.Path, "/p/") {
		http.NotFound(w, r)
		return
	}
	<-time.After(100 * time.Millisecond)
	if held {
		<-s.whole
	}
	w.Header().Set("Content-Type", "text/html")
	fmt.Fprintf(w, "<!doctype html><title>%s</title>", r.URL.Path)
	for i := range slowPages {
		fmt.Fprintf(w, `<a href="/p/%d">page %d</a> `, i, i)
	}
}

func TestWorkerKilledInTheMiddleOfAnAuditLosesNothing(t *testing.T) {
	site := &slowSite{pages: map[string]int{}, whole: make(chan struct{})}
	target := httptest.NewServer(site)
	defer target.Close()
	letGo := sync.OnceFunc(func() { close(site.whole) })
	defer letGo() // first
	redis := redistest.Start(t, "--appendonly", "yes")
	front := start(t, "-role", "api,web", "-redis-url", redis.URL())
	workers := map[string]*child{}
	for range 2 {
		w := start(t, "-role", "worker", "-redis-url", redis.URL(), "-egress-allow", "127.0.0.0/8")
		workers[fmt.Sprintf("-%d-", w.cmd.Process.Pid)] = w
	}
	id := front.submit("", fmt.Sprintf(`{"kind":"site.audit","input":{"url":%q,"max_pages":100}}`, target.URL)).ID
	half := front.until(id, 60*time.Second, func(t task.Task) bool { return t.Progress != nil && t.Progress.Done >= 30 })
	killed := false
	for pid, w := range workers {
		if strings.Contains(half.Attempts[0].Worker, pid) {
			killed = w.cmd.Process.Kill() == nil
		}
	}
	if !killed {
		t.Fatalf("no worker of ours runs the task: %s", half.Attempts[0].Worker)
	}
	died := time.Now()
	letGo()
	got := front.until(id, 2*time.Minute, final)
	t.Logf("finished %s after the kill", time.Since(died).Round(10*time.Millisecond))
	if got.State != task.Succeeded || len(got.Attempts) != 2 || got.AttemptsUsed != 0 || got.Attempts[0].Outcome != task.OutcomeLost {
		t.Fatalf("got %s, %+v", got.State, got.Attempts)
	}
	var report struct {
		Totals struct {
			Pages int `json:"pages"`
		} `json:"totals"`
	}
	if err := json.Unmarshal(got.Result, &report); err != nil || report.Totals.Pages != slowPages+1 {
		t.Errorf("report of %d pages, want %d (%v)", report.Totals.Pages, slowPages+1, err)
	}
	site.mu.Lock()
	defer site.mu.Unlock()
	twice := 0
	for _, n := range site.pages {
		if n > 1 {
			twice++
		}
	}
	if twice > 45 {
		t.Errorf("%d of %d pages were fetched again: the checkpoint did not help", twice, slowPages)
	}
}

func TestFaultyCallsEndAtOnce(t *testing.T) {
	for name, tt := range map[string]struct {
		args []string
		code int
		want string
	}{
		"option": {[]string{"-role", "cook"}, 2, "cook"},
		"redis":  {[]string{"-redis-url", "redis://127.0.0.1:1"}, 1, "redis"},
		"port":   {[]string{"-listen", "127.0.0.1:99999"}, 1, "-listen"},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command(os.Args[0], tt.args...)
			cmd.Env = append(os.Environ(), childVariable+"=1")
			out, _ := cmd.CombinedOutput()
			if cmd.ProcessState.ExitCode() != tt.code || !strings.Contains(string(out), tt.want) {
				t.Errorf("exit code %d, said %s", cmd.ProcessState.ExitCode(), out)
			}
		})
	}
}
