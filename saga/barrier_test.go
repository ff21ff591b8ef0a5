package saga

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// barrierTable is the table of the design. A cell is what is answered and, behind a slash, the
// state of the row afterwards if it changes: run and undo call a handler, forward and undone
// repeat a recorded reply, done is "nothing to undo".
const barrierTable = `
arrives             nothing        succeeded    rejected     fenced       undone   closed-ran  closed-never
forward             run            forward      forward      fenced       fenced   forward     fenced
forward-late        fenced/fenced  forward      forward      fenced       fenced   forward     fenced
backward-unknown    done/fenced    undo         done/undone  done         undone   fenced      fenced
backward-succeeded  row_missing    undo         row_missing  row_missing  undone   fenced      fenced
inquire             fenced/fenced  forward      forward      fenced       fenced   forward     fenced
close               done/closed    done/closed  done         done         undone   done        done
sideways            unknown        unknown      unknown      unknown      unknown  unknown     unknown
`

const testOrigin, forwardHash, backwardHash = "origin-1", "hash-of-forward", "hash-of-undo"

var (
	ranReply    = Record{Outcome: Succeeded, Body: []byte(`{"ran":1}`)}
	refusedSays = Record{Outcome: Rejected, Code: "no_such_account", Message: "no"}
	undoneReply = Record{Outcome: Succeeded, Body: []byte(`{"undone":1}`)}
)

func TestBarrierTable(t *testing.T) {
	lines := strings.Split(strings.TrimSpace(barrierTable), "\n")
	columns := strings.Fields(lines[0])[1:]
	for _, line := range lines[1:] {
		cells := strings.Fields(line)
		for i, column := range columns {
			t.Run(cells[0]+"/"+column, func(t *testing.T) { checkCell(t, column, cells[0], cells[i+1]) })
		}
	}
}

func checkCell(t *testing.T, column, arrives, want string) {
	before := rowNamed(column)
	after, verdict, rec := Arrive(before, arrivalNamed(arrives))
	answer, state, changes := strings.Cut(want, "/")
	if !changes {
		state = string(before.State)
	}
	if got := cellName(before, verdict, rec); got != answer {
		t.Errorf("answer %q, want %q", got, answer)
	}
	if string(after.State) != state {
		t.Errorf("row is %q afterwards, want %q", after.State, state)
	}
	if verdict == Answer && rec.Outcome == Conflict && !reflect.DeepEqual(after, before) {
		t.Errorf("a conflict changed the row:\n%s", cmp.Diff(before, after))
	}
	if verdict != Answer && !reflect.DeepEqual(rec, Record{}) {
		t.Errorf("a handler is to run, and yet there is an answer: %+v", rec)
	}
}

// rowNamed makes the row of a column as the barrier itself would have made it.
func rowNamed(column string) Row {
	seen := Row{Origin: testOrigin, ForwardHash: forwardHash}
	switch column {
	case "succeeded":
		return seen.Ran(ranReply)
	case "rejected":
		return seen.Ran(refusedSays)
	case "fenced":
		seen.State = RowFenced
		return seen
	case "undone":
		seen.BackwardHash = backwardHash
		return seen.Ran(ranReply).RanUndo(undoneReply)
	case "closed-ran":
		seen = seen.Ran(ranReply)
		seen.State, seen.BackwardHash = RowClosed, backwardHash
		return seen
	case "closed-never":
		return Row{State: RowClosed, Origin: testOrigin, BackwardHash: backwardHash}
	}
	return Row{}
}

func arrivalNamed(name string) Arrival {
	direction, how, _ := strings.Cut(name, "-")
	a := Arrival{Direction: Direction(direction), Origin: testOrigin, Hash: forwardHash, Late: how == "late"}
	if a.Direction == Backward || a.Direction == Close {
		a.Hash = backwardHash
	}
	if a.Direction == Backward {
		a.Known = Known(how)
	}
	return a
}

func cellName(before Row, v Verdict, rec Record) string {
	switch {
	case v == Run:
		return "run"
	case v == RunUndo:
		return "undo"
	case rec.Code == "unknown_direction":
		return "unknown"
	case rec.Outcome == Conflict:
		return rec.Code
	case rec.Outcome == Fenced:
		return "fenced"
	case before.Forward != nil && reflect.DeepEqual(rec, *before.Forward):
		return "forward"
	case before.Undo != nil && reflect.DeepEqual(rec, *before.Undo):
		return "undone"
	case rec.Outcome == Succeeded && bytes.Equal(rec.Body, []byte("{}")):
		return "done"
	}
	return "?"
}

