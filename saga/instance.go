package saga

import (
	"encoding/json"
	"slices"
	"time"
)

// State is where a saga stands. There is one enum and no boolean beside it.
type State string

// The states of a saga; the zero value is a saga that has not been started.
const (
	Running      State = "running"      // steps go forward; replies and timers move it on
	Compensating State = "compensating" // what ran is undone, last step first; replies and timers move it on
	Suspended    State = "suspended"    // it needs a person, or a late reply; the cause says why
	Completed    State = "completed"    // every step stands
	Compensated  State = "compensated"  // nothing stands: all was undone, or there was nothing to undo
	Abandoned    State = "abandoned"    // a person closed it, with a reason
)

// Terminal reports whether s is final: nothing moves a terminal saga.
func (s State) Terminal() bool { return s == Completed || s == Compensated || s == Abandoned }

// Valid reports whether s is a state a saga can be in.
func (s State) Valid() bool {
	switch s {
	case Running, Compensating, Suspended, Completed, Compensated, Abandoned:
		return true
	}
	return false
}

// StepState is where one step of a saga stands.
type StepState string

// The states of a step.
const (
	StepPending      StepState = "pending"      // not sent yet
	StepRunning      StepState = "running"      // its forward is out
	StepSucceeded    StepState = "succeeded"    // its effect stands
	StepRejected     StepState = "rejected"     // refused: no effect
	StepFenced       StepState = "fenced"       // it never ran and never will
	StepUnknown      StepState = "unknown"      // its attempts are spent without an answer; a pivot is being inquired
	StepSkipped      StepState = "skipped"      // left out, on purpose
	StepCompensating StepState = "compensating" // its undo is out
	StepCompensated  StepState = "compensated"  // its undo is done
	StepFailed       StepState = "failed"       // a person is needed; the saga is suspended for it
)

// Instance is one saga: the value that [Transition] moves. It is stored as it is.
// Its fields are read freely and written by Transition alone.
type Instance struct {
	ID      string `json:"-"`
	Type    string `json:"-"`
	Version int    `json:"-"`
	Digest  string `json:"digest,omitempty"` // of the definition it began with

	Input json.RawMessage `json:"-"`
	Trace string          `json:"trace,omitempty"` // W3C traceparent of the start
	// Output is set when the saga completes.
	Output json.RawMessage `json:"output,omitempty"`

	State State `json:"-"`
	// Resume is the state a suspended saga goes on in: Running, Compensating, or
	// Abandoned: it is being closed, and waits for what is out to be fenced.
	Resume State `json:"resume,omitempty"`
	// Cause says why the saga compensates; nil while all is well.
	Cause *Cause `json:"cause,omitempty"`
	// Trouble says why the saga is suspended; nil in every other state.
	Trouble *Cause `json:"trouble,omitempty"`
	// Remembered is what would have stopped the saga had its pivot not been sent already,
	// or what made the pivot unknown: it becomes the cause if the pivot turns out not done.
	Remembered *Cause `json:"remembered,omitempty"`
	// Overdue is when the deadline was acted upon; zero: not yet.
	Overdue time.Time `json:"overdue,omitzero"`
	// Steps stand in the order of the definition; one that runs over a list is replaced by its runs.
	Steps []Step `json:"steps"`
	// Signals are all that came, in their order: each name once.
	Signals []Signal `json:"signals,omitempty"`
	// Parent is the step that this saga was started by; nil for one that was started from outside.
	Parent *Parent `json:"parent,omitempty"`
	// Start is when the first step may begin; zero: at once.
	Start time.Time `json:"start,omitzero"`

	Created  time.Time `json:"-"`
	Updated  time.Time `json:"-"`
	Finished time.Time `json:"-"`
	Deadline time.Time `json:"-"`
	// Revision grows by one with each event that changed the saga.
	Revision uint64 `json:"-"`
}

