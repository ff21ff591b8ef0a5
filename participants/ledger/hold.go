package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/girohq/giro/participants"
)

// direction says which way held money will go.
type direction string

const (
	outgoing direction = "out" // still in the balance, and not to be spent
	incoming direction = "in"  // not in the balance yet, so not to be spent either
)

// holdState is what became of a hold. It leaves held once, and the statement that ends it decides
// between confirm, undo and expiry, whatever the clocks say.
type holdState string

const (
	held     holdState = "held"
	captured holdState = "captured" // confirmed: the money has moved
	released holdState = "released" // undone
	expired  holdState = "expired"  // released by the bank, because its time had passed
)

// hold is what the bank knows of a saga's promise.
type hold struct {
	saga    string
	step    string // the try's step run
	going   direction
	account string
	amount  int64
	state   holdState
}

const (
	placeHold = `INSERT INTO holds (saga, step, direction, account, amount, state, expires, expiry, placed)
		VALUES (?, ?, ?, ?, ?, 'held', ?, ?, ?)`
	endHold = `UPDATE holds SET state = ?1, confirm = ?2, settled = ?3
		WHERE saga = ?4 AND step = ?5 AND direction = ?6 AND state = 'held' RETURNING account, amount`
	readHold = `SELECT account, amount, state FROM holds WHERE saga = ? AND step = ? AND direction = ?`
)

func (a actions) reserve(ctx context.Context, tx participants.Tx, o Order) (Done, error) {
	return a.place(ctx, tx, outgoing, o, holds(outgoing, o.Account, o.Amount).free(o.Amount))
}

func (a actions) announce(ctx context.Context, tx participants.Tx, o Order) (Done, error) {
	return a.place(ctx, tx, incoming, o, holds(incoming, o.Account, o.Amount).roomFor(o.Amount))
}

func (a actions) release(ctx context.Context, tx participants.Tx, _ Order, _ Done) (Done, error) {
	return a.cancel(ctx, tx, outgoing)
}

func (a actions) withdraw(ctx context.Context, tx participants.Tx, _ Order, _ Done) (Done, error) {
	return a.cancel(ctx, tx, incoming)
}

func (a actions) capture(ctx context.Context, tx participants.Tx, _ Order, _ Done) (Done, error) {
	return a.confirm(ctx, tx, outgoing, debit, takesHeld)
}

func (a actions) settle(ctx context.Context, tx participants.Tx, _ Order, _ Done) (Done, error) {
	return a.confirm(ctx, tx, incoming, credit, gives)
}

// takesHeld takes what was promised: it was free when that was done.
func takesHeld(account string, n int64) Change {
	return Change{Account: account, Balance: -n, Held: -n, Entry: true}
}

// place promises what a debit or credit will do, and refuses what it would be refused.
func (a actions) place(ctx context.Context, tx participants.Tx, d direction, o Order, promise Change) (Done, error) {
	if err := o.check(); err != nil {
		return Done{}, err
	}
	c := participants.CommandFrom(ctx)
	err := a.mover.Move(ctx, tx, promise.in(o.Currency))
	if err == nil && d == outgoing {
		err = a.spend(ctx, tx, o)
	}
	if err != nil {
		return Done{}, fmt.Errorf("place hold %s/%s: %w", c.SagaID, c.Step, err)
	}
	var expires, expiry any
	if !c.Expires.IsZero() {
		expires, expiry = ceilMicro(c.Expires), string(c.Expiry)
	}
	_, err = tx.ExecContext(ctx, placeHold, c.SagaID, c.Step, string(d), o.Account, o.Amount, expires, expiry, a.now().UnixMicro())
	if err != nil {
		return Done{}, fmt.Errorf("place hold %s/%s: %w", c.SagaID, c.Step, err)
	}
	return Done{}, nil
}

// cancel gives back what is held. What the bank has released by itself is given back already;
// what was captured cannot be.
func (a actions) cancel(ctx context.Context, tx participants.Tx, d direction) (Done, error) {
	c := participants.CommandFrom(ctx)
	h, ended, err := a.end(ctx, tx, hold{saga: c.SagaID, step: c.Step, going: d, state: released}, nil)
	switch {
	case err != nil:
		return Done{}, err
	case ended && a.inLane(ctx, h.account) != nil:
		return Done{}, a.inLane(ctx, h.account)
	case ended:
		return Done{}, a.mover.giveBack(ctx, tx, h)
	case h.state == captured:
		return Done{}, tooLate(h)
	}
	return Done{}, nil
}

// confirm moves what is held: account and amount are the hold's own. A closed account does not
// stop it, for the promise was given before.
func (a actions) confirm(ctx context.Context, tx participants.Tx, d direction, k kind, by func(account string, n int64) Change) (Done, error) {
	c := participants.CommandFrom(ctx)
	h, ended, err := a.end(ctx, tx, hold{saga: c.SagaID, step: participants.TryFrom(ctx), going: d, state: captured}, c.Step)
	switch {
	case err != nil:
		return Done{}, err
	case !ended:
		return Done{}, tooLate(h)
	}
	if err := a.inLane(ctx, h.account); err != nil {
		return Done{}, err
	}
	if err := a.mover.Move(ctx, tx, by(h.account, h.amount)); err != nil {
		return Done{}, fmt.Errorf("confirm hold %s/%s: %w", h.saga, h.step, err)
	}
	return Done{}, post(ctx, tx, entry{saga: c.SagaID, step: c.Step, kind: k, account: h.account, amount: h.amount}, a.now())
}

// end brings a hold into the state that h says, by the step run confirm or by nobody (nil). If it
// has ended before, it is returned as it is.
func (a actions) end(ctx context.Context, tx participants.Tx, h hold, confirm any) (_ hold, ended bool, err error) {
	err = tx.QueryRowContext(ctx, endHold, string(h.state), confirm, a.now().UnixMicro(), h.saga, h.step, string(h.going)).
		Scan(&h.account, &h.amount)
	if err == nil {
		return h, true, nil
	}
	if errors.Is(err, sql.ErrNoRows) {
		err = tx.QueryRowContext(ctx, readHold, h.saga, h.step, string(h.going)).Scan(&h.account, &h.amount, &h.state)
	}
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return h, false, participants.Reject(CodeNoSuchHold, "%s placed no hold of this kind", h.step)
	case err != nil:
		return h, false, fmt.Errorf("end hold %s/%s: %w", h.saga, h.step, err)
	}
	return h, false, nil
}

// tooLate says how a hold has ended before.
func tooLate(h hold) error {
	code := map[holdState]string{captured: CodeAlreadyCaptured, released: CodeAlreadyReleased, expired: CodeExpired}[h.state]
	return participants.Reject(code, "the hold of %d on account %s was %s before", h.amount, h.account, h.state)
}

// giveBack ends a promise, and with it what it took of a limit. Incoming money was never on the
// account.
func (m *Mover) giveBack(ctx context.Context, tx Querier, h hold) error {
	if h.going == incoming {
		return nil
	}
	err := m.Move(ctx, tx, holds(outgoing, h.account, -h.amount))
	if err == nil {
		err = unspend(ctx, tx, h.saga, h.step)
	}
	if err != nil {
		return fmt.Errorf("give back hold %s/%s: %w", h.saga, h.step, err)
	}
	return nil
}

// ceilMicro rounds up: a hold must not end before its time.
func ceilMicro(t time.Time) int64 { return t.Add(time.Microsecond - 1).UnixMicro() }
