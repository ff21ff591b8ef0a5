package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/girohq/giro/examples/internal/stage"
	"github.com/girohq/giro/participants/ledger"
	"github.com/girohq/giro/saga"
)

func TestDefinition(t *testing.T) {
	stage.Parse(t, "saga.yaml")
	stage.Parse(t, "rate.yaml")
	stage.Refuses(t, "saga.yaml", "    undo: unwind\n", "", `it has no undo, but can be refused later by the pivot "credit"`)
	stage.Refuses(t, "saga.yaml", "${results.quote.at_least}", "${results.credit.at_least}", `step "credit" has no result yet here`)
}

// TestHandlers: the undo gives back 250,000, although the rate has changed and the command says nothing of it.
func TestHandlers(t *testing.T) {
	const order = `{"sell":"EUR","buy":"CZK","cents":10000,"at_least":247500}`
	e := stage.Alone(t, exchange)
	e.Does("1", "quote", order, `succeeded {"cents":250000,"at_least":247500}`)
	e.Does("2", "convert", order, `succeeded {"cents":250000}`)
	e.Shows(positions, "24750000 1010000")
	e.Does("3", "publish", `{"sell":"EUR","buy":"CZK","millionths":24000000}`, "succeeded {}")
	e.Does("4", "convert", order, "rejected rate_moved")
	e.Undoes("2", "unwind", order, "succeeded {}")
	e.Shows(positions, "25000000 1000000")
	e.Does("5", "quote", `{"sell":"EUR","buy":"USD","cents":1}`, "rejected no_rate")
}

const (
	positions = `SELECT (SELECT cents FROM positions WHERE currency = 'CZK'), (SELECT cents FROM positions WHERE currency = 'EUR')`
	balance   = `SELECT balance FROM accounts`
)

// TestTheRateMoves between the quote and the conversion: a little, and what is paid and taken back is
// the converted amount; too much, and nothing happens.
func TestTheRateMoves(t *testing.T) {
	s := open(t)
	for _, id := range []string{"good", "lost", "late"} {
		quoted(s, id, map[string]string{"lost": "nobody"}[id])
	}
	market(s, 24_800_000)
	accept(s, "good")
	if doc := s.Reaches("good", saga.Completed); string(doc.Output) != `{"paid":248000,"quoted":250000}` {
		t.Errorf("%s", doc.Output)
	}
	accept(s, "lost")
	if doc := s.Reaches("lost", saga.Compensated); doc.Cause.Code != "no_such_account" || string(s.Step(doc, "convert").Result) != `{"cents":248000}` {
		t.Errorf("%+v %+v", doc.Cause, doc.Steps)
	}
	market(s, 24_000_000)
	accept(s, "late")
	if doc := s.Reaches("late", saga.Compensated); doc.Cause.Code != "rate_moved" {
		t.Errorf("%+v", doc.Cause)
	}
	s.Shows("A", balance, "90000")
	s.Shows("exchange", positions, "24752000 1010000")
	s.Shows("B", balance, "248000")
}

// TestNobodyAccepts: a quote is good for a minute.
func TestNobodyAccepts(t *testing.T) {
	s := open(t)
	quoted(s, "forgotten", "")
	s.Jump(2 * time.Minute)
	if doc := s.Reaches("forgotten", saga.Compensated); doc.Cause.Kind != saga.CauseTimeout {
		t.Errorf("%+v", doc.Cause)
	}
	s.Shows("A", balance, "100000")
}

// TestTheExchangeIsAway while the customer accepts, and the broker loses what it kept meanwhile.
func TestTheExchangeIsAway(t *testing.T) {
	s := open(t)
	quoted(s, "slow", "")
	s.Halt("exchange")
	accept(s, "slow")
	s.Eventually("it is debited", func() bool { return s.Step(s.Get("slow"), "debit").State == saga.StepSucceeded })
	s.Wipe()
	s.Resume("exchange")
	s.Reaches("slow", saga.Completed)
	s.Shows("exchange", positions, "24750000 1010000")
	s.Shows("B", balance, "250000")
}

// quoted starts a transfer to an account, by default bob's, and waits for the quote.
func quoted(s *stage.Stage, id, account string) {
	s.Helper()
	if account == "" {
		account = "bob"
	}
	s.Start("currency-transfer", id, fmt.Sprintf(`{"from":{"bank":"A","account":"ada"},"to":{"bank":"B","account":%q},"cents":10000,"sell":"EUR","buy":"CZK"}`, account))
	s.Eventually("there is a quote", func() bool { return s.Step(s.Get(id), "quote").State == saga.StepSucceeded })
}

func accept(s *stage.Stage, id string) {
	s.Helper()
	s.Signal(id, "accepted", `{}`)
}

func market(s *stage.Stage, millionths int) {
	s.Helper()
	s.Run("publish-rate", fmt.Sprint("rate-", millionths), map[string]any{"sell": "EUR", "buy": "CZK", "millionths": millionths}, saga.Completed)
}

func open(t *testing.T) *stage.Stage {
	return stage.New(t, stage.Config{Definitions: []string{"saga.yaml", "rate.yaml"}, Participants: []stage.Participant{exchange}, Banks: []ledger.Branch{
		{Bank: "A", Accounts: []ledger.Account{{Account: "ada", Currency: "EUR", Balance: 100000}}},
		{Bank: "B", Accounts: []ledger.Account{{Account: "bob", Currency: "CZK"}}}}})
}
