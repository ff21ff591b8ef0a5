package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/girohq/giro/participants"
	"github.com/girohq/giro/saga"
)

const (
	sweepRows  = 256  // released in one transaction: commands wait for its end
	maxOverdue = 1000 // listed
)

// Hold is a promise that is open: neither confirmed nor undone nor released.
type Hold struct {
	Saga    string
	Step    string // the step run of its try
	Account string
	Amount  int64     // minor units
	Expires time.Time // when it was or will be overdue
}

// Sweep releases the overdue holds that may be released, a few hundred in a transaction, and
// returns those that may not: a person must see to it that their sagas end. Of these it returns
// the thousand that have waited longest. Only an open hold is released, so it does not matter
// whether a confirm is on its way: one of the two is first, and the other is told so.
//
// [Bank.Run] sweeps by itself; call it if the bank's actions were put on another participant with
// [Register].
func Sweep(ctx context.Context, db participants.Database, now time.Time) (released int, overdue []Hold, err error) {
	return sweep(ctx, db, &Mover{cfg: MoverConfig{Strategy: Atomic}}, nil, now)
}

func sweep(ctx context.Context, db participants.Database, m *Mover, hold holding, now time.Time) (released int, overdue []Hold, err error) {
	for more := true; more; {
		var n int
		n, more, err = sweepSome(ctx, db, m, hold, now)
		released += n
		if err != nil {
			return released, nil, fmt.Errorf("ledger: release overdue holds: %w", err)
		}
	}
	if overdue, err = overdueHolds(ctx, db, saga.ExpiryAlert, now, maxOverdue); err != nil {
		return released, nil, fmt.Errorf("ledger: look for overdue holds: %w", err)
	}
	return released, overdue, nil
}

// sweepSome looks without a transaction, since mostly there is nothing to release.
func sweepSome(ctx context.Context, db participants.Database, m *Mover, hold holding, now time.Time) (n int, more bool, err error) {
	due, err := overdueHolds(ctx, db, saga.ExpiryRelease, now, sweepRows)
	if err != nil || len(due) == 0 {
		return 0, false, err
	}
	more = len(due) == sweepRows
	values := ctx
	if hold != nil {
		var busy map[string]error
		var leave func()
		values, busy, leave = hold(accountsOf(due))
		defer leave()
		due = slices.DeleteFunc(due, func(h Hold) bool { return busy[h.Account] != nil })
		more = more && len(busy) == 0 // those are for the next sweep
	}
	err = db.Write(ctx, func(tx participants.Tx) error {
		if err := m.alone(ctx, tx); err != nil {
			return err
		}
		n, err = m.expireAll(values, tx, due, now)
		return err
	})
	if err != nil {
		return 0, false, err
	}
	return n, more, nil
}

func accountsOf(holds []Hold) []string {
	accounts := make([]string, len(holds))
	for i, h := range holds {
		accounts[i] = h.Account
	}
	return accounts
}

func (m *Mover) expireAll(ctx context.Context, tx participants.Tx, due []Hold, now time.Time) (n int, err error) {
	for _, h := range due {
		done, err := m.expire(ctx, tx, h, now)
		if err != nil {
			return 0, err
		}
		if done {
			n++
		}
	}
	return n, nil
}

const (
	listOverdue = `SELECT saga, step, account, amount, expires FROM holds
		WHERE state = 'held' AND expiry = ? AND expires <= ? ORDER BY expires LIMIT ?`
	expireHold = `UPDATE holds SET state = 'expired', settled = ? WHERE saga = ? AND step = ? AND state = 'held' AND expiry = 'release'
		RETURNING direction, account, amount`
)

func overdueHolds(ctx context.Context, db participants.Database, e saga.Expiry, now time.Time, limit int) (holds []Hold, err error) {
	rows, err := db.Read().QueryContext(ctx, listOverdue, string(e), now.UnixMicro(), limit)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var h Hold
		var expires int64
		if err := rows.Scan(&h.Saga, &h.Step, &h.Account, &h.Amount, &expires); err != nil {
			return nil, err
		}
		h.Expires = time.UnixMicro(expires).UTC()
		holds = append(holds, h)
	}
	return holds, rows.Err()
}

// expire releases a hold, unless it has ended since it was looked for.
func (m *Mover) expire(ctx context.Context, tx participants.Tx, due Hold, now time.Time) (done bool, err error) {
	h := hold{saga: due.Saga, step: due.Step}
	err = tx.QueryRowContext(ctx, expireHold, now.UnixMicro(), h.saga, h.step).Scan(&h.going, &h.account, &h.amount)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, m.giveBack(ctx, tx, h)
}
