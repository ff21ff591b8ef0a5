package outbox

import (
	"context"

	"github.com/jmoiron/sqlx"
)

// Dialect is the SQL that a database understands.
type Dialect string

// The dialects. Both take "?" and "?1" for arguments.
const (
	SQLite   Dialect = "sqlite"
	Postgres Dialect = "postgres"
)

// Database is what a [Loop], a [Relay] and a participant need of the database they own: [DB] on
// SQLite, or a DB of package outbox/postgres.
type Database interface {
	// StoreID names the database for life: 16 characters of [0-9a-z].
	StoreID() string
	// Boot counts how often the database was opened, this time included: 1, 2, ...
	Boot() int64
	// Dialect says which SQL its transactions and readers understand.
	Dialect() Dialect
	// Writers is how many transactions can be open at once.
	Writers() int
	// Commits is how many transactions this process has committed.
	Commits() int64
	// Read is a pool of connections that can only read what is committed.
	Read() *sqlx.DB
	// Write runs fn in one transaction and commits if fn returns nil. The context bounds only the
	// wait for a writing connection. fn may be called again after its transaction was rolled back
	// because of a conflict with another; it must not call Write. An error means that nothing of fn
	// stands, except [ErrUnusable]: outcome unknown. [ErrNotBegun]: fn was not called.
	Write(ctx context.Context, fn func(Tx) error) error
	// Close waits for the transactions that are running and gives the database up.
	Close() error
}

var _ Database = (*DB)(nil)
