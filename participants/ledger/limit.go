package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/girohq/giro/participants"
	"github.com/girohq/giro/races"
)

// Limit is how much each account of a bank may spend in one window of time: its debits and what is
// reserved of it. It is kept in the bank's own database, in the transaction of the debit, so it is as
// exact as the balance: a step run counts once however often it is sent, and one that is refused or
// undone does not count. What is undone is given back in the window where it was taken.
//
// With another window counting begins anew. The window is told by the bank's clock.
type Limit struct {
	Max    int64          // minor units, 1 to MaxAmount
	Window time.Duration  // whole seconds; windows begin at multiples of it since 1970, UTC
	Day    *time.Location // instead of Window: the calendar day there
}

func (l *Limit) check() error {
	switch {
	case l == nil:
		return nil
	case l.Max < 1 || l.Max > MaxAmount:
		return fmt.Errorf("%w: at most %d minor units", ErrLimit, l.Max)
	case l.Day == nil && (l.Window < time.Second || l.Window%time.Second != 0), l.Day != nil && l.Window != 0:
		return fmt.Errorf("%w: a day, or a window of whole seconds", ErrLimit)
	}
	return nil
}

// window is the one that at is in.
func (l *Limit) window(at time.Time) (starts, ends time.Time) {
	if l.Day != nil {
		y, m, d := at.In(l.Day).Date()
		return time.Date(y, m, d, 0, 0, 0, 0, l.Day), time.Date(y, m, d+1, 0, 0, 0, 0, l.Day)
	}
	seconds := int64(l.Window / time.Second)
	begins := at.Unix() - at.Unix()%seconds
	return time.Unix(begins, 0).UTC(), time.Unix(begins+seconds, 0).UTC()
}

const (
	// addSpending checks the limit where it adds, so that two cannot both take what is left.
	addSpending = `INSERT INTO spending (account, starts, ends, amount) VALUES ($1, $2, $3, $4)
		ON CONFLICT (account, starts, ends) DO UPDATE SET amount = spending.amount + excluded.amount
		WHERE spending.amount + excluded.amount <= $5`
	addSpent     = `INSERT INTO spent (saga, step, account, starts, ends, amount) VALUES ($1, $2, $3, $4, $5, $6)`
	takeSpent    = `DELETE FROM spent WHERE saga = $1 AND step = $2 RETURNING account, starts, ends, amount`
	takeSpending = `UPDATE spending SET amount = amount - $1 WHERE account = $2 AND starts = $3 AND ends = $4`
)

// spend counts what the command takes from its account, or refuses it.
func (a actions) spend(ctx context.Context, tx participants.Tx, o Order) error {
	if a.limit == nil {
		return nil
	}
	c := participants.CommandFrom(ctx)
	starts, ends := a.limit.window(a.now())
	if o.Amount > a.limit.Max {
		return a.exceeded(o, ends)
	}
	fits, err := changed(tx.ExecContext(ctx, addSpending, o.Account, starts.UnixMicro(), ends.UnixMicro(), o.Amount, a.limit.Max))
	switch {
	case err != nil:
		return fmt.Errorf("spending of account %s: %w", o.Account, err)
	case !fits:
		return a.exceeded(o, ends)
	}
	if _, err := tx.ExecContext(ctx, addSpent, c.SagaID, c.Step, o.Account, starts.UnixMicro(), ends.UnixMicro(), o.Amount); err != nil {
		return fmt.Errorf("spending of account %s: %w", o.Account, err)
	}
	return nil
}

func (a actions) exceeded(o Order, ends time.Time) error {
	a.mover.cfg.Races.Add(races.LimitRefused)
	return participants.Reject(CodeLimitExceeded, "account %s may spend %d %s until %s, and %d more would exceed it",
		o.Account, a.limit.Max, o.Currency, ends.Format(time.RFC3339), o.Amount)
}

// unspend gives back what a step run took of a limit, if it took anything.
func unspend(ctx context.Context, tx Querier, saga, step string) error {
	var account string
	var starts, ends, amount int64
	err := tx.QueryRowContext(ctx, takeSpent, saga, step).Scan(&account, &starts, &ends, &amount)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err == nil {
		_, err = tx.ExecContext(ctx, takeSpending, amount, account, starts, ends)
	}
	if err != nil {
		return fmt.Errorf("spending of %s/%s: %w", saga, step, err)
	}
	return nil
}
