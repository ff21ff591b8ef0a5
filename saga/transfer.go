package saga

import "sync"

// Transfer returns the built-in definition "transfer": money goes from an account at one bank to
// an account at another. It is debited first, which can be undone; the credit is the pivot.
func Transfer() *Definition { return transfer() }

var transfer = sync.OnceValue(func() *Definition {
	d, err := Parse("transfer.yaml", []byte(transferSource))
	if err != nil {
		panic(err) // TestTransfer holds that it is right
	}
	return d
})

const transferSource = `
saga: transfer
version: 1
description: Move money from an account at one bank to an account at another.
input:
  type: object
  required: [from, to, amount, currency]
  additionalProperties: false
  properties:
    from: {$ref: "#/$defs/account"}
    to: {$ref: "#/$defs/account"}
    amount: {format: minor-units}
    currency: {type: string, pattern: "^[A-Z]{3}$"}
  $defs:
    account:
      type: object
      required: [bank, account]
      additionalProperties: false
      properties:
        bank: {$ref: "#/$defs/id"}
        account: {$ref: "#/$defs/id"}
    id: {type: string, pattern: "^[A-Za-z0-9_-]{1,64}$"}
steps:
  - id: debit
    participant: ${input.from.bank}
    action: debit
    key: ${input.from.account}
    args: {account: "${input.from.account}", amount: "${input.amount}", currency: "${input.currency}"}
    undo: refund
    timeout: 30s
    retry: {attempts: 5}
  - id: credit
    kind: pivot
    participant: ${input.to.bank}
    action: credit
    key: ${input.to.account}
    args: {account: "${input.to.account}", amount: "${input.amount}", currency: "${input.currency}"}
    timeout: 30s
    retry: {attempts: 5}
`
