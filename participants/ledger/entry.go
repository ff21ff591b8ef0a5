package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/girohq/giro/participants"
)

// kind is what an entry is. Debit and uncredit take from the account, the others add to it.
type kind string

const (
	opening  kind = "opening"
	debit    kind = "debit"
	credit   kind = "credit"
	refund   kind = "refund"   // reverses a debit
	uncredit kind = "uncredit" // reverses a credit
)

// entry is one movement between a customer's account and a contra account.
type entry struct {
	saga    string // empty for an opening balance
	step    string
	kind    kind
	account string
	amount  int64
}

// reverses is the kind of effect an entry takes back, nil when it is an effect itself.
func (k kind) reverses() any {
	switch k {
	case refund:
		return string(debit)
	case uncredit:
		return string(credit)
	}
	return nil
}

// post writes the entry of a movement that the account has already made.
func post(ctx context.Context, tx participants.Tx, e entry, now time.Time) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO entries (saga, step, kind, account, amount, balance, version, reverses, posted)
		SELECT ?, ?, ?, account, ?, balance, version, ?, ? FROM accounts WHERE account = ?`,
		e.saga, e.step, string(e.kind), e.amount, e.kind.reverses(), now.UnixMicro(), e.account)
	if err != nil {
		return fmt.Errorf("post %s of %s/%s: %w", e.kind, e.saga, e.step, err)
	}
	return nil
}
