package participants

import (
	"testing"

	"github.com/girohq/giro/saga"
)

// rowStates are the columns of the barrier table, and how commands bring a row there.
var rowStates = []struct {
	name string
	mode string // of the forward's body, the same in every command of the cell
	path []saga.Command
}{
	{"none", "", nil},
	{"succeeded", "", []saga.Command{forward("")}},
	{"rejected", "refuse", []saga.Command{forward("refuse")}},
	{"fenced", "", []saga.Command{inquire("")}},
	{"undone", "", []saga.Command{forward(""), backward("", saga.KnownUnknown)}},
	{"undone refusal", "refuse", []saga.Command{forward("refuse"), backward("refuse", saga.KnownUnknown)}},
	{"closed", "", []saga.Command{forward(""), closing("")}},
	{"closed unrun", "", []saga.Command{closing("")}},
}

// arrivals are the rows of the table.
var arrivals = []struct {
	name string
	make func(mode string) saga.Command
}{
	{"forward", forward},
	{"late forward", late},
	{"backward unknown", func(mode string) saga.Command { return backward(mode, saga.KnownUnknown) }},
	{"backward succeeded", func(mode string) saga.Command { return backward(mode, saga.KnownSucceeded) }},
	{"inquire", inquire},
	{"close", closing},
}

// cell is what must come of one arrival: the outcome and body answered, the row's state and the
// effects that stand afterwards.
type cell struct {
	outcome saga.Outcome
	code    string
	body    string
	state   saga.RowState
	effects string
}

const (
	forwardBody = `{"run":1}`
	undoBody    = `{"run":2}`
	emptyBody   = `{}`
)