// On a known row another origin or other content is never run and changes nothing.
func TestBarrierConflicts(t *testing.T) {
	for _, column := range []string{"succeeded", "rejected", "fenced", "undone", "closed-ran"} {
		for _, name := range []string{"forward", "forward-late", "backward-unknown", "backward-succeeded", "inquire", "close"} {
			t.Run(name+"/"+column, func(t *testing.T) {
				before := rowNamed(column)
				before.BackwardHash = backwardHash
				other := arrivalNamed(name)
				other.Origin = "origin-2"
				wantConflict(t, before, other, "other_origin")
				other = arrivalNamed(name)
				other.Hash = "hash-of-something-else"
				wantConflict(t, before, other, "other_content")
			})
		}
	}
}

func wantConflict(t *testing.T, before Row, a Arrival, code string) {
	t.Helper()
	after, verdict, rec := Arrive(before, a)
	if verdict != Answer || rec.Outcome != Conflict || rec.Code != code || rec.Message == "" {
		t.Errorf("%v %+v, want a conflict %s", verdict, rec, code)
	}
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("the row changed:\n%s", diff)
	}
}

// An undo that came first must not bind what the forward may contain, nor the other way round.
func TestBarrierKeepsTheHashesApart(t *testing.T) {
	row, _, _ := Arrive(Row{}, arrivalNamed("backward-unknown"))
	if row.BackwardHash != backwardHash || row.ForwardHash != "" || row.Origin != testOrigin {
		t.Fatalf("after the undo: %+v", row)
	}
	row, _, rec := Arrive(row, arrivalNamed("forward"))
	if rec.Outcome != Fenced || row.ForwardHash != forwardHash {
		t.Fatalf("the late forward: %+v, row %+v", rec, row)
	}
}

// history is a row of the barrier with what its handlers have really done.
type history struct {
	row          Row
	effects      int
	undos        int
	neverPromise bool // an answer has promised that no effect will come from now on
}

// TestBarrierExhaustive walks every row that any sequence of commands and handler results can
// make: a handler takes effect at most once, an undo only on a standing effect, an effect never
// after the promise that there will be none, and the same command again has the same answer and
// changes nothing.
func TestBarrierExhaustive(t *testing.T) {
	names := strings.Fields("forward forward-late backward-unknown backward-succeeded inquire close")
	seen, queue := map[string]bool{}, []history{{}}
	for ; len(queue) > 0; queue = queue[1:] {
		for _, name := range names {
			for _, result := range []Record{ranReply, refusedSays} {
				next := queue[0].after(t, name, result)
				if key := next.key(); !seen[key] {
					seen[key] = true
					queue = append(queue, next)
				}
			}
		}
	}
	t.Logf("%d rows with their histories", len(seen))
}

// after is the history when one more command has arrived; result is the forward handler's, if it
// is to run.
func (h history) after(t *testing.T, name string, result Record) history {
	row, verdict, rec := Arrive(h.row, arrivalNamed(name))
	switch verdict {
	case Run:
		row, rec = row.Ran(result), result
		if result.Outcome == Succeeded {
			h.effects++
		}
		if h.neverPromise {
			t.Errorf("%s runs on %+v, against a promise", name, h.row)
		}
	case RunUndo:
		h.undos++
		row, rec = row.RanUndo(undoneReply), undoneReply
	}
	if h.effects > 1 || h.undos > h.effects {
		t.Fatalf("%s on %+v: %d effects, %d undos", name, h.row, h.effects, h.undos)
	}
	again, verdict, repeated := Arrive(row, arrivalNamed(name))
	if verdict != Answer || !reflect.DeepEqual(again, row) || !reflect.DeepEqual(rec, repeated) {
		t.Errorf("%s repeated on %+v: verdict %v, %+v then %+v", name, row, verdict, rec, repeated)
	}
	undone := strings.HasPrefix(name, "backward") && rec.Outcome == Succeeded
	h.neverPromise = h.neverPromise || rec.Outcome == Fenced || rec.Outcome == Rejected || undone
	h.row = row
	return h
}

func (h history) key() string {
	forward, undo := h.row.Forward, h.row.Undo
	h.row.Forward, h.row.Undo = nil, nil
	return fmt.Sprintf("%+v %+v %+v", h, forward, undo)
}
