package saga

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"
)

// Direction says what a command asks of a step run.
type Direction string

// The four directions of a command. All directions of one step run meet at one
// row of the participant's inbox (see [Arrive]).
const (
	Forward  Direction = "forward"  // do it
	Backward Direction = "backward" // undo it, if it was done; and never do it later
	Inquire  Direction = "inquire"  // say what became of it; if nothing, never do it later
	Close    Direction = "close"    // a person settles the undo by hand; never do it later
)

// Valid reports whether d is one of the four directions.
func (d Direction) Valid() bool {
	return d == Forward || d == Backward || d == Inquire || d == Close
}

// Known is what the orchestrator knows of a step's forward run when it asks for the undo.
type Known string

// What a backward command can know. A participant that finds no row for a step
// known to have succeeded answers [Conflict]: its database has lost something.
const (
	KnownSucceeded Known = "succeeded"
	KnownUnknown   Known = "unknown"
)

// Expiry says what a participant does with a hold that was neither confirmed nor cancelled when
// its time has passed.
type Expiry string

// What becomes of an overdue hold. Release is only for a hold whose confirm is its saga's pivot:
// a confirm that comes too late is refused then, and the saga compensates. After the pivot a
// confirm must succeed, however late, so the hold must stay: Alert.
const (
	ExpiryRelease Expiry = "release" // the participant may release it by itself
	ExpiryAlert   Expiry = "alert"   // it stays; the participant tells a person
)

// Valid reports whether e is one of the two.
func (e Expiry) Valid() bool { return e == ExpiryRelease || e == ExpiryAlert }

// Outcome is a participant's verdict on one command.
type Outcome string

// The outcomes of a reply. Only Rejected and Fenced prove that no effect stands or ever will.
const (
	Succeeded Outcome = "succeeded" // the effect stands (forward), or is undone (backward)
	Rejected  Outcome = "rejected"  // a business refusal; nothing was written
	Retried   Outcome = "retry"     // nothing was recorded; try again later
	Fenced    Outcome = "fenced"    // it never ran and never will
	Conflict  Outcome = "conflict"  // the command contradicts what is recorded; it was not run
)

// Valid reports whether o is one of the five outcomes.
func (o Outcome) Valid() bool {
	switch o {
	case Succeeded, Rejected, Retried, Fenced, Conflict:
		return true
	}
	return false
}

// Terminal reports whether o settles its operation: no later answer can differ.
func (o Outcome) Terminal() bool { return o == Succeeded || o == Rejected || o == Fenced }

// Command asks a participant to move one step run in one direction.
// All fields but Attempt are frozen when the operation is first enqueued.
type Command struct {
	SagaID      string
	SagaType    string
	Step        string // the step run: "debit", "debit~1"
	Kind        Kind
	Direction   Direction
	Known       Known // on Backward only
	Attempt     int   // 1, 2, ...; never starts again within one operation
	Participant string
	Action      string
	Key         string          // ordering lane, raw
	Revision    uint64          // the saga's revision when the operation was enqueued
	Deadline    time.Time       // zero if there is none; forwards of compensatable and pivot steps only
	Expires     time.Time       // on the try of a hold: when the hold is overdue; zero: never
	Expiry      Expiry          // what is done then; empty exactly if Expires is zero
	TraceParent string          // W3C trace context of the start, passed on; not part of the identity
	Body        json.RawMessage // the action's arguments: a JSON object
}

// Op is the identity of the operation, the same for each of its attempts:
// "<saga>/<step run>/<direction>".
func (c Command) Op() string { return Op(c.SagaID, c.Step, c.Direction) }

// Op joins the identity of an operation. Ids cannot contain a slash, so it is unambiguous.
func Op(sagaID, stepRun string, d Direction) string {
	return sagaID + "/" + stepRun + "/" + string(d)
}

// ParseOp splits what [Op] joined.
func ParseOp(op string) (sagaID, stepRun string, d Direction, ok bool) {
	sagaID, rest, ok1 := strings.Cut(op, "/")
	stepRun, dir, ok2 := strings.Cut(rest, "/")
	d = Direction(dir)
	return sagaID, stepRun, d, ok1 && ok2 && d.Valid()
}

// StepRun names a run of a step: the step's id, and "~n" behind it for the nth fresh run
// that an operator asked for.
func StepRun(step string, run int) string {
	if run == 0 {
		return step
	}
	return step + "~" + strconv.Itoa(run)
}

// Reply is a participant's answer to one command. Op, direction and attempt are those of
// the command answered; outcome, code, message and body are the recorded ones.
type Reply struct {
	SagaID      string
	Step        string // the step run
	Direction   Direction
	Attempt     int
	Participant string // from the subject, so that permissions can prove who replied
	Outcome     Outcome
	Code        string        // of Rejected, Retried and Conflict: a token for programs
	Message     string        // the same for people
	RetryAfter  time.Duration // of Retried: not before
	Body        json.RawMessage
}

// Op is the identity of the operation answered.
func (r Reply) Op() string { return Op(r.SagaID, r.Step, r.Direction) }