// barrierTable is the table of the design, written out: [arrival][row state].
var barrierTable = map[string]map[string]cell{
	"forward": {
		"none":           {saga.Succeeded, "", forwardBody, saga.RowSucceeded, "[do]"},
		"succeeded":      {saga.Succeeded, "", forwardBody, saga.RowSucceeded, "[do]"},
		"rejected":       {saga.Rejected, "refused", "", saga.RowRejected, "[]"},
		"fenced":         {saga.Fenced, "fenced", "", saga.RowFenced, "[]"},
		"undone":         {saga.Fenced, "fenced", "", saga.RowUndone, "[do undo]"},
		"undone refusal": {saga.Fenced, "fenced", "", saga.RowUndone, "[]"},
		"closed":         {saga.Succeeded, "", forwardBody, saga.RowClosed, "[do]"},
		"closed unrun":   {saga.Fenced, "fenced", "", saga.RowClosed, "[]"},
	},
	"late forward": {
		"none":           {saga.Fenced, "fenced", "", saga.RowFenced, "[]"},
		"succeeded":      {saga.Succeeded, "", forwardBody, saga.RowSucceeded, "[do]"},
		"rejected":       {saga.Rejected, "refused", "", saga.RowRejected, "[]"},
		"fenced":         {saga.Fenced, "fenced", "", saga.RowFenced, "[]"},
		"undone":         {saga.Fenced, "fenced", "", saga.RowUndone, "[do undo]"},
		"undone refusal": {saga.Fenced, "fenced", "", saga.RowUndone, "[]"},
		"closed":         {saga.Succeeded, "", forwardBody, saga.RowClosed, "[do]"},
		"closed unrun":   {saga.Fenced, "fenced", "", saga.RowClosed, "[]"},
	},
	"backward unknown": {
		"none":           {saga.Succeeded, "", emptyBody, saga.RowFenced, "[]"},
		"succeeded":      {saga.Succeeded, "", undoBody, saga.RowUndone, "[do undo]"},
		"rejected":       {saga.Succeeded, "", emptyBody, saga.RowUndone, "[]"},
		"fenced":         {saga.Succeeded, "", emptyBody, saga.RowFenced, "[]"},
		"undone":         {saga.Succeeded, "", undoBody, saga.RowUndone, "[do undo]"},
		"undone refusal": {saga.Succeeded, "", emptyBody, saga.RowUndone, "[]"},
		"closed":         {saga.Fenced, "fenced", "", saga.RowClosed, "[do]"},
		"closed unrun":   {saga.Fenced, "fenced", "", saga.RowClosed, "[]"},
	},
	"backward succeeded": {
		"none":           {saga.Conflict, "row_missing", "", saga.RowNone, "[]"},
		"succeeded":      {saga.Succeeded, "", undoBody, saga.RowUndone, "[do undo]"},
		"rejected":       {saga.Conflict, "row_missing", "", saga.RowRejected, "[]"},
		"fenced":         {saga.Conflict, "row_missing", "", saga.RowFenced, "[]"},
		"undone":         {saga.Succeeded, "", undoBody, saga.RowUndone, "[do undo]"},
		"undone refusal": {saga.Succeeded, "", emptyBody, saga.RowUndone, "[]"},
		"closed":         {saga.Fenced, "fenced", "", saga.RowClosed, "[do]"},
		"closed unrun":   {saga.Fenced, "fenced", "", saga.RowClosed, "[]"},
	},
	"inquire": {
		"none":           {saga.Fenced, "fenced", "", saga.RowFenced, "[]"},
		"succeeded":      {saga.Succeeded, "", forwardBody, saga.RowSucceeded, "[do]"},
		"rejected":       {saga.Rejected, "refused", "", saga.RowRejected, "[]"},
		"fenced":         {saga.Fenced, "fenced", "", saga.RowFenced, "[]"},
		"undone":         {saga.Fenced, "fenced", "", saga.RowUndone, "[do undo]"},
		"undone refusal": {saga.Fenced, "fenced", "", saga.RowUndone, "[]"},
		"closed":         {saga.Succeeded, "", forwardBody, saga.RowClosed, "[do]"},
		"closed unrun":   {saga.Fenced, "fenced", "", saga.RowClosed, "[]"},
	},
	"close": {
		"none":           {saga.Succeeded, "", emptyBody, saga.RowClosed, "[]"},
		"succeeded":      {saga.Succeeded, "", emptyBody, saga.RowClosed, "[do]"},
		"rejected":       {saga.Succeeded, "", emptyBody, saga.RowRejected, "[]"},
		"fenced":         {saga.Succeeded, "", emptyBody, saga.RowFenced, "[]"},
		"undone":         {saga.Succeeded, "", undoBody, saga.RowUndone, "[do undo]"},
		"undone refusal": {saga.Succeeded, "", emptyBody, saga.RowUndone, "[]"},
		"closed":         {saga.Succeeded, "", emptyBody, saga.RowClosed, "[do]"},
		"closed unrun":   {saga.Succeeded, "", emptyBody, saga.RowClosed, "[]"},
	},
}

// TestBarrierTable holds every cell on the real database through the handlers, and that a
// repeat of the arrival is answered alike and changes nothing.
func TestBarrierTable(t *testing.T) {
	for _, from := range rowStates {
		for _, arrival := range arrivals {
			want, ok := barrierTable[arrival.name][from.name]
			if !ok {
				t.Fatalf("no cell for %s at %s", arrival.name, from.name)
			}
			t.Run(arrival.name+" at "+from.name, func(t *testing.T) {
				k := newKit(t)
				k.mode["refuse"] = refuse
				for _, c := range from.path {
					k.apply(c)
				}
				checkCell(k, arrival.make(from.mode), want)
				checkCell(k, arrival.make(from.mode), want)
			})
		}
	}
}

func checkCell(k *kit, c saga.Command, want cell) {
	k.Helper()
	d := k.apply(c)
	k.want(d, want.outcome, want.code)
	if string(d.answer.Body) != want.body {
		k.Errorf("body %s, want %s", d.answer.Body, want.body)
	}
	if got := k.stored().State; got != want.state {
		k.Errorf("row is %q, want %q", got, want.state)
	}
	k.wantEffects(want.effects)
}
