package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/girohq/giro/examples/internal/stage"
	"github.com/girohq/giro/saga"
)

const (
	small = `{"purchase":"P-1","cents":3000,"how":"card"}`
	large = `{"purchase":"P-%d","cents":90000,"how":%q,"returned":"a sofa"}`
)

func TestDefinition(t *testing.T) {
	stage.Parse(t, "saga.yaml")
	stage.Refuses(t, "saga.yaml", "    undo: void\n", "", `it has no undo, but can be refused later by the pivot "card"`)
	stage.Refuses(t, "saga.yaml", "after: [goods, approval]", "after: [goods]", `it can be refused, but the pivot "card" does not wait for it`)
}

func TestHandlers(t *testing.T) {
	claims := stage.Alone(t, everybody[0])
	claims.Does("1", "assess", `{"purchase":"P-1","cents":3000}`, `succeeded {"large":false}`)
	claims.Does("2", "assess", `{"purchase":"P-2","cents":90000}`, `succeeded {"large":true}`)
	claims.Does("3", "assess", `{"purchase":"P-1","cents":3001}`, "rejected not_covered")
	returns := stage.Alone(t, everybody[1])
	returns.Does("1", "take_in", `{"goods":"a sofa"}`, `succeeded {"place":1}`)
	returns.Does("2", "take_in", `{"goods":"a lamp"}`, `succeeded {"place":2}`)
	returns.Undoes("1", "send_back", `{"goods":"a sofa"}`, "succeeded {}")
	returns.Shows(`SELECT goods FROM shelf`, "a lamp")
	cashier := stage.Alone(t, everybody[2])
	cashier.Does("1", "issue", `{"cents":3000}`, `succeeded {"code":"V-1"}`)
	cashier.Undoes("1", "void", `{"cents":3000}`, "succeeded {}")
	cashier.Does("2", "pay_back", `{"purchase":"P-3","cents":1}`, "rejected card_expired")
	cashier.Shows(`SELECT code, void FROM vouchers`, "V-1 1")
}

// TestBranches takes each branch, and none that is not called for.
func TestBranches(t *testing.T) {
	s := open(t)
	doc := s.Run("refund", "small", small, saga.Completed)
	for step, state := range map[string]saga.StepState{"goods": saga.StepSkipped, "approval": saga.StepSkipped, "voucher": saga.StepSkipped, "card": saga.StepSucceeded} {
		if got := s.Step(doc, step).State; got != state {
			t.Errorf("%s is %s, not %s", step, got, state)
		}
	}
	s.Start("refund", "large", fmt.Sprintf(large, 2, "voucher"))
	s.Signal("large", "approved", `{"by":"Ann"}`)
	if doc := s.Reaches("large", saga.Completed); s.Step(doc, "card").State != saga.StepSkipped {
		t.Errorf("%+v", doc.Steps)
	}
	s.Shows("claims", `SELECT * FROM letters`, "P-1 none nobody, it is small, P-2 V-large Ann")
	s.Shows("cashier", `SELECT cents FROM cards ORDER BY purchase`, "0, 90000")
	s.Shows("cashier", `SELECT code, cents, void FROM vouchers`, "V-large 90000 0")
	s.Shows("returns", `SELECT goods FROM shelf`, "a sofa")
}

// TestGoodsGoBack when a person declines, when nobody says anything for three days, and when the card
// does not take the money.
func TestGoodsGoBack(t *testing.T) {
	s := open(t)
	for _, id := range []string{"declined", "forgotten", "expired"} {
		s.Start("refund", id, fmt.Sprintf(large, 3, "card"))
		s.Eventually("the goods are there", func() bool { return s.Step(s.Get(id), "goods").State == saga.StepSucceeded })
	}
	s.Shows("returns", `SELECT count(*) FROM shelf`, "3")
	s.Signal("declined", "declined", `{}`)
	s.Signal("expired", "approved", `{"by":"Ann"}`)
	causes := fmt.Sprint(s.Reaches("declined", saga.Compensated).Cause.Code, " ", s.Reaches("expired", saga.Compensated).Cause.Code)
	s.Jump(73 * time.Hour)
	if doc := s.Reaches("forgotten", saga.Compensated); causes != "declined card_expired" || doc.Cause.Kind != saga.CauseTimeout {
		t.Error(causes, doc.Cause)
	}
	s.Shows("returns", `SELECT count(*) FROM shelf`, "0")
	s.Shows("claims", `SELECT count(*) FROM letters`, "0")
}

// TestTheLetterWaits: everything stands still after the money was paid, and the letter is written a
// day later.
func TestTheLetterWaits(t *testing.T) {
	s := open(t)
	s.Start("refund", "slow", fmt.Sprintf(large, 2, "card"))
	s.Eventually("the goods are there", func() bool { return s.Step(s.Get("slow"), "goods").State == saga.StepSucceeded })
	s.Halt("claims")
	s.Signal("slow", "approved", `{"by":"Ann"}`)
	s.Eventually("it is paid", func() bool { return s.Step(s.Get("slow"), "card").State == saga.StepSucceeded })
	s.Restart(24 * time.Hour)
	s.Reaches("slow", saga.Completed)
	s.Shows("claims", `SELECT * FROM letters`, "P-2 none Ann")
}

func open(t *testing.T) *stage.Stage {
	return stage.New(t, stage.Config{Definitions: []string{"saga.yaml"}, Participants: everybody})
}
