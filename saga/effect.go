package saga

import (
	"encoding/json"
	"time"
)

// Effect is what must be done because a saga moved. Effects are rows: the shell writes them in
// the transaction that stores the instance, and acts on them only after the commit. What was
// sent before its commit could be contradicted by a crash.
type Effect interface{ effect() }

// Send enqueues an attempt of an operation. A first attempt makes the operation's outbox row,
// a later one only changes its attempt: subject, body and headers are frozen.
type Send struct {
	Command Command
	After   time.Duration // wait before publishing; zero: at once
	Timeout time.Duration // of silence after the broker's ack, until [TimedOut]
}

// Release drops an operation's outbox row: it was answered, or a later decision supersedes it.
type Release struct{ Op string }

// Extend moves the Deadline and Expires of an operation's outbox row: the saga was paused for so long. They are
// the only part of a frozen command that may change, and only to a later time: what they forbid becomes
// true by the participant's fence, so a later time forbids nothing that was promised.
type Extend struct {
	Op       string
	Deadline time.Duration
	Expires  time.Duration
}

// Arm sets the saga's only timer that is not an attempt's timeout: the earliest of all that it waits
// for by the clock. Zero disarms it.
type Arm struct{ At time.Time }

// StartChild begins another saga, in the transaction that stores this one. If it cannot begin (no
// such saga, an input against its schema), the shell answers with [ChildEnded] in the state
// Compensated.
type StartChild struct {
	ID      string
	Type    string
	Version int  // zero: the newest
	Whole   bool // it must have no pivot: its parent may undo it
	Input   json.RawMessage
	Parent  Parent
}

// Tell hands an event to another saga, in the transaction that stores this one.
type Tell struct {
	Saga  string
	Event Event
}

// Emit tells the world of a lifecycle event: "accepted", "compensating", "suspended" or a terminal state.
type Emit struct{ Event string }

// Finish says that the saga is terminal: whoever waits for it can be told.
type Finish struct{}

// Unchanged says that the event moved nothing, and why ("late", "duplicate", ...).
type Unchanged struct{ Reason string }

// Refused says that an operator's wish cannot be followed in this state, and why: one sentence.
type Refused struct{ Reason string }

// Noted is something the history should tell beside the event itself.
type Noted struct{ Note string }

func (Send) effect()       {}
func (Release) effect()    {}
func (Extend) effect()     {}
func (Arm) effect()        {}
func (StartChild) effect() {}
func (Tell) effect()       {}
func (Emit) effect()       {}
func (Finish) effect()     {}
func (Unchanged) effect()  {}
func (Refused) effect()    {}
func (Noted) effect()      {}

// The lifecycle events, as they stand in the last token of an event's subject.
const (
	EventAccepted     = "accepted"
	EventCompensating = "compensating"
	EventSuspended    = "suspended"
	EventCompleted    = "completed"
	EventCompensated  = "compensated"
	EventAbandoned    = "abandoned"
)
