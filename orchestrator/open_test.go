package orchestrator_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/orchestrator"
	"github.com/girohq/giro/saga"
	"github.com/nats-io/nats.go"
)

// TestMaxOpen holds the bound of open sagas at both doors, over a restart: a request is refused with a time
// to come back, a repeat of a known start is answered, a message waits, and the end of a saga makes room.
func TestMaxOpen(t *testing.T) {
	r := newRig(t)
	r.start(orchestrator.Config{MaxOpen: 2})
	r.eventually("ready", func() bool { return r.o.Health().Status == wire.HealthOK })
	r.begin("transfer", "T-1", transferInput(1))
	first := r.hears("T-1/debit/forward", 1)
	r.begin("transfer", "T-2", transferInput(2))
	r.hears("T-2/debit/forward", 1)
	r.refusesForNow("T-3")
	if _, err := r.o.Start(r.Context(), "transfer", []byte(transferInput(3)), nats.Header{"Saga-Id": {"T-3"}}); err == nil {
		t.Error("the same process may begin a third")
	}
	r.halt()
	r.start(orchestrator.Config{MaxOpen: 2})
	r.eventually("ready", func() bool { return r.o.Health().Status == wire.HealthOK })
	r.refusesForNow("T-3")
	if again := r.begin("transfer", "T-2", transferInput(2)); again.State != saga.Running {
		t.Errorf("T-2 is %s", again.State)
	}
	_, err := r.js.Publish(r.Context(), "saga.start.transfer.T-4", []byte(transferInput(4)))
	r.must(err)
	r.eventually("the message is read", func() bool {
		stream, err := r.js.Stream(r.Context(), "SAGA_STARTS")
		r.must(err)
		read := false
		for c := range stream.ListConsumers(r.Context()).Info() {
			read = read || c.NumPending == 0 && c.Delivered.Stream > 0
		}
		return read
	})
	for range 10 {
		r.refusesForNow("T-5") // the message has had time to come through
	}
	if _, problem := r.request("get", `{"id":"T-4"}`); problem == nil || problem.Code != wire.CodeNotFound {
		t.Errorf("T-4: %v", problem)
	}
	r.says(first, saga.Rejected, "Saga-Code", "insufficient_funds")
	r.reaches("T-1", saga.Compensated)
	r.eventually("T-4 begins", func() bool {
		_, problem := r.request("get", `{"id":"T-4"}`)
		return problem == nil
	})
	r.refusesForNow("T-5")
}

func (r *rig) refusesForNow(id string) {
	r.Helper()
	_, problem := r.request("start.transfer", transferInput(5), "Saga-Id", id)
	if problem == nil || problem.Code != wire.CodeUnavailable || problem.Status != http.StatusServiceUnavailable || problem.RetryAfter < 1 {
		r.Fatal(fmt.Errorf("start %s over the bound: %+v", id, problem))
	}
}
