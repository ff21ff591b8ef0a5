package sagatest

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/girohq/giro/saga"
)

// atomic judges a saga that has ended: what stands of each run of its steps is what its state says. What
// an operator has done by hand or by force is his own business.
func (a *audit) atomic(b *book) {
	for i := range b.saga.Steps {
		s := &b.saga.Steps[i]
		sd, _ := b.def.Step(s.ID)
		empty := sd.Parallel > 0 && s.ID == sd.ID // a list without an item: see listed
		if sd.Kind == saga.Read || sd.Action == "" || s.Open || s.ByHand != "" || empty {
			continue
		}
		least, most := mayStand(b.saga.State, s.State)
		if got := b.standing(s.ID); got < least || got > most {
			a.violated(OutcomeIsAtomic, b.id, "the saga is %s, and step %s, which is %s, stands %d times", b.state, s.ID, s.State, got)
		}
	}
	a.listed(b)
}

// mayStand is how often a run may stand in the end.
func mayStand(in saga.State, s saga.StepState) (least, most int) {
	switch {
	case s == saga.StepSkipped, in == saga.Compensated:
		return 0, 0
	case in == saga.Completed:
		return 1, 1
	case s == saga.StepSucceeded: // from here on: abandoned
		return 1, 1
	case s == saga.StepFailed: // it is left as it is
		return 0, 1
	}
	return 0, 0
}

// listed judges that every item of every list had its run.
func (a *audit) listed(b *book) {
	if b.state != saga.Completed || !drawn(&b.saga) {
		return
	}
	var input map[string]json.RawMessage
	if err := json.Unmarshal(b.saga.Input, &input); err != nil {
		a.violated(OutcomeIsAtomic, b.id, "its input: %v", err)
	}
	for i := range b.def.Steps {
		sd := &b.def.Steps[i]
		whole, ok := b.saga.Step(sd.ID)
		if sd.Parallel == 0 || ok && whole.State == saga.StepSkipped {
			continue
		}
		var list []any
		if err := json.Unmarshal(input["l"+strings.TrimPrefix(sd.ID, "s")], &list); err != nil {
			a.violated(OutcomeIsAtomic, b.id, "its input: %v", err)
		}
		for n := range list {
			if _, has := b.saga.Step(fmt.Sprintf("%s.%d", sd.ID, n)); !has {
				a.violated(OutcomeIsAtomic, b.id, "step %s has no run for item %d of %d", sd.ID, n, len(list))
			}
		}
	}
}

// family judges that the sagas which a saga ran have ended as it has.
func (a *audit) family(b *book) {
	for i := range b.saga.Steps {
		s := &b.saga.Steps[i]
		child, ok := a.books[s.Child]
		if s.Child == "" || !ok || s.ByHand != "" || s.Open {
			continue
		}
		stands := b.state == saga.Completed && s.State == saga.StepSucceeded
		if stands != (child.state == saga.Completed) && (stands || b.state == saga.Compensated) {
			a.violated(OutcomeIsAtomic, b.id, "the saga is %s, step %s is %s, and the saga %s, which it runs, is %s", b.state, s.ID, s.State, s.Child, child.state)
		}
	}
}

// inOrder judges the undo of a step: nothing stands that came after it.
func (a *audit) inOrder(b *book, run string) {
	if b.def == nil {
		return
	}
	of, _ := b.def.Step(strings.Split(run, "~")[0])
	for i := range b.steps {
		other := &b.steps[i]
		id := strings.Split(other.step, "~")[0]
		sd, ok := b.def.Step(id)
		s, _ := b.saga.Step(id)
		if !ok || other.effects == other.reverse || s == nil || s.ByHand != "" || s.Open || !comesAfter(b.def, sd, of.ID) {
			continue
		}
		a.violated(UndoneInOrder, b.id, "step %s is undone, and %s, which came after it, stands", run, other.step)
	}
}

// comesAfter says whether a step comes after the one with this id, directly or not.
func comesAfter(def *saga.Definition, sd *saga.StepDefinition, id string) bool {
	for _, before := range sd.After {
		if of, _ := def.Step(before); before == id || comesAfter(def, of, id) {
			return true
		}
	}
	return false
}
