package instance

import (
	"bytes"
	"context"
	"fmt"
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

const (
	image         = "registry.example/windlass@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	uid           = 65532
	adminToken    = "the-admin-token-of-the-test"
	redisPassword = "the-password-of-the-test"
	logGroup      = "/windlass/test"

	deregistrationSeconds = 3
	drainSeconds          = 2
)

// machine is an instance that boots: its files, laid over this machine's.
type machine struct {
	t     *testing.T
	files string // what it wrote
	root  string // what it sees
	log   bytes.Buffer
	mu    sync.Mutex
}

func TestInstance(t *testing.T) {
	cloud := newCloud(t)
	secret := func(name, value string) string {
		cloud.aws(t, "secretsmanager", "create-secret", "--name", name, "--secret-string", value)
		return name
	}
	redis := redistest.Start(t, "--requirepass", redisPassword)
	cloud.aws(t, "logs", "create-log-group", "--log-group-name", logGroup)
	redisURL := "redis://" + redis.Addr()
	userData := render(t, map[string]any{
		"fleet": "windlass-test-all", "roles": "api,web,worker,scheduler", "image": image, "ecr_registry": nil,
		"region": region, "uid": uid, "asg_name": "windlass-test-all", "spot": false, "admin_token_version": 1,
		"launch_hook": "launch", "drain_hook": "drain", "boot_seconds": 300,
		"deregistration_seconds": deregistrationSeconds, "stop_seconds": drainSeconds + 20,
		"secrets": map[string]string{"redis-password": secret("test/redis-password", redisPassword), "admin-token": secret("test/admin-token", adminToken)},
		"environment": map[string]string{
			"AWS_REGION": region, "AWS_ENDPOINT_URL": cloud.url, "WINDLASS_LISTEN": "0.0.0.0:8000",
			"WINDLASS_REDIS_URL": redisURL, "WINDLASS_REDIS_PASSWORD_FILE": "/run/windlass/redis-password",
			"WINDLASS_ADMIN_TOKEN_FILE": "/run/windlass/admin-token", "WINDLASS_DRAIN": fmt.Sprintf("%ds", drainSeconds),
			"WINDLASS_LOG_GROUP": logGroup, "WINDLASS_LOG_SPOOL_DIR": "/var/lib/windlass/log-spool", "WINDLASS_LOG_FORMAT": "json",
		},
	})
	for _, word := range []string{adminToken, redisPassword} {
		if strings.Contains(userData, word) {
			t.Error("a secret stands in the user data")
		}
	}
	other, otherPID := startOther(t, redisURL)
	m := boot(t, cloud, userData)
	if result := cloud.wait(t, "launch", 6*time.Minute); result != "CONTINUE" {
		t.Fatalf("the launch ends with %q", result)
	}
	m.checkSecrets()

	balancer, url := newBalancer(t, "http://127.0.0.1:8000", other)
	l := &load{url: url, token: adminToken}
	ctx, stop := context.WithCancel(t.Context())
	var loads sync.WaitGroup
	loads.Go(func() { l.run(ctx) })
	// One request that is open when the program is told to end, longer than the load balancer waits.
	loads.Go(func() { l.submit(t.Context(), "http://127.0.0.1:8000", "wait=20", "9s") })
	m.untilBusy(l)
	for range 8 { // longer than the program has to drain: those that it runs must be handed back
		l.submit(t.Context(), url, "", "9s")
	}

	// The group wants the instance back. It tells the load balancer at the same time.
	cloud.want("Terminated")
	balancer.deregister(0)
	if result := cloud.wait(t, "drain", 3*time.Minute); result != "CONTINUE" {
		t.Errorf("the drain ends with %q", result)
	}
	stop()
	loads.Wait()
	m.checkStopped(l, other, fmt.Sprintf("-%d-", otherPID))
	m.checkLog(cloud)
}

// startOther starts a second process behind the load balancer, which stays.
func startOther(t *testing.T, redisURL string) (url string, pid int) {
	t.Helper()
	cmd := exec.Command(filepath.Join(os.Getenv(insideVariable), "windlass"), "-role", "api,worker", "-listen", "127.0.0.1:8001", "-redis-url", redisURL)
	cmd.Env = append(os.Environ(), "WINDLASS_REDIS_PASSWORD="+redisPassword, "WINDLASS_ADMIN_TOKEN="+adminToken)
	var log bytes.Buffer
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("log of the other process:\n%.4000s", log.String())
		}
	})
	return "http://127.0.0.1:8001", cmd.Process.Pid
}

