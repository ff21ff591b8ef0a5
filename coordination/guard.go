package coordination

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/girohq/giro/races"
)

// Token is a fencing token: who acquired a lock and as which in the order of its holders.
type Token struct {
	Lock   string // also the name of the guarded resource
	Number uint64 // grows with every holder, not by one
	Holder string // one for each time the lock is taken
}

// Schema makes the table that [Guard] uses. Put it into a migration of the database whose rows the
// lock protects. It is SQL for SQLite and Postgres, and one row for each resource.
const Schema = `CREATE TABLE IF NOT EXISTS coordination_fences (
	resource TEXT PRIMARY KEY,  -- name of the lock
	token    BIGINT NOT NULL,   -- the highest seen
	holder   TEXT NOT NULL      -- whose it is: no token is shared
)`

// Tx is the transaction of the resource: a *sql.Tx, a *sqlx.Tx, an outbox.Tx.
type Tx interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// raise takes a token that is higher than the row's, or is the row's own.
const raise = `INSERT INTO coordination_fences (resource, token, holder) VALUES ($1, $2, $3)
ON CONFLICT (resource) DO UPDATE SET token = excluded.token, holder = excluded.holder
WHERE excluded.token > coordination_fences.token
   OR excluded.token = coordination_fences.token AND excluded.holder = coordination_fences.holder`

// Guard is the function [Guard], and counts the tokens that it refuses.
func (l *Locks) Guard(ctx context.Context, tx Tx, t Token) error {
	err := Guard(ctx, tx, t)
	if errors.Is(err, ErrStale) {
		l.cfg.Races.Add(races.StaleToken)
	}
	return err
}

// Guard lets a transaction go on only if no later holder of the lock was here: it remembers the
// highest token of each resource and refuses a lower one with [ErrStale]; then roll back. Call it
// first in every transaction that writes what the lock protects. It holds whatever the holder's
// clock says and however long it was paused, since check and write commit together.
//
// The same number of another holder is refused too: a broker restored from an old copy may give
// a number twice.
func Guard(ctx context.Context, tx Tx, t Token) error {
	if t.Lock == "" || t.Number == 0 || t.Holder == "" {
		return fmt.Errorf("guard: %w: token %+v was not given by a lock", ErrInvalid, t)
	}
	res, err := tx.ExecContext(ctx, raise, t.Lock, int64(t.Number), t.Holder)
	if err != nil {
		return fmt.Errorf("guard %s: %w", t.Lock, err)
	}
	taken, err := res.RowsAffected()
	if err != nil {
		return fmt.Errorf("guard %s: %w", t.Lock, err)
	}
	if taken > 0 {
		return nil
	}
	var highest int64
	row := tx.QueryRowContext(ctx, `SELECT token FROM coordination_fences WHERE resource = $1`, t.Lock)
	if err := row.Scan(&highest); err != nil {
		return fmt.Errorf("guard %s: %w", t.Lock, err)
	}
	return fmt.Errorf("guard %s: %w: %d, the resource has seen %d", t.Lock, ErrStale, t.Number, highest)
}
