package image

import (
	"bufio"
	"bytes"
	"context"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// topology is the services of compose.yaml as processes. What is another host there is another
// port here.
type topology struct {
	t        *testing.T
	services map[string]service
	image    *built
	replace  *strings.Replacer // names of hosts and folders of volumes
	listen   map[string]string
	running  []*exec.Cmd
	started  map[string]bool
}

func TestComposeTopology(t *testing.T) {
	top := newTopology(t)
	for _, name := range []string{"frontend", "scheduler", "worker", "worker"} {
		top.up(name)
	}
	until(t, "the frontend is healthy", func() bool { return top.healthy("frontend") })
	front := "http://" + top.listen["frontend"]
	for path, want := range map[string]int{"/": 200, "/docs": 200, "/redoc": 200, "/openapi.json": 200, "/health": 200, "/livez": 200, "/readyz": 200, "/api/v1/stats": 401} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, front+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := send(t, r); got.status != want {
			t.Errorf("GET %s through the frontend: %d", path, got.status)
		}
	}
	until(t, "two workers are listed", func() bool {
		list := top.get("/api/v1/workers")
		return strings.Count(list, `"concurrency"`) == 2
	})
	if got := submit(t, front, top.secret("admin_token"), `{"kind":"demo.echo","input":{"message":"hello"}}`); got.State != "succeeded" {
		t.Errorf("a task handed in at the frontend is %s", got.State)
	}
	top.followTask()
	top.redisIsAsPromised()
	top.secretsStay()
	top.stop("backend")
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, front+"/api/v1/tasks", nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := send(t, r); got.status != http.StatusServiceUnavailable || got.Code != "backend_unavailable" {
		t.Errorf("without a backend the frontend answers %d %s", got.status, got.Code)
	}
	for len(top.running) > 0 {
		top.stop("")
	}
}

func newTopology(t *testing.T) *topology {
	t.Helper()
	dir := folder(t)
	top := &topology{t: t, services: services(t), image: build(t, "amd64"), started: map[string]bool{}, listen: map[string]string{}}
	for _, name := range []string{"redis", "backend", "frontend"} {
		top.listen[name] = freeAddress(t)
	}
	for name, owner := range map[string]string{"secrets": "0", "data": top.services["redis"].User, "spool": top.image.user} {
		volume := filepath.Join(dir, name)
		if err := os.Mkdir(volume, 0o755); err != nil {
			t.Fatal(err)
		}
		uid, gid := user(owner)
		if err := os.Chown(volume, int(uid), int(gid)); err != nil {
			t.Fatal(err)
		}
	}
	top.replace = strings.NewReplacer(
		"redis:6379", top.listen["redis"], "http://backend:8000", "http://"+top.listen["backend"],
		"/secrets", filepath.Join(dir, "secrets"), "/data", filepath.Join(dir, "data"), "/var/lib/windlass", filepath.Join(dir, "spool"),
	)
	t.Cleanup(func() {
		for _, cmd := range top.running {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	})
	return top
}

// up starts a service after those that it waits for, in the way that it waits for them.
func (top *topology) up(name string) {
	top.t.Helper()
	s := top.services[name]
	for _, before := range slices.Sorted(maps.Keys(s.DependsOn)) {
		if top.started[before] {
			continue
		}
		top.up(before)
		switch condition := s.DependsOn[before].Condition; condition {
		case "service_completed_successfully":
			cmd := top.running[len(top.running)-1]
			top.running = top.running[:len(top.running)-1]
			if err := cmd.Wait(); err != nil {
				top.t.Fatalf("%s: %v", before, err)
			}
		case "service_healthy":
			until(top.t, before+" is healthy", func() bool { return top.healthy(before) })
		default:
			top.t.Fatalf("%s waits for %s to be %s", name, before, condition)
		}
	}
	cmd := top.process(name, s.Command...)
	if err := cmd.Start(); err != nil {
		top.t.Fatalf("%s: %v", name, err)
	}
	top.running = append(top.running, cmd)
	top.started[name] = true
}

// process is a process of a service: of our image, the program with the command as arguments.
func (top *topology) process(name string, command ...string) *exec.Cmd {
	s := top.services[name]
	args := slices.Clone(command)
	for i := range args {
		args[i] = top.replace.Replace(args[i])
	}
	env := map[string]string{"PATH": os.Getenv("PATH")}
	ours := s.Image == "windlass:local"
	if ours {
		maps.Copy(env, top.image.env)
		env["WINDLASS_LISTEN"] = "127.0.0.1:0" // a machine of its own: any port
		if top.listen[name] != "" {
			env["WINDLASS_LISTEN"] = top.listen[name]
		}
	}
	maps.Copy(env, s.Environment)
	if ours {
		args = append([]string{filepath.Join(top.image.root, top.image.entrypoint[0])}, args...)
	}
	if args[0] == "redis-server" {
		_, port, _ := net.SplitHostPort(top.listen["redis"])
		args = append(args, "--port", port, "--bind", "127.0.0.1")
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = "/"
	for n, v := range env {
		cmd.Env = append(cmd.Env, n+"="+top.replace.Replace(v))
	}
	uid, gid := user(s.User)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: gid}, Pdeathsig: syscall.SIGKILL}
	cmd.Stderr = top.t.Output()
	return cmd
}