// boot starts systemd on the instance, which runs the user data as cloud-init would.
func boot(t *testing.T, cloud *cloud, userData string) *machine {
	t.Helper()
	// Not a folder of the test's own: nobody must remove what an overlay shows of this machine.
	// The mounts end with this process.
	dir := filepath.Join(os.Getenv(insideVariable), "instance")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "mode=0755"); err != nil {
		t.Fatal(err)
	}
	m := &machine{t: t, files: filepath.Join(dir, "files"), root: filepath.Join(dir, "root")}
	for _, folder := range []string{m.files, m.root, filepath.Join(dir, "work"), filepath.Join(m.files, "run"), filepath.Join(m.files, "tmp")} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	m.furnish(cloud, userData)
	if err := syscall.Mount("overlay", m.root, "overlay", 0, fmt.Sprintf("lowerdir=/,upperdir=%s,workdir=%s", m.files, filepath.Join(dir, "work"))); err != nil {
		t.Fatal(err)
	}
	awscli, err := filepath.Abs("../../.cache/awscli")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("unshare", "--fork", "--pid", "--kill-child", "--mount", "--cgroup", "--uts", "--ipc", "/bin/sh", "-euc", `
		mount -t proc proc "$1/proc"
		mount -t sysfs -o ro sysfs "$1/sys"
		mount -t cgroup2 cgroup2 "$1/sys/fs/cgroup"
		mount --rbind /dev "$1/dev"
		mount -t tmpfs -o mode=0755 tmpfs "$1/run"
		mount -t tmpfs tmpfs "$1/tmp"
		mkdir -p "$1$2"
		mount --bind "$2" "$1$2"
		exec env -i container=windlass-test PATH=/usr/sbin:/usr/bin:/sbin:/bin chroot "$1" /lib/systemd/systemd --system --unit=instance.target --log-target=console --show-status=no`, "sh", m.root, awscli)
	cmd.Stdout, cmd.Stderr = m, m
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // and with it all that it started
		_ = cmd.Wait()
		if t.Failed() {
			m.tell()
		}
	})
	return m
}

// Write takes what systemd says.
func (m *machine) Write(p []byte) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.log.Write(p)
}

func (m *machine) tell() {
	m.mu.Lock()
	m.t.Logf("systemd:\n%s", m.log.String())
	m.mu.Unlock()
	for _, name := range []string{"var/log/cloud-init-output.log", logFile} {
		text, err := os.ReadFile(filepath.Join(m.files, name))
		m.t.Logf("%s (%v):\n%s", name, err, text[max(0, len(text)-6000):])
	}
}

// furnish puts on the instance what its image of the operating system would have, and the stand-ins.
func (m *machine) furnish(cloud *cloud, userData string) {
	t := m.t
	t.Helper()
	aws, err := filepath.Abs("../../.cache/awscli/bin/aws")
	if err != nil {
		t.Fatal(err)
	}
	file := func(name, text string) { write(t, filepath.Join(m.files, name), text, 0o755) }
	file("var/lib/cloud/user-data", userData)
	file("etc/systemd/system/user-data.service", `[Service]
Type=oneshot
RemainAfterExit=yes
Environment=HOME=/root
ExecStart=/bin/bash /var/lib/cloud/user-data
StandardOutput=append:/var/log/cloud-init-output.log
StandardError=append:/var/log/cloud-init-output.log
`)
	file("etc/systemd/system/instance.target", "[Unit]\nWants=user-data.service\nAllowIsolate=yes\n")
	file("usr/local/bin/aws", "#!/bin/sh\nexport AWS_ENDPOINT_URL="+cloud.url+"\nexec "+aws+" \"$@\"\n")
	// dnf brings Docker and its unit.
	file("opt/standin/docker", "#!/bin/sh\n"+standInVariable+"=docker exec /opt/standin/test \"$@\"\n")
	file("usr/local/bin/docker", "#!/bin/sh\nexec /usr/bin/docker \"$@\"\n") // before one of this machine
	file("opt/standin/docker.service", "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n")
	file("usr/bin/dnf", `#!/bin/sh -eu
case "$*" in "install -y --quiet docker"*) ;; *) echo "dnf: not expected: $*" >&2; exit 1 ;; esac
cp /opt/standin/docker /usr/bin/docker
cp /opt/standin/docker.service /etc/systemd/system/docker.service
`)
	for from, to := range map[string]string{
		os.Args[0]: "opt/standin/test", filepath.Join(os.Getenv(insideVariable), "windlass"): imageFolder + "/windlass",
	} {
		text, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		file(to, string(text))
	}
	// Nothing of this machine's own starts there.
	for _, unit := range []string{"systemd-udevd.service", "systemd-udev-trigger.service", "systemd-networkd.service", "systemd-resolved.service", "systemd-logind.service", "systemd-tmpfiles-setup.service", "systemd-tmpfiles-setup-dev.service"} {
		if err := os.Symlink("/dev/null", filepath.Join(m.files, "etc/systemd/system", unit)); err != nil {
			t.Fatal(err)
		}
	}
}

