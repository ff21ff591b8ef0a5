package ledger

import (
	"fmt"
	"testing"

	"github.com/girohq/giro/saga"
	"pgregory.net/rapid"
)

// TestMoneyIsConserved throws random commands at a bank, repeated and in any order, and follows
// them in a model that knows only sums. Debits and credits of one saga are undone or not; the
// bank's money must be what the model says after each command, and never negative.
func TestMoneyIsConserved(t *testing.T) {
	b := newTeller(t)
	world := 0 // of accounts and sagas, another in each check
	rapid.Check(t, func(rt *rapid.T) {
		world++
		m := model{accounts: map[string]int64{}, forward: map[string]saga.Outcome{}, undone: map[string]bool{}}
		for n, balance := range []int64{50, 0, 1000} {
			m.accounts[fmt.Sprintf("w%d-%d", world, n)] = balance
		}
		for account, balance := range m.accounts {
			_, err := b.OpenAccounts(t.Context(), []Account{eur(account, balance)})
			must(t, err)
		}
		for range rapid.IntRange(1, 25).Draw(rt, "commands") {
			c := draw(rt, world)
			got := b.do(c)
			if want := m.next(c); got.Outcome != want {
				rt.Fatalf("%s with %s: %s %s, want %s", c.Op(), c.Body, got.Outcome, got.Code, want)
			}
			for account, want := range m.accounts {
				if balance, _ := b.balance(account); balance != want || balance < 0 {
					rt.Fatalf("after %s account %s has %d, want %d", c.Op(), account, balance, want)
				}
			}
		}
	})
	b.audit()
}

// draw makes a command of one of a few sagas, so that repeats and undos meet their forwards. What
// a saga does follows from its number: all copies of a command are alike.
func draw(rt *rapid.T, world int) saga.Command {
	n := rapid.IntRange(0, 7).Draw(rt, "saga")
	action := []kind{debit, credit}[n%2]
	c := command(fmt.Sprintf("T%d-%d", n, world), action, order(fmt.Sprintf("w%d-%d", world, n%3), int64(20*n+1), "EUR"))
	if rapid.Bool().Draw(rt, "undo") {
		c = undo(c, saga.KnownUnknown)
	}
	return c
}

// model is the bank as arithmetic.
type model struct {
	accounts map[string]int64
	forward  map[string]saga.Outcome // what came of a saga's forward; fenced if its undo came first
	undone   map[string]bool
}

// next is the outcome a command must have, and moves the model.
func (m *model) next(c saga.Command) saga.Outcome {
	var n, world int64
	fmt.Sscanf(c.SagaID, "T%d-%d", &n, &world)
	account, amount := fmt.Sprintf("w%d-%d", world, n%3), 20*n+1
	if n%2 == 0 {
		amount = -amount
	}
	before := m.forward[c.SagaID]
	if c.Direction == saga.Forward {
		return m.run(c.SagaID, account, amount, before)
	}
	switch {
	case m.undone[c.SagaID], before == saga.Fenced:
	case before == "":
		m.forward[c.SagaID] = saga.Fenced
	case before == saga.Succeeded && m.accounts[account]-amount < 0:
		return saga.Retried
	case before == saga.Succeeded:
		m.accounts[account] -= amount
		m.undone[c.SagaID] = true
	default:
		m.undone[c.SagaID] = true
	}
	return saga.Succeeded
}

func (m *model) run(id, account string, amount int64, before saga.Outcome) saga.Outcome {
	switch {
	case m.undone[id]:
		return saga.Fenced
	case before != "":
		return before
	case m.accounts[account]+amount < 0:
		m.forward[id] = saga.Rejected
	default:
		m.accounts[account] += amount
		m.forward[id] = saga.Succeeded
	}
	return m.forward[id]
}
