package main

import (
	"errors"
	"testing"
	"time"

	"github.com/girohq/giro/client"
	"github.com/girohq/giro/examples/internal/stage"
	"github.com/girohq/giro/participants/ledger"
	"github.com/girohq/giro/saga"
)

const (
	adas    = `{"customer":"ada","bank":"A","account":"ada","cents":400000}`
	bobs    = `{"customer":"bob","bank":"A","account":"bob","cents":400000}`
	nobodys = `{"customer":"ada","bank":"A","account":"nobody","cents":400000}`

	loans = `SELECT customer, state, approved FROM loans`
	fund  = `SELECT cents FROM fund`
)

func TestDefinition(t *testing.T) {
	stage.Parse(t, "saga.yaml")
	stage.Refuses(t, "saga.yaml", "    undo: void\n", "", `it has no undo, but can be refused later by the pivot "pay"`)
	stage.Refuses(t, "saga.yaml", "results.approval?.by ??", "results.paid.by ??", `there is no step "paid"`)
}

func TestHandlers(t *testing.T) {
	bureau := stage.Alone(t, everybody[0])
	bureau.Does("1", "score", `{"customer":"bob"}`, `succeeded {"points":610}`)
	bureau.Does("2", "score", `{"customer":"eve"}`, "rejected unknown_customer")
	lender := stage.Alone(t, everybody[1])
	lender.Does("1", "open", `{"customer":"ada","cents":900000}`, `succeeded {"number":1}`)
	lender.Does("2", "open", `{"customer":"bob","cents":900000}`, "rejected fund_empty")
	lender.Undoes("1", "void", `{"customer":"ada","cents":900000}`, "succeeded {}")
	lender.Shows(loans, "ada void -")
	lender.Shows(fund, "1000000")
}

// TestTheScoreIsEnough: nobody is asked.
func TestTheScoreIsEnough(t *testing.T) {
	s := open(t)
	doc := s.Run("loan", "L-1", adas, saga.Completed)
	if s.Step(doc, "approval").State != saga.StepSkipped || string(doc.Output) != `{"loan":1}` {
		t.Errorf("%+v %s", doc.Steps, doc.Output)
	}
	s.Shows("lender", loans, "ada active score")
	s.Shows("A", `SELECT account, balance FROM accounts`, "ada 400000, bob 0")
	if doc := s.Run("loan", "L-2", nobodys, saga.Compensated); doc.Cause.Code != "no_such_account" {
		t.Errorf("%+v", doc.Cause)
	}
	s.Shows("lender", fund, "600000")
}

// TestAPersonApproves after ten days, in which all of it was down for a while. Said once, it stays said.
func TestAPersonApproves(t *testing.T) {
	s := open(t)
	s.Start("loan", "L-1", bobs)
	asked(s, "L-1")
	s.Jump(5 * 24 * time.Hour)
	s.Restart(5 * 24 * time.Hour)
	asked(s, "L-1")
	s.Shows("lender", loans, "bob open -")
	s.Signal("L-1", "approved", `{"by":"carol"}`)
	s.Reaches("L-1", saga.Completed)
	s.Shows("lender", loans, "bob active carol")
	var refused *client.Problem
	if _, err := s.Client.Signal(t.Context(), "L-1", "declined", nil); !errors.As(err, &refused) || refused.Code != client.CodeConflict {
		t.Error(err)
	}
}

// TestAPersonDeclines, or says nothing for two weeks: the money is free for the next.
func TestAPersonDeclines(t *testing.T) {
	s := open(t)
	for _, id := range []string{"L-1", "L-2"} {
		s.Start("loan", id, bobs)
		asked(s, id)
	}
	s.Shows("lender", fund, "200000")
	s.Signal("L-1", "declined", nil)
	if doc := s.Reaches("L-1", saga.Compensated); doc.Cause.Kind != saga.CauseRejected || doc.Cause.Code != "declined" {
		t.Errorf("%+v", doc.Cause)
	}
	s.Jump(15 * 24 * time.Hour)
	if doc := s.Reaches("L-2", saga.Compensated); doc.Cause.Kind != saga.CauseTimeout {
		t.Errorf("%+v", doc.Cause)
	}
	s.Shows("lender", loans, "bob void -, bob void -")
	s.Shows("lender", fund, "1000000")
}

// TestAnEarlyWord is kept: the lender was away, and the broker has lost all that it kept.
func TestAnEarlyWord(t *testing.T) {
	s := open(t)
	s.Halt("lender")
	s.Start("loan", "L-1", bobs)
	s.Eventually("the lender is asked", func() bool { return s.Step(s.Get("L-1"), "loan").State == saga.StepRunning })
	s.Signal("L-1", "approved", `{"by":"carol"}`)
	s.Wipe()
	s.Resume("lender")
	s.Reaches("L-1", saga.Completed)
	s.Shows("lender", loans, "bob active carol")
	s.Shows("A", `SELECT balance FROM accounts WHERE account = 'bob'`, "400000")
}

// asked waits until somebody must say something.
func asked(s *stage.Stage, id string) {
	s.Helper()
	s.Eventually("somebody is asked", func() bool { return s.Step(s.Get(id), "approval").State == saga.StepRunning })
}

func open(t *testing.T) *stage.Stage {
	return stage.New(t, stage.Config{Definitions: []string{"saga.yaml"}, Participants: everybody, Banks: []ledger.Branch{
		{Bank: "A", Accounts: []ledger.Account{{Account: "ada", Currency: "EUR"}, {Account: "bob", Currency: "EUR"}}}}})
}
