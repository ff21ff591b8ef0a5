package orchestrator

import (
	"context"

	"github.com/girohq/giro/internal/wire"
)

// Check adds to the health what another part of the process knows, such as its participants:
// nil is ok.
type Check func() error

// AddCheck makes the health depend on another part of the process. Call it before Run.
func (o *Orchestrator) AddCheck(name string, check Check) { o.checks[name] = check }

// Health asks every check.
func (o *Orchestrator) Health() wire.Health {
	h := wire.Health{Status: wire.HealthOK, Checks: make(map[string]string)}
	for name, check := range o.checks {
		h.Checks[name] = checkOK
		if err := check(); err != nil {
			h.Checks[name], h.Status = oneSentence(err), wire.HealthFailing
		}
	}
	if !h.OK() && !o.wasReady.Load() {
		h.Status = wire.HealthStarting
	}
	if h.OK() {
		o.wasReady.Store(true)
	}
	h.Paused = o.query.Pauses().Items
	if len(h.Paused) > maxPausesShown {
		h.Paused = h.Paused[:maxPausesShown]
	}
	return h
}

// checkOK is what a check says that finds nothing wrong.
const checkOK = "ok"

// maxPausesShown bounds what the health tells of; the verb pauses lists all.
const maxPausesShown = 100

func (o *Orchestrator) health(context.Context, struct{}) (any, error) { return o.Health(), nil }
