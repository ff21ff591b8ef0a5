package sagatest

import (
	"encoding/json"
	"slices"

	"github.com/girohq/giro/saga"
)

// bank is a participant's database: accounts, and the barrier's row of each step run.
type bank struct {
	name     string
	accounts map[string]int64
	rows     map[string]saga.Row // by saga and step run
}

// posting is a line of the journal that a transaction writes: an effect, its reversal, or the
// proof that there will be no effect.
type posting struct {
	kind   postingKind
	saga   string
	step   string // the step run
	amount int64  // out of this bank; negative: into it
}

type postingKind int

const (
	effect postingKind = iota
	reversal
	proof
)

func newBank(name string) *bank {
	return &bank{name: name, accounts: map[string]int64{}, rows: map[string]saga.Row{}}
}

// bankTx is one transaction on a bank. Nothing of it stands before commit.
type bankTx struct {
	base     *bank
	accounts map[string]int64
	rows     map[string]saga.Row
	journal  []posting
}

func (b *bank) begin() *bankTx {
	return &bankTx{base: b, accounts: map[string]int64{}, rows: map[string]saga.Row{}}
}

func (tx *bankTx) row(key string) saga.Row {
	if r, ok := tx.rows[key]; ok {
		return r
	}
	return tx.base.rows[key]
}

func (tx *bankTx) balance(account string) (int64, bool) {
	if n, ok := tx.accounts[account]; ok {
		return n, true
	}
	n, ok := tx.base.accounts[account]
	return n, ok
}

func (tx *bankTx) commit() {
	tx.commitEffects()
	tx.commitRows()
}

func (tx *bankTx) commitEffects() {
	for account, balance := range tx.accounts {
		tx.base.accounts[account] = balance
	}
}

func (tx *bankTx) commitRows() {
	for key, r := range tx.rows {
		tx.base.rows[key] = r
	}
}

// proves notes a reply that promises that the forward will never take effect from now on.
func (tx *bankTx) proves(c *saga.Command, rec saga.Record) {
	notRun := c.Direction != saga.Backward && (rec.Outcome == saga.Rejected || rec.Outcome == saga.Fenced)
	if notRun || c.Direction == saga.Backward && rec.Outcome == saga.Succeeded {
		tx.journal = append(tx.journal, posting{kind: proof, saga: c.SagaID, step: c.Step})
	}
}

// withoutProofs is what stands of the journal when only the effects were committed.
func (tx *bankTx) withoutProofs() []posting {
	return slices.DeleteFunc(slices.Clone(tx.journal), func(p posting) bool { return p.kind == proof })
}

// order is what the four money actions are asked for.
type order struct {
	Account string `json:"account"`
	Amount  int64  `json:"amount"`
}

var (
	ok            = saga.Record{Outcome: saga.Succeeded, Body: json.RawMessage(`{}`)}
	noSuchAccount = saga.Record{Outcome: saga.Rejected, Code: "no_such_account", Message: "there is no such account"}
	noFunds       = saga.Record{Outcome: saga.Rejected, Code: "insufficient_funds", Message: "the balance is too low"}
	refused       = saga.Record{Outcome: saga.Rejected, Code: "refused", Message: "the participant refuses"}
	tryAgain      = saga.Record{Outcome: saga.Retried, Code: "busy", Message: "try again later"}
)

// handle runs a handler. The actions debit, credit, refund and uncredit move money; any other
// has an effect that is only counted. What is not a success has written nothing.
func (tx *bankTx) handle(c *saga.Command) saga.Record {
	kind := effect
	if c.Direction == saga.Backward {
		kind = reversal
	}
	var o order
	switch c.Action {
	case "debit", "credit", "refund", "uncredit":
		if err := json.Unmarshal(c.Body, &o); err != nil {
			return saga.Record{Outcome: saga.Rejected, Code: "invalid_arguments", Message: err.Error()}
		}
		if c.Action == "debit" || c.Action == "uncredit" {
			o.Amount = -o.Amount
		}
		if rec := tx.add(o); rec.Outcome != saga.Succeeded {
			if kind == reversal { // an undo cannot be refused
				return tryAgain
			}
			return rec
		}
	}
	if c.Kind != saga.Read {
		tx.journal = append(tx.journal, posting{kind: kind, saga: c.SagaID, step: c.Step, amount: -o.Amount})
	}
	return ok
}

func (tx *bankTx) add(o order) saga.Record {
	balance, known := tx.balance(o.Account)
	if !known {
		return noSuchAccount
	}
	if balance+o.Amount < 0 {
		return noFunds
	}
	tx.accounts[o.Account] = balance + o.Amount
	return ok
}
