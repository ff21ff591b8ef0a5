package orchestrator

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/girohq/giro/internal/wire"
	"github.com/nats-io/nats.go"
)

// The verbs for callers in the same process. They say what they say over NATS, and need no broker: accepted
// is what is committed in the database.

// Accepted is the answer to a start.
type Accepted struct {
	Document json.RawMessage // the saga; with Prefer: wait as it was at the end of the wait
	Terminal bool            // the saga has ended
	Repeated bool            // the same start was accepted before
}

// Start is the verb start: it returns when the saga is committed. Its id and its options are the
// headers, as over NATS. With Prefer: wait it returns when the saga has ended, at the end of the
// wait, or when ctx ends: with the saga as it stands then. An error is a *Problem; one of code
// unavailable leaves open whether the saga was accepted: repeat the same start.
func (o *Orchestrator) Start(ctx context.Context, sagaType string, input []byte, header nats.Header) (Accepted, error) {
	id, wait, err := startHeaders(header)
	if err != nil {
		return Accepted{}, wire.Invalid(err)
	}
	b, err := o.registry.check(startRequestOf(sagaType, id, input, header))
	if err != nil {
		return Accepted{}, err
	}
	b.bounded = true
	ended := make(chan []byte, 1)
	if wait > 0 {
		patience := o.waiters.add(id, wait, func(_ *entry, doc []byte) { ended <- doc })
		defer o.waiters.settle(id, patience, func() {})
	}
	out, err := o.begin(ctx, &work{id: id, begin: b})
	if err != nil {
		return Accepted{}, o.told("start."+sagaType, err)
	}
	a := Accepted{Terminal: out.entry.in.State.Terminal(), Repeated: !out.created}
	if wait > 0 && !a.Terminal {
		return o.await(ctx, id, a, ended)
	}
	a.Document, err = o.announcer.document(out.entry)
	return a, o.told("start."+sagaType, err)
}

// begin hands over a start if there is room, and waits until it is committed, also for a caller who has
// gone: what is asked for was done then.
func (o *Orchestrator) begin(ctx context.Context, w *work) (outcome, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), verbTimeout)
	defer cancel()
	answer := make(chan outcome, 1)
	w.done = func(out outcome) { answer <- out }
	if err := o.submitStart(w); err != nil {
		return outcome{}, err
	}
	select {
	case out := <-answer:
		return out, out.err
	case <-ctx.Done():
		return outcome{}, wire.Unavailable("the start is not accepted yet: repeat the same start in a moment")
	}
}

// await returns an accepted saga when it has ended, or when patience has.
func (o *Orchestrator) await(ctx context.Context, id string, a Accepted, ended <-chan []byte) (Accepted, error) {
	select {
	case doc := <-ended:
		if doc != nil {
			a.Document, a.Terminal = doc, true
			return a, nil
		}
	case <-ctx.Done():
	}
	now, err := o.query.Get(context.WithoutCancel(ctx), id)
	if err == nil {
		a.Terminal = now.State.Terminal()
		a.Document, err = json.Marshal(now)
	}
	return a, o.told("start", err)
}

// Call is any other verb, by the name that it has over NATS: get, definitions.apply. An error is a *Problem.
func (o *Orchestrator) Call(ctx context.Context, name string, body []byte, header nats.Header) (json.RawMessage, error) {
	ctx, cancel := context.WithTimeout(ctx, verbTimeout)
	defer cancel()
	for _, v := range o.verbs() {
		if v.name != name {
			continue
		}
		answer, err := v.handle(ctx, body, header)
		if err != nil {
			return nil, o.told(name, err)
		}
		data, err := encoded(answer)
		return data, o.told(name, err)
	}
	return nil, wire.NotFound("there is no verb %q", name)
}

func encoded(answer any) (json.RawMessage, error) {
	if data, ok := answer.(json.RawMessage); ok {
		return data, nil
	}
	return json.Marshal(answer)
}

// told makes an error one for a caller: a *Problem. A caller who has gone hears nothing.
func (o *Orchestrator) told(what string, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, context.Canceled) {
		return wire.Unavailable("the request was given up")
	}
	problem, _ := o.problem(what, err)
	return problem
}
