package image

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"
)

// insideVariable says that the mounts of this process are its own, and names a folder for them.
const insideVariable = "WINDLASS_TEST_INSIDE"

// TestMain runs the tests as root with mounts that nobody else sees and that end with them.
func TestMain(m *testing.M) {
	if os.Getenv(insideVariable) != "" {
		m.Run()
		return
	}
	dir, err := os.MkdirTemp("", "windlass-image-")
	if err == nil {
		err = os.Chmod(dir, 0o755) // the image's user starts the program from here
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1) //nolint:forbidigo // nothing was tested
	}
	args := append([]string{"env", insideVariable + "=" + dir, "PATH=" + os.Getenv("PATH"), "unshare", "--mount", "--propagation", "private"}, os.Args...)
	if os.Geteuid() != 0 {
		args = append([]string{"sudo", "-n", "-E"}, args...)
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	err = cmd.Run()
	_ = os.RemoveAll(dir)
	if ended, ok := errors.AsType[*exec.ExitError](err); ok {
		os.Exit(ended.ExitCode()) //nolint:forbidigo // the tests ran in that process
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "these tests need root, or sudo without a password: %v\n", err)
		os.Exit(1) //nolint:forbidigo // nothing was tested
	}
}
