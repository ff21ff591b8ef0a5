package saga

import (
	"fmt"
	"strings"
)

// What an operator can decide about a step: to go on without it (skip), to say that it was done or
// undone by hand (resolve), or to close the saga as it stands (abandon). Each first makes sure that
// the step's own command can have no further effect: a forward is inquired, an undo closed, and the
// decision is applied on that answer. If the answer is that the effect stands, it stands. Force does
// not wait, and leaves an open operation that the audit reports.

// skip goes on without a step.
func (m *move) skip(e Skipped) {
	s, sd := m.wished(e.Step)
	switch {
	case s == nil:
		m.refuse(fmt.Sprintf("there is no step %s", e.Step))
	case m.Resume == Abandoned:
		m.refuse("the saga is being abandoned")
	case m.Resume == Compensating:
		m.refuse("the saga is being compensated: an undo cannot be skipped, only resolved by hand")
	case s.settled():
		m.refuse(fmt.Sprintf("step %s is %s: there is nothing to skip", e.Step, s.State))
	case s.State == StepPending: // what comes after it would begin before what comes before it
		m.refuse(fmt.Sprintf("step %s has not begun: it can be skipped when it has", e.Step))
	case s.childLives():
		m.refuse(fmt.Sprintf("step %s runs the saga %s: cancel or abandon that one", e.Step, s.Child))
	case s.Participant == "" || s.State == StepRejected || s.State == StepFenced: // nothing is out, or ever will be
		s.Code, s.Message, s.Trouble = "", "", ""
		m.leaveOut(s, sd)
	default:
		m.wish(s, sd, Wish{Verb: WishSkip, Reason: e.Reason}, e.Force)
	}
}

// resolve says what a person did by hand.
func (m *move) resolve(e ResolvedByHand) {
	s, sd := m.wished(e.Step)
	w := Wish{Verb: WishResolve, Reason: e.Reason, Result: e.Result}
	switch {
	case s == nil:
		m.refuse(fmt.Sprintf("there is no step %s", e.Step))
	case m.Resume == Abandoned:
		m.refuse("the saga is being abandoned")
	case m.turned() && s.ByHand != "" && s.ByHand == e.Reason && s.State != StepCompensated: // the same request again must not pass for another
		m.refuse(fmt.Sprintf("step %s was done by hand for that reason: say how it was undone", e.Step))
	case s.Child != "" && s.State == StepFailed:
		m.grant(s, sd, Reply{Outcome: Fenced}, w)
	case s.State == StepPending || s.settled() || s.State == StepCompensated || s.Participant == "":
		m.refuse(fmt.Sprintf("step %s is %s: there is nothing to resolve", e.Step, s.State))
	case m.turned() && s.State != StepCompensating && s.State != StepFailed:
		m.refuse(fmt.Sprintf("step %s waits to be undone: it can be resolved when its undo is out", e.Step))
	default:
		m.wish(s, sd, w, e.Force)
	}
}

// giveUp closes the saga as it stands, once nothing is out that could still have an effect.
func (m *move) giveUp(e GivenUp) {
	switch {
	case m.State == Suspended && m.Resume == Abandoned && !e.Force:
		m.refuse("the saga is being abandoned already; force does not wait for the participants")
		return
	case m.stands() && e.From == "":
		m.refuse(standsFor(m.Parent))
		return
	}
	m.Cause = &Cause{Kind: CauseOperator, Code: "abandoned", Message: e.Reason}
	for i := range m.Steps {
		m.abandonStep(&m.Steps[i], &m.def.Steps[m.at[i]], e)
	}
	m.State, m.Resume, m.Trouble, m.Remembered = Suspended, Abandoned, nil, nil
}

