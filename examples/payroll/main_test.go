package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/girohq/giro/examples/internal/stage"
	"github.com/girohq/giro/participants/ledger"
	"github.com/girohq/giro/saga"
)

const (
	payees = 1000
	cents  = 2500_00
)

func TestDefinition(t *testing.T) {
	stage.Parse(t, "saga.yaml")
	stage.Refuses(t, "saga.yaml", "    undo: strike\n", "", `it has no undo, but can be refused later by the pivot "release"`)
	stage.Refuses(t, "saga.yaml", "    undo: strike\n", "    kind: pivot\n", "it is the pivot, and runs over a list")
}

func TestHandlers(t *testing.T) {
	w := stage.Alone(t, office)
	w.Does("1", "write", `{"payee":"p-0","cents":5}`, `succeeded {"slip":1}`)
	w.Does("2", "write", `{"payee":"left","cents":5}`, "rejected no_such_payee")
	w.Does("3", "write", `{"payee":"nobody","cents":5}`, "rejected no_such_payee")
	w.Shows(`SELECT cents FROM payees WHERE payee = 'p-0'`, "0")
	w.Undoes("1", "strike", `{"payee":"p-0","cents":5}`, "succeeded {}")
	w.Shows(`SELECT count(*) FROM slips`, "0")
	w.Does("4", "release", `{}`, `succeeded {"slips":0}`)
}

// TestPayday pays a thousand payees.
func TestPayday(t *testing.T) {
	s := open(t)
	began := time.Now()
	s.Start("payroll", "may", payroll(payees))
	doc := ends(s, "may", saga.Completed)
	t.Logf("%d payees in %v", payees, time.Since(began).Round(time.Millisecond))
	if string(doc.Output) != `{"slips":1000}` || len(doc.Steps) != payees+2 {
		t.Errorf("%s, %d steps", doc.Output, len(doc.Steps))
	}
	s.Shows("wages", `SELECT cents, count(*) FROM payees GROUP BY cents`, "0 1, 250000 1000")
	s.Shows("A", `SELECT balance FROM accounts`, "100")
}

// TestThreeBadAccounts pays nobody: what was written by then is struck, and the employer has his money
// back.
func TestThreeBadAccounts(t *testing.T) {
	s := open(t)
	s.Start("payroll", "bad", payroll(payees, 100, 500, 900))
	doc := ends(s, "bad", saga.Compensated)
	if doc.Cause.Step != "slip.100" || doc.Cause.Code != "no_such_payee" {
		t.Errorf("%+v", doc.Cause)
	}
	states := map[saga.StepState]int{}
	for _, step := range doc.Steps {
		states[step.State]++
	}
	if states[saga.StepCompensated] < 100 || states[saga.StepCompensated]+states[saga.StepRejected]+states[saga.StepPending] != len(doc.Steps) {
		t.Error(states)
	}
	s.Shows("wages", `SELECT count(*) FROM slips`, "0")
	s.Shows("A", `SELECT balance FROM accounts`, "250000100")
	s.Shows("wages", `SELECT sum(cents) FROM payees`, "0")
}

// TestTheOfficeIsAway: no slip is lost or written twice when the office goes away in the midst of them,
// and the broker loses all that it kept.
func TestTheOfficeIsAway(t *testing.T) {
	s := open(t)
	s.Start("payroll", "may", payroll(200))
	s.Eventually("a few slips are written", func() bool {
		doc := s.Get("may")
		return len(doc.Steps) > 200 && s.Step(doc, "slip.3").State == saga.StepSucceeded
	})
	s.Halt("wages")
	s.Wipe()
	s.Resume("wages")
	ends(s, "may", saga.Completed)
	s.Shows("wages", `SELECT cents, count(*) FROM payees GROUP BY cents`, "0 801, 250000 200")
}

// ends waits as a client does, who is told: a thousand steps are too much to be looked at all the time.
func ends(s *stage.Stage, id string, state saga.State) saga.Document {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), 3*time.Minute) // with the race detector on a busy machine
	defer cancel()
	doc, err := s.Client.Wait(ctx, id)
	if err != nil || doc.State != state {
		s.Fatalf("%s is %s, want %s: %+v, %v", id, doc.State, state, doc.Cause, err)
	}
	return doc
}

// payroll is its input for so many payees, some of them replaced by who has left.
func payroll(n int, bad ...int) string {
	list := make([]string, n)
	for i := range list {
		payee := fmt.Sprint("p-", i)
		if slices.Contains(bad, i) {
			payee = "left"
		}
		list[i] = fmt.Sprintf(`{"payee":"%s","cents":%d}`, payee, cents)
	}
	return `{"bank":"A","account":"employer","payees":[` + strings.Join(list, ",") + `]}`
}

func open(t *testing.T) *stage.Stage {
	return stage.New(t, stage.Config{Definitions: []string{"saga.yaml"}, Participants: []stage.Participant{office},
		Banks: []ledger.Branch{{Bank: "A", Accounts: []ledger.Account{{Account: "employer", Currency: "EUR", Balance: payees*cents + 100}}}}})
}
