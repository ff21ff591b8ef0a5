package outbox

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// Space is what a database takes, in pages.
type Space struct {
	Pages   int64 // of the file
	Free    int64 // of those: not in use, and used before the file grows
	Page    int64 // bytes
	Shrinks bool  // the file can become shorter
}

// Space reads how much is in use.
func (db *DB) Space(ctx context.Context) (s Space, err error) {
	var mode int
	for _, p := range []struct {
		name string
		into any
	}{{"page_count", &s.Pages}, {"freelist_count", &s.Free}, {"page_size", &s.Page}, {"auto_vacuum", &mode}} {
		if err := db.reader.GetContext(ctx, p.into, "PRAGMA "+p.name); err != nil {
			return Space{}, fmt.Errorf("outbox: read %s: %w", p.name, err)
		}
	}
	const incremental = 2
	s.Shrinks = mode == incremental
	return s, nil
}

// Shrink takes up to that many free pages from the end of a file that was made with Shrinks, in one transaction. The file
// itself becomes shorter when the log is next copied into it: see [DB.Checkpoint].
func (db *DB) Shrink(ctx context.Context, pages int) error {
	return db.transact(ctx, func(t *transaction) error {
		was := t.c.guarded.Swap(false) // a pragma of the engine's own
		defer t.c.guarded.Store(was)
		rows, err := t.c.conn.QueryContext(context.Background(), fmt.Sprintf("PRAGMA incremental_vacuum(%d)", pages))
		if err != nil {
			return fmt.Errorf("outbox: shrink: %w", err)
		}
		if err := drain(rows); err != nil {
			return fmt.Errorf("outbox: shrink: %w", err)
		}
		return nil
	})
}

// Checkpoint copies the log into the file now, as far as readers allow it. SQLite does so by itself when the log has
// grown; what is committed is safe before that.
func (db *DB) Checkpoint(ctx context.Context) error {
	select {
	case db.turn <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("outbox: wait for the writing connection: %w", ctx.Err())
	}
	defer func() { <-db.turn }()
	if db.unusable != nil {
		return db.unusable
	}
	var busy, pages, copied int
	row := db.writer.conn.QueryRowContext(context.Background(), "PRAGMA wal_checkpoint(PASSIVE)")
	if err := row.Scan(&busy, &pages, &copied); err != nil {
		return fmt.Errorf("outbox: checkpoint: %w", err)
	}
	return nil
}

// drain steps to the end: the pragma frees one page a step.
func drain(rows *sql.Rows) error {
	for rows.Next() {
	}
	return errors.Join(rows.Err(), rows.Close())
}
