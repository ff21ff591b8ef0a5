package saga

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"
)

// Kind says what may happen to a step once it was sent.
type Kind string

// The kinds of a step.
const (
	Compensatable Kind = "compensatable" // can be undone
	Pivot         Kind = "pivot"         // the point of no return: if it is done, the saga completes
	Retriable     Kind = "retriable"     // after the pivot: repeated until it succeeds
	Read          Kind = "read"          // has no effect: nothing to undo
)

// Valid reports whether k is one of the four kinds.
func (k Kind) Valid() bool {
	return k == Compensatable || k == Pivot || k == Retriable || k == Read
}

// Defaults and bounds of a definition.
const (
	DefaultTimeout  = 30 * time.Second
	DefaultAttempts = 5
	DefaultBackoff  = 200 * time.Millisecond
	DefaultFactor   = 2
	DefaultMaxWait  = time.Minute
	DefaultParallel = 64
	MaxSteps        = 100
	MaxItems        = 1000 // of a list that each runs over
)

// Definition is what a saga of one type and version does. It is immutable: made by [Parse],
// [ParseJSON] or a [Builder], checked as a whole before it can be used.
type Definition struct {
	Name        string
	Version     int
	Description string
	// Deadline counts from the start; zero: none.
	Deadline time.Duration
	// Steps stand in an order in which each comes after those it waits for.
	Steps []StepDefinition
	// Warnings are sentences about what is allowed, and often a mistake.
	Warnings []string

	input  *schema
	output template        // nil: {}
	source json.RawMessage // the definition as canonical JSON (RFC 8785)
	digest string          // of source
}

// StepDefinition is one step of a definition: the command of a participant, or one of the forms
// that need none (Await, Sleep, Run). A hold is two of them, "<id>.try" and "<id>.confirm".
type StepDefinition struct {
	ID      string
	Kind    Kind
	Action  string
	Timeout time.Duration // of one attempt, from the broker's ack
	Retry   RetryPolicy
	Undo    *UndoDefinition // of a compensatable step with an action
	// After names the steps that must have settled before this one begins.
	After []string

	Await *AwaitDefinition
	Sleep bool
	Run   *RunDefinition
	// Parallel bounds the runs that are out at once; zero where there is no list to run over.
	Parallel int
	// Expires is how long a hold is kept; zero: until it is confirmed or cancelled.
	Expires time.Duration
	// Expiry says what the participant does then; only with Expires.
	Expiry Expiry

	participant text
	key         text        // nil: the saga's id
	args        template    // nil: {}
	when        *expression // nil: always
	each        *expression // nil: one run
	sleep       text

	after []int  // After, as indices
	below []bool // by index: which steps come after this one, directly or not
}

// AwaitDefinition is a step that waits for a signal.
type AwaitDefinition struct {
	Timeout time.Duration // zero: for ever
	// Continue says what happens at the timeout: the step is skipped, or (false) rejected.
	Continue bool

	signal text
	reject text // the name of the signal that rejects the step; nil: none
}

// RunDefinition is a step that runs another saga, its child.
type RunDefinition struct {
	Saga    string
	Version int // zero: the newest

	input template
}

// UndoDefinition names the action that undoes a step.
type UndoDefinition struct {
	Action  string
	Timeout time.Duration
	Retry   RetryPolicy
}

// RetryPolicy bounds the attempts of an operation and spaces them: the nth wait is
// Backoff * Factor^(n-1), at most Max, less up to a quarter of jitter.
type RetryPolicy struct {
	Attempts int
	Backoff  time.Duration
	Factor   float64
	Max      time.Duration
	Not      []string // codes of retry replies after which no further attempt is made
}

// Digest identifies the definition's content: "sha256:<hex>" of its canonical JSON.
func (d *Definition) Digest() string { return d.digest }

// Source is the definition as canonical JSON. [ParseJSON] makes the same definition of it again.
func (d *Definition) Source() json.RawMessage { return d.source }

// Step returns the definition of the step with this id, or of the step that a run of this name
// belongs to: "tickets" for "tickets.3".
func (d *Definition) Step(id string) (*StepDefinition, bool) {
	i := d.index(id)
	if i < 0 {
		return nil, false
	}
	return &d.Steps[i], true
}

func (d *Definition) index(id string) int {
	for i := range d.Steps {
		if d.Steps[i].ID == id {
			return i
		}
	}
	if list, _, ok := cutItem(id); ok {
		for i := range d.Steps {
			if d.Steps[i].each != nil && d.Steps[i].ID == list {
				return i
			}
		}
	}
	return -1
}

// pivot is the index of the pivot, or -1.
func (d *Definition) pivot() int {
	for i := range d.Steps {
		if d.Steps[i].Kind == Pivot {
			return i
		}
	}
	return -1
}

// HasPivot says whether the saga has a point of no return. A saga without one can be undone as a
// whole, so it can be a compensatable step of another saga.
func (d *Definition) HasPivot() bool { return d.pivot() >= 0 }

// cutItem splits the name of one run over a list: "tickets", 3.
func cutItem(id string) (step string, item int, ok bool) {
	dot := strings.LastIndexByte(id, '.')
	if dot < 0 {
		return id, 0, false
	}
	n, err := strconv.Atoi(id[dot+1:])
	return id[:dot], n, err == nil
}

// ends says whether a retry reply with this code ends the attempts.
func (p RetryPolicy) ends(code string) bool {
	for _, c := range p.Not {
		if c == code {
			return true
		}
	}
	return false
}
