package saga

import "fmt"

// askedToRetry spends an attempt. Retriable steps and undos that are refused too often suspend
// the saga; a compensatable step or pivot whose attempts are spent is unknown, never refused.
func (m *move) askedToRetry(s *Step, r Reply) {
	d := m.direction(s)
	if d == "" || r.Direction != d || r.Attempt != s.attempt(d) {
		m.unchanged("late")
		return
	}
	s.Refusals++
	s.Code, s.Message = r.Code, r.Message
	policy, kind := m.policy(s, d)
	switch {
	case d == Inquire || d == Close:
		m.again(s, d, policy, r.RetryAfter)
	case d == Backward || kind == Retriable:
		if s.Refusals >= policy.Attempts || policy.ends(r.Code) {
			m.suspend(s, CauseExhausted)
			return
		}
		m.again(s, d, policy, r.RetryAfter)
	case s.Attempts >= policy.Attempts || policy.ends(r.Code):
		m.spent(s, kind, Cause{Step: s.ID, Kind: CauseExhausted, Code: r.Code, Message: r.Message})
	default:
		m.again(s, d, policy, r.RetryAfter)
	}
}

// silent takes the timeout of an attempt. Silence ends the attempts of a compensatable step, a
// read or a pivot; everything else goes on for ever, backing off.
func (m *move) silent(e TimedOut) {
	s, ok := m.stepByRun(e.Step)
	if !ok || !m.open(s, e.Direction) || m.direction(s) != e.Direction || s.attempt(e.Direction) != e.Attempt {
		m.unchanged("late")
		return
	}
	policy, kind := m.policy(s, e.Direction)
	if e.Direction == Forward && kind != Retriable && s.Attempts >= policy.Attempts {
		m.spent(s, kind, Cause{Step: s.ID, Kind: CauseTimeout,
			Message: fmt.Sprintf("%s did not answer %d attempts", s.Participant, s.Attempts)})
		return
	}
	m.again(s, e.Direction, policy, 0)
}

// spent makes a step unknown. A pivot is inquired; a compensatable step is undone as if it had
// run; a read has nothing to undo.
func (m *move) spent(s *Step, kind Kind, cause Cause) {
	m.releaseOut(s)
	s.State, s.Refusals = StepUnknown, 0
	switch kind {
	case Pivot:
		if m.Remembered == nil {
			m.Remembered = &cause
		}
		s.Inquiries, s.Since = 1, m.now
		m.send(s, Inquire, 0)
	case Read:
		s.State = StepRejected
		m.turnBack(cause)
	default:
		m.turnBack(cause)
	}
}
