package orchestrator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/saga"
	"github.com/nats-io/nats.go"
)

func (o *Orchestrator) get(ctx context.Context, req wire.IDRequest) (any, error) {
	return o.query.Get(ctx, req.ID)
}

func (o *Orchestrator) list(ctx context.Context, req wire.ListRequest) (any, error) {
	return o.query.List(ctx, req, o.cfg.Now())
}

func (o *Orchestrator) history(ctx context.Context, req wire.IDRequest) (any, error) {
	return o.query.History(ctx, req.ID)
}

const maxReason = 1000

// checkOperation refuses what names no saga, or gives no reason.
func checkOperation(op wire.Operation) error {
	if err := saga.CheckID("saga id", op.ID); err != nil {
		return wire.Invalid(err)
	}
	if op.Reason == "" || len(op.Reason) > maxReason {
		return wire.Invalid(fmt.Errorf("a reason is required, of at most %d bytes: the history keeps it", maxReason))
	}
	return nil
}

// only refuses fields that this verb has no use for: nothing that somebody says is ignored.
func only(op wire.Operation, verb string, step bool) error {
	switch {
	case !step && op.Step != "":
		return wire.Invalid(fmt.Errorf("%s is about the whole saga: leave out step", verb))
	case op.Force:
		return wire.Invalid(fmt.Errorf("%s has no force", verb))
	case op.Result != nil:
		return wire.Invalid(fmt.Errorf("%s has no result", verb))
	}
	return nil
}

func (o *Orchestrator) cancel(ctx context.Context, op wire.Operation) (any, error) {
	if err := only(op, "cancel", false); err != nil {
		return nil, err
	}
	return o.operate(ctx, op, saga.Cancelled{At: o.clock(), Reason: op.Reason})
}

func (o *Orchestrator) retry(ctx context.Context, op wire.Operation) (any, error) {
	if err := only(op, "retry", true); err != nil {
		return nil, err
	}
	return o.operate(ctx, op, saga.Resumed{At: o.clock(), Reason: op.Reason, Step: op.Step})
}

func (o *Orchestrator) skip(ctx context.Context, op wire.Operation) (any, error) {
	if err := checkStep(op); err != nil {
		return nil, err
	}
	if op.Result != nil {
		return nil, wire.Invalid(errors.New("a skipped step has no result: resolve says what a person did"))
	}
	return o.operate(ctx, op, saga.Skipped{At: o.clock(), Step: op.Step, Reason: op.Reason, Force: op.Force})
}

func (o *Orchestrator) resolve(ctx context.Context, op wire.Operation) (any, error) {
	if err := checkStep(op); err != nil {
		return nil, err
	}
	if op.Result != nil {
		if err := saga.CheckObject(op.Result); err != nil {
			return nil, wire.Invalid(fmt.Errorf("result: %w", err))
		}
	}
	return o.operate(ctx, op, saga.ResolvedByHand{At: o.clock(), Step: op.Step, Reason: op.Reason, Result: op.Result, Force: op.Force})
}

func checkStep(op wire.Operation) error {
	if op.Step == "" {
		return wire.Invalid(errors.New("step is missing: name one of the saga's steps"))
	}
	return nil
}

func (o *Orchestrator) abandon(ctx context.Context, op wire.Operation) (any, error) {
	force := op.Force
	op.Force = false
	if err := only(op, "abandon", false); err != nil {
		return nil, err
	}
	return o.operate(ctx, op, saga.GivenUp{At: o.clock(), Reason: op.Reason, Force: force})
}

// signal tells a saga what an await waits for.
func (o *Orchestrator) signal(ctx context.Context, s wire.SignalRequest) (any, error) {
	if err := errors.Join(saga.CheckID("saga id", s.ID), saga.CheckID("signal", s.Name)); err != nil {
		return nil, wire.Invalid(err)
	}
	if s.Data == nil {
		s.Data = json.RawMessage("{}")
	}
	if err := saga.CheckObject(s.Data); err != nil {
		return nil, wire.Invalid(fmt.Errorf("data: %w", err))
	}
	return o.move(ctx, s.ID, saga.Signalled{At: o.clock(), Name: s.Name, Data: s.Data})
}

func (o *Orchestrator) operate(ctx context.Context, op wire.Operation, event saga.Event) (any, error) {
	if err := checkOperation(op); err != nil {
		return nil, err
	}
	return o.move(ctx, op.ID, event)
}

// move gives a saga an event and answers with the saga.
func (o *Orchestrator) move(ctx context.Context, id string, event saga.Event) (any, error) {
	if err := o.older.refuse(); err != nil {
		return nil, err
	}
	out, err := o.do(ctx, &work{id: id, event: event})
	if err != nil {
		return nil, err
	}
	doc, err := o.announcer.document(out.entry)
	return json.RawMessage(doc), err
}

// do hands work to the loop and waits for what became of it.
func (o *Orchestrator) do(ctx context.Context, w *work) (outcome, error) {
	answer := make(chan outcome, 1)
	w.done = func(out outcome) { answer <- out }
	if err := o.loop.Submit(ctx, w); err != nil {
		return outcome{}, err
	}
	select {
	case out := <-answer:
		return out, out.err
	case <-ctx.Done():
		return outcome{}, ctx.Err()
	}
}

// applyDefinition takes a definition as JSON, or as the YAML it was written in. With Saga-Dry-Run it only says
// what would change.
func (o *Orchestrator) applyDefinition(ctx context.Context, body []byte, header nats.Header) (any, error) {
	def, err := saga.Parse("definition", body)
	if err != nil {
		return nil, wire.Invalid(err)
	}
	switch dry := header.Get(wire.HeaderDryRun); dry {
	case "", "false":
		return o.Apply(ctx, def)
	case "true":
		answer, err := o.examine(ctx, def)
		answer.DryRun = true
		return answer, err
	default:
		return nil, wire.Invalid(fmt.Errorf("%s %q is neither true nor false", wire.HeaderDryRun, dry))
	}
}

func describeDefinition(d *stored) wire.AppliedDefinition {
	return wire.AppliedDefinition{Name: d.Name, Version: d.Version, Digest: d.Digest(), Applied: saga.Time{Time: d.applied}}
}

func (o *Orchestrator) listDefinitions(context.Context, struct{}) (any, error) {
	return o.query.Definitions(), nil
}

func (o *Orchestrator) getDefinition(_ context.Context, req wire.DefinitionRequest) (any, error) {
	return o.query.Definition(req.Name, req.Version)
}

// Definitions lists every version of every definition.
func (q *Query) Definitions() wire.DefinitionList {
	list := wire.DefinitionList{Items: []wire.AppliedDefinition{}}
	for _, d := range q.registry.all() {
		list.Items = append(list.Items, describeDefinition(d))
	}
	return list
}

// Definition returns a definition as canonical JSON; version 0 is the latest.
func (q *Query) Definition(name string, version int) (json.RawMessage, error) {
	if err := saga.CheckID("saga type", name); err != nil {
		return nil, wire.Invalid(err)
	}
	d, ok := q.registry.find(name, version)
	if !ok {
		return nil, q.registry.unknown(name, version)
	}
	return d.Source(), nil
}

func (o *Orchestrator) clock() time.Time { return o.cfg.Now().UTC().Truncate(time.Microsecond) }
