package orchestrator

import (
	"testing"

	"github.com/girohq/giro/saga"
)

// TestWaiterKnowsItsOwnSaga: a start waits under its id before it is decided, so the saga that ends
// under that id may be another start's.
func TestWaiterKnowsItsOwnSaga(t *testing.T) {
	b := &begin{def: saga.Transfer(), input: []byte(`{"amount":1,"currency":"EUR"}`)}
	for doc, want := range map[string]bool{
		`{"id":"S","type":"transfer","input":{"currency":"EUR", "amount":1}}`: true,
		`{"id":"S","type":"transfer","input":{"currency":"EUR","amount":2}}`:  false,
		`{"id":"S","type":"payout","input":{"currency":"EUR","amount":1}}`:    false,
	} {
		if own, err := b.made([]byte(doc)); own != want || err != nil {
			t.Errorf("%s: own is %v, %v", doc, own, err)
		}
	}
}
