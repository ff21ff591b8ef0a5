package main

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"sync/atomic"
	"time"

	"github.com/girohq/giro/client"
	"github.com/girohq/giro/internal/standby"
	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/orchestrator"
	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
)

// desk is where the HTTP API of a process with --standby asks: the orchestrator while this process leads,
// and else a sign that says who may come back later.
type desk struct {
	candidate *standby.Candidate
	attending atomic.Pointer[orchestrator.Orchestrator]
}

// attended runs an orchestrator that answers at the desk.
func (d *desk) attended(o *orchestration) func(context.Context) error {
	return func(ctx context.Context) error {
		d.attending.Store(o.Orchestrator)
		defer d.attending.Store(nil)
		return o.run(ctx)
	}
}

// sign refuses what the leader must be asked.
func (d *desk) sign() error {
	c := d.candidate.Candidacy()
	return wire.Unavailable(fmt.Sprintf("this process (%s) is a standby and does not lead: ask the leader, or repeat the same request when this one has taken over", c.Owner))
}

// Start implements [gateway.Orchestrator].
func (d *desk) Start(ctx context.Context, sagaType string, input []byte, header nats.Header) (orchestrator.Accepted, error) {
	if o := d.attending.Load(); o != nil {
		return o.Start(ctx, sagaType, input, header)
	}
	return orchestrator.Accepted{}, d.sign()
}

// Call implements [gateway.Orchestrator]. The health says how this process stands.
func (d *desk) Call(ctx context.Context, verb string, body []byte, header nats.Header) (json.RawMessage, error) {
	o := d.attending.Load()
	switch {
	case verb == "health":
		return json.Marshal(d.health(o))
	case o == nil:
		return nil, d.sign()
	}
	return o.Call(ctx, verb, body, header)
}

func (d *desk) health(o *orchestrator.Orchestrator) client.Health {
	c := d.candidate.Candidacy()
	h := client.Health{Status: wire.HealthStandby, Checks: map[string]string{c.Of: "another process has it; this one waits"}}
	if c.Detail != "" {
		h.Checks[c.Of] = c.Detail
	}
	if o != nil {
		h = o.Health()
	}
	h.Candidates = []wire.Candidacy{c}
	return h
}

// Follow implements [gateway.Orchestrator].
func (d *desk) Follow(ctx context.Context, id string, after int64, quiet time.Duration) iter.Seq2[[]orchestrator.Event, error] {
	if o := d.attending.Load(); o != nil {
		return o.Follow(ctx, id, after, quiet)
	}
	return func(yield func([]orchestrator.Event, error) bool) { yield(nil, d.sign()) }
}

// Describe implements [prometheus.Collector]. What there is to collect changes with the lead, so nothing is said of it.
func (d *desk) Describe(chan<- *prometheus.Desc) {}

// Collect implements [prometheus.Collector]: the metrics of the orchestrator, while this process leads.
func (d *desk) Collect(to chan<- prometheus.Metric) {
	if o := d.attending.Load(); o != nil {
		o.Collector().Collect(to)
	}
}