// Step is one step of a saga as it stands. Steps are found by id, never by position.
type Step struct {
	ID    string    `json:"id"`
	Run   int       `json:"run,omitempty"` // grows with an operator's fresh run
	State StepState `json:"state"`
	// Participant and Key are fixed when the step is first sent: all directions keep them. A step
	// that sends no command has no participant; the key of an await is its signal's name.
	Participant string `json:"to,omitempty"`
	Key         string `json:"key,omitempty"`
	// Attempts, Inquiries, Undos and Closings count the attempts of the four operations of this run.
	Attempts  int `json:"n,omitempty"`
	Inquiries int `json:"inquiries,omitempty"`
	Undos     int `json:"undos,omitempty"`
	Closings  int `json:"closings,omitempty"`
	// Refusals counts the retry replies to the present operation since a person last stepped in.
	Refusals int `json:"refusals,omitempty"`
	// Known is what was known of the forward when the undo was first sent: frozen with it.
	Known Known `json:"known,omitempty"`
	// Result is the body of the forward's success.
	Result json.RawMessage `json:"result,omitempty"`
	// Since is when the present operation was first enqueued.
	Since time.Time `json:"since,omitzero"`
	// Until is when a sleep ends, or an await gives up.
	Until time.Time `json:"until,omitzero"`
	// Expires is until when a hold is kept: as its try was sent.
	Expires time.Time `json:"expires,omitzero"`
	// Child is the id of the saga that the step runs.
	Child string `json:"child,omitempty"`
	// Wish is what an operator wants of this step, once it is fenced.
	Wish *Wish `json:"wish,omitempty"`
	// Open says that an operator has settled the step by force, without a fence: its command may
	// still have an effect. The audit reports it.
	Open bool `json:"open,omitempty"`
	// ByHand is the reason with which an operator resolved the step, or its undo, by hand.
	ByHand string `json:"by_hand,omitempty"`
	// Trouble says why the step needs a person, while it does.
	Trouble CauseKind `json:"trouble,omitempty"`
	// Code and Message are of the last answer that was not a success.
	Code    string `json:"code,omitempty"`
	Message string `json:"message,omitempty"`
}

// RunID names the step's present run, as on the wire: "debit", "debit~1".
func (s Step) RunID() string { return StepRun(s.ID, s.Run) }

// Signal is something that a saga was told from outside, by name.
type Signal struct {
	Name string          `json:"name"`
	Data json.RawMessage `json:"data"`
	At   time.Time       `json:"at"`
}

// Parent is where a child saga belongs.
type Parent struct {
	ID    string `json:"id"`
	Step  string `json:"step"`  // the step run
	Depth int    `json:"depth"` // 1 for the child of a saga that was started from outside
}

// Wish is an operator's decision about one step. It is applied when the participant has said that
// the step's command can have no further effect.
type Wish struct {
	Verb   WishVerb        `json:"verb"`
	Reason string          `json:"reason"`
	Result json.RawMessage `json:"result,omitempty"` // of a resolved forward
}

// WishVerb is what an operator wants.
type WishVerb string

// The wishes.
const (
	WishSkip    WishVerb = "skip"    // go on without the step
	WishResolve WishVerb = "resolve" // a person did, or undid, by hand what the step should
	WishAbandon WishVerb = "abandon" // leave the step as it is, and close the saga
)

// CauseKind is why a saga turned back or was suspended.
type CauseKind string

// The kinds of a cause.
const (
	CauseRejected  CauseKind = "rejected"  // a participant refused
	CauseTimeout   CauseKind = "timeout"   // a participant was silent
	CauseCancelled CauseKind = "cancelled" // somebody cancelled
	CauseDeadline  CauseKind = "deadline"  // the saga's deadline passed
	CauseExhausted CauseKind = "exhausted" // a participant asked for one retry too many
	CauseConflict  CauseKind = "conflict"  // an answer contradicts what is known
	CauseOperator  CauseKind = "operator"  // a person decided so
)

// Cause says why a saga is not simply going forward.
type Cause struct {
	Step    string    `json:"step,omitempty"`
	Kind    CauseKind `json:"kind"`
	Code    string    `json:"code,omitempty"`
	Message string    `json:"message,omitempty"`
}

// Step returns the step with this id.
func (in *Instance) Step(id string) (*Step, bool) {
	for i := range in.Steps {
		if in.Steps[i].ID == id {
			return &in.Steps[i], true
		}
	}
	return nil, false
}

// Busy reports whether a command is out, so that a reply will move the saga. One that is not busy waits
// for the clock, a person, another saga, or for nothing.
func (in *Instance) Busy() bool {
	for i := range in.Steps {
		if s := &in.Steps[i]; s.Participant != "" && (s.State == StepRunning || s.State == StepUnknown || s.State == StepCompensating) {
			return true
		}
	}
	return false
}

// stepByRun finds the step whose present run has this name.
func (in *Instance) stepByRun(run string) (*Step, bool) {
	for i := range in.Steps {
		if in.Steps[i].RunID() == run {
			return &in.Steps[i], true
		}
	}
	return nil, false
}

// clone copies what Transition may write; results and inputs are never written in place.
func (in Instance) clone() Instance {
	in.Steps = slices.Clone(in.Steps)
	in.Signals = slices.Clip(in.Signals)
	return in
}
