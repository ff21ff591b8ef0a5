package outbox

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync/atomic"

	"github.com/jmoiron/sqlx"
	"github.com/mattn/go-sqlite3"
)

// The settings are in the DSN, so that every connection has them from its first statement.
// A connection has one user at a time, so SQLite needs no mutex around it. The driver's statement cache takes a statement out while rows of it are open: a handler may
// run one query inside the loop over another with the same text.
const (
	writerSettings = "_journal_mode=WAL&_synchronous=FULL&_foreign_keys=on&_busy_timeout=5000" +
		"&_txlock=immediate&_stmt_cache_size=128&_cache_size=-16384&_mutex=no"
	shrinkSettings = "&_auto_vacuum=incremental"
	readerSettings = "_query_only=true&_foreign_keys=on&_busy_timeout=5000&_stmt_cache_size=32&_mutex=no"
)

// required is what the promises rest on, as SQLite reads it back.
var required = []struct{ pragma, value string }{
	{"synchronous", "2"},
	{"journal_mode", "wal"},
	{"foreign_keys", "1"},
}

// connector opens connections to one file and shows each to opened before anyone uses it.
type connector struct {
	dsn    string
	opened func(*sqlite3.SQLiteConn) error
}

// Driver implements [driver.Connector].
func (c connector) Driver() driver.Driver { return &sqlite3.SQLiteDriver{} }

// Connect implements [driver.Connector].
func (c connector) Connect(context.Context) (driver.Conn, error) {
	conn, err := c.Driver().Open(c.dsn)
	if err != nil {
		return nil, err
	}
	if err := c.opened(conn.(*sqlite3.SQLiteConn)); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

// dsn escapes the path: a question mark in it must not begin the settings.
func dsn(path, mode, settings string) string {
	u := url.URL{Scheme: "file", OmitHost: true, Path: path}
	return u.String() + "?mode=" + mode + "&" + settings
}

// keepWAL makes the last connection to close leave the log in place, to be overwritten.
func keepWAL(c *sqlite3.SQLiteConn) error {
	if err := c.SetFileControlInt("main", sqlite3.SQLITE_FCNTL_PERSIST_WAL, 1); err != nil {
		return fmt.Errorf("outbox: keep the log: %w", err)
	}
	return nil
}

// connection is the one that writes. Writes go to the driver directly (raw): database/sql adds a
// quarter to the cost of an insert. Queries go through database/sql, which alone makes sql.Rows.
// One goroutine uses it at a time; the turn of [DB] sees to that.
type connection struct {
	pool *sqlx.DB
	conn *sqlx.Conn
	raw  *sqlite3.SQLiteConn

	begin, commit, rollback           engineStmt
	savepoint, release, rollbackPoint engineStmt

	guarded atomic.Bool // a handler is at work: its statements are not the engine's
	args    []driver.NamedValue
}

type engineStmt driver.StmtExecContext

func openConnection(ctx context.Context, dsn string) (*connection, error) {
	c := &connection{}
	c.pool = sqlx.NewDb(sql.OpenDB(connector{dsn, c.adopt}), "sqlite3")
	c.pool.SetMaxOpenConns(1)
	var err error
	if c.conn, err = c.pool.Connx(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("outbox: open: %w", err), c.pool.Close())
	}
	if err := errors.Join(c.verify(ctx), c.prepare()); err != nil {
		return nil, errors.Join(err, c.close())
	}
	return c, nil
}

// adopt takes hold of the driver's connection, once: the pool has one and never makes another.
func (c *connection) adopt(raw *sqlite3.SQLiteConn) error {
	raw.RegisterAuthorizer(c.authorize)
	c.raw = raw
	return errors.Join(keepWAL(raw), undoInMemory(raw))
}

// undoInMemory keeps the pages a savepoint may have to put back in blocks of a kilobyte. SQLite
// otherwise takes 64 KB at each savepoint and gives them back to the system at its end: a tenth of
// the CPU of a transfer. They need no disk: after a crash nothing of the transaction stands anyway.
func undoInMemory(c *sqlite3.SQLiteConn) error {
	if _, err := c.Exec("PRAGMA temp_store = MEMORY", nil); err != nil {
		return fmt.Errorf("outbox: undo in memory: %w", err)
	}
	return nil
}

// authorize refuses a handler what would end its transaction or change what the promises rest on.
// SQLite asks when a statement is prepared. A quick_check only reads, and adding a column to a strict table
// runs one.
func (c *connection) authorize(op int, what, _, _ string) int {
	switch op {
	case sqlite3.SQLITE_PRAGMA:
		if c.guarded.Load() && what != "quick_check" {
			return sqlite3.SQLITE_DENY
		}
	case sqlite3.SQLITE_TRANSACTION, sqlite3.SQLITE_SAVEPOINT, sqlite3.SQLITE_ATTACH,
		sqlite3.SQLITE_DETACH:
		if c.guarded.Load() {
			return sqlite3.SQLITE_DENY
		}
	}
	return sqlite3.SQLITE_OK
}

func (c *connection) verify(ctx context.Context) error {
	for _, r := range required {
		var got string
		if err := c.conn.GetContext(ctx, &got, "PRAGMA "+r.pragma); err != nil {
			return fmt.Errorf("outbox: read %s: %w", r.pragma, err)
		}
		if !strings.EqualFold(got, r.value) {
			return fmt.Errorf("%w: %s is %s, must be %s", ErrPragma, r.pragma, got, r.value)
		}
	}
	return nil
}

func (c *connection) prepare() error {
	for _, s := range []struct {
		into *engineStmt
		sql  string
	}{
		{&c.begin, "BEGIN IMMEDIATE"}, {&c.commit, "COMMIT"}, {&c.rollback, "ROLLBACK"},
		{&c.savepoint, "SAVEPOINT handler"}, {&c.release, "RELEASE handler"},
		{&c.rollbackPoint, "ROLLBACK TO handler"},
	} {
		stmt, err := c.raw.Prepare(s.sql)
		if err != nil {
			return fmt.Errorf("outbox: prepare %s: %w", s.sql, err)
		}
		*s.into = stmt.(engineStmt)
	}
	return nil
}

// run executes one of the engine's own statements. SQLite may prepare it again at any time, so
// the guard is down meanwhile.
func (c *connection) run(s engineStmt) error {
	was := c.guarded.Swap(false)
	defer c.guarded.Store(was)
	_, err := s.ExecContext(context.Background(), nil)
	return err
}

// inTx says whether a transaction is open. SQLite ends one by itself after some errors.
func (c *connection) inTx() bool { return !c.raw.AutoCommit() }

// close closes the driver's connection itself. Giving it back to database/sql would wait for
// rows a handler forgot.
func (c *connection) close() error {
	for _, s := range []engineStmt{c.begin, c.commit, c.rollback, c.savepoint, c.release, c.rollbackPoint} {
		if s, ok := s.(driver.Stmt); ok {
			_ = s.Close() // SQLite repeats the error of its last run here
		}
	}
	return errors.Join(c.raw.Close(), c.pool.Close())
}
