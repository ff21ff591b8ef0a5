package sagatest

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/girohq/giro/saga"
)

// Workload is a definition and the inputs to start it with.
type Workload struct {
	Definition *saga.Definition
	// Input makes the input of the nth saga. Accounts are named by the numbers 0 to
	// Config.Accounts-1 at each of the participants [Banks].
	Input func(r *Rand, n int) json.RawMessage
	// Children are the definitions that sagas of this one run as their children.
	Children []*saga.Definition
}

// Bank are transfers and orders: money moves, and is never lost.
func Bank(accounts int) []Workload { return []Workload{Transfers(accounts), Orders(accounts)} }

// Banks are the participants of every run. Definitions must name no other.
func Banks() []string { return []string{"A", "B", "C"} }

// Transfers are bank transfers between random accounts, some from or to accounts that do not
// exist.
func Transfers(accounts int) Workload {
	return Workload{Definition: saga.Transfer(), Input: func(r *Rand, _ int) json.RawMessage {
		return fmt.Appendf(nil, `{"from":%s,"to":%s,"amount":%d,"currency":"EUR"}`, place(r, accounts), place(r, accounts), 1+r.Intn(400))
	}}
}

func place(r *Rand, accounts int) string {
	account := strconv.Itoa(r.Intn(accounts))
	if r.Chance(0.05) {
		account = "nobody"
	}
	return fmt.Sprintf(`{"bank":%q,"account":%q}`, Banks()[r.Intn(len(Banks()))], account)
}

// Orders go through every kind of step: two payments that can be undone, a look, a pivot and two
// steps that are repeated until they succeed.
func Orders(accounts int) Workload {
	return Workload{Definition: orders, Input: func(r *Rand, _ int) json.RawMessage {
		return fmt.Appendf(nil, `{"buyer":"%d","seller":"%d","price":%d,"fee":%d}`, r.Intn(accounts), r.Intn(accounts), 1+r.Intn(300), 1+r.Intn(20))
	}}
}

var orders = mustParse(`
saga: order
version: 1
input:
  type: object
  required: [buyer, seller, price, fee]
  properties: {buyer: {type: string}, seller: {type: string}, price: {type: integer, minimum: 1}, fee: {type: integer, minimum: 1}}
steps:
  - id: pay
    participant: A
    action: debit
    key: ${input.buyer}
    args: {account: "${input.buyer}", amount: "${input.price}"}
    undo: {action: refund, timeout: 3s, retry: {attempts: 3, backoff: 1s}}
    timeout: 5s
    retry: {attempts: 3, backoff: 1s}
  - id: fee
    participant: B
    action: debit
    key: ${input.buyer}
    args: {account: "${input.buyer}", amount: "${input.fee}"}
    undo: refund
    timeout: 5s
    retry: {attempts: 2, backoff: 1s}
  - {id: check, kind: read, participant: C, action: look, args: {}, timeout: 2s, retry: {attempts: 2}}
  - id: reserve
    kind: pivot
    participant: C
    action: reserve
    args: {seller: "${input.seller}"}
    timeout: 5s
    retry: {attempts: 2, backoff: 1s}
  - id: earn
    kind: retriable
    participant: C
    action: credit
    key: ${input.seller}
    args: {account: "${input.seller}", amount: "${input.price}"}
    timeout: 5s
    retry: {attempts: 4, backoff: 1s}
  - id: charge
    kind: retriable
    participant: B
    action: credit
    key: "0"
    args: {account: "0", amount: "${input.fee}"}
    timeout: 5s
    retry: {attempts: 4, backoff: 1s}
`)

func mustParse(text string) *saga.Definition {
	def, err := saga.Parse("order.yaml", []byte(text))
	if err != nil {
		panic(err) // a mistake in this file
	}
	return def
}
