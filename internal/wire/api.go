package wire

import (
	"encoding/json"

	"github.com/girohq/giro/saga"
)

// The bodies of the API's requests and answers. The saga itself is a [saga.Document].

// IDRequest names a saga: get, history.
type IDRequest struct {
	ID string `json:"id"`
}

// Operation is an operator's wish: cancel, retry, skip, resolve, abandon. The history keeps the reason,
// which is required. A verb refuses the fields that it has no use for.
type Operation struct {
	ID     string          `json:"id"`
	Step   string          `json:"step,omitempty"` // retry, skip, resolve: a step's id, or its run's
	Reason string          `json:"reason"`
	Result json.RawMessage `json:"result,omitempty"` // resolve: of the step, for those that come after it
	Force  bool            `json:"force,omitempty"`  // skip, resolve, abandon: without waiting for the participant
}

// SignalRequest tells a saga what a step awaits. The same again changes nothing.
type SignalRequest struct {
	ID   string          `json:"id"`
	Name string          `json:"name"`
	Data json.RawMessage `json:"data,omitempty"` // an object; {} if absent
}

// PauseRequest names what is paused or resumed: exactly one of a saga's id, a type, a participant, a
// schedule. A reason is required.
type PauseRequest struct {
	ID          string `json:"id,omitempty"`
	Type        string `json:"type,omitempty"`
	Participant string `json:"participant,omitempty"`
	Schedule    string `json:"schedule,omitempty"`
	Reason      string `json:"reason"`
}

// Pause is something that is paused, or was until it was resumed.
type Pause struct {
	ID          string     `json:"id,omitempty"`
	Type        string     `json:"type,omitempty"`
	Participant string     `json:"participant,omitempty"`
	Schedule    string     `json:"schedule,omitempty"`
	Reason      string     `json:"reason"`            // of the pause
	Since       *saga.Time `json:"since,omitempty"`   // null: it is not paused
	Changed     bool       `json:"changed,omitempty"` // by this very request
}

// Name sets what is paused: a "saga", a "type", a "participant" or a "schedule".
func (p *Pause) Name(kind, name string) {
	switch kind {
	case "saga":
		p.ID = name
	case "type":
		p.Type = name
	case "participant":
		p.Participant = name
	case "schedule":
		p.Schedule = name
	}
}

// PauseList is all that is paused, oldest first.
type PauseList struct {
	Items []Pause `json:"items"`
}

// ListRequest says which sagas to list. The zero value is the newest hundred.
type ListRequest struct {
	Type   string `json:"type"`
	State  string `json:"state"`
	Since  string `json:"since"`  // RFC 3339, or a duration back from now such as 1h or 3d
	Limit  int    `json:"limit"`  // 1 to 1000; 0 is 100
	Cursor string `json:"cursor"` // Next of the page before
}

// List is a page of sagas, newest first.
type List struct {
	Items []saga.Document `json:"items"`
	Next  string          `json:"next"` // "" on the last page
}

// Moment is one line of a saga's history: what happened, and what the saga made of it.
type Moment struct {
	Number    int64          `json:"number"` // grows over all sagas of the orchestrator
	At        saga.Time      `json:"at"`
	Event     string         `json:"event"` // started, restored, replied, timed_out, deadline, timer, signalled, child_ended, settled, paused, resumed, postponed, migrated, cancelled, retried, skipped, resolved, abandoned, unreadable
	Step      string         `json:"step,omitempty"`
	Direction saga.Direction `json:"direction,omitempty"`
	Attempt   int            `json:"attempt,omitempty"`
	Outcome   saga.Outcome   `json:"outcome,omitempty"`
	Code      string         `json:"code,omitempty"`
	Message   string         `json:"message,omitempty"`
	Note      string         `json:"note,omitempty"`
	Lifecycle []string       `json:"lifecycle,omitempty"` // the lifecycle events it caused
}

// History is all that moved a saga, oldest first.
type History struct {
	Items []Moment `json:"items"`
}

// ScheduleRequest names a schedule.
type ScheduleRequest struct {
	Name string `json:"name"`
}

