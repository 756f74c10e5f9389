package main

import (
	"context"

	"windlass/internal/tracing"
)

// openTracer starts tracing if there is a collector. close sends the last spans; that they are
// lost is no reason to end with a fault.
func (p *process) openTracer(ctx context.Context) (close func(), err error) {
	if !p.traced {
		return func() {}, nil
	}
	p.tracer, err = tracing.Open(ctx, tracing.Config{Version: version, Roles: p.roleNames, Log: p.log})
	if err != nil {
		return nil, err
	}
	return func() {
		if err := p.tracer.Close(); err != nil {
			p.log.Warn("the last spans are lost", "error", err)
		}
	}, nil
}
