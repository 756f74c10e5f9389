package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"windlass/internal/awslogs"
	"windlass/internal/metric"
	"windlass/internal/scheduler"
)

// metricsOff as the metrics' stream means that there is none.
const (
	metricsOff           = "off"
	defaultMetricsStream = awslogs.DefaultStream + "/metrics"
)

// metricsOptions are those of metrics in CloudWatch.
func metricsOptions() []option {
	return []option{
		{name: "metrics-stream", fallback: defaultMetricsStream, usage: "log stream of the log group that metrics are shipped to, in CloudWatch's embedded metric format; off ships none",
			set: func(c *config, v string) error { c.metricsStream = v; return awslogs.CheckStream(v) }},
		{name: "environment", fallback: "default", usage: "the dimension Environment of those metrics, such as production",
			set: func(c *config, v string) error { c.environment = v; return metric.CheckEnvironment(v) }},
	}
}

// publisher sends metrics to CloudWatch, in a stream of log lines of its own.
type publisher struct {
	emf     *metric.EMF
	shipper *awslogs.Shipper
}

// openMetrics starts the shipper of metrics. It gives nil if there is to be none.
func (c config) openMetrics(r *metric.Registry, l *logs) (*publisher, error) {
	if c.ship.Group == "" || c.metricsStream == metricsOff {
		return nil, nil
	}
	ship := c.ship
	ship.Role, ship.Log, ship.Stream = c.roleWord(), l.local, c.metricsStream
	ship.Boot, ship.Sort = l.shipper.Boot(), "metrics"
	// What waits in the spool of a process that was killed is told again by the one that leads next,
	// or too late to be of use. While CloudWatch is slow, lines are on the disk in this mode too.
	ship.InMemory = true
	shipper, err := awslogs.Open(ship)
	if err != nil {
		return nil, fmt.Errorf("-metrics-stream: %w", err)
	}
	l.local.Info("metrics are shipped to CloudWatch", "group", ship.Group, "stream", shipper.Stream(), "environment", c.environment)
	return &publisher{emf: r.EMF(c.environment, shipper), shipper: shipper}, nil
}

// ships gives what the metrics are shipped by: nil for none.
func (p *publisher) ships() *awslogs.Shipper {
	if p == nil {
		return nil
	}
	return p.shipper
}

// fleet sends what the leading scheduler tells of all processes, and waits until CloudWatch has it.
func (p *publisher) fleet(ctx context.Context, at time.Time) error {
	if err := p.emf.WriteFleet(at); err != nil {
		return err
	}
	if err := p.shipper.Flush(ctx); err != nil {
		return fmt.Errorf("ship metrics: they wait until CloudWatch takes them: %w", err)
	}
	return nil
}

// run sends what this process counts until ctx ends. close sends the rest.
func (p *publisher) run(ctx context.Context, log *slog.Logger) {
	tick := time.NewTicker(scheduler.Period)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := p.emf.WriteProcess(time.Now()); err != nil {
			log.Error("metrics could not be shipped", "error", err)
		}
	}
}

// measure shows the shippers' health in the process's metrics.
func measure(r *metric.Registry, l *logs, p *publisher) {
	shippers := map[string]*awslogs.Shipper{}
	if l.shipper != nil {
		shippers["log"] = l.shipper
	}
	if p != nil {
		shippers["metrics"] = p.shipper
	}
	if len(shippers) > 0 {
		awslogs.Measure(r, shippers)
	}
}

// close sends what was counted last, and says what is left.
func (p *publisher) close(local *slog.Logger) {
	if p == nil {
		return
	}
	if err := p.emf.WriteProcess(time.Now()); err != nil {
		local.Error("metrics could not be shipped", "error", err)
	}
	closeShipper(p.shipper, local)
}
