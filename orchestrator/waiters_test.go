package orchestrator

import (
	"testing"

	"github.com/girohq/giro/saga"
)

// TestWaiterKnowsItsOwnSaga: a start waits under its id before it is decided, so the saga that ends
// under that id may be another start's.
func TestWaiterKnowsItsOwnSaga(t *testing.T) {
	b := &begin{def: saga.Transfer(), input: []byte(`{"amount":1,"currency":"EUR"}`)}
	for of, want := range map[*saga.Instance]bool{
		{Type: "transfer", Input: []byte(`{"currency":"EUR", "amount":1}`)}: true,
		{Type: "transfer", Input: []byte(`{"currency":"EUR","amount":2}`)}:  false,
		{Type: "payout", Input: []byte(`{"currency":"EUR","amount":1}`)}:    false,
	} {
		if own := b.same(of.Type, of.Input); own != want {
			t.Errorf("%s %s: own is %v", of.Type, of.Input, own)
		}
	}
}
