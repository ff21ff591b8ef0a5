package saga

// compensate turns back. A compensatable step that is out, or failed, may have run: it is unknown.
// What only waits is left out.
func (m *move) compensate(cause Cause) {
	m.Cause = &cause
	for i := range m.Steps {
		s, sd := &m.Steps[i], &m.def.Steps[m.at[i]]
		inquired := s.State == StepUnknown && s.Wish != nil
		if s.State != StepRunning && s.State != StepFailed && !inquired {
			continue
		}
		if s.State == StepFailed && s.Child != "" { // it has ended, and not so that it could be undone
			continue
		}
		m.releaseOut(s)
		s.State, s.Refusals, s.Wish, s.Trouble = StepUnknown, 0, nil, ""
		if sd.Kind == Read {
			s.State = StepSkipped
		}
	}
	m.State, m.Resume, m.Trouble, m.Remembered, m.Output = Compensating, "", nil, nil, nil
}

// backward sends every undo that can be sent, or ends the saga when nothing is left to undo. Steps
// are undone when all that came after them is.
func (m *move) backward() {
	standing := make([]bool, len(m.def.Steps)) // by step: is there something of it to undo
	out := make([]int, len(m.def.Steps))
	for i := range m.Steps {
		if n := m.at[i]; m.toUndo(i) {
			standing[n] = true
			if m.Steps[i].State == StepCompensating {
				out[n]++
			}
		}
	}
	rest := false
	for i := len(m.Steps) - 1; i >= 0 && m.State == Compensating; i-- {
		if !m.toUndo(i) {
			continue
		}
		rest = true
		s, n := &m.Steps[i], m.at[i]
		sd := &m.def.Steps[n]
		full := sd.each != nil && out[n] >= sd.Parallel
		if s.State == StepCompensating || full || sd.heldBack(standing) {
			continue
		}
		if s.Child != "" && (s.State == StepFailed || s.ByHand != "") { // the child has ended otherwise: there is nobody to tell
			s.Code, s.Message = "child_abandoned", "the saga "+s.Child+" was abandoned: undo by hand what stands of it"
			m.suspend(s, CauseConflict)
			continue
		}
		out[n]++
		m.undo(s, sd)
	}
	if !rest {
		m.finish(Compensated)
	}
}

// toUndo says whether a run has, or may have, an effect that is not undone yet.
func (m *move) toUndo(i int) bool {
	if m.def.Steps[m.at[i]].Kind != Compensatable {
		return false
	}
	switch m.Steps[i].State {
	case StepSucceeded, StepUnknown, StepCompensating, StepFailed:
		return m.Steps[i].Participant != "" || m.Steps[i].Child != ""
	}
	return false
}

// heldBack says whether something that came after the step still stands.
func (sd *StepDefinition) heldBack(standing []bool) bool {
	for n, after := range sd.below {
		if after && standing[n] {
			return true
		}
	}
	return false
}

func (m *move) undo(s *Step, sd *StepDefinition) {
	s.Known = KnownSucceeded
	if s.State == StepUnknown {
		s.Known = KnownUnknown
	}
	s.State, s.Undos, s.Refusals, s.Since = StepCompensating, 1, 0, m.now
	if sd.Run != nil {
		m.undoChild(s)
		return
	}
	m.send(s, Backward, 0)
}
