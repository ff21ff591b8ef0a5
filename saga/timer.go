package saga

import (
	"fmt"
	"time"
)

// A saga has one timer, the earliest of all that it waits for by the clock: the time it may begin at,
// its deadline, the end of a sleep, the timeout of an await. It stands in the database alone.

// Timer is when the saga must be given [Woke]; zero: nothing is waited for by the clock.
func (in *Instance) Timer(def *Definition) time.Time {
	m := move{def: def, Instance: *in}
	return m.timer()
}

// HeldTimer is the same while the saga is paused: only what goes on then.
func (in *Instance) HeldTimer(def *Definition) time.Time {
	m := move{def: def, Instance: *in, held: true}
	m.locate()
	return m.timer()
}

// OutTo is when the oldest of the operations that this participant has not answered was enqueued.
func (in *Instance) OutTo(participant string) (since time.Time, ok bool) {
	m := move{Instance: *in}
	for i := range in.Steps {
		if s := &in.Steps[i]; s.Participant == participant && m.direction(s) != "" {
			since, ok = earlier(since, s.Since), true
		}
	}
	return since, ok
}

func (m *move) timer() time.Time {
	forward := m.State == Running || m.State == Suspended && m.Resume == Running
	if !forward || m.stands() {
		return time.Time{}
	}
	var at time.Time
	if m.Updated.Before(m.Start) {
		at = m.Start
	}
	if m.deadlineCounts() {
		at = earlier(at, m.Deadline)
	}
	for i := range m.Steps {
		if s := &m.Steps[i]; s.State == StepRunning && !(m.held && m.isAwait(i)) {
			at = earlier(at, s.Until)
		}
	}
	return at
}

// deadlineCounts says whether the saga's deadline can still turn it back.
func (m *move) deadlineCounts() bool {
	return !m.held && !m.Deadline.IsZero() && m.Overdue.IsZero() && m.Cause == nil && !m.passed() && !m.stands()
}

// earlier is the earlier of two times; zero is none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// woke does what is due. The deadline comes first: it leaves out what only waits. While the saga is paused
// only sleeps end.
func (m *move) woke(held bool) {
	m.held = held
	defer func() { m.held = false }()
	due := !m.Start.IsZero() && m.Updated.Before(m.Start) && !m.now.Before(m.Start)
	if m.deadlineCounts() && !m.now.Before(m.Deadline) {
		m.Overdue, due = m.now, true
		if not := m.stop(Cause{Kind: CauseDeadline, Message: "the saga's deadline passed"}); not != "" {
			m.effect(Noted{"deadline: " + not})
		}
	}
	for i := range m.Steps {
		s := &m.Steps[i]
		if s.State == StepRunning && !s.Until.IsZero() && !m.now.Before(s.Until) && !(held && m.isAwait(i)) {
			due = true
			m.waited(s, &m.def.Steps[m.at[i]])
		}
	}
	if !due {
		m.unchanged("early")
	}
}

// waited ends a sleep, or an await that nobody has answered.
func (m *move) waited(s *Step, sd *StepDefinition) {
	s.Until = time.Time{}
	switch {
	case sd.Sleep:
		m.succeeded(s, sd, nil)
	case sd.Await.Continue:
		s.State = StepSkipped
	default:
		s.State, s.Code, s.Message = StepRejected, "timeout", fmt.Sprintf("no signal %s within %s", s.Key, sd.Await.Timeout)
		m.turnBack(Cause{Step: s.ID, Kind: CauseTimeout, Code: s.Code, Message: s.Message})
	}
}

func (m *move) sleep(s *Step, sd *StepDefinition) error {
	d, err := sd.duration(&m.Instance, s.ID)
	if err != nil {
		return err
	}
	s.State, s.Since, s.Until = StepRunning, m.now, m.now.Add(d)
	return nil
}

// postpone gives back the time in which the saga was paused.
func (m *move) postpone(by time.Duration) {
	moved := m.deadlineCounts()
	if moved {
		m.Deadline = m.Deadline.Add(by)
	}
	for i := range m.Steps {
		if s := &m.Steps[i]; s.State == StepRunning && !s.Until.IsZero() && m.isAwait(i) {
			s.Until, moved = s.Until.Add(m.lost(s, by)), true
		}
	}
	if m.Overdue.IsZero() {
		moved = m.extend(by) || moved
	}
	if !moved {
		m.unchanged("nothing is waited for by the clock")
	}
}

// extend moves the times that commands carry which are out, and says whether there were any.
func (m *move) extend(by time.Duration) (any bool) {
	for i := range m.Steps {
		s, sd := &m.Steps[i], &m.def.Steps[m.at[i]]
		bound := !m.Deadline.IsZero() && (sd.Kind == Compensatable || sd.Kind == Pivot) || sd.Expires > 0
		if bound && m.direction(s) == Forward {
			lost := m.lost(s, by)
			if !s.Expires.IsZero() {
				s.Expires = s.Expires.Add(lost)
			}
			m.effect(Extend{Op: Op(m.ID, s.RunID(), Forward), Deadline: by, Expires: lost})
			any = true
		}
	}
	return any
}

// lost is how much of a pause fell to a step: it may have begun in its midst.
func (m *move) lost(s *Step, by time.Duration) time.Duration {
	return max(0, min(by, m.now.Sub(s.Since)))
}

func (m *move) isAwait(i int) bool { return m.def.Steps[m.at[i]].Await != nil }
