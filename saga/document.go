package saga

import (
	"encoding/json"
	"fmt"
	"time"
)

// Document is a saga as everybody outside sees it: in the API, on the command line with
// -o json, in events. docs/protocol.md shows it.
type Document struct {
	ID       string          `json:"id"`
	Type     string          `json:"type"`
	Version  int             `json:"version"`
	State    State           `json:"state"`
	Waiting  string          `json:"waiting"` // one sentence for a person; "" when nothing is waited for
	Cause    *Cause          `json:"cause"`
	Input    json.RawMessage `json:"input"`
	Output   json.RawMessage `json:"output"` // null until the saga is completed
	Steps    []StepDocument  `json:"steps"`
	Created  Time            `json:"created"`
	Updated  Time            `json:"updated"` // never goes back
	Finished *Time           `json:"finished"`
	Deadline *Time           `json:"deadline"`
	StartAt  *Time           `json:"start_at,omitempty"` // not before
	Parent   *ParentDocument `json:"parent,omitempty"`   // of a saga that a step of another one runs
	Signals  []Signal        `json:"signals,omitempty"`
	Archived bool            `json:"archived,omitempty"` // it ended long since: input, output, cause and steps are not kept any more
}

// ParentDocument names the step that a saga was started by.
type ParentDocument struct {
	ID   string `json:"id"`
	Step string `json:"step"`
}

// StepDocument is one step in a [Document]. Participant and key are "" until the step is first sent.
type StepDocument struct {
	ID          string          `json:"id"` // "tickets.0" for a run over a list, "hold.try" for half a hold
	Participant string          `json:"participant"`
	Action      string          `json:"action"`
	Key         string          `json:"key"`
	State       StepState       `json:"state"`
	Attempts    int             `json:"attempts"`
	Undos       int             `json:"undo_attempts,omitempty"`
	Result      json.RawMessage `json:"result"`
	Saga        string          `json:"saga,omitempty"`    // the child that it runs
	Until       *Time           `json:"until,omitempty"`   // when a sleep ends, or an await gives up
	ByHand      string          `json:"by_hand,omitempty"` // the reason, when a person did it, or undid it
	Open        bool            `json:"open,omitempty"`    // settled by force: its command may still have an effect
	Error       *StepError      `json:"error,omitempty"`
}

// StepError is the last answer to a step that was not a success.
type StepError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// Time is a time in documents: RFC 3339, UTC, six digits of a second.
type Time struct{ time.Time }

const timeLayout = `"2006-01-02T15:04:05.000000Z"`

// MarshalJSON writes t in UTC with microseconds.
func (t Time) MarshalJSON() ([]byte, error) {
	return t.UTC().AppendFormat(make([]byte, 0, len(timeLayout)), timeLayout), nil
}

// Describe makes the document of an instance. The definition must be the one it is pinned to.
func Describe(def *Definition, in *Instance) Document {
	d := Document{
		ID: in.ID, Type: in.Type, Version: in.Version, State: in.State, Waiting: in.waiting(def), Cause: in.Cause,
		Input: in.Input, Output: in.Output, Steps: make([]StepDocument, len(in.Steps)),
		Created: Time{in.Created}, Updated: Time{in.Updated}, Finished: timeOrNull(in.Finished), Deadline: timeOrNull(in.Deadline),
	}
	if in.Trouble != nil {
		d.Cause = in.Trouble
	}
	d.StartAt, d.Signals = timeOrNull(in.Start), in.Signals
	if in.Parent != nil {
		d.Parent = &ParentDocument{ID: in.Parent.ID, Step: in.Parent.Step}
	}
	for i := range in.Steps {
		d.Steps[i] = describeStep(def, &in.Steps[i])
	}
	return d
}

