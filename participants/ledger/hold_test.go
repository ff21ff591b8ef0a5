package ledger

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/girohq/giro/participants"
	"github.com/girohq/giro/saga"
)

// way is how money is held in one direction, and what that does to an account with 100 when 60
// are asked for.
type way struct {
	name, reserve, release, capture string
	held, captured                  int64
}

var (
	outward = way{"out", "reserve", "release", "capture", 60, 40}
	inward  = way{"in", "announce", "withdraw", "settle", 0, 160}
)

// due is when the holds of these tests are overdue.
var due = time.UnixMicro(2_000_000).UTC()

func (w way) try(id string, body json.RawMessage) saga.Command {
	c := command(id, kind(w.reserve), body)
	c.Step = "hold.try"
	return c
}

// expiring is a try whose hold is overdue some time.
func (w way) expiring(id string, body json.RawMessage, e saga.Expiry) saga.Command {
	c := w.try(id, body)
	c.Expires, c.Expiry = due, e
	return c
}

func (w way) cancel(id string, body json.RawMessage, known saga.Known) saga.Command {
	c := w.try(id, body)
	c.Direction, c.Known, c.Action = saga.Backward, known, w.release
	return c
}

func (w way) confirm(id string, body json.RawMessage, k saga.Kind) saga.Command {
	c := w.try(id, body)
	c.Step, c.Kind, c.Action = "hold.confirm", k, w.capture
	return c
}

// sweep is what happens to overdue holds at the time due.
func (b *teller) sweep() (released int, overdue []Hold) {
	b.Helper()
	released, overdue, err := sweep(b.Context(), b.db, b.mover, b.sweeper.hold, due)
	must(b, err)
	return released, overdue
}

// holdPaths are the columns of the table: how the hold of saga S came where it is.
var holdPaths = []struct {
	name    string
	account string
	path    func(b *teller, w way, body json.RawMessage)
}{
	{"none", "1", func(*teller, way, json.RawMessage) {}},
	{"held", "1", func(b *teller, w way, body json.RawMessage) {
		b.do(w.expiring("S", body, saga.ExpiryRelease))
	}},
	{"captured", "1", func(b *teller, w way, body json.RawMessage) {
		b.do(w.expiring("S", body, saga.ExpiryRelease))
		b.do(w.confirm("S", body, saga.Pivot))
	}},
	{"released", "1", func(b *teller, w way, body json.RawMessage) {
		b.do(w.expiring("S", body, saga.ExpiryRelease))
		b.do(w.cancel("S", body, saga.KnownSucceeded))
	}},
	{"expired", "1", func(b *teller, w way, body json.RawMessage) {
		b.do(w.expiring("S", body, saga.ExpiryRelease))
		b.sweep()
	}},
	{"refused", "nobody", func(b *teller, w way, body json.RawMessage) {
		b.do(w.expiring("S", body, saga.ExpiryRelease))
	}},
	{"fenced", "1", func(b *teller, w way, body json.RawMessage) {
		b.do(w.cancel("S", body, saga.KnownUnknown))
	}},
}

// holdArrivals are the rows.
var holdArrivals = map[string]func(w way, body json.RawMessage) saga.Command{
	"reserve":           func(w way, body json.RawMessage) saga.Command { return w.expiring("S", body, saga.ExpiryRelease) },
	"release unknown":   func(w way, body json.RawMessage) saga.Command { return w.cancel("S", body, saga.KnownUnknown) },
	"release succeeded": func(w way, body json.RawMessage) saga.Command { return w.cancel("S", body, saga.KnownSucceeded) },
	"capture":           func(w way, body json.RawMessage) saga.Command { return w.confirm("S", body, saga.Pivot) },
	"capture retriable": func(w way, body json.RawMessage) saga.Command { return w.confirm("S", body, saga.Retriable) },
	"capture afresh": func(w way, body json.RawMessage) saga.Command {
		c := w.confirm("S", body, saga.Pivot)
		c.Step = "hold.confirm~1"
		return c
	},
	"sweep": nil,
}

// holdCell is what must come of one arrival: the answer, and the state the hold is in afterwards.
type holdCell struct {
	outcome saga.Outcome
	code    string
	state   holdState
}

