package postgres

import (
	"database/sql"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"strings"

	"github.com/girohq/giro/races"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const (
	defaultWriters = 4
	defaultReaders = 4
	maxConnections = 64
)

// Config says which schema of which database a [DB] owns.
type Config struct {
	// DSN is a URL or a list of settings, as libpq has them. The connections must reach the server
	// itself: behind a pooler that shares a session between transactions the owner's lock holds nothing.
	DSN string
	// Schema holds all tables, and is made if missing. One schema has one owner; a database may have many.
	// Empty: the first of the DSN's search_path.
	Schema string
	// Migrations are the owner's own files, as in [outbox.Config]. Each is run once, in a transaction.
	Migrations fs.FS
	// Writers bounds the transactions that are open at once. 0: 4.
	Writers int
	// Readers bounds the read-only connections. 0: 4.
	Readers int
	// Isolation of the transactions. 0: read committed.
	Isolation sql.IsolationLevel
	// Races counts what the database has prevented, for metrics; nil counts nothing. [DB.Conflicts] has the
	// same in figures of its own.
	Races *races.Counts

	dial pgconn.DialFunc // tests put themselves between database and server
}

// isolations are the levels by the names that Postgres has for them.
var isolations = map[sql.IsolationLevel]string{
	sql.LevelDefault:        "read committed",
	sql.LevelReadCommitted:  "read committed",
	sql.LevelRepeatableRead: "repeatable read",
	sql.LevelSerializable:   "serializable",
}

// sessions are what the connections of each use begin with.
type sessions struct {
	write *pgx.ConnConfig // the owner's lock and the transactions
	read  *pgx.ConnConfig
}

func (c Config) check() (Config, sessions, error) {
	if c.Writers == 0 {
		c.Writers = defaultWriters
	}
	if c.Readers == 0 {
		c.Readers = defaultReaders
	}
	if min(c.Writers, c.Readers) < 1 || max(c.Writers, c.Readers) > maxConnections {
		return c, sessions{}, fmt.Errorf("%w: %d writers and %d readers; 1 to %d are possible", ErrConfig, c.Writers, c.Readers, maxConnections)
	}
	level, ok := isolations[c.Isolation]
	if !ok {
		return c, sessions{}, fmt.Errorf("%w: isolation %v is not possible", ErrConfig, c.Isolation)
	}
	base, err := parse(c.DSN)
	if err != nil {
		return c, sessions{}, err
	}
	if c.Schema != "" {
		base.RuntimeParams["search_path"] = pgx.Identifier{c.Schema}.Sanitize()
	}
	base.RuntimeParams["application_name"] = processName()
	if c.dial != nil {
		base.DialFunc = c.dial
	}
	s := sessions{write: base, read: base.Copy()}
	maps.Copy(s.write.RuntimeParams, map[string]string{
		"synchronous_commit":            "on",
		"default_transaction_isolation": level,
		"default_transaction_read_only": "off",
		"lock_timeout":                  "5000", // as long as SQLite waits for its lock
		// What a process that is cut off leaves open must not hold up its successor for ever.
		"idle_in_transaction_session_timeout": "30000",
	})
	s.read.RuntimeParams["default_transaction_read_only"] = "on"
	return c, s, nil
}

// processName names this process to the server and to those who want its database, in the 63 bytes
// that Postgres keeps.
func processName() string {
	host, err := os.Hostname()
	if err != nil || host == "" {
		host = "unknown"
	}
	host, _, _ = strings.Cut(host, ".")
	return fmt.Sprintf("giro %.40s/%d", host, os.Getpid())
}
