package outbox

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
)

// Tx is a transaction as a handler sees it: it reads and writes and cannot end it. Statements
// that would (COMMIT, ROLLBACK, SAVEPOINT) are refused, and so are ATTACH, DETACH and PRAGMA on
// SQLite, SET and RESET on Postgres. One goroutine uses it, and only until the function it was given
// to returns.
//
// A cancelled context does not stop a statement: that may roll back the whole batch. Statements are
// prepared once and kept. Arguments stand as "?" or "?1" on every database.
//
// After a statement that failed Postgres takes no other until its savepoint ends. A handler that
// must run on both returns such an error; ON CONFLICT avoids the common ones.
type Tx interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	// QueryContext returns rows that are closed with the transaction or its savepoint at the latest.
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	// QueryRowContext returns a row that must be scanned: until then its statement stays open.
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	// GetContext scans one row into dest as sqlx does; no row is [sql.ErrNoRows].
	GetContext(ctx context.Context, dest any, query string, args ...any) error
	// SelectContext scans all rows into the slice dest as sqlx does.
	SelectContext(ctx context.Context, dest any, query string, args ...any) error
	// Savepoint runs fn; what it writes stands only if it returns nil. Its error is returned. If
	// fn panics, its writes are undone and the panic goes on. [ErrTxLost]: the savepoint was gone
	// afterwards, and with it the transaction.
	Savepoint(fn func() error) error

	// NextSeq numbers the rows of the outbox in the order they are put. Only [Put] calls it.
	NextSeq() int64
	// Lost says that the transaction was ended under its function: nothing of it stands or ever will.
	Lost() bool
}

// transaction implements [Tx] on the writing connection.
type transaction struct {
	db     *DB
	c      *connection
	rows   []*sql.Rows
	broken bool // a savepoint could not be undone
	over   bool
}

func (t *transaction) ExecContext(_ context.Context, query string, args ...any) (sql.Result, error) {
	if err := t.usable(); err != nil {
		return nil, err
	}
	values, err := bind(t.c.args[:0], args)
	if err != nil {
		return nil, err
	}
	t.c.args = values
	res, err := t.c.raw.ExecContext(context.Background(), query, values)
	clear(values)
	if err != nil {
		return nil, err
	}
	return res, nil
}

func (t *transaction) QueryContext(_ context.Context, query string, args ...any) (*sql.Rows, error) {
	if err := t.usable(); err != nil {
		return nil, err
	}
	rows, err := t.c.conn.QueryContext(context.Background(), query, args...)
	if err != nil {
		return nil, err
	}
	t.rows = append(t.rows, rows)
	return rows, nil
}

func (t *transaction) QueryRowContext(_ context.Context, query string, args ...any) *sql.Row {
	if err := t.usable(); err != nil {
		return refusedRow(err)
	}
	return t.c.conn.QueryRowContext(context.Background(), query, args...)
}

func (t *transaction) GetContext(_ context.Context, dest any, query string, args ...any) error {
	if err := t.usable(); err != nil {
		return err
	}
	return t.c.conn.GetContext(context.Background(), dest, query, args...)
}

func (t *transaction) SelectContext(_ context.Context, dest any, query string, args ...any) error {
	if err := t.usable(); err != nil {
		return err
	}
	return t.c.conn.SelectContext(context.Background(), dest, query, args...)
}

func (t *transaction) Savepoint(fn func() error) error {
	if err := t.usable(); err != nil {
		return err
	}
	if err := t.c.run(t.c.savepoint); err != nil {
		return fmt.Errorf("outbox: savepoint: %w", err)
	}
	mark, returned := len(t.rows), false
	defer func() {
		if !returned {
			t.closeRows(mark)
			t.undoSavepoint()
		}
	}()
	err := fn()
	returned = true
	t.closeRows(mark)
	switch {
	case t.lost():
	case err != nil:
		t.undoSavepoint()
	default:
		err = t.c.run(t.c.release)
		t.broken = err != nil
	}
	if t.lost() {
		return lostError(err)
	}
	return err
}

func (t *transaction) undoSavepoint() {
	if t.lost() {
		return
	}
	if errors.Join(t.c.run(t.c.rollbackPoint), t.c.run(t.c.release)) != nil {
		t.broken = true
	}
}

// NextSeq puts the boot above the counter, so that an older process's rows come first.
func (t *transaction) NextSeq() int64 {
	t.db.puts++
	return t.db.boot<<40 | t.db.puts
}

// usable refuses statements after a loss: in autocommit each would commit by itself.
func (t *transaction) usable() error {
	switch {
	case t.over:
		return ErrTxOver
	case t.lost():
		return ErrTxLost
	}
	return nil
}

// Lost implements [Tx].
func (t *transaction) Lost() bool { return t.lost() }

func (t *transaction) lost() bool { return t.broken || !t.c.inTx() }

func (t *transaction) end() {
	t.over = true
	t.closeRows(0)
	t.c.guarded.Store(false)
}

// closeRows closes what a handler left open: an unfinished write would fail the commit, an
// unfinished read would keep the log from being overwritten.
func (t *transaction) closeRows(from int) {
	for _, r := range t.rows[from:] {
		_ = r.Close()
	}
	t.rows = t.rows[:from]
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
