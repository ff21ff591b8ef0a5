package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/girohq/giro/outbox"
)

const (
	// beginFor bounds the wait for a server that does not answer, before the caller is told.
	beginFor = 5 * time.Second
	// resolveFor bounds the wait for a server that takes the answer to a commit with it.
	resolveFor = 2 * time.Minute
)

// Write implements [outbox.Database]. It is the only place where a transaction is run again after a
// conflict: a serialization failure, a deadlock, or a lock that was not to be had in time.
func (db *DB) Write(ctx context.Context, fn func(outbox.Tx) error) error {
	w, err := db.take(ctx)
	if err != nil {
		return err
	}
	defer func() { db.writers <- w }()
	for tries := 0; ; tries++ {
		conflict, err := db.attempt(w, fn)
		if conflict == nil {
			return err
		}
		db.conflicts.count(conflict)
		if tries+1 == maxTries || !pause(db.life, tries) {
			db.conflicts.givenUp.Add(1)
			return fmt.Errorf("%w: %w", outbox.ErrContended, conflict)
		}
		db.conflicts.retries.Add(1)
	}
}

// take waits for a writer that is free.
func (db *DB) take(ctx context.Context) (*writer, error) {
	if err := db.Unusable(); err != nil {
		return nil, err
	}
	select {
	case w := <-db.writers:
		return w, nil
	case <-db.life.Done():
		return nil, outbox.ErrClosed
	case <-ctx.Done():
		return nil, fmt.Errorf("outbox/postgres: wait for a writing connection: %w", ctx.Err())
	}
}

// attempt runs fn in one transaction. A conflict means that it was rolled back and may be run again.
func (db *DB) attempt(w *writer, fn func(outbox.Tx) error) (conflict, err error) {
	number, err := db.begin(w)
	if err != nil {
		return nil, err
	}
	t := &transaction{db: db, w: w, link: w.link, number: number}
	returned := false
	defer func() {
		if t.over = true; !returned { // fn panicked: nothing of it may stand, and the panic goes on
			w.rollback()
		}
	}()
	err = fn(t)
	returned = true
	switch conflict := t.link.conflict; {
	case conflict != nil:
		w.rollback()
		return conflict, err
	case t.Lost():
		w.drop()
		return nil, lostError(err)
	case err != nil:
		w.rollback()
		return nil, err
	}
	return db.commit(t)
}

// begin opens a transaction, on a new connection where the old one has died.
func (db *DB) begin(w *writer) (number int64, err error) {
	ctx, cancel := context.WithTimeout(db.life, beginFor)
	defer cancel()
	for tries := 0; ; tries++ {
		if err := db.Unusable(); err != nil {
			return 0, err
		}
		if err = w.ready(ctx); err == nil {
			if number, err = w.begin(db.life, db.boot); err == nil {
				break
			}
		}
		if errors.Is(err, outbox.ErrPragma) || !pause(ctx, tries) {
			return 0, fmt.Errorf("%w: %w", outbox.ErrNotBegun, err)
		}
	}
	if number == 0 {
		return 0, db.fail(errSucceeded)
	}
	return number, nil
}

func (db *DB) commit(t *transaction) (conflict, err error) {
	err = t.w.commit()
	if errors.Is(err, errUnknown) {
		err = db.resolve(t.w, t.number, err)
	}
	switch {
	case err == nil:
		db.commits.Add(1)
	case isConflict(err):
		conflict = err
	}
	return conflict, err
}

// resolve finds out what became of a commit whose answer was lost. The writer's row tells: it is locked as
// long as the server is still at it, and holds the number afterwards if, and only if, it was committed.
func (db *DB) resolve(w *writer, number int64, cause error) error {
	ctx, cancel := context.WithTimeout(db.life, resolveFor)
	defer cancel()
	for tries := 0; ; tries++ {
		boot, last, err := w.last(ctx)
		switch {
		case err != nil && !pause(ctx, tries):
			return db.fail(fmt.Errorf("%w (%w)", cause, err))
		case err != nil:
		case last == number:
			return nil
		case boot != db.boot: // the successor may have written over it
			return db.fail(fmt.Errorf("%w: %w", errSucceeded, cause))
		default:
			return lostError(cause)
		}
	}
}

// last reads the writer's row once no transaction is at it.
func (w *writer) last(ctx context.Context) (boot, number int64, err error) {
	if err := w.ready(ctx); err != nil {
		return 0, 0, err
	}
	err = w.raw().QueryRow(ctx, "SELECT boot, number FROM writers WHERE writer = $1 FOR UPDATE", w.n).Scan(&boot, &number)
	return boot, number, err
}
