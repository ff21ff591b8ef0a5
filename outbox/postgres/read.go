package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/jmoiron/sqlx"
)

// OpenReadOnly opens the schema that a DSN's search_path names for somebody who does not own it: beside its
// owner or without one. It takes no lock, writes nothing, and wants no more than USAGE of the schema and
// SELECT of its tables. Arguments are written as Postgres has them.
func OpenReadOnly(ctx context.Context, dsn string) (*sqlx.DB, error) {
	cfg, err := parse(dsn)
	if err != nil {
		return nil, err
	}
	schema := strings.Trim(cfg.RuntimeParams["search_path"], `"`)
	if schema != "" {
		cfg.RuntimeParams["search_path"] = pgx.Identifier{schema}.Sanitize()
	}
	cfg.RuntimeParams["default_transaction_read_only"] = "on"
	db := sqlx.NewDb(stdlib.OpenDB(*cfg), "pgx")
	var usable bool
	err = db.GetContext(ctx, &usable, `SELECT current_schema() IS NOT NULL`)
	if err == nil && !usable {
		err = fmt.Errorf("%w: there is no schema %q, or it has no USAGE of it", ErrPermission, schema)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("outbox/postgres: open %s at %s:%d read-only: %w", cfg.Database, cfg.Host, cfg.Port, reason(err)), db.Close())
	}
	return db, nil
}
