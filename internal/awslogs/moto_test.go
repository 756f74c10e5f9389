package awslogs

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
)

// moto is AWS's API as the emulator that most people test with has it. It is kinder than the
// service (see fake), but nobody here wrote it.
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
	out, in := io.Pipe()
	cmd.Stdout, cmd.Stderr = in, in
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan struct{})
	go func() { _ = cmd.Wait(); _ = in.Close(); close(exited) }()
	t.Cleanup(func() { _ = cmd.Process.Kill(); <-exited })
	address := make(chan string, 1)
	go func() {
		running := regexp.MustCompile(`Running on (http://127\.0\.0\.1:\d+)`)
		lines := bufio.NewScanner(out)
		for lines.Scan() { // To the end, so that moto is never kept waiting.
			if m := running.FindStringSubmatch(lines.Text()); m != nil {
				address <- m[1]
			}
		}
	}()
	select {
	case url := <-address:
		return url
	case <-exited:
		t.Fatal("moto ended at once")
	case <-time.After(60 * time.Second):
		t.Fatal("moto does not start")
	}
	return ""
}

func TestMoto(t *testing.T) {
	toFake(t, moto(t))
	const n = 2500
	s, log, said := ship(t, quick(), func(c *Config) { c.RetentionDays = 14; c.Stream = "{role}/{boot}"; c.Role = "worker" })
	write(log, 1, n)
	flush(t, s)
	if h := s.Health(); h.Shipped != n || h.Queued+h.Rejected+h.Dropped+h.Damaged != 0 || said.String() != "" {
		t.Errorf("%+v, said %s", h, said)
	}
	cfg, err := config.LoadDefaultConfig(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	api := cloudwatchlogs.NewFromConfig(cfg)
	name, stream, fromHead := group, s.Stream(), true
	groups, err := api.DescribeLogGroups(t.Context(), &cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePrefix: &name})
	if err != nil || len(groups.LogGroups) != 1 || groups.LogGroups[0].RetentionInDays == nil || *groups.LogGroups[0].RetentionInDays != 14 {
		t.Errorf("group %+v, %v", groups, err)
	}
	next := 1
	number := regexp.MustCompile(`"seq":(\d+),.*"n":(\d+),`)
	in := &cloudwatchlogs.GetLogEventsInput{LogGroupName: &name, LogStreamName: &stream, StartFromHead: &fromHead}
	for {
		out, err := api.GetLogEvents(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		if len(out.Events) == 0 {
			break
		}
		for _, e := range out.Events {
			m := number.FindStringSubmatch(*e.Message)
			if m == nil || m[1] != strconv.Itoa(next) || m[2] != m[1] {
				t.Fatalf("in place %d is %s", next, *e.Message)
			}
			next++
		}
		in.NextToken = out.NextForwardToken
	}
	if next != n+1 {
		t.Errorf("moto has %d lines, want %d", next-1, n)
	}
}

func TestTryPutOnMoto(t *testing.T) {
	toFake(t, moto(t))
	c := Config{Group: "/windlass/doctor"}
	if _, err := TryPut(t.Context(), c); err == nil || !strings.Contains(err.Error(), "there is no such log group") {
		t.Errorf("without the group: %v", err)
	}
	cl := &client{group: c.Group, told: &notices{}}
	if err := cl.create(t.Context(), "another"); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the stream is there at the second time
		if _, err := TryPut(t.Context(), c); err != nil {
			t.Error(err)
		}
	}
}
