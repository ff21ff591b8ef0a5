package orchestrator

import (
	"context"
	"fmt"

	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/outbox"
	"github.com/girohq/giro/saga"
)

// errand is what one saga wants of another: an event, or the start of a child. It is run in the
// transaction that stores the saga that wants it, so both are true or neither is.
type errand struct {
	id    string
	event saga.Event

	child *saga.StartChild
	trace string
}

// maxBegun bounds the children, and theirs, that one event begins. They begin in one transaction, and one
// that runs itself over a list of twenty would begin 25,600,000,000 before it is too deep.
const maxBegun = 1000

// runErrands works until no saga wants anything of another. At most maxBegun sagas begin, and each event
// moves a saga on, so there is an end.
func (m *mover) runErrands(ctx context.Context, tx outbox.Tx) error {
	for i := 0; i < len(m.errands); i++ {
		run := m.tell
		if m.errands[i].child != nil {
			run = m.beginChild
		}
		if err := run(ctx, tx, m.errands[i]); err != nil {
			return err
		}
	}
	return nil
}

// tell moves the other saga. What it refuses it refuses: the one that wanted it learns of that only by
// what the other one tells it.
func (m *mover) tell(ctx context.Context, tx outbox.Tx, e errand) error {
	return m.applyEvent(ctx, tx, &work{id: e.id, event: e.event})
}

// beginChild starts a child, or tells its parent that it cannot begin.
func (m *mover) beginChild(ctx context.Context, tx outbox.Tx, e errand) error {
	b, err := m.registry.checkChild(e.child)
	if m.begun++; err == nil && m.begun > maxBegun {
		err = fmt.Errorf("too many sagas began with one event: at most %d can", maxBegun)
	}
	if err != nil {
		m.refuseChild(e.child, wire.CodeInvalid, oneSentence(err))
		return nil
	}
	span, root := m.traceStart(e.child.ID, b.def.Name, e.trace)
	event := saga.Started{At: m.clock(), ID: e.child.ID, Input: b.input, Trace: root, Parent: &e.child.Parent}
	next, effects := saga.Transition(b.def, saga.Instance{}, event)
	ok, err := m.insert(ctx, tx, &work{id: e.child.ID}, &next, event, effects)
	if err == nil && !ok {
		m.refuseChild(e.child, wire.CodeConflict, fmt.Sprintf("there is a saga %s already", e.child.ID))
		return nil
	}
	m.batch.traced(span)
	return err
}

func (m *mover) refuseChild(c *saga.StartChild, code, message string) {
	m.errands = append(m.errands, errand{id: c.Parent.ID, event: saga.ChildEnded{
		At: m.clock(), Step: c.Parent.Step, Child: c.ID, State: saga.Compensated,
		Cause: &saga.Cause{Step: c.Parent.Step, Kind: saga.CauseRejected, Code: code, Message: message},
	}})
}

// checkChild finds the definition of a child and checks its input. A parent that may have to undo its
// child as a whole gets the newest version that has no pivot.
func (r *registry) checkChild(c *saga.StartChild) (*begin, error) {
	version := c.Version
	if version == 0 && c.Whole {
		version = r.newestWhole(c.Type)
	}
	b, err := r.check(startRequest{sagaType: c.Type, id: c.ID, input: c.Input, pinned: version})
	if err == nil && c.Whole && b.def.HasPivot() {
		err = fmt.Errorf("saga %s has a pivot, so it cannot be undone as a whole: run it as the pivot", c.Type)
	}
	return b, err
}

// newestWhole is the newest version of a saga that has no pivot; 0 if there is none.
func (r *registry) newestWhole(name string) int {
	r.mu.RLock()
	defer r.mu.RUnlock()
	versions := r.byName[name]
	for i := len(versions) - 1; i >= 0; i-- {
		if !versions[i].HasPivot() {
			return versions[i].Version
		}
	}
	return 0
}
