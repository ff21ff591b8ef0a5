package participants

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/girohq/giro/outbox"
	"github.com/girohq/giro/outbox/postgres"
)

// The barrier's tables, by dialect.
var (
	//go:embed inbox.sql
	inboxSQLite string
	//go:embed inbox_postgres.sql
	inboxPostgres string
)

// Open opens or creates a participant's database: the barrier's tables beside the owner's own,
// whose migrations are numbered files as in [outbox.Config]; nil: none.
func Open(ctx context.Context, path string, owner fs.FS) (*outbox.DB, error) {
	db, err := outbox.Open(ctx, outbox.Config{Path: path, Migrations: owner})
	if err != nil {
		return nil, err
	}
	if err := addInbox(ctx, db, inboxSQLite); err != nil {
		return nil, fmt.Errorf("participants: open %s: %w", path, err)
	}
	return db, nil
}

// OpenPostgres takes a schema of a Postgres database for a participant: the barrier's tables beside the
// owner's own, whose migrations are in cfg.
func OpenPostgres(ctx context.Context, cfg postgres.Config) (*postgres.DB, error) {
	db, err := postgres.Open(ctx, cfg)
	if err != nil {
		return nil, err
	}
	if err := addInbox(ctx, db, inboxPostgres); err != nil {
		return nil, fmt.Errorf("participants: open %s: %w", db.Name(), err)
	}
	return db, nil
}

// addInbox makes the barrier's tables, or closes the database.
func addInbox(ctx context.Context, db Database, tables string) error {
	err := db.Write(ctx, func(tx Tx) error {
		_, err := tx.ExecContext(ctx, tables)
		return err
	})
	if err != nil {
		err = errors.Join(err, db.Close())
	}
	return err
}