// healthy runs the service's health check, or its image's.
func (top *topology) healthy(name string) bool {
	test := top.services[name].Healthcheck.Test
	switch {
	case len(test) == 2 && test[0] == "CMD-SHELL":
		_, port, _ := net.SplitHostPort(top.listen["redis"])
		text := strings.ReplaceAll(test[1], "redis-cli", "redis-cli -p "+port)
		return top.process(name, "/bin/sh", "-c", text).Run() == nil
	case len(test) == 0 && top.services[name].Image == "windlass:local":
		return top.process(name, top.image.healthcheck[1:]...).Run() == nil
	}
	top.t.Fatalf("%s has the health check %v", name, test)
	return false
}

// stop ends one service, or the one that was started last.
func (top *topology) stop(name string) {
	top.t.Helper()
	at := len(top.running) - 1
	if name != "" {
		at = slices.IndexFunc(top.running, func(c *exec.Cmd) bool {
			return slices.Equal(c.Args[1:], top.process(name, top.services[name].Command...).Args[1:])
		})
	}
	cmd := top.running[at]
	top.running = slices.Delete(top.running, at, at+1)
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		top.t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		top.t.Errorf("after SIGTERM %v ended with %v", cmd.Args, err)
	}
}

// get asks the frontend, signed in.
func (top *topology) get(path string) string {
	top.t.Helper()
	r, err := http.NewRequestWithContext(top.t.Context(), http.MethodGet, "http://"+top.listen["frontend"]+path, nil)
	if err != nil {
		top.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+top.secret("admin_token"))
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		top.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	var b bytes.Buffer
	if _, err := b.ReadFrom(response.Body); err != nil || response.StatusCode != 200 {
		top.t.Fatalf("GET %s: %s %s (%v)", path, response.Status, b.String(), err)
	}
	return b.String()
}

func (top *topology) secret(name string) string {
	top.t.Helper()
	text, err := os.ReadFile(top.replace.Replace("/secrets/" + name))
	if err != nil {
		top.t.Fatal(err)
	}
	return string(text)
}

// followTask reads a task's events through the frontend. The task is called off when the first was
// read: whoever held events back would wait for an end that does not come.
func (top *topology) followTask() {
	t := top.t
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	request := func(method, path, body string) *http.Request {
		r, err := http.NewRequestWithContext(ctx, method, "http://"+top.listen["frontend"]+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+top.secret("admin_token"))
		if body != "" {
			r.Header.Set("Content-Type", "application/json")
		}
		return r
	}
	accepted := send(t, request(http.MethodPost, "/api/v1/tasks", `{"kind":"demo.echo","input":{"message":1},"delay":"1h"}`))
	task := "/api/v1/tasks/" + accepted.ID
	if accepted.status != http.StatusAccepted || accepted.header.Get("Location") != task {
		t.Fatalf("the frontend answers %+v", accepted)
	}
	response, err := http.DefaultClient.Do(request(http.MethodGet, task+"/events", ""))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, 1<<20)
	canceled := false
	for lines.Scan() {
		switch lines.Text() {
		case "event: task":
			if canceled {
				continue
			}
			canceled = true
			if got := send(t, request(http.MethodPost, task+"/cancel", "")); got.status != http.StatusOK {
				t.Fatalf("the task is canceled with %+v", got)
			}
		case "event: end":
			return
		}
	}
	t.Errorf("no end is told, after a first event: %v (%v)", canceled, lines.Err())
}

// secretsStay starts the service that makes the secrets again, as each up does.
func (top *topology) secretsStay() {
	top.t.Helper()
	names := []string{"admin_token", "redis_password", "sealing_key", "redis.conf"}
	var before []string
	for _, n := range names {
		before = append(before, top.secret(n))
	}
	if err := top.process("secrets", top.services["secrets"].Command...).Run(); err != nil {
		top.t.Errorf("making the secrets again: %v", err)
	}
	for i, n := range names {
		info, err := os.Stat(top.replace.Replace("/secrets/" + n))
		if err != nil || top.secret(n) != before[i] || len(before[i]) < 32 || info.Mode().Perm() != 0o600 {
			top.t.Errorf("the secret %s is not as it was, or open to others (%v)", n, err)
		}
	}
}

func (top *topology) redisIsAsPromised() {
	top.t.Helper()
	_, port, _ := net.SplitHostPort(top.listen["redis"])
	ask := exec.CommandContext(top.t.Context(), "redis-cli", "-p", port, "config", "get", "maxmemory*")
	if out, err := ask.CombinedOutput(); err == nil && !strings.Contains(string(out), "NOAUTH") {
		top.t.Errorf("redis answers without a password: %s", out)
	}
	ask = exec.CommandContext(top.t.Context(), "redis-cli", "-p", port, "config", "get", "maxmemory*")
	ask.Env = append(os.Environ(), "REDISCLI_AUTH="+top.secret("redis_password"))
	out, err := ask.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "noeviction") || !strings.Contains(string(out), strconv.Itoa(256<<20)) {
		top.t.Errorf("redis says %s (%v)", out, err)
	}
}
