package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/girohq/giro/saga"
	"github.com/nats-io/nats.go"
)

// The verbs between participants and orchestrator that are not commands: see docs/restore.md.
const (
	VerbHello  = "participants.hello"  // a participant, before it reads commands
	VerbLost   = "participants.lost"   // the same: what it has to do again
	VerbRoll   = "participants.list"   // everybody
	VerbTell   = "participants.tell"   // a participant that has more commits than were heard
	VerbCall   = "participants.call"   // the orchestrator, to all participants: say hello again
	VerbAccept = "participants.accept" // an operator
	VerbReplay = "participants.replay" // an operator

	VerbCopy       = "restore.get"    // everybody
	VerbCopyAccept = "restore.accept" // an operator
)

// Mark says which database, and which state of it, a reply is from.
type Mark struct {
	Participant string
	Store       string
	Session     string
	Commit      int64 // 0: it is from no transaction
}

// MarkOf reads the mark of a reply; ok is false where there is none: its participant does not take part.
func MarkOf(participant string, h nats.Header) (m Mark, ok bool) {
	m = Mark{Participant: participant, Store: get(h, HeaderStore), Session: get(h, HeaderSession)}
	n, err := strconv.ParseInt(get(h, HeaderCommit), 10, 64)
	m.Commit = n
	return m, err == nil && n > 0 && saga.IsID(m.Store) && saga.IsID(m.Session)
}

// Hello is what a participant says of its database before it serves.
type Hello struct {
	Name    string `json:"name"`
	Store   string `json:"store"`   // the database's id
	Session string `json:"session"` // of this process: new at each start
	Commit  int64  `json:"commit"`  // the number of its last commit
	// From is a number up to which each commit is in the database: Commit, where there is one writer.
	From     int64     `json:"from"`
	Replayed *Replayed `json:"replayed,omitempty"` // what was lost is done again
	Told     bool      `json:"told,omitempty"`     // of all that was committed since what was heard
}

// Check refuses a greeting that says nothing.
func (h Hello) Check() error {
	err := errors.Join(saga.CheckParticipant(h.Name), saga.CheckID("store", h.Store), saga.CheckID("session", h.Session))
	if err == nil && (h.Commit < 0 || h.From < 0 || h.From > h.Commit) {
		err = fmt.Errorf("commit %d, from %d: they are numbers from 0, and from is the lesser", h.Commit, h.From)
	}
	return err
}

// Replayed says how it went.
type Replayed struct {
	Done   int          `json:"done"`             // operations that have their outcome again
	Differ int          `json:"differ"`           // and those that have another one
	Which  []Difference `json:"which,omitempty"`  // some of them
	Failed string       `json:"failed,omitempty"` // why it was given up
}

// Difference is an operation that did not get again what was recorded of it.
type Difference struct {
	Op   string `json:"op"`
	Want string `json:"want"`
	Got  string `json:"got"`
}

// What a participant is told.
const (
	WelcomeServe  = "serve"
	WelcomeReplay = "replay" // do again what was lost, then say so
	WelcomeTell   = "tell"   // what was committed above Ahead, then say so
	WelcomeWait   = "wait"   // an operator decides: ask again later
)

// Welcome is the answer to a [Hello].
type Welcome struct {
	State  string `json:"state"`
	Reason string `json:"reason,omitempty"`
	Ahead  int64  `json:"ahead"`  // the participant's next commit has a higher number than this
	Origin string `json:"origin"` // the id of the orchestrator's store
}

// LostRequest asks for a page of what is to be done again.
type LostRequest struct {
	Name    string `json:"name"`
	Session string `json:"session"`
	After   int64  `json:"after"` // Next of the page before; 0: the first
}

// Lost is a page of answered commands, in the order of their answers.
type Lost struct {
	Items []LostItem `json:"items"`
	Next  int64      `json:"next"` // 0: there is no more
}

// LostItem is a command, and how it was answered.
type LostItem struct {
	Subject string              `json:"subject"`
	Header  map[string][]string `json:"header"`
	Body    json.RawMessage     `json:"body"`
	Outcome saga.Outcome        `json:"outcome"`        // succeeded, rejected, fenced
	Code    string              `json:"code,omitempty"` // of rejected: it is recorded again, no handler is asked
	Message string              `json:"message,omitempty"`
	Result  json.RawMessage     `json:"result,omitempty"` // absent: it does not matter
	Undone  bool                `json:"undone,omitempty"` // a forward that may be fenced as well: its undo follows
}

