package outbox

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"time"

	"github.com/girohq/giro/outbox/internal/schema"
)

//go:embed migrations/*.sql
var embedded embed.FS

// createMigrations stands outside the numbered files, because it holds which of them were applied.
const createMigrations = `CREATE TABLE IF NOT EXISTS migrations (
	owner   TEXT NOT NULL,    -- whose files: 'outbox' or 'owner'
	number  INTEGER NOT NULL, -- 1, 2, ...
	name    TEXT NOT NULL,    -- the file's name
	applied TEXT NOT NULL,    -- when, RFC 3339 UTC
	PRIMARY KEY (owner, number)
) STRICT, WITHOUT ROWID`

// migrate applies what is missing: the package's own files, then the owner's.
func (db *DB) migrate(ctx context.Context, owner fs.FS) error {
	own, err := fs.Sub(embedded, "migrations")
	if err != nil {
		return fmt.Errorf("outbox: migrate: %w", err)
	}
	for _, set := range []struct {
		owner string
		files fs.FS
	}{{"outbox", own}, {"owner", owner}} {
		if err := db.migrateSet(ctx, set.owner, set.files); err != nil {
			return fmt.Errorf("outbox: migrate %s: %w", db.path, err)
		}
	}
	return nil
}

// migrateSet applies each missing file in a transaction of its own, with the row that says so:
// a crash or a failing file leaves the database at the file before it.
func (db *DB) migrateSet(ctx context.Context, owner string, files fs.FS) error {
	known, err := schema.Read(files)
	if err != nil {
		return err
	}
	var applied []string
	if err := db.Write(ctx, func(tx Tx) error {
		if _, err := tx.ExecContext(ctx, createMigrations); err != nil {
			return err
		}
		return tx.SelectContext(ctx, &applied, `SELECT name FROM migrations WHERE owner = ? ORDER BY number`, owner)
	}); err != nil {
		return err
	}
	missing, err := schema.Missing(applied, known)
	if err != nil {
		return err
	}
	for _, m := range missing {
		if err := db.Write(ctx, apply(ctx, owner, m)); err != nil {
			return fmt.Errorf("%s: %w", m.Name, err)
		}
	}
	return nil
}

func apply(ctx context.Context, owner string, m schema.Migration) func(Tx) error {
	return func(tx Tx) error {
		if _, err := tx.ExecContext(ctx, m.SQL); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO migrations (owner, number, name, applied) VALUES (?, ?, ?, ?)`,
			owner, m.Number, m.Name, time.Now().UTC().Format(time.RFC3339))
		return err
	}
}

// countBoot makes the store's id at its first opening and counts this one.
func (db *DB) countBoot(tx Tx) error {
	ctx := context.Background()
	if _, err := tx.ExecContext(ctx, `INSERT INTO meta (key, value) VALUES ('store_id', ?), ('boot', '0')
		ON CONFLICT (key) DO NOTHING`, schema.NewStoreID()); err != nil {
		return err
	}
	if err := tx.GetContext(ctx, &db.storeID, `SELECT value FROM meta WHERE key = 'store_id'`); err != nil {
		return err
	}
	return tx.GetContext(ctx, &db.boot, `UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE key = 'boot'
		RETURNING CAST(value AS INTEGER)`)
}
