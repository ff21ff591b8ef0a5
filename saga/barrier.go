package saga

// The barrier is the participant's half of the protocol: one row for each step run, at which
// forward, backward, inquire and close meet in one transaction. Its idea is the sub-transaction
// barrier of dtm and the fence of Seata's TCC, with the reply recorded, so that every repeat
// has the same answer. docs/protocol.md shows the table for participants in other languages;
// TestBarrierTable holds it cell by cell.

// RowState is what the barrier's row of a step run says.
type RowState string

// The states of a barrier row. RowNone is the absence of a row.
const (
	RowNone      RowState = ""
	RowSucceeded RowState = "succeeded" // the forward's effect stands
	RowRejected  RowState = "rejected"  // the forward was refused; no effect
	RowFenced    RowState = "fenced"    // the forward never ran and never will
	RowUndone    RowState = "undone"    // the effect was undone, or there was none to undo
	RowClosed    RowState = "closed"    // a person settles the undo by hand
)

// Record is one answer as the barrier keeps it.
type Record struct {
	Outcome Outcome
	Code    string
	Message string
	Body    []byte
}

// Row is the barrier's row of one (saga, step run).
type Row struct {
	State        RowState
	Origin       string  // the orchestrator store that sent the first command
	ForwardHash  string  // of participant, action and body; forward and inquire carry the same
	BackwardHash string  // the same for backward and close
	Forward      *Record // nil until the forward has run
	Undo         *Record // nil until the undo has run or there was nothing to undo
}

// Verdict is what the barrier does with a command.
type Verdict int

// The verdicts. After Run and RunUndo the handler's result is recorded with [Row.Ran] or
// [Row.RanUndo] in the same transaction; after Answer the row is stored as it was returned
// and the record is the reply.
const (
	Answer Verdict = iota
	Run
	RunUndo
)

// Arrival is a command as the barrier sees it.
type Arrival struct {
	Direction Direction
	Known     Known
	Origin    string
	Hash      string
	Late      bool // a forward past its Saga-Deadline
}

// Arrive decides one cell of the barrier table. It returns the row as it must be stored, in
// the transaction of the effect, and what to do. With [Answer] the record is the reply.
// A command of another origin, or with another hash than an earlier one of the same
// direction, is a [Conflict] and changes nothing.
func Arrive(row Row, a Arrival) (Row, Verdict, Record) {
	if reason := row.contradicts(a); reason != "" {
		return row, Answer, conflict(reason)
	}
	next := row.remember(a)
	switch a.Direction {
	case Forward:
		return next.arriveForward(a.Late)
	case Backward:
		return next.arriveBackward(row, a.Known)
	case Inquire:
		return next.arriveForward(true)
	case Close:
		return next.arriveClose()
	default: // nothing is done on a guess
		return row, Answer, conflict("unknown_direction")
	}
}

// Ran records the forward handler's outcome, [Succeeded] or [Rejected].
func (r Row) Ran(rec Record) Row {
	r.State = RowSucceeded
	if rec.Outcome == Rejected {
		r.State = RowRejected
	}
	r.Forward = &rec
	return r
}

// RanUndo records that the undo handler has succeeded.
func (r Row) RanUndo(rec Record) Row {
	r.State = RowUndone
	r.Undo = &rec
	return r
}

func (r Row) arriveForward(fence bool) (Row, Verdict, Record) {
	switch r.State {
	case RowNone:
		if !fence {
			return r, Run, Record{}
		}
		r.State = RowFenced
		return r, Answer, fenced
	case RowSucceeded, RowRejected:
		return r, Answer, *r.Forward
	case RowClosed:
		if r.Forward != nil {
			return r, Answer, *r.Forward
		}
	}
	return r, Answer, fenced
}

func (r Row) arriveBackward(before Row, known Known) (Row, Verdict, Record) {
	switch r.State {
	case RowNone:
		if known == KnownSucceeded {
			return before, Answer, missing
		}
		r.State = RowFenced
		return r, Answer, done
	case RowSucceeded:
		return r, RunUndo, Record{}
	case RowRejected:
		if known == KnownSucceeded {
			return before, Answer, missing
		}
		return r.RanUndo(done), Answer, done
	case RowFenced:
		if known == KnownSucceeded {
			return before, Answer, missing
		}
		return r, Answer, done
	case RowUndone:
		return r, Answer, *r.Undo
	default:
		return r, Answer, fenced
	}
}

func (r Row) arriveClose() (Row, Verdict, Record) {
	switch r.State {
	case RowNone, RowSucceeded:
		r.State = RowClosed
	case RowUndone:
		return r, Answer, *r.Undo
	}
	return r, Answer, done
}

// contradicts returns the code of the conflict between an arrival and what is recorded, or "".
func (r Row) contradicts(a Arrival) string {
	if r.Origin != "" && r.Origin != a.Origin {
		return "other_origin"
	}
	hash := r.ForwardHash
	if a.Direction == Backward || a.Direction == Close {
		hash = r.BackwardHash
	}
	if hash != "" && hash != a.Hash {
		return "other_content"
	}
	return ""
}

func (r Row) remember(a Arrival) Row {
	r.Origin = a.Origin
	if a.Direction == Backward || a.Direction == Close {
		r.BackwardHash = a.Hash
	} else {
		r.ForwardHash = a.Hash
	}
	return r
}

var (
	done    = Record{Outcome: Succeeded, Body: []byte("{}")}
	fenced  = Record{Outcome: Fenced, Code: "fenced", Message: "this step was fenced: it has not run and never will"}
	missing = conflict("row_missing")
)

func conflict(code string) Record {
	return Record{Outcome: Conflict, Code: code, Message: conflictMessages[code]}
}

var conflictMessages = map[string]string{
	"other_origin":      "another orchestrator store began this step; nothing was done",
	"other_content":     "this step was asked for before with another action or other arguments; nothing was done",
	"unknown_direction": "this participant knows forward, backward, inquire and close; nothing was done",
	"row_missing":       "the step is said to have succeeded, but this participant has no record of it",
	"try_missing":       "the hold to confirm is said to stand, but this participant has no record of that",
}
