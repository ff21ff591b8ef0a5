package outbox

import (
	"context"
	"errors"
	"fmt"

	"github.com/mattn/go-sqlite3"
)

// beginTries bounds the wait for a foreign program that holds SQLite's write lock (nobody else
// may own the file, but a person may look into it with a tool). Each try waits for the busy
// timeout of 5 s.
const beginTries = 12

// transact runs fn in one immediate transaction and commits. It is the only place that begins,
// commits or rolls back on the writing connection.
func (db *DB) transact(ctx context.Context, fn func(*transaction) error) error {
	select {
	case db.turn <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("outbox: wait for the writing connection: %w", ctx.Err())
	}
	defer func() { <-db.turn }()
	if db.unusable != nil {
		return db.unusable
	}
	if err := whileBusy(func() error { return db.writer.run(db.writer.begin) }); err != nil {
		return fmt.Errorf("%w: %w", ErrNotBegun, err)
	}
	t := &transaction{db: db, c: db.writer}
	t.c.guarded.Store(true)
	returned := false
	defer func() {
		if !returned { // fn panicked: nothing of it may stand, and the panic goes on
			t.end()
			_ = db.undo(t, nil)
		}
	}()
	err := fn(t)
	returned = true
	if t.end(); t.lost() || err != nil {
		return db.undo(t, err)
	}
	return db.settle(db.writer.run(db.writer.commit))
}

// settle says what the answer of COMMIT means.
func (db *DB) settle(err error) error {
	if err == nil {
		db.commits.Add(1)
		return nil
	}
	switch code(err) {
	case sqlite3.ErrFull, sqlite3.ErrBusy, sqlite3.ErrConstraint:
		// Nothing was made durable: SQLite had no room for the log, or a deferred constraint
		// does not hold and the transaction is still open.
		return db.abandon(fmt.Errorf("outbox: commit: %w", err))
	}
	// After a failed write or fsync the kernel may report success for pages it has dropped.
	// Trying again could believe what is not on the disk.
	db.unusable = fmt.Errorf("%w: commit: %w", ErrUnusable, err)
	return db.unusable
}

// undo ends a transaction whose function failed, or under which SQLite ended it.
func (db *DB) undo(t *transaction, cause error) error {
	if t.lost() {
		return db.replace(lostError(cause))
	}
	return db.abandon(cause)
}

// abandon rolls back what is open and returns cause.
func (db *DB) abandon(cause error) error {
	if !db.writer.inTx() {
		return cause
	}
	if err := db.writer.run(db.writer.rollback); err != nil {
		return db.replace(errors.Join(cause, fmt.Errorf("outbox: rollback: %w", err)))
	}
	return cause
}

// replace drops the writing connection and opens a new one: what the old one still holds is
// anyone's guess. It returns cause, or that no new one could be had.
func (db *DB) replace(cause error) error {
	if db.writer.inTx() {
		_ = db.writer.run(db.writer.rollback) // a forgotten row may keep the handle, not the lock
	}
	_ = db.writer.close()
	fresh, err := openConnection(context.Background(), db.writerDSN())
	if err != nil {
		db.unusable = fmt.Errorf("%w: %w (after %w)", ErrUnusable, err, cause)
		return db.unusable
	}
	db.writer = fresh
	return cause
}

// whileBusy tries again as long as a foreign program has the lock, within bounds.
func whileBusy(try func() error) (err error) {
	for range beginTries {
		if err = try(); code(err) != sqlite3.ErrBusy {
			return err
		}
	}
	return err
}