// Schedule is a stored schedule and how it fares.
type Schedule struct {
	Name     string          `json:"name"`
	Schedule json.RawMessage `json:"schedule"` // as it was applied, as canonical JSON
	Applied  saga.Time       `json:"applied"`
	Next     *saga.Time      `json:"next"` // the next tick; null: none comes any more
	Last     *saga.Time      `json:"last"` // the last tick that was acted upon
	LastSaga string          `json:"last_saga,omitempty"`
	Problem  string          `json:"problem,omitempty"` // why the last tick could not start its saga
	Starts   int             `json:"starts"`
	Missed   int             `json:"missed"`            // how often ticks were left out, by the rule for missed ones
	Created  bool            `json:"created,omitempty"` // by this very request
	Changed  bool            `json:"changed,omitempty"` // by this very request
}

// ScheduleListRequest says where a page of schedules begins.
type ScheduleListRequest struct {
	Cursor string `json:"cursor"` // Next of the page before
}

// ScheduleList is a page of schedules, by name: at most a thousand.
type ScheduleList struct {
	Items []Schedule `json:"items"`
	Next  string     `json:"next,omitempty"` // absent on the last page
}

// DefinitionRequest names a definition; version 0 is the latest.
type DefinitionRequest struct {
	Name    string `json:"name"`
	Version int    `json:"version"`
}

// AppliedDefinition names a stored version of a definition.
type AppliedDefinition struct {
	Name    string    `json:"name"`
	Version int       `json:"version"`
	Digest  string    `json:"digest"`
	Applied saga.Time `json:"applied"`
	Created bool      `json:"created,omitempty"` // by this very request

	// Of the answer to an apply only.
	DryRun   bool     `json:"dry_run,omitempty"`   // nothing was stored
	Against  int      `json:"against,omitempty"`   // the version that Changes compares with: the newest one below
	Changes  []string `json:"changes,omitempty"`   // sentences
	Warnings []string `json:"warnings,omitempty"`  // what is allowed, and often a mistake
	InFlight int      `json:"in_flight,omitempty"` // live sagas of older versions, which keep theirs
}

// MigrateRequest asks for live sagas to be moved to another version of their definition.
type MigrateRequest struct {
	Name   string `json:"name"`
	From   int    `json:"from"`
	To     int    `json:"to"`      // 0: the latest
	Limit  int    `json:"limit"`   // how many to move at most; 0: all
	DryRun bool   `json:"dry_run"` // only say what would be moved
	Reason string `json:"reason"`  // for the history; may be absent
}

// Migration is what a migration has done, or would do.
type Migration struct {
	Name   string `json:"name"`
	From   int    `json:"from"`
	To     int    `json:"to"`
	DryRun bool   `json:"dry_run,omitempty"`
	Moved  int    `json:"moved"`
	Left   []Left `json:"left"`
	More   bool   `json:"more,omitempty"` // the limit, or the time, was reached: ask again
}

// Left is a reason for which sagas were not moved.
type Left struct {
	Reason  string `json:"reason"`
	Count   int    `json:"count"`
	Example string `json:"example"` // the id of one of them
}

// DefinitionList is every version of every definition, by name and version.
type DefinitionList struct {
	Items []AppliedDefinition `json:"items"`
}

// The states of [Health].
const (
	HealthOK       = "ok"
	HealthStarting = "starting"
	HealthFailing  = "failing"
	HealthStandby  = "standby" // another process does the work
)

// Health says whether the service does its work, and what is wrong where it does not.
type Health struct {
	Status string            `json:"status"`           // ok, starting, failing, standby
	Checks map[string]string `json:"checks"`           // "ok", or a sentence
	Paused []Pause           `json:"paused,omitempty"` // the oldest hundred pauses; they are no failure
	// Candidates are the processes with --standby, as far as who answers knows of them.
	Candidates []Candidacy `json:"candidates,omitempty"`
}

// OK reports whether everything is ready.
func (h Health) OK() bool { return h.Status == HealthOK }
