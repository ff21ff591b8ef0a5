// Package transfer_test runs the transfer, the first of the examples.
package transfer_test

import (
	"testing"

	"github.com/girohq/giro/examples/internal/stage"
	"github.com/girohq/giro/participants/ledger"
	"github.com/girohq/giro/saga"
)

const (
	fromAda  = `{"from":{"bank":"A","account":"ada"},"to":{"bank":"B","account":`
	toBob    = fromAda + `"bob"},"amount":3000,"currency":"EUR"}`
	toNobody = fromAda + `"nobody"},"amount":3000,"currency":"EUR"}`
	tooMuch  = fromAda + `"bob"},"amount":30000,"currency":"EUR"}`
)

func TestDefinition(t *testing.T) {
	stage.Parse(t, "saga.yaml")
	stage.Refuses(t, "saga.yaml", "    undo: refund\n", "", `it has no undo, but can be refused later by the pivot "credit"`)
}

// TestTransfer moves money once, although the start is repeated, and gives it back when the other
// bank refuses.
func TestTransfer(t *testing.T) {
	s := open(t)
	s.Run("transfer-by-hand", "T-1", toBob, saga.Completed)
	s.Run("transfer-by-hand", "T-1", toBob, saga.Completed)
	poor := s.Run("transfer-by-hand", "T-2", tooMuch, saga.Compensated)
	lost := s.Run("transfer-by-hand", "T-3", toNobody, saga.Compensated)
	if poor.Cause.Code != "insufficient_funds" || lost.Cause.Code != "no_such_account" {
		t.Error(poor.Cause, lost.Cause)
	}
	s.Shows("A", `SELECT balance FROM accounts`, "7000")
	s.Shows("B", `SELECT balance FROM accounts`, "3000")
	s.Shows("A", `SELECT saga, kind, amount FROM entries WHERE saga <> '' ORDER BY version`, "T-1 debit 3000, T-3 debit 3000, T-3 refund 3000")
}

// TestTheBrokerForgets deletes all that the broker keeps in the midst of a transfer.
func TestTheBrokerForgets(t *testing.T) {
	s := open(t)
	s.Start("transfer-by-hand", "T-1", toBob)
	s.Wipe()
	s.Reaches("T-1", saga.Completed)
	s.Shows("A", `SELECT balance FROM accounts`, "7000")
	s.Shows("B", `SELECT balance FROM accounts`, "3000")
}

func open(t *testing.T) *stage.Stage {
	return stage.New(t, stage.Config{Definitions: []string{"saga.yaml"}, Banks: []ledger.Branch{
		{Bank: "A", Accounts: []ledger.Account{{Account: "ada", Currency: "EUR", Balance: 10000}}},
		{Bank: "B", Accounts: []ledger.Account{{Account: "bob", Currency: "EUR"}}}}})
}
