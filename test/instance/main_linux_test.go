package instance

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

const (
	// insideVariable names the folder that was prepared before the network was left behind.
	insideVariable = "WINDLASS_TEST_INSIDE"
	// standInVariable makes the test binary be Docker on the instance.
	standInVariable = "WINDLASS_TEST_STANDIN"
	metadataAddress = "169.254.169.254"
)

// TestMain runs the tests as root, with mounts and a network of their own: port 8000 and the
// metadata service's address belong to the instance.
func TestMain(m *testing.M) {
	switch os.Getenv(standInVariable) {
	case "docker":
		os.Exit(dockerMain(os.Args[1:])) //nolint:forbidigo // it is another program here
	case "container":
		os.Exit(containerMain(os.Args[1:])) //nolint:forbidigo // it is another program here
	}
	var err error
	if os.Getenv(insideVariable) == "" {
		err = enter()
	} else {
		err = exec.Command("sh", "-euc", "ip link set lo up; ip address add "+metadataAddress+"/32 dev lo").Run()
	}
	if ended, ok := errors.AsType[*exec.ExitError](err); ok {
		os.Exit(ended.ExitCode()) //nolint:forbidigo // the tests ran in that process
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1) //nolint:forbidigo // nothing was tested
	}
	if os.Getenv(insideVariable) != "" {
		m.Run()
	}
}

// enter prepares what needs the network outside, and runs this again inside.
func enter() error {
	dir, err := os.MkdirTemp("", "windlass-instance-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if err := os.Chmod(dir, 0o755); err != nil { // the image's user starts the program from here
		return err
	}
	program := exec.Command("go", "build", "-trimpath", "-o", filepath.Join(dir, "windlass"), "windlass/cmd/server")
	program.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := program.CombinedOutput(); err != nil {
		return fmt.Errorf("build the program: %w\n%s", err, out)
	}
	args := append([]string{"env", insideVariable + "=" + dir, "PATH=" + os.Getenv("PATH"), "unshare", "--mount", "--propagation", "private", "--net"}, os.Args...)
	if os.Geteuid() != 0 {
		args = append([]string{"sudo", "-n", "-E"}, args...)
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("run the tests as root, in a network of their own: %w", err)
	}
	return nil
}

// render gives the user data as Terraform makes it of these values.
func render(t *testing.T, values map[string]any) string {
	t.Helper()
	if _, err := exec.LookPath("terraform"); err != nil {
		t.Fatalf("find terraform: %v", err)
	}
	template, err := filepath.Abs("../../deploy/terraform/templates/user_data.sh.tftpl")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	text, err := json.Marshal(values)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "values.json"), string(text), 0o600)
	write(t, filepath.Join(dir, "main.tf"), fmt.Sprintf("output \"user_data\" {\n  value = templatefile(%q, jsondecode(file(\"values.json\")))\n}\n", template), 0o600)
	var out []byte
	for _, args := range [][]string{{"init"}, {"apply", "-auto-approve"}, {"output", "-raw", "user_data"}} {
		cmd := exec.CommandContext(t.Context(), "terraform", args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "TF_CLI_CONFIG_FILE=", "CHECKPOINT_DISABLE=1")
		if out, err = cmd.Output(); err != nil {
			t.Fatalf("terraform %v: %v\n%s", args, err, out)
		}
	}
	return string(out)
}

func write(t *testing.T, name, text string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}
