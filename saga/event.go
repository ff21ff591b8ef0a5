package saga

import (
	"encoding/json"
	"time"
)

// Event is something that happened to a saga, with the time it happened at.
// The shell reads the clock once and puts it here; the core never does.
type Event interface{ at() time.Time }

// Started begins a saga. Input has been checked against the definition's schema.
type Started struct {
	At       time.Time
	ID       string
	Input    json.RawMessage
	Deadline time.Time // zero: the definition's own, if it has one
	Start    time.Time // not before; zero: at once
	Trace    string    // W3C traceparent, passed on to every command
	Parent   *Parent   // of a child saga
	Note     string    // who started it, for the history
}

// Replied is a participant's answer.
type Replied struct {
	At    time.Time
	Reply Reply
}

// TimedOut says that an attempt reached the broker and met silence for its whole timeout.
type TimedOut struct {
	At        time.Time
	Step      string // the step run
	Direction Direction
	Attempt   int
}

// Woke says that the time of the saga's timer has come (see [Arm]).
type Woke struct {
	At   time.Time
	Held bool // the saga is paused: sleeps end, but deadlines and timeouts wait (see [Postponed])
}

// Signalled says that somebody has told the saga something, for a step that awaits it.
type Signalled struct {
	At   time.Time
	Name string
	Data json.RawMessage // a JSON object
}

// ChildEnded tells a saga how a child of its has ended, or that the child stands: all its steps are
// done, and it waits for its parent's [Settled] or [Cancelled].
type ChildEnded struct {
	At     time.Time
	Step   string // the parent's step run
	Child  string // the child's id
	State  State  // Completed, Compensated, Abandoned; Running: it stands
	Output json.RawMessage
	Cause  *Cause
}

// Settled tells a child that stands that its parent will not undo it any more.
type Settled struct{ At time.Time }

// Postponed moves the deadline and the awaits' timeouts: the saga was paused for so long.
type Postponed struct {
	At     time.Time
	By     time.Duration
	Reason string // what was paused, and why
}

// Cancelled says that somebody wants the saga undone.
type Cancelled struct {
	At     time.Time
	Reason string
	From   string // the parent that wants it so; "" for everybody else
}

// Resumed says that a person wants a suspended saga to go on where it stopped
// (the verb is retry; a reply of that name is something else).
type Resumed struct {
	At     time.Time
	Reason string
	Step   string // only this step; "": every step that needs a person
}

// Skipped says that an operator wants the saga to go on without a step.
type Skipped struct {
	At     time.Time
	Step   string
	Reason string
	Force  bool // without waiting for a fence
}

// ResolvedByHand says that a person did by hand what a step, or its undo, should have done.
type ResolvedByHand struct {
	At     time.Time
	Step   string
	Reason string
	Result json.RawMessage // of the step, for those that come after it
	Force  bool
}

// GivenUp says that an operator wants the saga closed as it stands (the verb is abandon).
type GivenUp struct {
	At     time.Time
	Reason string
	Force  bool
	From   string // the parent that wants it so; "" for everybody else
}

func (e Started) at() time.Time        { return e.At }
func (e Replied) at() time.Time        { return e.At }
func (e TimedOut) at() time.Time       { return e.At }
func (e Woke) at() time.Time           { return e.At }
func (e Signalled) at() time.Time      { return e.At }
func (e ChildEnded) at() time.Time     { return e.At }
func (e Settled) at() time.Time        { return e.At }
func (e Postponed) at() time.Time      { return e.At }
func (e Cancelled) at() time.Time      { return e.At }
func (e Resumed) at() time.Time        { return e.At }
func (e Skipped) at() time.Time        { return e.At }
func (e ResolvedByHand) at() time.Time { return e.At }
func (e GivenUp) at() time.Time        { return e.At }
