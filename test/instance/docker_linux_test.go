package instance

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Where Docker's stand-in keeps what it knows, on the instance.
const (
	dockerFolder = "/var/lib/docker-standin"
	imageFolder  = dockerFolder + "/image"
	pulledFile   = dockerFolder + "/pulled"
	pidFile      = dockerFolder + "/pid"
	logFile      = dockerFolder + "/log"
	stoppedFile  = dockerFolder + "/stopped" // when docker stop was called
)

// values collects an option that may come several times.
type values []string

// String gives them in one.
func (v *values) String() string { return strings.Join(*v, " ") }

// Set adds one.
func (v *values) Set(text string) error { *v = append(*v, text); return nil }

// container is what docker run was told. What is not here is not known, and refused.
type container struct {
	name, attach, network, user, envFile, logDriver, pids string
	readOnly                                              bool
	volumes, tmpfs, ulimits, capDrop, security, logOpts   values
}

func (c *container) flags() *flag.FlagSet {
	fs := flag.NewFlagSet("docker run", flag.ContinueOnError)
	fs.StringVar(&c.name, "name", "", "")
	fs.StringVar(&c.attach, "attach", "", "")
	fs.StringVar(&c.network, "network", "", "")
	fs.StringVar(&c.user, "user", "", "")
	fs.StringVar(&c.envFile, "env-file", "", "")
	fs.StringVar(&c.logDriver, "log-driver", "", "")
	fs.StringVar(&c.pids, "pids-limit", "", "")
	fs.BoolVar(&c.readOnly, "read-only", false, "")
	for name, v := range map[string]*values{"volume": &c.volumes, "tmpfs": &c.tmpfs, "ulimit": &c.ulimits, "cap-drop": &c.capDrop, "security-opt": &c.security, "log-opt": &c.logOpts} {
		fs.Var(v, name, "")
	}
	return fs
}

// dockerMain is the docker command, as far as an instance uses it.
func dockerMain(args []string) int {
	say := func(code int, format string, a ...any) int {
		fmt.Fprintf(os.Stderr, "docker: "+format+"\n", a...)
		return code
	}
	switch call := strings.Join(args[:min(2, len(args))], " "); {
	case call == "image inspect" && len(args) == 3:
		if pulled, err := os.ReadFile(pulledFile); err != nil || string(pulled) != args[2] {
			return say(1, "no such image: %s", args[2])
		}
	case call == "pull --quiet" && len(args) == 3:
		if err := os.WriteFile(pulledFile, []byte(args[2]), 0o600); err != nil {
			return say(1, "%v", err)
		}
	case call == "rm --force":
		return 0 // nothing outlives its docker run here
	case len(args) > 0 && args[0] == "run":
		return dockerRun(args[1:], say)
	case call == "stop --time" && len(args) == 4:
		return dockerStop(args[2], say)
	case call == "logs --tail":
		text, err := os.ReadFile(logFile)
		fmt.Printf("%s", text)
		if err != nil {
			return say(1, "%v", err)
		}
	default:
		return say(125, "the stand-in does not know %q", args)
	}
	return 0
}

// dockerRun starts the program in mounts of its own and waits for it.
func dockerRun(args []string, say func(int, string, ...any) int) int {
	var c container
	fs := c.flags()
	if err := fs.Parse(args); err != nil || fs.NArg() < 1 {
		return say(125, "%v", err)
	}
	pulled, err := os.ReadFile(pulledFile)
	if err != nil || string(pulled) != fs.Arg(0) || !strings.Contains(fs.Arg(0), "@sha256:") {
		return say(125, "image %s was not pulled by its digest", fs.Arg(0))
	}
	if c.network != "host" || !c.readOnly || c.capDrop.String() != "ALL" || c.security.String() != "no-new-privileges" {
		return say(125, "it may do too much: %+v", c)
	}
	log, err := os.OpenFile(logFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return say(125, "%v", err)
	}
	cmd := exec.Command("/proc/self/exe", args...)
	cmd.Env = append(os.Environ(), standInVariable+"=container")
	cmd.Stderr = log
	if c.attach == "stdout" {
		cmd.Stdout = os.Stdout
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL, Setpgid: true}
	if err := cmd.Start(); err != nil {
		return say(125, "%v", err)
	}
	if err := os.WriteFile(pidFile, []byte(strconv.Itoa(cmd.Process.Pid)), 0o600); err != nil {
		return say(125, "%v", err)
	}
	// Docker hands the signals that it gets on.
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		for s := range signals {
			_ = cmd.Process.Signal(s)
		}
	}()
	err = cmd.Wait()
	_ = os.Remove(pidFile)
	if ended, ok := errors.AsType[*exec.ExitError](err); ok {
		return ended.ExitCode()
	}
	if err != nil {
		return say(125, "%v", err)
	}
	return 0
}

