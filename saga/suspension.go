package saga

import (
	"cmp"
	"fmt"
)

// A saga that needs a person is suspended. What is out goes on, nothing new begins; a late reply can end it.

// suspend waits for a person, or for a late reply.
func (m *move) suspend(s *Step, kind CauseKind) {
	m.releaseOut(s)
	s.State, s.Trouble = StepFailed, kind
	if m.State == Suspended && m.Trouble != nil {
		return // it is not the first
	}
	if m.State != Suspended {
		m.Resume, m.State = m.State, Suspended
	}
	m.Trouble = &Cause{Step: s.ID, Kind: kind, Code: s.Code, Message: s.Message}
}

// unsuspend goes on by itself when no step needs a person any more: a late reply, or a person, has
// settled what the saga was suspended for. It says whether the saga is live again.
func (m *move) unsuspend() bool {
	if m.Resume == Abandoned {
		m.abandonIfFenced()
		return false
	}
	if s := m.troubled(); s != nil {
		if m.Trouble == nil || m.Trouble.Step != s.ID {
			m.Trouble = &Cause{Step: s.ID, Kind: cmp.Or(s.Trouble, CauseConflict), Code: s.Code, Message: s.Message}
		}
		return false
	}
	m.State, m.Resume, m.Trouble = m.Resume, "", nil
	return true
}

// troubled finds a step that needs a person: the one that the saga was suspended for, if it still does.
func (m *move) troubled() *Step {
	var first *Step
	for i := range m.Steps {
		s := &m.Steps[i]
		if !m.needsPerson(s, &m.def.Steps[m.at[i]]) {
			continue
		}
		if m.Trouble != nil && m.Trouble.Step == s.ID {
			return s
		}
		if first == nil {
			first = s
		}
	}
	return first
}

// needsPerson says whether the saga cannot go on because of this step: it failed, or it was refused
// where nothing may be refused.
func (m *move) needsPerson(s *Step, sd *StepDefinition) bool {
	refused := s.State == StepRejected || s.State == StepFenced
	return s.State == StepFailed || refused && m.Resume == Running && m.kind(sd) == Retriable
}

// takeUp finds out where a saga goes on that the shell has set aside because it could not be read:
// its state is all that was changed. Only a saga that turned back has a cause.
func (m *move) takeUp() {
	switch {
	case m.Resume != "":
	case m.Cause != nil:
		m.Resume = Compensating
	default:
		m.Resume = Running
	}
}

// resume continues what a person was needed for: the same operation with its next attempt, or,
// after the pivot and only when the run before it is known to have had no effect, a fresh run. A
// saga that was only set aside sends again what was out.
func (m *move) resume(e Resumed) {
	if m.Resume == Abandoned {
		m.refuse("the saga is being abandoned: there is nothing to retry")
		return
	}
	aside, found, not := m.troubled() == nil, false, ""
	for i := 0; i < len(m.Steps); i++ { // one of them may become the runs over its list
		s, sd := &m.Steps[i], &m.def.Steps[m.at[i]]
		if e.Step != "" && e.Step != s.ID && e.Step != s.RunID() {
			continue
		}
		switch {
		case m.needsPerson(s, sd) && s.State == StepFailed && s.Child != "":
			not = fmt.Sprintf("step %s waits for %s, which has ended otherwise: skip or resolve the step", s.ID, s.Child)
			continue
		case m.needsPerson(s, sd):
			m.resumeStep(i)
		case aside && m.direction(s) != "":
			m.continueStep(s, m.direction(s))
		default:
			continue
		}
		found = true
	}
	switch {
	case found || aside && e.Step == "":
	case not != "":
		m.refuse(not)
	default:
		m.refuse(fmt.Sprintf("step %s does not need a retry", e.Step))
	}
}

func (m *move) resumeStep(i int) {
	s := &m.Steps[i]
	s.Trouble = ""
	switch {
	case s.State == StepRejected || s.State == StepFenced:
		*s = Step{ID: s.ID, Run: s.Run + 1, State: StepPending}
		m.begin(i)
	case s.Participant == "":
		s.State = StepPending
		m.begin(i)
	case m.Resume == Compensating && s.Closings > 0:
		s.State = StepCompensating
		m.continueStep(s, Close)
	case m.Resume == Compensating:
		s.State = StepCompensating
		m.continueStep(s, Backward)
	case s.Inquiries > 0:
		s.State = StepUnknown
		m.continueStep(s, Inquire)
	default:
		s.State = StepRunning
		m.continueStep(s, Forward)
	}
}

func (m *move) continueStep(s *Step, d Direction) {
	s.Refusals, s.Since = 0, m.now
	s.count(d)
	m.send(s, d, 0)
}
