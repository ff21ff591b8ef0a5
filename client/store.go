package client

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/outbox"
	"github.com/nats-io/nats.go"
)

// store is the caller's database as a [Starter] uses it.
type store struct {
	names wire.Names
	read  *sql.DB
	write func(ctx context.Context, fn func(Tx) error) error
}

func newStore(names wire.Names, db *sql.DB, box *outbox.DB) (store, error) {
	switch {
	case (db == nil) == (box == nil):
		return store{}, errors.New("client: starter: one of DB and Outbox is required")
	case box != nil:
		return store{names, box.Read().DB, func(ctx context.Context, fn func(Tx) error) error {
			return box.Write(ctx, func(tx outbox.Tx) error { return fn(tx) })
		}}, nil
	}
	return store{names, db, func(ctx context.Context, fn func(Tx) error) error { return writeSQL(ctx, db, fn) }}, nil
}

// writeSQL runs fn in a transaction, which no context interrupts.
func writeSQL(ctx context.Context, db *sql.DB, fn func(Tx) error) error {
	ctx = context.WithoutCancel(ctx)
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err = checkDurable(ctx, tx); err == nil {
		err = fn(tx)
	}
	if err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

// heads are the oldest starts that may be sent now: of a lane only its first.
const heads = `SELECT seq FROM giro_starts AS s WHERE refused IS NULL
	AND (lane = '' OR NOT EXISTS (SELECT 1 FROM giro_starts AS o WHERE o.lane = s.lane AND o.seq < s.seq AND o.refused IS NULL))
	AND type NOT IN (SELECT value FROM json_each(?)) ORDER BY seq LIMIT ?`

func (s store) heads(ctx context.Context, without forbidden, limit int) (keys []string, err error) {
	types, err := without.types()
	if err != nil {
		return nil, err
	}
	rows, err := s.read.QueryContext(ctx, heads, types, limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var key string
		if err := rows.Scan(&key); err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return keys, rows.Err()
}

// headOf is the oldest start of a type that may be sent, or [outbox.ErrNoRow]. One that waits in a lane
// behind another type is none.
func (s store) headOf(ctx context.Context, sagaType string) (key string, err error) {
	err = s.read.QueryRowContext(ctx, `SELECT seq FROM giro_starts AS s WHERE refused IS NULL AND type = ?
		AND (lane = '' OR NOT EXISTS (SELECT 1 FROM giro_starts AS o WHERE o.lane = s.lane AND o.seq < s.seq AND o.refused IS NULL))
		ORDER BY seq LIMIT 1`, sagaType).Scan(&key)
	if errors.Is(err, sql.ErrNoRows) {
		return "", outbox.ErrNoRow
	}
	return key, err
}

// typeOf is the type of the saga that a row starts.
func (s store) typeOf(m *outbox.Message) string {
	return strings.TrimPrefix(m.Subject, s.names.API("start."))
}

// Read implements [outbox.Table]: the row as the request it is sent as.
func (s store) Read(ctx context.Context, key string) (*outbox.Message, error) {
	var sagaType, text string
	m := &outbox.Message{Key: key, Attempt: 1}
	err := s.read.QueryRowContext(ctx, `SELECT type, header, input FROM giro_starts WHERE seq = ? AND refused IS NULL`, key).
		Scan(&sagaType, &text, &m.Body)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, outbox.ErrNoRow
	}
	if err != nil {
		return nil, err
	}
	m.Subject = s.names.API("start." + sagaType)
	header := nats.Header{}
	if err := json.Unmarshal([]byte(text), &header); err != nil {
		return nil, fmt.Errorf("the header cannot be read: %w", err)
	}
	m.Header = header
	return m, nil
}

// release deletes the rows of what was accepted.
func (s store) release(ctx context.Context, keys []string) error {
	return s.write(ctx, func(tx Tx) error {
		for _, key := range keys {
			if _, err := tx.ExecContext(ctx, `DELETE FROM giro_starts WHERE seq = ?`, key); err != nil {
				return err
			}
		}
		return nil
	})
}

// scanOne scans the row of a statement that has one at most, and lets the statement finish.
func scanOne(rows *sql.Rows, dest ...any) (found bool, err error) {
	if found = rows.Next(); found {
		err = rows.Scan(dest...)
	}
	for rows.Next() { // a RETURNING that is not read to its end has not ended
	}
	return found, errors.Join(err, rows.Err(), rows.Close())
}
