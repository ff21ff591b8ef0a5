package saga

import (
	"encoding/json"
	"hash/fnv"
	"math"
	"time"
)

// move is one call of Transition: the instance as it changes, and the effects so far.
type move struct {
	Instance
	def     *Definition
	now     time.Time
	at      []int // by index of Steps: the index of its definition
	effects []Effect
	still   bool // nothing has changed
	held    bool // the saga is paused: deadlines and timeouts wait
}

var emptyObject = json.RawMessage("{}")

// locate finds the definition of every step. Both stand in the same order.
func (m *move) locate() {
	m.at = make([]int, len(m.Steps))
	n := 0
	for i := range m.Steps {
		for n < len(m.def.Steps)-1 && !m.def.Steps[n].covers(m.Steps[i].ID) {
			n++
		}
		m.at[i] = n
	}
}

// covers says whether a run of this name is the step's.
func (sd *StepDefinition) covers(id string) bool {
	if sd.ID == id {
		return true
	}
	n := len(sd.ID)
	return sd.each != nil && len(id) > n && id[n] == '.' && id[:n] == sd.ID
}

func (m *move) effect(e Effect) { m.effects = append(m.effects, e) }

func (m *move) unchanged(reason string) {
	m.still = true
	m.effect(Unchanged{reason})
}

func (m *move) refuse(reason string) {
	m.still = true
	m.effect(Refused{reason})
}

// done returns the moved instance, or the one before when nothing has changed.
func (m *move) done(before Instance) (Instance, []Effect) {
	if m.still {
		return before, m.effects[len(m.effects)-1:]
	}
	m.revise()
	m.announce(&before)
	if at := m.timer(); !at.Equal(before.Timer(m.def)) {
		m.effect(Arm{at})
	}
	m.stampRevision()
	return m.Instance, m.effects
}

// revise counts the change. A saga's Updated never goes back, though the clock may: who follows a saga tells
// newer from older by it.
func (m *move) revise() {
	m.Revision++
	if m.now.After(m.Updated) {
		m.Updated = m.now
	}
}

// stampRevision puts the saga's revision on what it sends.
func (m *move) stampRevision() {
	for i, e := range m.effects {
		if send, ok := e.(Send); ok {
			send.Command.Revision = m.Revision
			m.effects[i] = send
		}
	}
}

// announce tells the world that the saga has turned back or needs a person.
func (m *move) announce(before *Instance) {
	switch {
	case m.State == before.State:
	case m.State == Suspended:
		m.effect(Emit{EventSuspended})
	case m.State == Compensating && before.Resume != Compensating:
		m.effect(Emit{EventCompensating})
	}
}

// send enqueues the present attempt of the step's operation in a direction. Participant, key and
// arguments are those of the forward, whatever the direction.
func (m *move) send(s *Step, d Direction, after time.Duration) {
	if err := m.enqueue(s, d, after); err != nil { // begin has said it before: results and input do not change
		s.Code, s.Message = "expression_failed", err.Error()
		m.suspend(s, CauseConflict)
	}
}

func (m *move) enqueue(s *Step, d Direction, after time.Duration) error {
	c, timeout, err := m.command(s, d)
	if err != nil {
		return err
	}
	m.effect(Send{Command: c, After: after, Timeout: timeout})
	return nil
}

// command is that of an operation of the step's present run, and the timeout of an attempt.
func (m *move) command(s *Step, d Direction) (Command, time.Duration, error) {
	sd, _ := m.def.Step(s.ID)
	args, err := sd.Arguments(&m.Instance, s.ID)
	if err != nil {
		return Command{}, 0, err
	}
	c := Command{
		SagaID: m.ID, SagaType: m.Type, Step: s.RunID(), Kind: sd.Kind, Direction: d, Attempt: s.attempt(d),
		Participant: s.Participant, Action: sd.Action, Key: s.Key, TraceParent: m.Trace, Body: args,
	}
	timeout := sd.Timeout
	switch d {
	case Forward:
		if sd.Kind == Compensatable || sd.Kind == Pivot {
			c.Deadline = m.Deadline
		}
		if sd.Expires > 0 {
			c.Expires, c.Expiry = s.Expires, sd.Expiry
		}
	case Backward:
		c.Action, c.Known, timeout = sd.Undo.Action, s.Known, sd.Undo.Timeout
	case Close:
		c.Action, timeout = sd.Undo.Action, sd.Undo.Timeout
	}
	return c, timeout, nil
}

