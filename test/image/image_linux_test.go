package image

import (
	"bytes"
	"debug/elf"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
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

	"github.com/google/go-cmp/cmp"
)

// maxSize is what the image may weigh.
const maxSize = 30_000_000

const adminToken = "the-token-of-the-tests"

func TestImageForBothPlatforms(t *testing.T) {
	for arch, machine := range map[string]elf.Machine{"arm64": elf.EM_AARCH64, "amd64": elf.EM_X86_64} {
		t.Run(arch, func(t *testing.T) {
			image := build(t, arch)
			var files []string
			var size int64
			err := filepath.WalkDir(image.root, func(path string, d fs.DirEntry, err error) error {
				if err != nil || d.IsDir() {
					return err
				}
				info, err := d.Info()
				if err == nil {
					files, size = append(files, strings.TrimPrefix(path, image.root)), size+info.Size()
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{"/etc/ssl/certs/ca-certificates.crt", "/windlass"}, files); diff != "" {
				t.Errorf("the image holds (-want +got):\n%s", diff)
			}
			t.Logf("%s: %.1f MB", arch, float64(size)/1e6)
			if size > maxSize {
				t.Errorf("it weighs %d bytes, and may weigh %d", size, maxSize)
			}
			checkProgram(t, filepath.Join(image.root, "windlass"), machine)
			if arch == "amd64" { // this machine's
				t.Run("runs", func(t *testing.T) { runImage(t, image) })
			}
		})
	}
}

// checkProgram wants one that needs nothing beside itself.
func checkProgram(t *testing.T, name string, machine elf.Machine) {
	t.Helper()
	program, err := elf.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = program.Close() }()
	libraries, err := program.ImportedLibraries()
	if program.Machine != machine || len(libraries) > 0 {
		t.Errorf("it is for %s and needs %v (%v)", program.Machine, libraries, err)
	}
	for _, p := range program.Progs {
		if p.Type == elf.PT_INTERP {
			t.Error("it needs a loader, which the image does not have")
		}
	}
	text, err := os.ReadFile(name)
	if err != nil || !bytes.Contains(text, []byte(`src="/assets/`)) {
		t.Errorf("the page is not in it (%v)", err)
	}
}

func runImage(t *testing.T, image *built) {
	want := map[string]string{"org.opencontainers.image.version": "test", "org.opencontainers.image.revision": "0123abc", "org.opencontainers.image.title": "Windlass"}
	for name, value := range want {
		if image.labels[name] != value {
			t.Errorf("label %s is %q", name, image.labels[name])
		}
	}
	readOnly(t, image.root)
	// A volume, made as an engine makes one: with the owner of the folder in the image.
	volume := filepath.Join(image.root, "var/lib/windlass")
	info, err := os.Stat(volume)
	if err != nil {
		t.Fatal(err)
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok || strconv.Itoa(int(owner.Uid))+":"+strconv.Itoa(int(owner.Gid)) != image.user {
		t.Fatalf("/var/lib/windlass belongs to %d:%d, the image's user is %s", owner.Uid, owner.Gid, image.user)
	}
	if err := syscall.Mount("tmpfs", volume, "tmpfs", 0, fmt.Sprintf("mode=%o,uid=%d,gid=%d", info.Mode().Perm(), owner.Uid, owner.Gid)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(volume, syscall.MNT_DETACH) })

	// As it is, it would listen for everybody without a token.
	out, err := inImage(image, image.entrypoint).CombinedOutput()
	if ended, ok := err.(*exec.ExitError); !ok || ended.ExitCode() != 2 || !strings.Contains(string(out), "WINDLASS_ADMIN_TOKEN") { //nolint:errorlint // Wait gives no other
		t.Errorf("without a token it ended with %v: %s", err, out)
	}

	listen := freeAddress(t)
	env := []string{"WINDLASS_LISTEN=" + listen, "WINDLASS_ADMIN_TOKEN=" + adminToken}
	// CloudWatch is away, so that the log's spool must be used.
	env = append(env, "WINDLASS_LOG_GROUP=/windlass/test", "AWS_REGION=eu-central-1", "AWS_EC2_METADATA_DISABLED=true")
	program := inImage(image, image.entrypoint, env...)
	var log bytes.Buffer
	program.Stderr = &log
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- program.Wait() }()
	defer func() { _ = program.Process.Kill() }()
	until(t, "the image's own health check", func() bool { return inImage(image, image.healthcheck, env...).Run() == nil })
	got := submit(t, "http://"+listen, adminToken, `{"kind":"demo.echo","input":{"message":"from the image"}}`)
	if got.State != "succeeded" {
		t.Errorf("the task is %s", got.State)
	}
	if spooled, err := filepath.Glob(filepath.Join(volume, "log-spool/*/*.seg")); err != nil || len(spooled) == 0 {
		t.Errorf("no log line is in the spool (%v)", err)
	}
	if err := program.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("after SIGTERM it ended with %v:\n%s", err, log.String())
		}
	case <-time.After(time.Minute):
		t.Error("it does not end after SIGTERM")
	}
	if err := inImage(image, image.healthcheck, env...).Run(); err == nil {
		t.Error("the health check is content with nobody there")
	}
}

// readOnly makes a tree one that nobody can write to.
func readOnly(t *testing.T, root string) {
	t.Helper()
	if err := syscall.Mount(root, root, "", syscall.MS_BIND, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(root, syscall.MNT_DETACH) })
	if err := syscall.Mount("", root, "", syscall.MS_BIND|syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "trial"), nil, 0o600); err == nil {
		t.Fatal("the tree can be written to")
	}
}

// inImage is a process that sees the image's files only, as its user, with its variables and env.
func inImage(image *built, args []string, env ...string) *exec.Cmd {
	uid, gid := user(image.user)
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir, cmd.Env = "/", []string{}
	for name, value := range image.env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	cmd.Env = append(cmd.Env, env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: image.root, Credential: &syscall.Credential{Uid: uid, Gid: gid}, Pdeathsig: syscall.SIGKILL}
	return cmd
}

// user reads 65532:65532. Anything but numbers is nobody.
func user(text string) (uid, gid uint32) {
	const nobody = 65534
	var numbers []uint32
	for part := range strings.SplitSeq(text, ":") {
		n, err := strconv.ParseUint(part, 10, 32)
		if err != nil {
			return nobody, nobody
		}
		numbers = append(numbers, uint32(n))
	}
	return numbers[0], numbers[len(numbers)-1]
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// until waits for a condition.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(time.Minute); !holds(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("after a minute still not: %s", what)
		}
	}
}

type answer struct {
	status int
	header http.Header
	ID     string `json:"id"`
	State  string `json:"state"`
	Code   string `json:"code"`
}

// submit hands a task in and waits for its end.
func submit(t *testing.T, url, token, body string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/api/v1/tasks", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Prefer", "wait=30")
	return send(t, r)
}

func send(t *testing.T, r *http.Request) answer {
	t.Helper()
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	got := answer{status: response.StatusCode, header: response.Header}
	if slices.Contains([]string{"application/json", "application/problem+json"}, response.Header.Get("Content-Type")) {
		if err := json.Unmarshal(body, &got); err != nil {
			t.Fatalf("%s %s answers %s: %v", r.Method, r.URL, body, err)
		}
	}
	return got
}