func describeStep(def *Definition, s *Step) StepDocument {
	d := StepDocument{ID: s.ID, Participant: s.Participant, Key: s.Key, State: s.State, Attempts: s.Attempts, Undos: s.Undos, Result: s.Result,
		Saga: s.Child, ByHand: s.ByHand, Open: s.Open, Until: timeOrNull(s.Until)}
	if sd, ok := def.Step(s.ID); ok {
		d.Action = sd.Action
	}
	if s.Code != "" || s.Message != "" {
		d.Error = &StepError{Code: s.Code, Message: s.Message}
	}
	return d
}

// waiting says who is waited for, since when and with which attempt.
func (in *Instance) waiting(def *Definition) string {
	if in.State.Terminal() {
		return ""
	}
	m := move{def: def, Instance: *in}
	switch {
	case in.State == Suspended && (in.Resume != Abandoned || in.Trouble != nil):
		return m.needs()
	case m.stands():
		return fmt.Sprintf("all its steps are done: waiting for its parent %s to end", in.Parent.ID)
	case in.Updated.Before(in.Start):
		return "begins at " + in.Start.UTC().Format(time.RFC3339)
	}
	var first string
	others := 0
	for i := range in.Steps {
		switch one := m.waitsFor(&in.Steps[i]); {
		case one == "":
		case first == "":
			first = one
		default:
			others++
		}
	}
	if others > 0 {
		first += fmt.Sprintf("; and %d more", others)
	}
	return first
}

// needs says what a person can do.
func (m *move) needs() string {
	if m.Trouble == nil {
		return "the saga was set aside because it could not be read: look into it, then retry"
	}
	wishes := "retry, skip or resolve it, or cancel the saga"
	switch {
	case m.Resume == Abandoned:
		wishes = "abandon the saga by force"
	case m.Resume == Compensating:
		wishes = "retry or resolve it"
	case m.pivotSent(): // a cancel would do nothing, or only be remembered
		wishes = "retry, skip or resolve it"
	}
	return fmt.Sprintf("step %s needs a person (%s): look into it, then %s", m.Trouble.Step, m.Trouble.Kind, wishes)
}

// waitsFor says what a step waits for; "" if for nothing.
func (m *move) waitsFor(s *Step) string {
	sd, _ := m.def.Step(s.ID)
	since := s.Since.UTC().Format(time.RFC3339)
	switch m.direction(s) {
	case Forward:
		return fmt.Sprintf("waiting for %s to answer %s since %s, attempt %d%s", s.Participant, sd.Action, since, s.Attempts, m.limit(sd))
	case Inquire:
		return fmt.Sprintf("asking %s what became of %s since %s, attempt %d", s.Participant, sd.Action, since, s.Inquiries)
	case Backward:
		return fmt.Sprintf("waiting for %s to answer %s since %s, attempt %d", s.Participant, sd.Undo.Action, since, s.Undos)
	case Close:
		return fmt.Sprintf("waiting for %s to close %s since %s, attempt %d", s.Participant, sd.Undo.Action, since, s.Closings)
	}
	switch {
	case s.State == StepCompensating:
		return fmt.Sprintf("waiting for the saga %s to be undone since %s", s.Child, since)
	case s.State != StepRunning:
		return ""
	case s.Child != "":
		return fmt.Sprintf("waiting for the saga %s since %s", s.Child, since)
	case sd.Sleep:
		return "sleeping until " + s.Until.UTC().Format(time.RFC3339)
	case s.Until.IsZero():
		return fmt.Sprintf("waiting for the signal %s since %s", s.Key, since)
	}
	return fmt.Sprintf("waiting for the signal %s since %s, until %s", s.Key, since, s.Until.UTC().Format(time.RFC3339))
}

// limit says how many attempts there are, where silence can spend them.
func (m *move) limit(sd *StepDefinition) string {
	if m.kind(sd) == Retriable {
		return ""
	}
	return fmt.Sprintf(" of %d", sd.Retry.Attempts)
}

func timeOrNull(t time.Time) *Time {
	if t.IsZero() {
		return nil
	}
	return &Time{t}
}