// holdTable is every arrival at every state: [arrival][state].
var holdTable = map[string]map[string]holdCell{
	"reserve": {
		"none":     {saga.Succeeded, "", held},
		"held":     {saga.Succeeded, "", held},
		"captured": {saga.Succeeded, "", captured},
		"released": {saga.Fenced, "fenced", released},
		"expired":  {saga.Succeeded, "", expired},
		"refused":  {saga.Rejected, CodeNoSuchAccount, ""},
		"fenced":   {saga.Fenced, "fenced", ""},
	},
	"release unknown": {
		"none":     {saga.Succeeded, "", ""},
		"held":     {saga.Succeeded, "", released},
		"captured": {saga.Retried, CodeAlreadyCaptured, captured},
		"released": {saga.Succeeded, "", released},
		"expired":  {saga.Succeeded, "", expired},
		"refused":  {saga.Succeeded, "", ""},
		"fenced":   {saga.Succeeded, "", ""},
	},
	"release succeeded": {
		"none":     {saga.Conflict, "row_missing", ""},
		"held":     {saga.Succeeded, "", released},
		"captured": {saga.Retried, CodeAlreadyCaptured, captured},
		"released": {saga.Succeeded, "", released},
		"expired":  {saga.Succeeded, "", expired},
		"refused":  {saga.Conflict, "row_missing", ""},
		"fenced":   {saga.Conflict, "row_missing", ""},
	},
	"capture": {
		"none":     {saga.Conflict, "try_missing", ""},
		"held":     {saga.Succeeded, "", captured},
		"captured": {saga.Succeeded, "", captured},
		"released": {saga.Conflict, "try_missing", released},
		"expired":  {saga.Rejected, CodeExpired, expired},
		"refused":  {saga.Conflict, "try_missing", ""},
		"fenced":   {saga.Conflict, "try_missing", ""},
	},
	"capture retriable": {
		"none":     {saga.Conflict, "try_missing", ""},
		"held":     {saga.Succeeded, "", captured},
		"captured": {saga.Succeeded, "", captured},
		"released": {saga.Conflict, "try_missing", released},
		"expired":  {saga.Retried, CodeExpired, expired},
		"refused":  {saga.Conflict, "try_missing", ""},
		"fenced":   {saga.Conflict, "try_missing", ""},
	},
	"capture afresh": {
		"none":     {saga.Conflict, "try_missing", ""},
		"held":     {saga.Succeeded, "", captured},
		"captured": {saga.Rejected, CodeAlreadyCaptured, captured},
		"released": {saga.Conflict, "try_missing", released},
		"expired":  {saga.Rejected, CodeExpired, expired},
		"refused":  {saga.Conflict, "try_missing", ""},
		"fenced":   {saga.Conflict, "try_missing", ""},
	},
	"sweep": {
		"none": {}, "refused": {}, "fenced": {},
		"held":     {state: expired},
		"captured": {state: captured},
		"released": {state: released},
		"expired":  {state: expired},
	},
}

// TestHoldTable holds every cell in both directions, that a repeat of the arrival is answered
// alike and changes nothing, and what the account has: all follows from the hold's state.
func TestHoldTable(t *testing.T) {
	for _, w := range []way{outward, inward} {
		for _, from := range holdPaths {
			for arrival, command := range holdArrivals {
				want, ok := holdTable[arrival][from.name]
				if !ok {
					t.Fatalf("no cell for %s at %s", arrival, from.name)
				}
				t.Run(w.name+"/"+arrival+" at "+from.name, func(t *testing.T) {
					b := newTeller(t, eur("1", 100))
					body := order(from.account, 60, "EUR")
					from.path(b, w, body)
					for range 2 {
						if command == nil {
							b.sweep()
						} else {
							b.want(b.do(command(w, body)), want.outcome, want.code)
						}
						b.wantHold(w, want.state)
					}
				})
			}
		}
	}
}

// wantHold checks the hold of saga S and what it does to account 1, which had 100.
func (b *teller) wantHold(w way, want holdState) {
	b.Helper()
	var states []holdState
	must(b, b.db.Read().Select(&states, `SELECT state FROM holds WHERE saga = 'S'`))
	if len(states) > 1 || len(states) == 1 && states[0] != want || len(states) == 0 && want != "" {
		b.Errorf("holds %q, want %q", states, want)
	}
	balance, onHold := int64(100), int64(0)
	switch want {
	case held:
		onHold = w.held
	case captured:
		balance = w.captured
	}
	b.wantAccount("1", balance, onHold)
}

func (b *teller) wantAccount(account string, balance, onHold int64) {
	b.Helper()
	b.wantBalance(account, balance)
	var got int64
	must(b, b.db.Read().Get(&got, `SELECT held FROM accounts WHERE account = $1`, account))
	if got != onHold {
		b.Errorf("account %s holds %d, want %d", account, got, onHold)
	}
}

