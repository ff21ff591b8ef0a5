package saga

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// A step can run another saga, its child. Both are in one database, so the child begins, and tells how
// it ended, in the transaction that moves its parent: nothing is sent, and nothing can be lost.
//
// A child that has a pivot decides for itself: for its parent it is a pivot, or a retriable step
// behind the pivot. A child without one can be undone as a whole. When all its steps are done it stands,
// still running: it is completed when the parent passes its pivot or completes, and compensated
// when the parent turns back. Only so is a terminal saga terminal for good.

// MaxDepth of sagas within sagas.
const MaxChildDepth = 8

// ChildID is the id of the child that a step run of a saga begins. It is the same at every repeat.
func ChildID(parent, run string) string {
	sum := sha256.Sum256([]byte(parent + "/" + run))
	return "child-" + hex.EncodeToString(sum[:16])
}

// startChild begins the child.
func (m *move) startChild(s *Step, sd *StepDefinition) error {
	input, err := sd.childInput(&m.Instance, s.ID)
	if err != nil {
		return err
	}
	depth := 1
	if m.Parent != nil {
		depth = m.Parent.Depth + 1
	}
	if depth > MaxChildDepth {
		return fmt.Errorf("sagas are nested deeper than %d", MaxChildDepth)
	}
	s.State, s.Since, s.Attempts, s.Child = StepRunning, m.now, 1, ChildID(m.ID, s.RunID())
	m.effect(StartChild{ID: s.Child, Type: sd.Run.Saga, Version: sd.Run.Version, Whole: sd.Kind == Compensatable, Input: input,
		Parent: Parent{ID: m.ID, Step: s.RunID(), Depth: depth}})
	return nil
}

// stopChild lets a cancel or a deadline reach a child that is the pivot: its answer decides.
func (m *move) stopChild(cause Cause) {
	if p := m.pivot(); p.Child != "" && p.State == StepRunning {
		m.effect(Tell{p.Child, Cancelled{At: m.now, Reason: string(cause.Kind) + ": " + cause.Message, From: m.ID}})
	}
}

func (m *move) undoChild(s *Step) {
	m.effect(Tell{s.Child, Cancelled{At: m.now, Reason: "its parent " + m.ID + " is compensated", From: m.ID}})
}

// childEnded takes what a child has come to.
func (m *move) childEnded(e ChildEnded) {
	s, ok := m.stepByRun(e.Step)
	switch {
	case !ok || s.Child == "" || s.Child != e.Child:
		m.unchanged("no such child")
	case s.State == StepRunning || s.State == StepUnknown || s.State == StepFailed && m.Resume != Compensating:
		m.childAnswered(s, e)
	case s.State == StepCompensating || s.State == StepFailed:
		m.childUndone(s, e)
	default:
		m.unchanged("late")
	}
}

func (m *move) childAnswered(s *Step, e ChildEnded) {
	sd, _ := m.def.Step(s.ID)
	switch e.State {
	case Completed, Running: // it is done, or it stands
		m.succeeded(s, sd, e.Output)
		if e.State == Running && m.passed() { // nobody will undo it
			m.effect(Tell{s.Child, Settled{m.now}})
		}
	case Compensated:
		r := Reply{Outcome: Rejected, Code: "child_compensated", Message: "the saga " + e.Child + " was compensated"}
		if e.Cause != nil {
			r.Message += ": " + e.Cause.Message
			if e.Cause.Code != "" {
				r.Code = e.Cause.Code
			}
		}
		m.childRefused(s, sd, r)
	default:
		m.contradicted(s, Reply{Code: "child_abandoned", Message: "the saga " + e.Child + " was abandoned: look at what it left"})
	}
}

// childRefused treats a child that was compensated like a step that was refused. One that was
// stopped because its parent was to be stopped has that as its cause.
func (m *move) childRefused(s *Step, sd *StepDefinition, r Reply) {
	if m.kind(sd) == Retriable {
		m.contradicted(s, r)
		m.refusal(s, r)
		return
	}
	m.refusal(s, r)
	cause := m.refusedBecause(s, r)
	if sd.Kind == Pivot && m.Remembered != nil {
		cause = *m.Remembered
	}
	m.turnBack(cause)
}

func (m *move) childUndone(s *Step, e ChildEnded) {
	switch e.State {
	case Compensated:
	case Running: // it stood when it was told to undo itself
		m.unchanged("late")
		return
	default:
		m.contradicted(s, Reply{Code: "child_" + string(e.State), Message: "the saga " + e.Child + " was to be undone, and is " + string(e.State)})
		return
	}
	s.State, s.Code, s.Message, s.Trouble = StepCompensated, "", "", ""
}

// stands says that all the child's steps are done, and its parent knows. One with a pivot decides for
// itself.
func (m *move) stands() bool {
	forward := m.State == Running || m.State == Suspended && m.Resume == Running
	return forward && m.Parent != nil && m.Output != nil && !m.def.HasPivot()
}

func standsFor(p *Parent) string {
	return fmt.Sprintf("all its steps are done, and its parent %s decides about it: cancel or abandon that one", p.ID)
}

func (m *move) stand() {
	if m.Output == nil {
		m.Output = emptyObject
	}
	m.tellParent()
}

// settledByParent completes a child that stands.
func (m *move) settledByParent() {
	if !m.stands() {
		m.unchanged("late")
		return
	}
	m.finish(Completed)
}

// settleChildren tells the children that stand that nobody will undo them any more.
func (m *move) settleChildren() {
	for i := range m.Steps {
		s := &m.Steps[i]
		if s.Child != "" && s.State == StepSucceeded && m.def.Steps[m.at[i]].Kind == Compensatable {
			m.effect(Tell{s.Child, Settled{m.now}})
		}
	}
}

func (m *move) tellParent() {
	m.effect(Tell{m.Parent.ID, ChildEnded{At: m.now, Step: m.Parent.Step, Child: m.ID, State: m.State, Output: m.Output, Cause: m.Cause}})
}
