package saga

import "strings"

// A hold is two steps: "hold.try", which its undo cancels, and "hold.confirm", which makes it
// final. Each has a barrier row of its own. A confirm is a forward like any other, but for one
// thing that it takes for granted: the hold is there. Only the try's row can say so.

// The ends of the names of a hold's two steps.
const (
	trySuffix     = ".try"
	confirmSuffix = ".confirm"
)

// TryOf names the step whose hold a step run confirms: "hold.try" for "hold.confirm~1". It is not
// ok for a step run that is no confirm.
func TryOf(stepRun string) (step string, ok bool) {
	step, _, _ = strings.Cut(stepRun, "~")
	step, ok = strings.CutSuffix(step, confirmSuffix)
	return step + trySuffix, ok && step != ""
}

// CheckTry decides whether a confirm may run that met no row of its own. try is the row of the
// last run of its try. Unless that succeeded and stands, the answer is the [Conflict] returned,
// nothing is recorded and no handler runs: an orchestrator confirms only what it knows to be held,
// so this participant has lost something or the command is a stranger's, and any guess could take
// money that was given back.
func CheckTry(try Row, origin string) (rec Record, ok bool) {
	switch {
	case try.State != RowNone && try.Origin != origin:
		return conflict("other_origin"), false
	case try.State != RowSucceeded:
		rec = conflict("try_missing")
		if try.State != RowNone {
			rec.Message += "; its last word on it is " + string(try.State)
		}
		return rec, false
	}
	return Record{}, true
}