// TestHoldsAreRefusedAlike asks of a hold what may be asked of a debit or credit: whatever cannot
// be done cannot be promised either, for the same reason. And a promise moves nothing.
func TestHoldsAreRefusedAlike(t *testing.T) {
	for _, tt := range orders {
		t.Run(tt.name, func(t *testing.T) {
			b := newTeller(t, eur("1", 10000), eur("closed", 500))
			b.hold("1", 3000)
			must(t, b.CloseAccount(t.Context(), "closed"))
			w := map[kind]way{debit: outward, credit: inward}[tt.action]
			b.want(b.do(w.try("T", []byte(tt.body))), tt.outcome, tt.code)
			b.wantBalance("1", 10000)
			b.wantBalance("closed", 500)
		})
	}
}

// TestHoldsOfAClosedAccount: closing breaks no promise.
func TestHoldsOfAClosedAccount(t *testing.T) {
	body := order("1", 60, "EUR")
	for _, w := range []way{outward, inward} {
		for _, last := range []saga.Command{w.confirm("S", body, saga.Retriable), w.cancel("S", body, saga.KnownSucceeded)} {
			t.Run(last.Action, func(t *testing.T) {
				b := newTeller(t, eur("1", 100))
				b.want(b.do(w.try("S", body)), saga.Succeeded, "")
				must(t, b.CloseAccount(t.Context(), "1"))
				b.want(b.do(last), saga.Succeeded, "")
				b.wantHold(w, map[saga.Direction]holdState{saga.Forward: captured, saga.Backward: released}[last.Direction])
			})
		}
	}
}

// TestConfirmTakesWhatWasHeld: neither account nor amount are the confirm's to say.
func TestConfirmTakesWhatWasHeld(t *testing.T) {
	for _, w := range []way{outward, inward} {
		b := newTeller(t, eur("1", 100), eur("2", 100))
		b.do(w.try("S", order("1", 60, "EUR")))
		b.want(b.do(w.confirm("S", order("2", 90, "EUR"), saga.Pivot)), saga.Succeeded, "")
		b.wantHold(w, captured)
		b.wantBalance("2", 100)
	}
}

// TestConfirmOfTheOtherDirection: what is announced cannot be captured, and the other way round.
func TestConfirmOfTheOtherDirection(t *testing.T) {
	body := order("1", 60, "EUR")
	for _, ways := range [][2]way{{outward, inward}, {inward, outward}} {
		b := newTeller(t, eur("1", 100))
		b.do(ways[0].try("S", body))
		b.want(b.do(ways[1].confirm("S", body, saga.Pivot)), saga.Rejected, CodeNoSuchHold)
		b.want(b.do(ways[1].cancel("S", body, saga.KnownSucceeded)), saga.Retried, CodeNoSuchHold)
		b.wantHold(ways[0], held)
	}
}

// TestConfirmOfWhatWasReleased: the barrier says that the try stands, the hold that it was given
// back. No command brings them there; the hold decides.
func TestConfirmOfWhatWasReleased(t *testing.T) {
	body := order("1", 60, "EUR")
	b := newTeller(t, eur("1", 100))
	b.do(outward.try("S", body))
	must(t, b.write(`UPDATE accounts SET held = 0`))
	must(t, b.write(`UPDATE holds SET state = 'released', settled = 0`))
	b.want(b.do(outward.confirm("S", body, saga.Pivot)), saga.Rejected, CodeAlreadyReleased)
	b.want(b.do(outward.cancel("S", body, saga.KnownSucceeded)), saga.Succeeded, "")
	b.wantHold(outward, released)
}

// TestFailedCaptureLeavesNothing: the hold changes its state first, before anything that can fail.
func TestFailedCaptureLeavesNothing(t *testing.T) {
	body := order("1", 60, "EUR")
	b := newTeller(t, eur("1", 100))
	b.do(outward.try("S", body))
	must(t, b.write(`UPDATE accounts SET held = 0`)) // so that capturing 60 of it breaks a constraint
	b.want(b.do(outward.confirm("S", body, saga.Pivot)), saga.Retried, participants.CodeError)
	must(t, b.write(`UPDATE accounts SET held = 60`))
	b.wantHold(outward, held)
	b.want(b.do(outward.confirm("S", body, saga.Pivot)), saga.Succeeded, "")
	b.wantHold(outward, captured)
}

