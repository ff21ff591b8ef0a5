package saga

import (
	"bytes"
	"fmt"
	"slices"
	"time"
)

// Migrated says that an operator has moved a saga to another version of its definition, with [Migrate].
// It is for the history: Transition knows only the definition that a saga is pinned to.
type Migrated struct {
	At       time.Time
	From, To int
	Reason   string
}

func (e Migrated) at() time.Time { return e.At }

// Migrate moves an instance from one version of its definition to another, if what it has begun is the same
// in both; else it says why not. A step has begun when anything was sent for it, or it waits, or was settled: then it
// must be there with the same content, so that its commands keep their bytes, and among such steps the
// order must be the same, and nothing may have come before one that has not begun itself. What is pending
// may have changed, come or gone. Timeouts and retry policies may always change. The saga keeps its
// deadline. Steps that can begin now do.
func Migrate(from, to *Definition, in Instance, at time.Time) (next Instance, effects []Effect, reason string) {
	g := migration{from: from, to: to, in: &in, old: sourceOf(from), now: sourceOf(to)}
	if reason = g.refuse(); reason != "" {
		return in, nil, reason
	}
	m := move{def: to, Instance: in.clone(), now: at}
	m.Version, m.Digest, m.Steps = to.Version, to.digest, g.steps()
	m.locate()
	m.advance()
	m.revise()
	m.announce(&in)
	if timer := m.timer(); !timer.Equal(in.Timer(from)) {
		m.effect(Arm{timer})
	}
	m.stampRevision()
	return m.Instance, m.effects, ""
}

// migration is the comparison of two versions for one instance.
type migration struct {
	from, to *Definition
	in       *Instance
	old, now sourceFields
}

// refuse says why the instance cannot be moved; "" if it can.
func (g *migration) refuse() string {
	switch {
	case g.in.State.Terminal():
		return "it has ended"
	case g.in.Output != nil:
		return "all its steps are done"
	case g.in.Parent != nil && g.from.HasPivot() != g.to.HasPivot():
		return fmt.Sprintf("its parent takes it for what it was: version %d has a pivot, or version %d has", g.to.Version, g.from.Version)
	}
	if err := g.to.CheckInput(g.in.Input); err != nil {
		return fmt.Sprintf("its input is not one for version %d", g.to.Version)
	}
	for i := range g.in.Steps {
		if reason := g.refuseStep(&g.in.Steps[i]); reason != "" {
			return reason
		}
	}
	return ""
}

func (g *migration) refuseStep(s *Step) string {
	begun := g.begun(s)
	if s.State == StepPending && !begun {
		return ""
	}
	before, _ := g.from.Step(s.ID)
	after, ok := g.to.Step(s.ID)
	switch {
	case !ok:
		return fmt.Sprintf("step %s has begun, and is not in version %d", before.ID, g.to.Version)
	case !begun:
		return ""
	case before.Kind != after.Kind:
		return fmt.Sprintf("step %s has begun, and is %s in version %d", before.ID, after.Kind, g.to.Version)
	}
	if what := g.differs(before, after); what != "" {
		return fmt.Sprintf("step %s has begun, and its %s is another in version %d", before.ID, what, g.to.Version)
	}
	return g.refuseOrder(before.ID)
}

// begun says whether anything of a step may stand or be out. A step that failed before anything was sent, for
// it could not be said, has not begun: a version that can say it is what it waits for.
func (g *migration) begun(s *Step) bool {
	sd, _ := g.from.Step(s.ID)
	switch {
	case s.State == StepPending:
		return s.ID != sd.ID || s.Run > 0 // its list is frozen; or a run before it was refused
	case s.State == StepFailed:
		return s.Participant != "" || s.Child != ""
	}
	return true
}

// differs names what has changed of that which a step that has begun must keep; "" if nothing.
func (g *migration) differs(a, b *StepDefinition) string {
	undo := func(sd *StepDefinition) string {
		if sd.Undo == nil {
			return ""
		}
		return sd.Undo.Action
	}
	switch {
	case a.Action != b.Action:
		return "action"
	case undo(a) != undo(b):
		return "undo"
	case a.Expires != b.Expires || a.Expiry != b.Expiry:
		return "hold's time"
	}
	old, now := g.old.steps[writtenID(a.ID)], g.now.steps[writtenID(b.ID)]
	for _, name := range []string{"participant", "key", "args", "each", "await", "sleep", "run"} {
		if !bytes.Equal(old[name], now[name]) {
			if word := stepWords[name]; word != "" {
				return word
			}
			return name
		}
	}
	if a.each != nil && !bytes.Equal(old["when"], now["when"]) { // the runs that are pending look at it yet
		return stepWords["when"]
	}
	return ""
}

// refuseOrder compares what a step that has begun comes after. It is what the order of the undos is
// made of.
func (g *migration) refuseOrder(id string) string {
	for i := range g.to.Steps {
		other := g.to.Steps[i].ID
		if !g.to.comesAfter(id, other) {
			continue
		}
		if !g.hasBegun(other) {
			return fmt.Sprintf("step %s has begun, and in version %d it comes after %s, which has not", id, g.to.Version, other)
		}
		if !g.from.comesAfter(id, other) {
			return fmt.Sprintf("step %s has begun, and in version %d it comes after %s", id, g.to.Version, other)
		}
	}
	for i := range g.from.Steps {
		other := g.from.Steps[i].ID
		if g.from.comesAfter(id, other) && g.hasBegun(other) && !g.to.comesAfter(id, other) {
			return fmt.Sprintf("step %s has begun, and in version %d it does not come after %s", id, g.to.Version, other)
		}
	}
	return ""
}

// comesAfter says whether a step comes after another one, directly or not.
func (d *Definition) comesAfter(id, other string) bool {
	i, k := d.index(id), d.index(other)
	return i >= 0 && k >= 0 && d.Steps[k].below[i]
}

// hasBegun says whether a step of a definition has begun in the instance, in any of its runs.
func (g *migration) hasBegun(id string) bool {
	return slices.ContainsFunc(g.in.Steps, func(s Step) bool {
		sd, ok := g.from.Step(s.ID)
		return ok && sd.ID == id && g.begun(&s)
	})
}

// steps are those of the new version: what has begun, or failed, as it is, and the others pending.
func (g *migration) steps() []Step {
	var steps []Step
	for i := range g.to.Steps {
		sd, n := &g.to.Steps[i], len(steps)
		for k := range g.in.Steps {
			s := g.in.Steps[k]
			if was, _ := g.from.Step(s.ID); was.ID == sd.ID && (g.begun(&s) || s.State == StepFailed) {
				steps = append(steps, s)
			}
		}
		if len(steps) == n {
			steps = append(steps, Step{ID: sd.ID, State: StepPending})
		}
	}
	return steps
}
