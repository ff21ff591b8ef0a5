package postgres

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"

	"github.com/girohq/giro/outbox"
)

// ErrControl: a handler tried to end its transaction or to change its settings. Nothing was done.
var ErrControl = errors.New("outbox/postgres: a handler may not run this statement")

// transaction implements [outbox.Tx]. Commits and conflicts are the business of [DB.Write].
type transaction struct {
	db     *DB
	w      *writer
	link   *link // of w as it was at the beginning
	number int64
	broken bool // a savepoint could not be undone
	over   bool
}

// Number is the transaction's own: it grows from one commit of a connection to the next, and no two have
// the same.
func (t *transaction) Number() int64 { return t.number }

// NextSeq implements [outbox.Tx].
func (t *transaction) NextSeq() int64 { return t.db.boot<<40 | t.db.puts.Add(1) }

// Lost implements [outbox.Tx]: a conflict ends the transaction as well, because it can only be run again
// as a whole.
func (t *transaction) Lost() bool {
	return t.broken || t.link.conflict != nil || t.link.Conn.Conn().IsClosed() || t.status() == 'I'
}

// status is 'T' in a transaction, 'E' in one that has failed, 'I' in none.
func (t *transaction) status() byte { return t.link.Conn.Conn().PgConn().TxStatus() }

// usable refuses statements after a loss, and those that would cause one.
func (t *transaction) usable(query string) error {
	switch {
	case t.over:
		return outbox.ErrTxOver
	case t.Lost():
		return outbox.ErrTxLost
	case t.link.text(query).control:
		return fmt.Errorf("%w: %s", ErrControl, query)
	}
	return nil
}

// ExecContext implements [outbox.Tx].
func (t *transaction) ExecContext(_ context.Context, query string, args ...any) (sql.Result, error) {
	if err := t.usable(query); err != nil {
		return nil, err
	}
	return t.link.exec(query, args)
}

// QueryContext implements [outbox.Tx].
func (t *transaction) QueryContext(_ context.Context, query string, args ...any) (*sql.Rows, error) {
	if err := t.usable(query); err != nil {
		return nil, err
	}
	return t.w.conn.QueryContext(context.Background(), query, args...)
}

// QueryRowContext implements [outbox.Tx].
func (t *transaction) QueryRowContext(_ context.Context, query string, args ...any) *sql.Row {
	if err := t.usable(query); err != nil {
		return refusedRow(err)
	}
	return t.w.conn.QueryRowContext(context.Background(), query, args...)
}

// GetContext implements [outbox.Tx].
func (t *transaction) GetContext(_ context.Context, dest any, query string, args ...any) error {
	if err := t.usable(query); err != nil {
		return err
	}
	return t.w.conn.GetContext(context.Background(), dest, query, args...)
}

// SelectContext implements [outbox.Tx].
func (t *transaction) SelectContext(_ context.Context, dest any, query string, args ...any) error {
	if err := t.usable(query); err != nil {
		return err
	}
	return t.w.conn.SelectContext(context.Background(), dest, query, args...)
}

// Savepoint implements [outbox.Tx].
func (t *transaction) Savepoint(fn func() error) error {
	if err := t.usable(""); err != nil {
		return err
	}
	if err := t.run("SAVEPOINT handler"); err != nil {
		return fmt.Errorf("outbox/postgres: savepoint: %w", err)
	}
	returned := false
	defer func() {
		if !returned {
			t.undoSavepoint()
		}
	}()
	err := fn()
	returned = true
	if err == nil && t.status() == 'E' {
		err = errAborted
	}
	switch {
	case t.Lost():
	case err != nil:
		t.undoSavepoint()
	default:
		err = t.run("RELEASE SAVEPOINT handler")
		t.broken = err != nil
	}
	if t.Lost() {
		return lostError(err)
	}
	return err
}

func (t *transaction) undoSavepoint() {
	if !t.Lost() && t.run("ROLLBACK TO SAVEPOINT handler; RELEASE SAVEPOINT handler") != nil {
		t.broken = true
	}
}

func (t *transaction) run(sql string) error {
	_, err := t.w.run(context.Background(), sql)
	t.link.note(err)
	return err
}

// lostError is [outbox.ErrTxLost] with what the handler saw of it, if anything.
func lostError(cause error) error {
	switch {
	case cause == nil:
		return outbox.ErrTxLost
	case errors.Is(cause, outbox.ErrTxLost):
		return cause
	}
	return fmt.Errorf("%w: %w", outbox.ErrTxLost, cause)
}

// refusal is a connector that refuses: the only way to a [sql.Row] that carries an error.
type refusal struct{ err error }

func (r refusal) Connect(context.Context) (driver.Conn, error) { return nil, r.err }
func (r refusal) Driver() driver.Driver                        { return nil }

func refusedRow(err error) *sql.Row {
	db := sql.OpenDB(refusal{err})
	defer db.Close()
	return db.QueryRowContext(context.Background(), "")
}