// checkSecrets asks the program as a client: it has the token and Redis's password.
func (m *machine) checkSecrets() {
	m.t.Helper()
	status, _, err := submit(m.t.Context(), "http://127.0.0.1:8000", adminToken, "wait=20", "0s")
	if err != nil || status != 200 {
		m.t.Errorf("with the admin token it answers %d, %v", status, err)
	}
	if status, _, _ := submit(m.t.Context(), "http://127.0.0.1:8000", "another", "", "0s"); status != 401 {
		m.t.Errorf("with another token it answers %d", status)
	}
}

// untilBusy waits until tasks run.
func (m *machine) untilBusy(l *load) {
	m.t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); <-tick.C {
		l.mu.Lock()
		n := len(l.accepted)
		l.mu.Unlock()
		if n > 60 {
			return
		}
	}
	m.t.Fatalf("the load does not get going: %v", l.faults)
}

// checkStopped compares what clients were told with what became of it.
func (m *machine) checkStopped(l *load, other, otherWorker string) {
	t := m.t
	t.Helper()
	text, err := os.ReadFile(filepath.Join(m.files, stoppedFile))
	stopped, parseErr := time.Parse(time.RFC3339Nano, string(text))
	if err != nil || parseErr != nil {
		t.Fatalf("docker stop: %v, %v (%s)", err, parseErr, text)
	}
	for _, f := range l.faults {
		t.Errorf("a request failed: %s", f)
	}
	inFlight, handedBack := 0, 0
	for _, id := range l.accepted {
		got := m.untilFinal(other, id)
		if got.State != task.Succeeded {
			t.Errorf("the task %s is %s, %+v", id, got.State, got.Attempts)
		}
		for _, a := range got.Attempts {
			if a.Outcome == task.OutcomeLost {
				t.Errorf("an attempt at %s was lost", id)
			}
			if !strings.Contains(a.Worker, otherWorker) && a.StartedAt.Before(stopped) && a.FinishedAt != nil && a.FinishedAt.After(stopped) {
				inFlight++
			}
		}
		if len(got.Attempts) > 1 {
			handedBack++
		}
	}
	t.Logf("%d requests, %d failed; %d tasks accepted, %d ran when the program was told to end, %d of them were handed back and ran elsewhere",
		l.requests, len(l.faults), len(l.accepted), inFlight, handedBack)
	if inFlight == 0 {
		t.Error("no task was running when the program was told to end: nothing was proven")
	}
}

func (m *machine) untilFinal(url, id string) task.Task {
	m.t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(time.Minute); ; <-tick.C {
		got, err := get(m.t.Context(), url, adminToken, id)
		if err != nil {
			m.t.Fatal(err)
		}
		if got.State.Final() || time.Now().After(end) {
			return got
		}
	}
}

// checkLog looks for the program's first and last line in CloudWatch.
func (m *machine) checkLog(cloud *cloud) {
	m.t.Helper()
	lines := cloud.aws(m.t, "logs", "filter-log-events", "--log-group-name", logGroup, "--output", "text", "--query", "events[].message")
	for _, want := range []string{`"msg":"listening"`, `"msg":"stopped"`} {
		if !strings.Contains(lines, want) {
			m.t.Errorf("the log group lacks the line %s", want)
		}
	}
}
