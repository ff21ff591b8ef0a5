// Package hold_test runs the transfer by hold: try, confirm, cancel.
package hold_test

import (
	"testing"
	"time"

	"github.com/girohq/giro/examples/internal/stage"
	"github.com/girohq/giro/participants/ledger"
	"github.com/girohq/giro/saga"
)

const (
	sixty = `{"from":{"bank":"A","account":"ada"},"to":{"bank":"B","account":"bob"},"amount":60,"currency":"EUR"}`
	fifty = `{"from":{"bank":"A","account":"ada"},"to":{"bank":"B","account":"eve"},"amount":50,"currency":"EUR"}`
	onto  = `{"from":{"bank":"B","account":"bob"},"to":{"bank":"B","account":"eve"},"amount":1,"currency":"EUR"}`
	none  = `{"from":{"bank":"A","account":"ada"},"to":{"bank":"B","account":"nobody"},"amount":60,"currency":"EUR"}`

	adasMoney = `SELECT balance, held FROM accounts`
	bobsMoney = `SELECT balance, held FROM accounts WHERE account = 'bob'`
	holds     = `SELECT saga, state FROM holds ORDER BY saga`
)

func TestDefinition(t *testing.T) {
	def := stage.Parse(t, "saga.yaml")
	if try, _ := def.Step("payer.try"); try.Expiry != saga.ExpiryRelease {
		t.Errorf("when it is overdue: %s", try.Expiry)
	}
	stage.Refuses(t, "saga.yaml", "    cancel: release\n", "", "cancel is missing")
	stage.Refuses(t, "saga.yaml", "    cancel: withdraw\n", "    cancel: withdraw\n    kind: pivot\n", `it is a second pivot beside "payer.confirm"`)
}

// TestHeldMoneyCannotBeSpent: neither by another hold nor by a plain transfer, nor by who is to get it,
// until it is confirmed; and it is free again at once if that is declined.
func TestHeldMoneyCannotBeSpent(t *testing.T) {
	s := open(t)
	s.Start("hold-transfer", "H-1", sixty)
	held(s, "H-1")
	s.Shows("A", adasMoney, "100 60")
	for id, of := range map[string]struct{ sagaType, input string }{
		"hold": {"hold-transfer", fifty}, "plain": {"transfer", fifty}, "bobs": {"transfer", onto},
	} {
		if doc := s.Run(of.sagaType, id, of.input, saga.Compensated); doc.Cause.Code != "insufficient_funds" {
			t.Errorf("%s: %+v", id, doc.Cause)
		}
	}
	s.Signal("H-1", "confirmed", nil)
	s.Reaches("H-1", saga.Completed)
	s.Shows("A", adasMoney, "40 0")
	s.Shows("B", bobsMoney, "60 0")

	s.Start("hold-transfer", "H-2", `{"from":{"bank":"B","account":"bob"},"to":{"bank":"A","account":"ada"},"amount":60,"currency":"EUR"}`)
	held(s, "H-2")
	s.Signal("H-2", "declined", nil)
	if doc := s.Reaches("H-2", saga.Compensated); doc.Cause.Code != "declined" {
		t.Errorf("%+v", doc.Cause)
	}
	s.Run("transfer", "T-1", onto, saga.Completed)
	s.Shows("B", holds, "H-1 captured, H-2 released, hold released")
}

// TestNobodyToPay: the payee's bank is asked while the money is held, so nothing was moved when it refuses.
func TestNobodyToPay(t *testing.T) {
	s := open(t)
	if doc := s.Run("hold-transfer", "H-1", none, saga.Compensated); doc.Cause.Code != "no_such_account" {
		t.Errorf("%+v", doc.Cause)
	}
	s.Shows("A", adasMoney, "100 0")
	s.Shows("A", `SELECT count(*) FROM entries WHERE saga <> ''`, "0")
}

// TestTheHoldExpires: after a day the bank gives the money free without being asked, and it is spent. A
// word that comes then is too late, which the capture says.
func TestTheHoldExpires(t *testing.T) {
	s := open(t)
	s.Start("hold-transfer", "H-1", sixty)
	held(s, "H-1")
	s.Jump(25 * time.Hour)
	s.Eventually("the bank releases it", func() bool { return s.Reads("A", holds) == "H-1 expired" })
	s.Run("transfer", "T-1", fifty, saga.Completed)
	s.Signal("H-1", "confirmed", nil)
	if doc := s.Reaches("H-1", saga.Compensated); doc.Cause.Step != "payer.confirm" || doc.Cause.Code != ledger.CodeExpired {
		t.Errorf("%+v", doc.Cause)
	}
	s.Shows("A", adasMoney, "50 0")
	s.Shows("B", holds, "H-1 released")
}

// TestNobodySaysAWord: the await ends by the clock too.
func TestNobodySaysAWord(t *testing.T) {
	s := open(t)
	s.Start("hold-transfer", "H-1", sixty)
	held(s, "H-1")
	s.Jump(49 * time.Hour)
	if doc := s.Reaches("H-1", saga.Compensated); doc.Cause.Kind != saga.CauseTimeout {
		t.Errorf("%+v", doc.Cause)
	}
	s.Shows("A", adasMoney, "100 0")
}

// TestAllIsStoppedWhileItIsHeld: a hold is a row at the bank, not a message.
func TestAllIsStoppedWhileItIsHeld(t *testing.T) {
	s := open(t)
	s.Start("hold-transfer", "H-1", sixty)
	held(s, "H-1")
	s.Wipe()
	s.Restart(time.Hour)
	s.Signal("H-1", "confirmed", nil)
	s.Reaches("H-1", saga.Completed)
	s.Shows("A", adasMoney, "40 0")
	s.Shows("B", bobsMoney, "60 0")
}

// held waits until both banks hold.
func held(s *stage.Stage, id string) {
	s.Helper()
	s.Eventually("both banks hold", func() bool { return s.Step(s.Get(id), "word").State == saga.StepRunning })
}

func open(t *testing.T) *stage.Stage {
	return stage.New(t, stage.Config{Definitions: []string{"saga.yaml"}, Banks: []ledger.Branch{
		{Bank: "A", Accounts: []ledger.Account{{Account: "ada", Currency: "EUR", Balance: 100}}},
		{Bank: "B", Accounts: []ledger.Account{{Account: "bob", Currency: "EUR"}, {Account: "eve", Currency: "EUR"}}}}})
}