// RollRequest names a participant: accept, replay. A reason is required.
type RollRequest struct {
	Name   string `json:"name"`
	Reason string `json:"reason"`
}

// The states of a [Member].
const (
	MemberServing = "serving"
	MemberBehind  = "behind"  // its database is an older copy: what is lost is being done again
	MemberForeign = "foreign" // its database is another one
	MemberDiffers = "differs" // what was done again had another outcome
	MemberTooOld  = "too_old" // its database is an older copy, and some of what it lacks is not known any more
)

// Member is what the orchestrator knows of a participant.
type Member struct {
	Name   string       `json:"name"`
	State  string       `json:"state"`            // serving; behind, foreign, differs, too_old: it is quarantined
	Store  string       `json:"store"`            // the id of its database
	Commit int64        `json:"commit"`           // the highest number that was heard
	Cause  string       `json:"cause,omitempty"`  // of the quarantine
	Since  *saga.Time   `json:"since,omitempty"`  // of the quarantine
	Differ []Difference `json:"differ,omitempty"` // some of what differs
	Answer string       `json:"answer,omitempty"` // what accept or replay has come to
}

// Roll is all participants that have said hello, by name.
type Roll struct {
	Items []Member `json:"items"`
}

// Told is what a participant has recorded of an orchestrator's commands, above a commit number.
type Told struct {
	Name    string     `json:"name"`
	Session string     `json:"session"`
	Rows    []KnownRow `json:"rows"`
}

// KnownRow is a row of a participant's barrier.
type KnownRow struct {
	Saga     string          `json:"saga"`
	Step     string          `json:"step"` // the step run
	State    saga.RowState   `json:"state"`
	Backward bool            `json:"backward,omitempty"` // an undo, or a close, has been there
	Outcome  saga.Outcome    `json:"outcome,omitempty"`  // of the forward; "" if it never ran
	Code     string          `json:"code,omitempty"`
	Message  string          `json:"message,omitempty"`
	Result   json.RawMessage `json:"result,omitempty"`
	Undo     json.RawMessage `json:"undo,omitempty"`
	Commit   int64           `json:"commit"`
}

// Check refuses rows that contradict themselves.
func (t Told) Check() error {
	err := errors.Join(saga.CheckParticipant(t.Name), saga.CheckID("session", t.Session))
	for _, r := range t.Rows {
		whole := r.State == saga.RowFenced || r.State == saga.RowClosed
		switch r.State {
		case saga.RowSucceeded, saga.RowRejected:
			whole = r.Outcome == saga.Succeeded || r.Outcome == saga.Rejected
		case saga.RowUndone:
			whole = len(r.Undo) > 0
		}
		if !whole || !saga.IsID(r.Saga) || !isStepRun(r.Step) {
			err = errors.Join(err, fmt.Errorf("row %q of saga %q, state %q, is not one of a barrier", r.Step, r.Saga, r.State))
		}
	}
	return err
}

// Copy says whether the orchestrator's database is an older copy, and what participants know more of than it does.
type Copy struct {
	Quarantined bool         `json:"quarantined"` // nothing is sent
	Cause       string       `json:"cause,omitempty"`
	Since       *saga.Time   `json:"since,omitempty"`
	Silent      []string     `json:"silent,omitempty"` // participants that have not said yet what they know
	Lost        int          `json:"lost"`             // sagas that are not known here: their starts are to be repeated
	Ahead       int          `json:"ahead"`            // sagas that are known here, and have gone further
	Sagas       []StrayedRow `json:"sagas"`            // of both, the first thousand steps
}

// StrayedRow is a step that a participant knows of and the orchestrator does not.
type StrayedRow struct {
	Saga        string        `json:"saga"`
	Known       bool          `json:"known"` // the saga is
	Step        string        `json:"step"`
	Participant string        `json:"participant"`
	State       saga.RowState `json:"state"`
}

// CopyRequest is an operator's decision to go on with an older copy. A reason is required.
type CopyRequest struct {
	Reason string `json:"reason"`
	Force  bool   `json:"force,omitempty"` // although participants are silent
}
