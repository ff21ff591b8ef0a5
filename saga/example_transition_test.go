package saga_test

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/girohq/giro/saga"
)

// A transfer whose credit is refused: each event moves the saga, and the effects say what is to
// be sent.
func ExampleTransition() {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	input := json.RawMessage(`{"from":{"bank":"HOME","account":"1"},"to":{"bank":"YZ","account":"2"},"amount":100,"currency":"CZK"}`)
	reply := func(step string, d saga.Direction, from string, o saga.Outcome, code string) saga.Event {
		return saga.Replied{At: at, Reply: saga.Reply{SagaID: "T-1", Step: step, Direction: d, Attempt: 1, Participant: from, Outcome: o, Code: code}}
	}
	var transfer saga.Instance
	for _, event := range []saga.Event{
		saga.Started{At: at, ID: "T-1", Input: input},
		reply("debit", saga.Forward, "HOME", saga.Succeeded, ""),
		reply("credit", saga.Forward, "YZ", saga.Rejected, "no_such_account"),
		reply("debit", saga.Backward, "HOME", saga.Succeeded, ""),
	} {
		var effects []saga.Effect
		transfer, effects = saga.Transition(saga.Transfer(), transfer, event)
		fmt.Print(transfer.State)
		for _, effect := range effects {
			if send, ok := effect.(saga.Send); ok {
				fmt.Printf(": %s to %s", send.Command.Action, send.Command.Participant)
			}
		}
		fmt.Println()
	}
	fmt.Println("because", transfer.Cause.Step, "was", transfer.Cause.Kind, "with", transfer.Cause.Code)
	// Output:
	// running: debit to HOME
	// running: credit to YZ
	// compensating: refund to HOME
	// compensated
	// because credit was rejected with no_such_account
}

// A participant answers an undo that has overtaken its command: there is nothing to undo, and the
// command will never run.
func ExampleArrive() {
	row, _, answer := saga.Arrive(saga.Row{}, saga.Arrival{Direction: saga.Backward, Known: saga.KnownUnknown, Origin: "store", Hash: "refund"})
	fmt.Println("undo:", answer.Outcome, "- the row is", row.State)
	_, verdict, answer := saga.Arrive(row, saga.Arrival{Direction: saga.Forward, Origin: "store", Hash: "debit"})
	fmt.Println("late forward:", answer.Outcome, "- the handler runs:", verdict == saga.Run)
	// Output:
	// undo: succeeded - the row is fenced
	// late forward: fenced - the handler runs: false
}
