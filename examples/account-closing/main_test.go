package main

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/girohq/giro/examples/internal/stage"
	"github.com/girohq/giro/participants"
	"github.com/girohq/giro/participants/ledger"
	"github.com/girohq/giro/saga"
)

const (
	adas    = `{"account":"ada","to":{"bank":"B","account":"ada"}}`
	bobs    = `{"account":"bob","to":{"bank":"B","account":"ada"}}`
	nowhere = `{"account":"ada","to":{"bank":"B","account":"nobody"}}`

	accounts  = `SELECT account, balance, state FROM accounts WHERE account <> 'eve' ORDER BY account`
	untouched = "ada 12345 open, bob 0 open"
)

func TestDefinition(t *testing.T) {
	stage.Parse(t, "saga.yaml")
	stage.Refuses(t, "saga.yaml", "    kind: pivot\n", "    kind: read\n", "it runs a saga, so it is not a read")
	stage.Refuses(t, "saga.yaml", "    undo: thaw\n", "", `it has no undo, but can be refused later by the pivot "payout"`)
}

func TestHandlers(t *testing.T) {
	h := stage.Alone(t, house)
	h.Does("1", "freeze", `{"account":"ada"}`, `succeeded {"balance":12345,"currency":"EUR"}`)
	h.Does("2", "freeze", `{"account":"ada"}`, "rejected not_open")
	h.Does("3", "debit", `{"account":"ada","amount":1}`, "rejected insufficient_funds")
	h.Does("4", "debit", `{"account":"ada","amount":12345}`, "succeeded {}")
	h.Undoes("4", "refund", `{"account":"ada","amount":12345}`, "succeeded {}")
	h.Undoes("1", "thaw", `{"account":"ada"}`, "succeeded {}")
	h.Does("5", "debit", `{"account":"eve","amount":1}`, "succeeded {}")
	h.Shows(accounts, untouched)
}

// TestTheRestIsPaidOut by a saga whose history says of which step it is, as the step says which saga.
func TestTheRestIsPaidOut(t *testing.T) {
	s := open(t, house)
	doc := s.Run("account-closing", "C-1", adas, saga.Completed)
	child := s.Reaches(s.Step(doc, "payout").Saga, saga.Completed)
	if string(doc.Output) != `{"paid":12345}` || child.Type != "transfer" || child.Parent == nil || child.Parent.ID != "C-1" || child.Parent.Step != "payout" {
		t.Errorf("%s %+v", doc.Output, child)
	}
	if note := s.History(child.ID)[0].Note; note != "child of C-1, step payout" {
		t.Error(note)
	}
	told := false
	for _, m := range s.History("C-1") {
		told = told || m.Event == "child_ended" && m.Step == "payout" && m.Message == child.ID
	}
	if !told {
		t.Errorf("%+v", s.History("C-1"))
	}
	s.Shows("HOUSE", accounts, "ada 0 closed, bob 0 open")
	s.Shows("B", `SELECT balance FROM accounts`, "12345")
}

// TestNothingIsLeft: no transfer, and no saga.
func TestNothingIsLeft(t *testing.T) {
	s := open(t, house)
	doc := s.Run("account-closing", "C-1", bobs, saga.Completed)
	if payout := s.Step(doc, "payout"); payout.State != saga.StepSkipped || payout.Saga != "" {
		t.Errorf("%+v", payout)
	}
	s.Shows("HOUSE", accounts, "ada 12345 open, bob 0 closed")
}

// TestTheOtherBankRefuses: the transfer is compensated, and so is what wanted it, for the same reason.
func TestTheOtherBankRefuses(t *testing.T) {
	s := open(t, house)
	doc := s.Run("account-closing", "C-1", nowhere, saga.Compensated)
	child := s.Get(s.Step(doc, "payout").Saga)
	if doc.Cause.Step != "payout" || doc.Cause.Code != "no_such_account" || child.Cause.Code != "no_such_account" {
		t.Errorf("%+v, %+v", doc.Cause, child.Cause)
	}
	s.Shows("HOUSE", accounts, untouched)
}

// TestCancelReachesTheChild: at night the house debits nothing, so the transfer waits, and can be
// stopped.
func TestCancelReachesTheChild(t *testing.T) {
	s := open(t, stage.Participant{Name: house.Name, Tables: house.Tables, Register: func(p *participants.Participant) {
		keepsAccounts(p)
		participants.Handle(p, "debit", func(context.Context, participants.Tx, order) (struct{}, error) {
			return struct{}{}, participants.RetryAfter(errors.New("the books are closed until the morning"), time.Hour)
		})
	}})
	s.Start("account-closing", "C-1", adas)
	var child string
	s.Eventually("the house has put it off", func() bool {
		if child = s.Step(s.Get("C-1"), "payout").Saga; child == "" {
			return false
		}
		return s.Step(s.Get(child), "debit").Error != nil
	})
	s.Cancel("C-1", "Ada stays")
	if doc := s.Reaches("C-1", saga.Compensated); doc.Cause.Kind != saga.CauseCancelled {
		t.Errorf("%+v", doc.Cause)
	}
	if doc := s.Get(child); doc.State != saga.Compensated || doc.Cause.Kind != saga.CauseCancelled {
		t.Errorf("%s %+v", doc.State, doc.Cause)
	}
	s.Shows("HOUSE", accounts, untouched)
}

// TestTheHouseIsAway: past the pivot of the child it goes on, whatever is lost.
func TestTheHouseIsAway(t *testing.T) {
	s := open(t, house)
	s.Halt("HOUSE")
	s.Start("account-closing", "C-1", adas)
	s.Eventually("the house is asked", func() bool { return s.Step(s.Get("C-1"), "freeze").State == saga.StepRunning })
	s.Wipe()
	s.Resume("HOUSE")
	s.Reaches("C-1", saga.Completed)
	s.Shows("HOUSE", accounts, "ada 0 closed, bob 0 open")
	s.Shows("B", `SELECT balance FROM accounts`, "12345")
}

func open(t *testing.T, house stage.Participant) *stage.Stage {
	return stage.New(t, stage.Config{Definitions: []string{"saga.yaml"}, Participants: []stage.Participant{house},
		Banks: []ledger.Branch{{Bank: "B", Accounts: []ledger.Account{{Account: "ada", Currency: "EUR"}}}}})
}
