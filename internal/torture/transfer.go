package torture

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/girohq/giro/participants/ledger"
	"github.com/girohq/giro/saga"
)

// transfer is one that a customer asks for, and what he was told of it. One goroutine at a time asks for a
// transfer; all else is guarded by the book.
type transfer struct {
	ID    string
	Type  string
	Input json.RawMessage

	doomed bool // it cannot complete
	struck bool // it was first asked for while a fault struck

	asked    time.Time
	Accepted bool
	State    saga.State // the last that was told
	cause    *saga.Cause
}

// ended: nothing more is expected of it.
func (t *transfer) ended() bool { return t.State.Terminal() }

// hasty is the type of transfers whose patience is short, so that commands are late, pivots are inquired
// and undos overtake.
const hasty = "hasty"

const hastyDefinition = `saga: hasty
description: A transfer that waits for nobody for long.
input:
  type: object
  required: [from, to, amount, currency]
steps:
  - id: debit
    participant: ${input.from.bank}
    action: debit
    key: ${input.from.account}
    args: {account: "${input.from.account}", amount: "${input.amount}", currency: "${input.currency}"}
    undo: refund
    timeout: 1s
    retry: {attempts: 2}
  - id: credit
    kind: pivot
    participant: ${input.to.bank}
    action: credit
    key: ${input.to.account}
    args: {account: "${input.to.account}", amount: "${input.amount}", currency: "${input.currency}"}
    timeout: 1s
    retry: {attempts: 2}
`

const (
	accounts = 50
	opening  = 1_000_00 // minor units in each account
	currency = "EUR"
	nobody   = "nobody" // an account that does not exist
)

func bankName(i int) string { return string(rune('A' + i)) }

func accountsFile(banks int) string {
	var b strings.Builder
	b.WriteString(ledger.AccountsHeader + "\n")
	for bank := range banks {
		for account := range accounts {
			fmt.Fprintf(&b, "%s,%d,%s,%d.00\n", bankName(bank), account, currency, opening/100)
		}
	}
	return b.String()
}

// newTransfer is transfer n of a seed: one in ten goes to nobody, one in ten asks for more than there is
// in all accounts.
func newTransfer(seed uint64, n, banks int) *transfer {
	rng := rand.New(rand.NewPCG(seed, uint64(n)+1000))
	from := rng.IntN(banks)
	move := ledger.Transfer{
		From:   ledger.Place{Bank: bankName(from), Account: fmt.Sprint(rng.IntN(accounts))},
		To:     ledger.Place{Bank: bankName((from + 1 + rng.IntN(banks-1)) % banks), Account: fmt.Sprint(rng.IntN(accounts))},
		Amount: 1 + rng.Int64N(opening/20), Currency: currency,
	}
	t := &transfer{ID: fmt.Sprintf("T-%d", n), Type: "transfer"}
	switch rng.IntN(10) {
	case 0:
		move.To.Account, t.doomed = nobody, true
	case 1:
		move.Amount, t.doomed = opening*int64(accounts*banks)+1, true
	}
	if rng.IntN(2) == 0 {
		t.Type = hasty
	}
	t.Input = move.Input()
	return t
}

// probeTransfer moves a cent from a bank to the next one.
func probeTransfer(n int, sagaType string, bank, banks int) *transfer {
	account := fmt.Sprint(n % accounts)
	move := ledger.Transfer{From: ledger.Place{Bank: bankName(bank), Account: account},
		To: ledger.Place{Bank: bankName((bank + 1) % banks), Account: account}, Amount: 1, Currency: currency}
	return &transfer{ID: fmt.Sprintf("P-%d", n), Type: sagaType, Input: move.Input()}
}
