package saga_test

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/girohq/giro/saga"
)

func ExampleNew() {
	trip, err := saga.New("trip").
		Deadline(72 * time.Hour).
		Step("hotel").On("hotels").Do("book").Key("${input.customer}").Args(map[string]any{"nights": 3}).Undo("cancel").
		Step("pay").On("cards").Do("charge").Args(map[string]any{"cents": "${input.cents}"}).
		Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, step := range trip.Steps {
		fmt.Println(step.ID, "is", step.Kind)
	}
	// Output:
	// hotel is compensatable
	// pay is pivot
}

func ExampleParse() {
	_, err := saga.Parse("trip.yaml", []byte(`
saga: trip
steps:
  - {id: pay, participant: cards, action: charge}
  - {id: hotel, participant: hotels, action: book, undo: cancel, timeout: 30}
`))
	fmt.Println(err)
	// Output:
	// trip.yaml:4: step "pay": it has no undo, and cannot be the pivot: step "hotel" after it can still be refused: give it an undo, or kind: read if it has no effect; or move it to the end, as the pivot
	// trip.yaml:5: step "hotel": timeout is a number, not a duration: write a number and a unit: 200ms, 30s, 5m, 1h30m, 3d
}

func ExampleDefinition_CheckInput() {
	input := json.RawMessage(`{"from":{"bank":"HOME","account":"1"},"to":{"bank":"YZ"},"amount":10.5,"currency":"CZK"}`)
	fmt.Println(saga.Transfer().CheckInput(input))
	// Output:
	// /amount: must be an integer of minor units from 1 to 9007199254740991, without point, exponent or quotes; /to/account: is missing
}
