package main

import (
	"strings"
	"testing"
	"time"

	"github.com/girohq/giro/examples/internal/stage"
	"github.com/girohq/giro/saga"
)

const family = `{"city":"Rome","car":"van","card":"gold","cents":90000,"travellers":["Ada","Bob"]}`

func TestDefinition(t *testing.T) {
	stage.Parse(t, "saga.yaml")
	stage.Refuses(t, "saga.yaml", "after: [hotel, flight, car]", "after: [hotel, flight]", `the pivot "pay" does not wait for it`)
	stage.Refuses(t, "saga.yaml", "kind: retriable", "kind: pivot", `it is a second pivot beside "pay"`)
}

func TestHandlers(t *testing.T) {
	cars := stage.Alone(t, everybody[2])
	cars.Does("1", "book", `{"offer":"van"}`, `succeeded {"booking":1}`)
	cars.Does("2", "book", `{"offer":"van"}`, "rejected sold_out")
	cars.Undoes("1", "cancel", `{"offer":"van"}`, "succeeded {}")
	cars.Does("1", "book", `{"offer":"van"}`, "fenced fenced")
	cars.Does("3", "book", `{"offer":"van"}`, `succeeded {"booking":1}`)
	cars.Shows(`SELECT trip, offer FROM bookings`, "3 van")
	cards := stage.Alone(t, everybody[3])
	cards.Does("1", "charge", `{"card":"empty","cents":1}`, "rejected declined")
	cards.Does("2", "charge", `{"card":"gold","cents":90000}`, "succeeded {}")
	cards.Shows(`SELECT cents FROM cards WHERE card = 'gold'`, "410000")
}

// TestTrips: the first has the van, the second finds none, the third cannot pay. What they had booked
// by then is free again.
func TestTrips(t *testing.T) {
	s := open(t)
	first := s.Run("trip", "first", family, saga.Completed)
	if string(first.Output) != `{"tickets":[1,2]}` {
		t.Errorf("%s", first.Output)
	}
	second := s.Run("trip", "second", family, saga.Compensated)
	third := s.Run("trip", "third", strings.NewReplacer("van", "compact", "gold", "empty").Replace(family), saga.Compensated)
	if second.Cause.Code != "sold_out" || third.Cause.Code != "declined" {
		t.Error(second.Cause, third.Cause)
	}
	for _, firm := range []string{"hotels", "flights", "cars"} {
		s.Shows(firm, `SELECT trip FROM bookings`, "first")
		s.Shows(firm, `SELECT sum(free) FROM offers`, "6")
	}
	s.Shows("cards", `SELECT cents FROM cards WHERE card = 'gold'`, "410000")
	s.Shows("desk", `SELECT name, hotel, flight FROM tickets`, "Ada 1 1, Bob 1 1")
}

// TestASilentAirline: after ten minutes everything is cancelled, the flight too, which may have been
// booked for all anybody knows. The airline learns of both when it is back.
func TestASilentAirline(t *testing.T) {
	s := open(t)
	s.Halt("flights")
	s.Start("trip", "lost", family)
	s.Eventually("hotel and car are booked", func() bool {
		doc := s.Get("lost")
		return s.Step(doc, "hotel").State == saga.StepSucceeded && s.Step(doc, "car").State == saga.StepSucceeded
	})
	s.Jump(11 * time.Minute)
	s.Eventually("hotel and car are cancelled", func() bool {
		doc := s.Get("lost")
		return s.Step(doc, "hotel").State == saga.StepCompensated && s.Step(doc, "car").State == saga.StepCompensated
	})
	s.Resume("flights")
	if doc := s.Reaches("lost", saga.Compensated); doc.Cause.Kind != saga.CauseDeadline {
		t.Error(doc.Cause)
	}
	for _, firm := range []string{"hotels", "flights", "cars"} {
		s.Shows(firm, `SELECT sum(free) FROM offers`, "7")
	}
}

// TestTheDeskIsClosed: who has paid gets his tickets, although the deadline passes and the broker
// loses all that it kept.
func TestTheDeskIsClosed(t *testing.T) {
	s := open(t)
	s.Halt("desk")
	s.Start("trip", "late", family)
	s.Eventually("it is paid", func() bool { return s.Step(s.Get("late"), "pay").State == saga.StepSucceeded })
	s.Jump(24 * time.Hour)
	s.Wipe()
	s.Resume("desk")
	s.Reaches("late", saga.Completed)
	s.Shows("desk", `SELECT name FROM tickets ORDER BY name`, "Ada, Bob")
}

func open(t *testing.T) *stage.Stage {
	return stage.New(t, stage.Config{Definitions: []string{"saga.yaml"}, Participants: everybody})
}