// TestHoldAfresh: an operator's fresh run of a refused try is the hold that is confirmed or undone.
func TestHoldAfresh(t *testing.T) {
	body := order("1", 60, "EUR")
	again := outward.try("S", body)
	again.Step = "hold.try~1"
	undo := outward.cancel("S", body, saga.KnownSucceeded)
	undo.Step = again.Step
	for _, last := range []saga.Command{outward.confirm("S", body, saga.Pivot), undo} {
		b := newTeller(t, eur("1", 50))
		b.want(b.do(outward.try("S", body)), saga.Rejected, CodeInsufficientFunds)
		b.want(b.do(command("C", credit, order("1", 50, "EUR"))), saga.Succeeded, "")
		b.want(b.do(again), saga.Succeeded, "")
		b.want(b.do(last), saga.Succeeded, "")
		b.wantHold(outward, map[saga.Direction]holdState{saga.Forward: captured, saga.Backward: released}[last.Direction])
	}
}

// TestHoldConstraints holds that the table itself refuses what no handler may do.
func TestHoldConstraints(t *testing.T) {
	b := newTeller(t, eur("1", 100))
	b.hold("1", 60)
	b.do(command("T", debit, order("1", 10, "EUR")))
	const add = `INSERT INTO holds (saga, step, direction, account, amount, state, confirm, expires, expiry, placed, settled) VALUES `
	for _, tt := range []struct{ name, statement, refusal string }{
		{"held twice", add + `('holder-1', 'hold.try', 'out', '1', 1, 'held', NULL, NULL, NULL, 0, NULL)`, "UNIQUE"},
		{"of no account", add + `('U', 't', 'out', '2', 1, 'held', NULL, NULL, NULL, 0, NULL)`, "FOREIGN KEY"},
		{"of nothing", add + `('U', 't', 'out', '1', 0, 'held', NULL, NULL, NULL, 0, NULL)`, "CHECK"},
		{"of too much", add + `('U', 't', 'out', '1', 9007199254740992, 'held', NULL, NULL, NULL, 0, NULL)`, "CHECK"},
		{"nowhere", add + `('U', 't', 'up', '1', 1, 'held', NULL, NULL, NULL, 0, NULL)`, "CHECK"},
		{"unknown state", add + `('U', 't', 'out', '1', 1, 'lost', NULL, NULL, NULL, 0, 0)`, "CHECK"},
		{"held and ended", add + `('U', 't', 'out', '1', 1, 'held', NULL, NULL, NULL, 0, 0)`, "CHECK"},
		{"ended at no time", add + `('U', 't', 'out', '1', 1, 'released', NULL, NULL, NULL, 0, NULL)`, "CHECK"},
		{"captured by nobody", add + `('U', 't', 'out', '1', 1, 'captured', NULL, NULL, NULL, 0, 0)`, "CHECK"},
		{"captured without an entry", `UPDATE holds SET state = 'captured', confirm = 'hold.confirm', settled = 0`, "FOREIGN KEY"},
		{"captured by an entry of the other kind", add + `('T', 't', 'in', '1', 10, 'captured', 'debit', NULL, NULL, 0, 0)`, "FOREIGN KEY"},
		{"released with an entry", add + `('T', 't', 'out', '1', 10, 'released', 'debit', NULL, NULL, 0, 0)`, "CHECK"},
		{"a time for nothing", add + `('U', 't', 'out', '1', 1, 'held', NULL, 5, NULL, 0, NULL)`, "CHECK"},
		{"nothing at a time", add + `('U', 't', 'out', '1', 1, 'held', NULL, NULL, 'alert', 0, NULL)`, "CHECK"},
		{"unknown expiry", add + `('U', 't', 'out', '1', 1, 'held', NULL, 5, 'burn', 0, NULL)`, "CHECK"},
		{"expired though it must stay", add + `('U', 't', 'out', '1', 1, 'expired', NULL, 5, 'alert', 0, 0)`, "CHECK"},
		{"expired though it has no time", add + `('U', 't', 'out', '1', 1, 'expired', NULL, NULL, NULL, 0, 0)`, "CHECK"},
		{"balance below what is held", `UPDATE accounts SET balance = 59`, "CHECK"},
	} {
		if err := b.write(tt.statement); err == nil || !strings.Contains(err.Error(), tt.refusal) {
			t.Errorf("%s: %v, want %s", tt.name, err, tt.refusal)
		}
	}
	must(t, b.write(add+`('T', 't', 'out', '1', 10, 'captured', 'debit', NULL, NULL, 0, 0)`))
	b.wantAccount("1", 90, 60)
}
