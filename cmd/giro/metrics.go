package main

import (
	"context"
	"errors"

	"github.com/girohq/giro/gateway"
	"github.com/girohq/giro/internal/sight"
	"github.com/prometheus/client_golang/prometheus"
)

func (a *app) newMetrics(collectors []prometheus.Collector) *sight.Metrics {
	m := sight.NewMetrics(thisBuild().Version, a.log)
	m.Add(collectors...)
	return m
}

// openMetrics opens a port that serves nothing but /metrics, to this machine only; nil for no address.
func (a *app) openMetrics(addr string, collectors ...prometheus.Collector) (*gateway.Gateway, error) {
	if addr == "" || addr == none {
		return nil, nil
	}
	g, err := gateway.New(gateway.Config{Listen: addr, Metrics: a.newMetrics(collectors).Handler(), Version: thisBuild().Version, Log: a.log})
	switch {
	case errors.Is(err, gateway.ErrPortTaken):
		return nil, withTry(err, "--metrics 127.0.0.1:0 for any free port")
	case err != nil:
		return nil, usageError("--metrics: %w", err)
	}
	return g, nil
}

// shownMetrics is where they are, for people.
func shownMetrics(g *gateway.Gateway) string {
	if g == nil {
		return "no port"
	}
	return g.URL() + "/metrics"
}

// openTraces begins to send spans, where the environment says so.
func (a *app) openTraces(ctx context.Context, service string) (*sight.Traces, error) {
	t, err := sight.OpenTraces(ctx, service, thisBuild().Version, a.log)
	if err != nil {
		return nil, usageError("OTEL_...: %w", err)
	}
	return t, nil
}

// closeTraces sends the last spans; that they are lost is no failure of the command.
func (a *app) closeTraces(t *sight.Traces) {
	if err := t.Close(); err != nil {
		a.log.Warn().Err(err).Msg("traces: the last spans were not sent")
	}
}
