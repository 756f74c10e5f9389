package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"windlass/internal/awslogs"
)

// logsDrain is how long the last log lines may take to CloudWatch. What is left then waits on
// the disk for the next start.
const logsDrain = 5 * time.Second

// logs is where the program's log lines go: to w, and to CloudWatch where a group is configured.
type logs struct {
	log     *slog.Logger
	local   *slog.Logger // not to CloudWatch
	shipper *awslogs.Shipper
}

// openLogs starts the shipper if there is to be one.
func (c config) openLogs(w io.Writer) (*logs, error) {
	local := c.newLogger(w)
	if c.ship.Group == "" {
		return &logs{log: local, local: local}, nil
	}
	ship := c.ship
	ship.Role, ship.Log = c.roleWord(), local
	shipper, err := awslogs.Open(ship)
	if err != nil {
		return nil, fmt.Errorf("-log-group: %w", err)
	}
	both := slog.New(slog.NewMultiHandler(local.Handler(), shipper.Handler(c.logLevel)))
	local.Info("log lines are shipped to CloudWatch", "group", ship.Group, "stream", shipper.Stream())
	return &logs{log: both, local: local, shipper: shipper}, nil
}

// checkStreams finds a stream that is named for nothing.
func (c config) checkStreams(sources map[string]string) error {
	if c.ship.Group != "" {
		return nil
	}
	var faults []error
	if c.ship.Stream != "" && c.ship.Stream != awslogs.DefaultStream {
		faults = append(faults, fmt.Errorf("%s: nothing is shipped to it without -log-group", sources["log-stream"]))
	}
	if s := c.metricsStream; s != "" && s != metricsOff && s != defaultMetricsStream {
		faults = append(faults, fmt.Errorf("%s: nothing is shipped to it without -log-group", sources["metrics-stream"]))
	}
	return errors.Join(faults...)
}

// roleWord is the roles in one word.
func (c config) roleWord() string {
	if c.has(roleAPI) && c.has(roleWeb) && c.has(roleWorker) && c.has(roleScheduler) {
		return roleAll
	}
	return strings.Join(c.roleNames, "-")
}

// close ships the last lines, with why the program ends if that is a fault, and says what is
// left. Nothing is logged after it.
func (l *logs) close(why error) {
	if l.shipper == nil {
		return
	}
	if why != nil { // run tells standard error.
		slog.New(l.shipper.Handler(slog.LevelError)).Error("windlass ends", "error", why)
	}
	closeShipper(l.shipper, l.local)
}

func closeShipper(s *awslogs.Shipper, local *slog.Logger) {
	ctx, cancel := context.WithTimeout(context.Background(), logsDrain)
	defer cancel()
	left, err := s.Close(ctx)
	if text := left.String(); text != "" {
		local.Warn(text)
	}
	if err != nil {
		local.Warn("the log shipper did not end well", "error", err)
	}
}

// newLogger writes lines to w as the options say.
func (c config) newLogger(w io.Writer) *slog.Logger {
	o := &slog.HandlerOptions{Level: c.logLevel}
	text := c.logFormat == "text"
	if f, ok := w.(*os.File); ok && c.logFormat == "auto" {
		info, err := f.Stat()
		text = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	if text {
		return slog.New(slog.NewTextHandler(w, o))
	}
	return slog.New(slog.NewJSONHandler(w, o))
}
