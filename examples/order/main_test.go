package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/girohq/giro/examples/internal/stage"
	"github.com/girohq/giro/saga"
)

func basket(customer, second string) string {
	return fmt.Sprintf(`{"customer":%q,"address":"1 Main St","basket":[
		{"sku":"lamp","quantity":2,"cents":4999},{"sku":%q,"quantity":1,"cents":20000}]}`, customer, second)
}

func TestDefinition(t *testing.T) {
	stage.Parse(t, "saga.yaml")
	stage.Refuses(t, "saga.yaml", "    kind: read\n", "", `it has no undo, but can be refused later by the pivot "payment"`)
	stage.Refuses(t, "saga.yaml", "results.credit.grade", "results.credits.grade", `there is no step "credits"`)
}

func TestHandlers(t *testing.T) {
	customers := stage.Alone(t, everybody[0])
	customers.Kind = saga.Read
	customers.Does("1", "check", `{"customer":"ada","cents":100000}`, `succeeded {"grade":"A"}`)
	customers.Does("2", "check", `{"customer":"ada","cents":100001}`, "rejected no_credit")
	warehouse := stage.Alone(t, everybody[1])
	warehouse.Does("1", "reserve", `{"sku":"chair","quantity":4}`, "succeeded {}")
	warehouse.Does("1", "reserve", `{"sku":"chair","quantity":4}`, "succeeded {}") // the same command again
	warehouse.Does("2", "reserve", `{"sku":"chair","quantity":1}`, "rejected sold_out")
	warehouse.Undoes("1", "release", `{"sku":"chair","quantity":4}`, "succeeded {}")
	warehouse.Undoes("1", "release", `{"sku":"chair","quantity":4}`, "succeeded {}")
	warehouse.Shows(`SELECT pieces FROM stock WHERE sku = 'chair'`, "4")
}

// TestOrders: one is sold, the others are refused at each step that can refuse.
func TestOrders(t *testing.T) {
	s := open(t)
	sold := s.Run("create-order", "sold", basket("ada", "chair"), saga.Completed)
	if string(sold.Output) != `{"grade":"A","parcel":1}` {
		t.Errorf("%s", sold.Output)
	}
	for id, refused := range map[string]struct{ basket, code string }{
		"credit":  {basket("eve", "chair"), "no_credit"},
		"stock":   {basket("ada", "desk"), "sold_out"},
		"payment": {basket("bob", "chair"), "declined"},
	} {
		if doc := s.Run("create-order", id, refused.basket, saga.Compensated); doc.Cause.Code != refused.code {
			t.Error(id, doc.Cause)
		}
	}
	s.Shows("warehouse", `SELECT sku, pieces FROM stock ORDER BY sku`, "chair 3, desk 0, lamp 8")
	s.Shows("carrier", `SELECT withdrawn FROM parcels`, "0, 1")
	s.Shows("payments", `SELECT cents FROM cards WHERE customer = 'ada'`, "20002")
}

// TestTheWarehouseIsAway when it should take back what it has reserved. It is asked until it is there
// again, over a night in which everything else stands still too.
func TestTheWarehouseIsAway(t *testing.T) {
	s := open(t)
	s.Halt("payments")
	s.Start("create-order", "poor", basket("bob", "chair"))
	s.Eventually("a parcel is scheduled", func() bool { return s.Step(s.Get("poor"), "shipping").State == saga.StepSucceeded })
	s.Halt("warehouse")
	s.Resume("payments")
	s.Reaches("poor", saga.Compensating)
	s.Shows("warehouse", `SELECT pieces FROM stock WHERE sku = 'lamp'`, "8")
	s.Restart(8 * time.Hour)
	s.Reaches("poor", saga.Compensated)
	s.Shows("warehouse", `SELECT sku, pieces FROM stock ORDER BY sku`, "chair 4, desk 0, lamp 10")
	s.Shows("carrier", `SELECT withdrawn FROM parcels`, "1")
}

func open(t *testing.T) *stage.Stage {
	return stage.New(t, stage.Config{Definitions: []string{"saga.yaml"}, Participants: everybody})
}
