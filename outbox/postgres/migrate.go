package postgres

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"time"

	"github.com/girohq/giro/outbox/internal/schema"
	"github.com/jackc/pgx/v5"
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
)`

// migrate applies what is missing: the package's own files, then the owner's. The connection has the
// schema's lock, so nobody else is at it.
func migrate(ctx context.Context, conn *pgx.Conn, owner fs.FS) error {
	if _, err := conn.Exec(ctx, createMigrations); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	own, err := fs.Sub(embedded, "migrations")
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	for _, set := range []struct {
		owner string
		files fs.FS
	}{{"outbox", own}, {"owner", owner}} {
		if err := migrateSet(ctx, conn, set.owner, set.files); err != nil {
			return fmt.Errorf("migrate: %w", err)
		}
	}
	return nil
}

func migrateSet(ctx context.Context, conn *pgx.Conn, owner string, files fs.FS) error {
	known, err := schema.Read(files)
	if err != nil {
		return err
	}
	rows, err := conn.Query(ctx, `SELECT name FROM migrations WHERE owner = $1 ORDER BY number`, owner)
	if err != nil {
		return err
	}
	applied, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	missing, err := schema.Missing(applied, known)
	if err != nil {
		return err
	}
	for _, m := range missing {
		if err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error { return apply(ctx, tx, owner, m) }); err != nil {
			return fmt.Errorf("%s: %w", m.Name, err)
		}
	}
	return nil
}

// apply runs a file with the row that says so. A file has several statements, which the protocol of
// prepared ones does not take.
func apply(ctx context.Context, tx pgx.Tx, owner string, m schema.Migration) error {
	if _, err := tx.Conn().PgConn().Exec(ctx, m.SQL).ReadAll(); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `INSERT INTO migrations (owner, number, name, applied) VALUES ($1, $2, $3, $4)`,
		owner, m.Number, m.Name, time.Now().UTC().Format(time.RFC3339))
	return err
}

// takeOver waits for what an owner that was cut off has left open: it ends with its connection, or
// because it is idle.
const takeOver = `SET LOCAL lock_timeout = '60s'`

// countBoot makes the store's id at its first opening, counts this one, and gives the writers' rows to
// it: from its commit on, no transaction of an earlier boot can begin, and none is open.
func (db *DB) countBoot(ctx context.Context, conn *pgx.Conn) error {
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		batch := &pgx.Batch{}
		batch.Queue(takeOver)
		batch.Queue(`INSERT INTO meta (key, value) VALUES ('store_id', $1), ('boot', '0') ON CONFLICT (key) DO NOTHING`, schema.NewStoreID())
		batch.Queue(`UPDATE meta SET value = CAST(value AS BIGINT) + 1 WHERE key = 'boot' RETURNING CAST(value AS BIGINT)`).
			QueryRow(func(row pgx.Row) error { return row.Scan(&db.boot) })
		batch.Queue(`SELECT value FROM meta WHERE key = 'store_id'`).QueryRow(func(row pgx.Row) error { return row.Scan(&db.storeID) })
		batch.Queue(`INSERT INTO writers (writer, boot, number) SELECT n, 0, 0 FROM generate_series(1, $1::integer) n
			ON CONFLICT (writer) DO NOTHING`, db.cfg.Writers)
		batch.Queue(`UPDATE writers SET boot = (SELECT CAST(value AS BIGINT) FROM meta WHERE key = 'boot')`)
		batch.Queue(`SELECT coalesce(max(number), 0), coalesce(min(number), 0) FROM writers`).
			QueryRow(func(row pgx.Row) error { return row.Scan(&db.last, &db.complete) })
		if err := tx.SendBatch(ctx, batch).Close(); err != nil {
			return fmt.Errorf("count the boot: %w", err)
		}
		return nil
	})
}
