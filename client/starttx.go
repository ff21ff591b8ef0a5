package client

import (
	"context"
	"database/sql"
	_ "embed" // for the schema
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/outbox"
	"github.com/girohq/giro/saga"
)

// Tx is a transaction of the caller's SQLite database: a [*sql.Tx], one of sqlx, or an [outbox.Tx].
type Tx interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

//go:embed starts.sql
var schema string

// Migrate makes the table that [StartTx] writes, giro_starts, in a transaction of the caller's: it fits
// into whatever migrates the rest of the database. Where the table exists nothing happens.
func Migrate(ctx context.Context, tx Tx) error {
	if _, err := tx.ExecContext(context.WithoutCancel(ctx), schema); err != nil {
		return fmt.Errorf("client: migrate: %w", err)
	}
	return nil
}

// WithLane is for StartTx; the other doors ignore it. Starts of one lane, say of one customer, are
// accepted in the order in which their transactions committed: each is sent when the one before it was
// accepted, discarded or parked. A lane is any text; there may be as many as starts. Without one, no
// order is promised.
func WithLane(lane string) StartOption { return func(s *start) { s.lane = lane } }

// StartTx starts a saga in the caller's transaction and returns its id: the saga starts if and only if
// the transaction commits. A [Starter] on the same database sends it until an orchestrator has accepted
// it. An empty id makes a UUIDv7; input is as for [Client.Start].
//
// The same start again changes nothing; one that was refused and parked is replaced and sent again. After
// a *Problem nothing was written, and the transaction may go on without the saga; [CodeConflict] says
// that another start waits under this id. [ErrNotDurable]: see there. After any other error roll back.
//
// The transaction writes, so it should begin as one that does (BEGIN IMMEDIATE; _txlock=immediate in
// the DSN of mattn/go-sqlite3): SQLite refuses to make a writer of one that has read what is outdated.
func StartTx(ctx context.Context, tx Tx, sagaType, id string, input any, opts ...StartOption) (string, error) {
	s, err := newStart(sagaType, id, input, opts)
	if err != nil {
		return id, err
	}
	if err := ctx.Err(); err != nil {
		return s.id, err
	}
	ctx = context.WithoutCancel(ctx) // SQLite would interrupt the statement, and may roll back everything
	if err := checkDurable(ctx, tx); err != nil {
		return s.id, fmt.Errorf("start saga %s: %w", s.id, err)
	}
	if err := s.store(ctx, tx); err != nil {
		return s.id, fmt.Errorf("start saga %s: %w", s.id, err)
	}
	return s.id, nil
}

// fullSync is what PRAGMA synchronous says when every commit is on the disk before it returns.
const fullSync = 2

// checkDurable asks the very connection that will commit: a start that is sent and whose transaction a
// power cut then takes back would be a saga without the caller's data.
func checkDurable(ctx context.Context, tx Tx) error {
	if _, ours := tx.(outbox.Tx); ours { // outbox.Open has looked
		return nil
	}
	var level int
	if err := tx.QueryRowContext(ctx, `PRAGMA synchronous`).Scan(&level); err != nil {
		return fmt.Errorf("read synchronous: %w", err)
	}
	if level < fullSync {
		return fmt.Errorf("%w: synchronous is %d, must be FULL (%d)", ErrNotDurable, level, fullSync)
	}
	return nil
}

const insertStart = `INSERT INTO giro_starts (id, type, header, input, lane, created) VALUES (?, ?, ?, ?, ?, ?)
	ON CONFLICT (id) DO NOTHING`

// store writes the row, in place of one that is parked.
func (s *start) store(ctx context.Context, tx Tx) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM giro_starts WHERE id = ? AND refused IS NOT NULL`, s.id); err != nil {
		return err
	}
	header, err := json.Marshal(s.header)
	if err != nil {
		return err
	}
	res, err := tx.ExecContext(ctx, insertStart, s.id, s.sagaType, string(header), s.input, s.lane, time.Now().UTC().Format(time.RFC3339Nano))
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 1 {
		return err
	}
	return s.sameAsStored(ctx, tx)
}

// sameAsStored is nil when the start that waits under this id is the same one, by the rule of all doors.
func (s *start) sameAsStored(ctx context.Context, tx Tx) error {
	var sagaType string
	var input []byte
	if err := tx.QueryRowContext(ctx, `SELECT type, input FROM giro_starts WHERE id = ?`, s.id).Scan(&sagaType, &input); err != nil {
		return err
	}
	theirs, err := saga.Canonical(input)
	ours, oursErr := saga.Canonical(s.input)
	if err := errors.Join(err, oursErr); err != nil {
		return err
	}
	if sagaType != s.sagaType || string(theirs) != string(ours) {
		return wire.OtherInput(s.id)
	}
	return nil
}