// again sends the next attempt of the same operation after its backoff.
func (m *move) again(s *Step, d Direction, p RetryPolicy, atLeast time.Duration) {
	s.count(d)
	n := s.attempt(d)
	wait := p.wait(n-1, Op(m.ID, s.RunID(), d))
	m.send(s, d, max(wait, min(atLeast, MaxRetryAfter)))
}

// MaxRetryAfter bounds how long a participant can make a saga wait before the next attempt.
const MaxRetryAfter = time.Hour

// wait is the pause before the attempt after the nth, less up to a quarter of jitter. The jitter
// is drawn from the operation's name, so that Transition stays a function of its arguments.
func (p RetryPolicy) wait(n int, op string) time.Duration {
	d := float64(p.Backoff) * math.Pow(p.Factor, float64(n-1))
	if limit := float64(p.Max); !(d <= limit) { // also when the product is no number any more
		d = limit
	}
	h := fnv.New64a()
	h.Write([]byte(op))
	h.Write([]byte{byte(n), byte(n >> 8)})
	jitter := float64(h.Sum64()%1024) / 1024
	return time.Duration(d * (1 - jitter/4))
}

// releaseOut drops what is out for a step, if anything is.
func (m *move) releaseOut(s *Step) {
	if d := m.direction(s); d != "" {
		m.effect(Release{Op(m.ID, s.RunID(), d)})
	}
}

// direction is that of the operation which is out for a step, or "".
func (m *move) direction(s *Step) Direction {
	if s.Participant == "" {
		return ""
	}
	switch s.State {
	case StepRunning:
		return Forward
	case StepUnknown:
		if m.State != Compensating && m.Resume != Compensating { // else it waits to be undone
			return Inquire
		}
	case StepCompensating:
		if s.Closings > 0 {
			return Close
		}
		return Backward
	}
	return ""
}

// policy finds the retry policy and the kind that govern an operation.
func (m *move) policy(s *Step, d Direction) (RetryPolicy, Kind) {
	sd, _ := m.def.Step(s.ID)
	if d == Backward || d == Close {
		return sd.Undo.Retry, sd.Kind
	}
	return sd.Retry, m.kind(sd)
}

// kind is what a step is at this moment: a read behind the pivot is repeated until it succeeds.
func (m *move) kind(sd *StepDefinition) Kind {
	if sd.Kind == Read && m.passed() {
		return Retriable
	}
	return sd.Kind
}

// finish ends the saga, and tells the sagas that belong to it.
func (m *move) finish(state State) {
	stood := m.stands() && !m.def.HasPivot() // one with a pivot has told nothing before
	m.State, m.Resume, m.Trouble, m.Finished = state, "", nil, m.now
	if state != Compensated && !m.passed() { // else they know already
		m.settleChildren()
	}
	m.effect(Emit{string(state)})
	m.effect(Finish{})
	if m.Parent != nil && !(stood && state == Completed) {
		m.tellParent()
	}
}

// refusal notes on a step what a participant said instead of a success.
func (m *move) refusal(s *Step, r Reply) {
	s.State, s.Code, s.Message, s.Wish, s.Trouble = StepRejected, r.Code, r.Message, nil, ""
	if r.Outcome == Fenced {
		s.State = StepFenced
	}
}

// pivot returns the saga's pivot, or nil.
func (m *move) pivot() *Step {
	if i := m.def.pivot(); i >= 0 {
		s, _ := m.Step(m.def.Steps[i].ID)
		return s
	}
	return nil
}

// passed says that the pivot stands: the saga only goes forward from here.
func (m *move) passed() bool {
	p := m.pivot()
	return p != nil && p.settled()
}

// passPivot forgets what could have stopped the saga: it is too late now. What could have been undone
// as a whole never will be.
func (m *move) passPivot() {
	if m.Remembered != nil && m.Remembered.Step == "" {
		m.effect(Noted{"too_late: " + string(m.Remembered.Kind)})
	}
	m.Remembered = nil
	m.settleChildren()
}

// pivotSent says that the pivot's command has been enqueued and its answer decides.
func (m *move) pivotSent() bool {
	p := m.pivot()
	return p != nil && p.State != StepPending
}

// settled says that what comes after the step may begin.
func (s *Step) settled() bool { return s.State == StepSucceeded || s.State == StepSkipped }

// attempt is the number of the latest attempt in a direction.
func (s *Step) attempt(d Direction) int { return *s.counter(d) }

func (s *Step) count(d Direction) { *s.counter(d)++ }

func (s *Step) counter(d Direction) *int {
	switch d {
	case Backward:
		return &s.Undos
	case Inquire:
		return &s.Inquiries
	case Close:
		return &s.Closings
	}
	return &s.Attempts
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}
