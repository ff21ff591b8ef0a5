package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/girohq/giro/examples/internal/stage"
	"github.com/girohq/giro/saga"
)

const (
	adas = `{"customer":"ada","cents":990}`
	bobs = `{"customer":"bob","cents":990}`
	day  = 24 * time.Hour

	ada   = `SELECT paid, arrears, lapsed FROM subscriptions WHERE customer = 'ada'`
	bob   = `SELECT paid, arrears, lapsed FROM subscriptions WHERE customer = 'bob'`
	cents = `SELECT cents FROM wallets ORDER BY customer`
)

func TestDefinition(t *testing.T) {
	stage.Parse(t, "saga.yaml")
	stage.Refuses(t, "saga.yaml", "sleep: 5d", "sleep: 5 days", "sleep")
	stage.Refuses(t, "saga.yaml", "    kind: retriable\n", "", `it comes after the pivot "last"`)
}

func TestHandlers(t *testing.T) {
	subscriptions := stage.Alone(t, everybody[0])
	subscriptions.Does("1", "bill", `{"customer":"ada"}`, `succeeded {"month":4}`)
	subscriptions.Does("2", "bill", `{"customer":"ada"}`, "rejected not_due")
	subscriptions.Undoes("1", "lapse", `{"customer":"ada"}`, "succeeded {}")
	subscriptions.Shows(ada, "3 - 1")
	wallets := stage.Alone(t, everybody[1])
	wallets.Does("1", "charge", adas, `succeeded {"paid":true}`)
	wallets.Does("2", "charge", bobs, `succeeded {"paid":false}`)
	wallets.Does("3", "collect", bobs, "rejected declined")
	wallets.Shows(cents, "9010, 0")
	wallets.Undoes("1", "refund", adas, "succeeded {}")
	wallets.Undoes("2", "refund", bobs, "succeeded {}")
	wallets.Shows(cents, "10000, 0")
}

// TestMonthAfterMonth: each month has an id of its own, so a start that is repeated is the same
// renewal.
func TestMonthAfterMonth(t *testing.T) {
	s := open(t)
	for month := 4; month <= 6; month++ {
		for range 2 {
			doc := s.Run("renewal", fmt.Sprintf("ada-%d", month), adas, saga.Completed)
			if want := fmt.Sprintf(`{"month":%d}`, month); string(doc.Output) != want {
				t.Errorf("%s, want %s", doc.Output, want)
			}
			if s.Step(doc, "five_days").State != saga.StepSkipped || s.Step(doc, "last").State != saga.StepSkipped {
				t.Errorf("%+v", doc.Steps)
			}
		}
		s.Jump(30 * day)
	}
	s.Shows("subscriptions", ada, "6 - 0")
	s.Shows("wallets", cents, "7030, 0")
}

// TestPaidAtTheSecondCharge: in between all of it was down for two days.
func TestPaidAtTheSecondCharge(t *testing.T) {
	s := open(t)
	s.Start("renewal", "bob-8", bobs)
	sleeps(s, "bob-8", "three_days")
	s.Shows("subscriptions", bob, "7 8 0")
	if doc := s.Run("renewal", "bob-8-again", bobs, saga.Compensated); doc.Cause.Code != "not_due" {
		t.Errorf("%+v", doc.Cause)
	}
	s.Restart(2 * day)
	sleeps(s, "bob-8", "three_days")
	s.Writes("wallets", `UPDATE wallets SET cents = 1000 WHERE customer = 'bob'`)
	s.Jump(day)
	s.Reaches("bob-8", saga.Completed)
	s.Shows("subscriptions", bob, "8 - 0")
	s.Shows("wallets", cents, "10000, 10")
}

// TestNeverPaid: after eight days the subscription lapses.
func TestNeverPaid(t *testing.T) {
	s := open(t)
	began := s.Now()
	s.Start("renewal", "bob-8", bobs)
	sleeps(s, "bob-8", "three_days")
	s.Jump(3 * day)
	sleeps(s, "bob-8", "five_days")
	if until := s.Step(s.Get("bob-8"), "five_days").Until; until.Sub(began) < 8*day {
		t.Errorf("it sleeps until %v", until)
	}
	s.Jump(5 * day)
	if doc := s.Reaches("bob-8", saga.Compensated); doc.Cause.Step != "last" || doc.Cause.Code != "declined" {
		t.Errorf("%+v", doc.Cause)
	}
	s.Shows("subscriptions", bob, "7 - 1")
	s.Shows("wallets", cents, "10000, 0")
}

// TestTheWalletsAreAway: who was charged is renewed, once, although the broker loses all that it kept.
func TestTheWalletsAreAway(t *testing.T) {
	s := open(t)
	s.Halt("wallets")
	s.Start("renewal", "ada-4", adas)
	s.Eventually("the wallets are asked", func() bool { return s.Step(s.Get("ada-4"), "first").State == saga.StepRunning })
	s.Wipe()
	s.Resume("wallets")
	s.Reaches("ada-4", saga.Completed)
	s.Shows("subscriptions", ada, "4 - 0")
	s.Shows("wallets", cents, "9010, 0")
}

// sleeps waits until the saga does.
func sleeps(s *stage.Stage, id, step string) {
	s.Helper()
	s.Eventually(id+" sleeps", func() bool { return s.Step(s.Get(id), step).State == saga.StepRunning })
}

func open(t *testing.T) *stage.Stage {
	return stage.New(t, stage.Config{Definitions: []string{"saga.yaml"}, Participants: everybody,
		Begin: time.Date(2026, 1, 1, 6, 0, 0, 0, time.UTC)})
}
