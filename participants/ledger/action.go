package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/girohq/giro/participants"
)

// Order is the argument of each of the bank's actions.
type Order struct {
	Account  string `json:"account"`
	Amount   int64  `json:"amount"` // minor units, 1 to MaxAmount
	Currency string `json:"currency"`
}

// Done is the result of each of the bank's actions: empty, since balances are not the sender's to know.
type Done struct{}

// Register puts the bank's actions on a participant whose database was opened with [Migrations].
// now stamps the entries; nil is time.Now. The strategy is [Atomic].
func Register(p *participants.Participant, now func() time.Time) {
	if now == nil {
		now = time.Now
	}
	register(p, actions{now: now, mover: &Mover{cfg: MoverConfig{Strategy: Atomic, Races: p.Races()}}})
}

func register(p *participants.Participant, a actions) {
	participants.Handle(p, string(debit), a.debit)
	participants.HandleUndo(p, string(refund), a.refund)
	participants.Handle(p, string(credit), a.credit)
	participants.HandleUndo(p, string(uncredit), a.uncredit)
	participants.Handle(p, "reserve", a.reserve)
	participants.HandleUndo(p, "release", a.release)
	participants.HandleConfirm(p, "capture", a.capture)
	participants.Handle(p, "announce", a.announce)
	participants.HandleUndo(p, "withdraw", a.withdraw)
	participants.HandleConfirm(p, "settle", a.settle)
}

type actions struct {
	now   func() time.Time
	mover *Mover
	limit *Limit // nil: none
	laned bool   // an account is one writer's, of several
}

func (a actions) debit(ctx context.Context, tx participants.Tx, o Order) (Done, error) {
	return a.move(ctx, tx, debit, o, takes(o.Account, o.Amount))
}

func (a actions) credit(ctx context.Context, tx participants.Tx, o Order) (Done, error) {
	return a.move(ctx, tx, credit, o, gives(o.Account, o.Amount).roomFor(o.Amount))
}

func (a actions) refund(ctx context.Context, tx participants.Tx, _ Order, _ Done) (Done, error) {
	return a.reverse(ctx, tx, refund, gives)
}

func (a actions) uncredit(ctx context.Context, tx participants.Tx, _ Order, _ Done) (Done, error) {
	return a.reverse(ctx, tx, uncredit, takes)
}

// move makes what a forward asks for. The undos ask nothing of the account but what is free.
func (a actions) move(ctx context.Context, tx participants.Tx, k kind, o Order, c Change) (Done, error) {
	if err := o.check(); err != nil {
		return Done{}, err
	}
	cmd := participants.CommandFrom(ctx)
	err := a.mover.Move(ctx, tx, c.in(o.Currency))
	if err == nil && k == debit {
		err = a.spend(ctx, tx, o)
	}
	if err != nil {
		return Done{}, fmt.Errorf("%s of %s/%s: %w", k, cmd.SagaID, cmd.Step, err)
	}
	return Done{}, post(ctx, tx, entry{saga: cmd.SagaID, step: cmd.Step, kind: k, account: o.Account, amount: o.Amount}, a.now())
}

func (o Order) check() error {
	if o.Amount < 1 || o.Amount > MaxAmount {
		return participants.Reject(CodeInvalidAmount, "the amount must be 1 to %d minor units", int64(MaxAmount))
	}
	return nil
}

// reverse takes an effect back. Account and amount are those of the effect's own entry: a
// command must not be able to refund more than was taken.
func (a actions) reverse(ctx context.Context, tx participants.Tx, k kind, by func(account string, n int64) Change) (Done, error) {
	c := participants.CommandFrom(ctx)
	e := entry{saga: c.SagaID, step: c.Step, kind: k}
	err := tx.QueryRowContext(ctx, `SELECT account, amount FROM entries WHERE saga = ? AND step = ? AND kind = ?`,
		c.SagaID, c.Step, k.reverses()).Scan(&e.account, &e.amount)
	if err != nil {
		return Done{}, fmt.Errorf("%s of %s/%s: read its effect: %w", k, c.SagaID, c.Step, err)
	}
	if err := a.inLane(ctx, e.account); err != nil {
		return Done{}, err
	}
	err = a.mover.Move(ctx, tx, by(e.account, e.amount))
	if err == nil && k == refund {
		err = unspend(ctx, tx, c.SagaID, c.Step)
	}
	if err != nil {
		return Done{}, fmt.Errorf("%s of %s/%s: %w", k, c.SagaID, c.Step, err)
	}
	return Done{}, post(ctx, tx, e, a.now())
}