// dockerStop asks the program to end, and ends it when its time is over.
func dockerStop(seconds string, say func(int, string, ...any) int) int {
	text, err := os.ReadFile(pidFile)
	if err != nil {
		return say(1, "no such container")
	}
	pid, err := strconv.Atoi(string(text))
	if err != nil {
		return say(1, "%v", err)
	}
	if err := os.WriteFile(stoppedFile, []byte(time.Now().Format(time.RFC3339Nano)), 0o600); err != nil {
		return say(1, "%v", err)
	}
	patience, err := time.ParseDuration(seconds + "s")
	if err == nil {
		err = syscall.Kill(pid, syscall.SIGTERM)
	}
	if err != nil {
		return say(1, "%v", err)
	}
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); syscall.Kill(pid, 0) == nil; <-tick.C {
		if time.Now().After(end) {
			_ = syscall.Kill(pid, syscall.SIGKILL)
			_ = os.WriteFile(stoppedFile, []byte("killed"), 0o600) // the test looks
			break
		}
	}
	return 0
}

// containerMain becomes the program: it sees the image's files alone, as the user, on a read-only tree.
func containerMain(args []string) int {
	var c container
	fs := c.flags()
	err := fs.Parse(args)
	var env []string
	if err == nil {
		env, err = readEnv(c.envFile)
	}
	if err == nil {
		err = c.mount()
	}
	uid, gid, _ := strings.Cut(c.user, ":")
	u, err1 := strconv.Atoi(uid)
	g, err2 := strconv.Atoi(gid)
	for _, step := range []func() error{
		func() error { return errors.Join(err, err1, err2) },
		func() error { return syscall.Chroot(imageFolder) },
		func() error { return syscall.Chdir("/") },
		func() error { return syscall.Setgroups(nil) },
		func() error { return syscall.Setgid(g) },
		func() error { return syscall.Setuid(u) },
		func() error {
			return syscall.Exec("/windlass", append([]string{"/windlass"}, fs.Args()[1:]...), env)
		},
	} {
		if err := step(); err != nil {
			fmt.Fprintln(os.Stderr, "docker: start the container:", err)
			return 125
		}
	}
	return 0
}

// mount lays the volumes over the image, and makes all else read-only.
func (c *container) mount() error {
	var targets []string
	bind := func(from, to string, flags uintptr) error {
		if err := os.MkdirAll(to, 0o755); err != nil {
			return err
		}
		targets = append(targets, to)
		if err := syscall.Mount(from, to, "", syscall.MS_BIND, ""); err != nil {
			return fmt.Errorf("mount %s: %w", to, err)
		}
		if flags == 0 {
			return nil
		}
		return syscall.Mount("", to, "", syscall.MS_BIND|syscall.MS_REMOUNT|flags, "")
	}
	for _, v := range append(append(values{}, c.volumes...), "/tmp:/tmp") {
		parts := strings.Split(v, ":")
		if err := os.MkdirAll(filepath.Join(imageFolder, parts[1]), 0o755); err != nil {
			return err
		}
	}
	if err := bind(imageFolder, imageFolder, syscall.MS_RDONLY); err != nil {
		return err
	}
	for _, v := range c.volumes {
		parts := append(strings.Split(v, ":"), "rw")
		var flags uintptr
		if parts[2] == "ro" {
			flags = syscall.MS_RDONLY
		}
		if err := bind(parts[0], filepath.Join(imageFolder, parts[1]), flags); err != nil {
			return err
		}
	}
	return syscall.Mount("tmpfs", filepath.Join(imageFolder, "tmp"), "tmpfs", syscall.MS_NOEXEC|syscall.MS_NOSUID|syscall.MS_NODEV, "size=64m,mode=1777")
}

func readEnv(name string) ([]string, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	var env []string
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		if lines.Text() != "" {
			env = append(env, lines.Text())
		}
	}
	return env, lines.Err()
}