func (m *move) abandonStep(s *Step, sd *StepDefinition, e GivenUp) {
	switch {
	case s.State != StepRunning && s.State != StepUnknown && s.State != StepFailed && s.State != StepCompensating:
	case m.Resume == Abandoned && s.State == StepFailed && s.Wish == nil: // it is fenced already
	case s.childLives():
		m.effect(Tell{s.Child, GivenUp{At: m.now, Reason: e.Reason, Force: e.Force, From: m.ID}})
		if e.Force {
			s.State = StepFailed
		}
	case s.Child != "": // it has ended, and is left as it is
	case s.Participant == "":
		s.State = StepSkipped
	default:
		m.wish(s, sd, Wish{Verb: WishAbandon, Reason: e.Reason}, e.Force)
	}
}

// childLives says that the step's child has not ended.
func (s *Step) childLives() bool {
	return s.Child != "" && (s.State == StepRunning || s.State == StepUnknown || s.State == StepCompensating)
}

// turned says that the saga goes backward, or did when it was suspended.
func (m *move) turned() bool { return m.State == Compensating || m.Resume == Compensating }

// wished finds a step by the name of its run, or by its id.
func (m *move) wished(name string) (*Step, *StepDefinition) {
	for i := range m.Steps {
		if s := &m.Steps[i]; s.RunID() == name || s.ID == name {
			return s, &m.def.Steps[m.at[i]]
		}
	}
	return nil, nil
}

// wish fences what is out for a step, and remembers what to do then.
func (m *move) wish(s *Step, sd *StepDefinition, w Wish, force bool) {
	undoing := s.State == StepCompensating || m.turned() && s.State == StepFailed
	if d := m.direction(s); !force && (d == Inquire || d == Close) { // the fence is out already
		if s.Wish != nil && s.Wish.equal(w) {
			m.unchanged("asked for already")
		}
		s.Wish = &w
		return
	}
	m.releaseOut(s)
	if force {
		s.Open = true
		m.grant(s, sd, Reply{Outcome: Fenced, Code: s.Code, Message: s.Message}, w)
		return
	}
	s.Wish, s.Refusals, s.Since, s.Trouble = &w, 0, m.now, ""
	if undoing {
		s.State = StepCompensating
		s.count(Close)
		m.send(s, Close, 0)
		return
	}
	s.State = StepUnknown
	s.count(Inquire)
	m.send(s, Inquire, 0)
}

func (w *Wish) equal(other Wish) bool {
	return w.Verb == other.Verb && w.Reason == other.Reason && string(w.Result) == string(other.Result)
}

// grant applies a wish to a step whose forward is known to have no effect, or whose undo is closed.
func (m *move) grant(s *Step, sd *StepDefinition, r Reply, wishes ...Wish) {
	w := Wish{}
	if s.Wish != nil {
		w = *s.Wish
	}
	for _, given := range wishes {
		w = given
	}
	undoing := s.State == StepCompensating || m.turned() && s.State == StepFailed
	s.Wish, s.Code, s.Message, s.Trouble = nil, "", "", ""
	switch {
	case w.Verb == WishResolve && undoing:
		s.State, s.ByHand = StepCompensated, w.Reason
	case w.Verb == WishResolve:
		s.ByHand = w.Reason
		m.succeeded(s, sd, w.Result)
	case w.Verb == WishSkip:
		m.leaveOut(s, sd)
	case undoing:
		s.State = StepFailed
	default:
		m.refusal(s, r)
		if s.Open {
			s.State = StepFailed
		}
	}
}

// abandonIfFenced ends a saga that is given up when nothing is out any more. A step that could not be
// fenced needs a person, who can only use force.
func (m *move) abandonIfFenced() {
	var standing []string
	for i := range m.Steps {
		s := &m.Steps[i]
		if m.direction(s) != "" || s.childLives() || s.State == StepFailed && s.Wish != nil {
			return
		}
		if kind := m.def.Steps[m.at[i]].Kind; kind != Read && (s.State == StepSucceeded || s.State == StepFailed) {
			standing = append(standing, s.RunID())
		}
	}
	if len(standing) > 0 {
		cause := *m.Cause // not in place: it is also the instance's before
		cause.Message += "; left as they are: " + strings.Join(standing, ", ")
		m.Cause = &cause
	}
	m.finish(Abandoned)
}
