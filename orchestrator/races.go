package orchestrator

import (
	"context"

	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/races"
	"github.com/girohq/giro/saga"
)

// countRaces is the verb races.
func (o *Orchestrator) countRaces(context.Context, struct{}) (any, error) {
	return wire.Races{Part: serviceName, Store: o.cfg.DB.StoreID(), Since: saga.Time{Time: o.since}, Races: o.races.Map()}, nil
}

// race notes a race that the batch has won; it is counted when the batch is committed.
func (b *batch) race(k races.Kind) { b.raced = append(b.raced, k) }

// lost notes an event that came too late to move its saga.
func (b *batch) lost(event saga.Event, u saga.Unchanged) {
	if u.Reason != reasonLate {
		return
	}
	switch e := event.(type) {
	case saga.Replied:
		if e.Reply.Outcome == saga.Retried { // it counts from the current attempt alone
			b.race(races.OutOfOrder)
			return
		}
		b.race(races.LateReply)
	case saga.TimedOut:
		b.race(races.LateTimeout)
	}
}

// reasonLate is how [saga.Transition] says that an event does not matter any more.
const reasonLate = "late"

// settled notes how long an operation took that a reply has just settled.
func (b *batch) settled(event saga.Event, before *saga.Instance) {
	e, ok := event.(saga.Replied)
	if !ok || !e.Reply.Outcome.Terminal() {
		return
	}
	for i := range before.Steps {
		if s := &before.Steps[i]; s.RunID() == e.Reply.Step && !s.Since.IsZero() {
			b.answered = append(b.answered, answered{s.Participant, e.Reply.Direction, e.At.Sub(s.Since)})
			return
		}
	}
}
