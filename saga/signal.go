package saga

import (
	"bytes"
	"fmt"
)

// MaxSignals bounds what one saga keeps of what it is told.
const MaxSignals = 100

// A signal is a fact about a saga, by name. It is said once: the same again changes nothing, the
// same name with other data is refused. One that comes before the step that awaits it is kept.

// signalled keeps a signal and gives it to the steps that wait for it.
func (m *move) signalled(e Signalled) {
	switch {
	case m.saidBefore(e):
		return
	case m.Resume == Compensating || m.Resume == Abandoned:
		m.refuse("the saga does not go forward any more: nothing waits for a signal")
		return
	case !m.def.awaits(e.Name):
		m.refuse(fmt.Sprintf("no step of %s awaits a signal %s", m.Type, e.Name))
		return
	case len(m.Signals) == MaxSignals:
		m.refuse(fmt.Sprintf("the saga was given %d signals already, it keeps no more", MaxSignals))
		return
	}
	data := e.Data
	if len(data) == 0 {
		data = emptyObject
	}
	m.Signals = append(m.Signals, Signal{Name: e.Name, Data: data, At: e.At})
	for i := range m.Steps {
		if sd := &m.def.Steps[m.at[i]]; sd.Await != nil && m.Steps[i].State == StepRunning {
			m.hear(&m.Steps[i], sd)
		}
	}
}

// saidBefore answers a signal that the saga was given already.
func (m *move) saidBefore(e Signalled) bool {
	known, ok := m.signal(e.Name)
	switch {
	case !ok:
		return false
	case bytes.Equal(known.Data, e.Data) || SameJSON(known.Data, e.Data):
		m.unchanged("duplicate")
	default:
		m.refuse(fmt.Sprintf("the signal %s came before, with other data: it cannot be said again", e.Name))
	}
	return true
}

// signalledLate refuses a signal that nothing waits for any more; a repeat is still no error.
func (m *move) signalledLate(e Signalled, why string) {
	if !m.saidBefore(e) {
		m.refuse(why)
	}
}

func (m *move) signal(name string) (Signal, bool) {
	for _, s := range m.Signals {
		if s.Name == name {
			return s, true
		}
	}
	return Signal{}, false
}

// await begins to wait, unless the signal has come already.
func (m *move) await(s *Step, sd *StepDefinition) error {
	name, err := sd.signalName(&m.Instance)
	if err != nil {
		return err
	}
	s.State, s.Since, s.Key = StepRunning, m.now, name
	if sd.Await.Timeout > 0 {
		s.Until = m.now.Add(sd.Await.Timeout)
	}
	m.hear(s, sd)
	return nil
}

// hear settles an await by the first of the signals that it listens to.
func (m *move) hear(s *Step, sd *StepDefinition) {
	rejecting, err := sd.rejectName(&m.Instance)
	for _, signal := range m.Signals {
		switch {
		case signal.Name == s.Key:
			m.succeeded(s, sd, signal.Data)
			return
		case err == nil && rejecting != "" && signal.Name == rejecting:
			s.State, s.Code, s.Message = StepRejected, signal.Name, fmt.Sprintf("the signal %s came", signal.Name)
			m.turnBack(Cause{Step: s.ID, Kind: CauseRejected, Code: s.Code, Message: s.Message})
			return
		}
	}
}

// awaits says whether a step may listen to a signal of this name; a computed name may be any.
func (d *Definition) awaits(name string) bool {
	for i := range d.Steps {
		a := d.Steps[i].Await
		if a == nil {
			continue
		}
		for _, t := range []text{a.signal, a.reject} {
			if literal, ok := t.constant(); t != nil && (!ok || literal == name) {
				return true
			}
		}
	}
	return false
}
