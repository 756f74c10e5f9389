package awslogs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// TryPut ships one line to a stream of its own in c's group, as the program would, and makes no
// group. It gives the stream's name. The error says in words what an operator can do about it.
func TryPut(ctx context.Context, c Config) (stream string, err error) {
	stream = streamName("doctor/{host}", "", "")
	cl := &client{group: c.Group, told: &notices{}}
	if _, err := cl.connect(ctx); err != nil {
		return stream, err
	}
	if _, err := cl.credentials.Retrieve(ctx); err != nil {
		return stream, fmt.Errorf("no credentials are found: on an instance its role gives them, and a container reaches them with --network host or a hop limit of 2 (%w)", err)
	}
	if err := cl.createStream(ctx, stream); err != nil {
		return stream, explainCall(err)
	}
	now := time.Now()
	line := fmt.Sprintf(`{"time":%q,"level":"INFO","msg":"windlass doctor was here"}`, now.UTC().Format(time.RFC3339Nano))
	taken, err := cl.put(ctx, stream, []event{{now.UnixMilli(), line}})
	if err != nil {
		return stream, explainCall(err)
	}
	if taken == 0 {
		return stream, errors.New("CloudWatch took the call and rejected the line: this machine's clock is wrong by hours or days")
	}
	return stream, nil
}

// explainCall puts before err what can be done about it, where that is known.
func explainCall(err error) error {
	words := "CloudWatch does not answer: check the region, and the way out to its endpoint on port 443"
	switch classify(err) {
	case missing:
		words = "there is no such log group in this region: terraform apply makes it, and so does the program with its first line if its role has logs:CreateLogGroup"
	case denied, expired:
		words = "the role may not write there: docs/logs.md has the rights that it needs"
	case invalid, throttled, repeated:
		return err
	}
	return fmt.Errorf("%s (%w)", words, err)
}

// Spool is what lies in a spool folder.
type Spool struct {
	Folder string
	// Free is the room on its disk in bytes; negative where the system does not say.
	Free int64
	// Segments hold Bytes of lines that are not shipped yet. Oldest is when the oldest was
	// written to last; zero without one.
	Segments int
	Bytes    int64
	Oldest   time.Time
}

// LookAtSpool says what lies in the spool folder of c, and makes it as the program would. It takes
// nothing over. The error says why nothing could be written there.
func LookAtSpool(c Config) (Spool, error) {
	s := Spool{Folder: c.SpoolDir, Free: -1}
	if s.Folder == "" {
		s.Folder = DefaultSpoolDir()
	}
	if err := os.MkdirAll(s.Folder, 0o700); err != nil {
		return s, err
	}
	trial, err := os.CreateTemp(s.Folder, ".doctor-*")
	if err != nil {
		return s, err
	}
	_, err = trial.Write(make([]byte, 4096))
	if err = errors.Join(err, trial.Close(), os.Remove(trial.Name())); err != nil {
		return s, err
	}
	s.Free = freeBytes(s.Folder)
	files, err := filepath.Glob(filepath.Join(s.Folder, "*", "*"+segmentSuffix))
	for _, file := range files {
		info, err := os.Stat(file)
		if err != nil {
			continue // shipped in between
		}
		s.Segments++
		s.Bytes += info.Size()
		if s.Oldest.IsZero() || info.ModTime().Before(s.Oldest) {
			s.Oldest = info.ModTime()
		}
	}
	return s, err
}
