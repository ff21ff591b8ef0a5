package ledger

import (
	"fmt"
	"testing"

	"github.com/girohq/giro/saga"
	"pgregory.net/rapid"
)

// TestHoldsAreKept throws tries, cancels, confirms and sweeps of a few sagas at a bank, repeated and
// in any order, beside debits that want the same money. A model that knows states and sums says
// what must be answered, and what each account has and holds after each of them.
func TestHoldsAreKept(t *testing.T) {
	b := newTeller(t)
	world := 0 // of accounts and sagas, another in each check
	rapid.Check(t, func(rt *rapid.T) {
		world++
		m := promises{world: world, barrier: map[string]saga.RowState{}, holds: map[int]holdState{}}
		for n := range m.balance {
			m.balance[n] = 50 // enough for one promise or debit, not for two
			_, err := b.OpenAccounts(t.Context(), []Account{eur(m.account(n), m.balance[n])})
			must(t, err)
		}
		for range rapid.IntRange(10, 40).Draw(rt, "steps") {
			m.act(rt, b, rapid.IntRange(0, promised-1).Draw(rt, "saga"), rapid.SampledFrom(acts).Draw(rt, "act"))
			m.check(rt, b)
		}
		b.sweep() // leave nothing for the sweep of the next world
	})
	b.audit()
}

const promised = 6 // sagas in a world

var acts = []string{"try", "try", "cancel", "confirm", "confirm", "spend", "sweep"}

// promises is the bank as arithmetic. What saga n does follows from n: its account, its direction,
// and whether its hold must stay.
type promises struct {
	world         int
	balance, held [2]int64
	barrier       map[string]saga.RowState // by operation's step run
	holds         map[int]holdState
}

func (m *promises) account(n int) string { return fmt.Sprintf("w%d-%d", m.world, n%2) }
func (m *promises) id(n int) string      { return fmt.Sprintf("S%d-%d", n, m.world) }
func (m *promises) stays(n int) bool     { return n%3 == 1 }
func (m *promises) amount(n int) int64   { return int64(30 + n) }
func (m *promises) way(n int) way        { return []way{outward, inward}[n/2%2] }

// act does one thing and compares the answer.
func (m *promises) act(rt *rapid.T, b *teller, n int, act string) {
	body, w := order(m.account(n), m.amount(n), "EUR"), m.way(n)
	kind, expiry := saga.Pivot, saga.ExpiryRelease
	if m.stays(n) {
		kind, expiry = saga.Retriable, saga.ExpiryAlert
	}
	var c saga.Command
	var want saga.Outcome
	switch act {
	case "try":
		c, want = w.expiring(m.id(n), body, expiry), m.try(n)
	case "cancel":
		c, want = w.cancel(m.id(n), body, saga.KnownUnknown), m.cancel(n)
	case "confirm":
		c, want = w.confirm(m.id(n), body, kind), m.confirm(n)
	case "spend":
		c, want = command(m.id(n), debit, body), m.spend(n)
	case "sweep":
		b.sweep()
		m.sweep()
		return
	}
	if got := b.do(c); got.Outcome != want {
		rt.Fatalf("%s: %s %s (%s), want %s", c.Op(), got.Outcome, got.Code, got.Message, want)
	}
}

// row is the barrier's row of one of the saga's steps: try, confirm or spend.
func (m *promises) row(n int, step string) saga.RowState { return m.barrier[m.id(n)+step] }

func (m *promises) record(n int, step string, s saga.RowState) saga.Outcome {
	m.barrier[m.id(n)+step] = s
	return map[saga.RowState]saga.Outcome{saga.RowSucceeded: saga.Succeeded, saga.RowRejected: saga.Rejected, saga.RowFenced: saga.Fenced,
		saga.RowUndone: saga.Fenced}[s]
}

func (m *promises) free(n int) int64 { return m.balance[n%2] - m.held[n%2] }

// hold moves what a hold of saga n counts on its account.
func (m *promises) hold(n int, sign int64) {
	if m.way(n).name == "out" {
		m.held[n%2] += sign * m.amount(n)
	}
}

func (m *promises) try(n int) saga.Outcome {
	switch before := m.row(n, "try"); {
	case before != "":
		return m.record(n, "try", before)
	case m.way(n).name == "out" && m.free(n) < m.amount(n):
		return m.record(n, "try", saga.RowRejected)
	}
	m.holds[n] = held
	m.hold(n, 1)
	return m.record(n, "try", saga.RowSucceeded)
}

func (m *promises) cancel(n int) saga.Outcome {
	switch m.row(n, "try") {
	case "", saga.RowFenced:
		m.record(n, "try", saga.RowFenced)
		return saga.Succeeded
	case saga.RowSucceeded:
		if m.holds[n] == captured {
			return saga.Retried
		}
		if m.holds[n] == held {
			m.holds[n] = released
			m.hold(n, -1)
		}
	}
	m.record(n, "try", saga.RowUndone)
	return saga.Succeeded
}

func (m *promises) confirm(n int) saga.Outcome {
	switch {
	case m.row(n, "confirm") != "":
		return m.record(n, "confirm", m.row(n, "confirm"))
	case m.row(n, "try") != saga.RowSucceeded:
		return saga.Conflict
	case m.holds[n] == expired:
		return m.record(n, "confirm", saga.RowRejected)
	}
	m.holds[n] = captured
	m.hold(n, -1)
	if m.way(n).name == "out" {
		m.balance[n%2] -= m.amount(n)
	} else {
		m.balance[n%2] += m.amount(n)
	}
	return m.record(n, "confirm", saga.RowSucceeded)
}

func (m *promises) spend(n int) saga.Outcome {
	switch before := m.row(n, "spend"); {
	case before != "":
		return m.record(n, "spend", before)
	case m.free(n) < m.amount(n):
		return m.record(n, "spend", saga.RowRejected)
	}
	m.balance[n%2] -= m.amount(n)
	return m.record(n, "spend", saga.RowSucceeded)
}

func (m *promises) sweep() {
	for n, state := range m.holds {
		if state == held && !m.stays(n) {
			m.holds[n] = expired
			m.hold(n, -1)
		}
	}
}

// check compares the accounts with the model, and each account with its open holds.
func (m *promises) check(rt *rapid.T, b *teller) {
	for n := range m.balance {
		var balance, onHold, open int64
		must(b, b.db.Read().QueryRow(`SELECT balance, held, (SELECT coalesce(sum(amount), 0) FROM holds h
			WHERE h.account = a.account AND state = 'held' AND direction = 'out') FROM accounts a WHERE account = $1`, m.account(n)).
			Scan(&balance, &onHold, &open))
		if balance != m.balance[n] || onHold != m.held[n] || open != onHold || onHold < 0 || onHold > balance {
			rt.Fatalf("account %d has %d and holds %d (its holds: %d), want %d and %d", n, balance, onHold, open, m.balance[n], m.held[n])
		}
	}
}
