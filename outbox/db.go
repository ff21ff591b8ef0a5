package outbox

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"

	"github.com/jmoiron/sqlx"
	"github.com/mattn/go-sqlite3"
)

// DB is one SQLite file owned by this process: one connection that writes, used by one
// transaction at a time, and a pool that only reads.
type DB struct {
	path    string
	shrinks bool
	storeID string
	boot    int64

	lock   *Lock
	reader *sqlx.DB

	// turn has room for one: who put something in may use what follows.
	turn     chan struct{}
	writer   *connection
	puts     int64 // outbox rows put by this process
	unusable error // set once, then returned for ever
	commits  atomic.Int64
}

// Open takes PATH.lock, brings the tables up to date, checks that the durable settings are in
// force and counts a boot. A second owner gets [ErrLocked], a database of a newer program
// [ErrNewer], settings that did not take [ErrPragma].
func Open(ctx context.Context, cfg Config) (*DB, error) {
	cfg, err := cfg.check()
	if err != nil {
		return nil, err
	}
	db := &DB{path: cfg.Path, shrinks: cfg.Shrinks, turn: make(chan struct{}, 1)}
	if db.lock, err = takeLock(cfg.Path + ".lock"); err != nil {
		return nil, err
	}
	if err := db.open(ctx, cfg); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

func (db *DB) open(ctx context.Context, cfg Config) (err error) {
	if db.writer, err = openConnection(ctx, db.writerDSN()); err != nil {
		return err
	}
	if err := db.migrate(ctx, cfg.Migrations); err != nil {
		return err
	}
	if err := db.Write(ctx, db.countBoot); err != nil {
		return fmt.Errorf("outbox: open %s: %w", db.path, err)
	}
	if err := syncDir(filepath.Dir(db.path)); err != nil {
		return fmt.Errorf("outbox: open %s: %w", db.path, err)
	}
	db.reader = openReaders(db.path, "rw", cfg.Readers, keepWAL)
	return nil
}

// StoreID names this database for life: 16 characters of [0-9a-z], made when it was created.
func (db *DB) StoreID() string { return db.storeID }

// Boot counts how often this database was opened, this time included: 1, 2, ...
func (db *DB) Boot() int64 { return db.boot }

// Commits is how many transactions this process has committed here; each was one fsync of the log.
func (db *DB) Commits() int64 { return db.commits.Load() }

// Dialect implements [Database].
func (db *DB) Dialect() Dialect { return SQLite }

// Writers implements [Database]: SQLite has one writer at a time.
func (db *DB) Writers() int { return 1 }

// Path is the absolute path of the file, links followed.
func (db *DB) Path() string { return db.path }

// Read is the pool of connections that can only read. It sees what is committed.
func (db *DB) Read() *sqlx.DB { return db.reader }

// Write runs fn in one transaction on the writing connection, after whatever transaction is
// running there, and commits if fn returns nil. The context bounds only the wait for the turn.
// An error means that nothing of fn stands, except [ErrUnusable]: outcome unknown. fn must not
// call Write again.
func (db *DB) Write(ctx context.Context, fn func(Tx) error) error {
	return db.transact(ctx, func(t *transaction) error { return fn(t) })
}

// Close waits for the transaction that is running, closes the file and gives up its lock. The
// loops on it should have ended; what they submit later gets [ErrClosed].
func (db *DB) Close() error {
	db.turn <- struct{}{}
	defer func() { <-db.turn }()
	if errors.Is(db.unusable, ErrClosed) {
		return nil
	}
	db.unusable = ErrClosed
	var errs []error
	if db.reader != nil {
		errs = append(errs, db.reader.Close())
	}
	if db.writer != nil {
		errs = append(errs, db.writer.close())
	}
	return errors.Join(append(errs, db.lock.Release())...)
}

// OpenReadOnly opens the database of another process, running or stopped, to read it. It needs
// no lock, never creates a file and cannot disturb the owner, except that a query left open keeps
// the owner's log from being overwritten.
func OpenReadOnly(path string) (*sqlx.DB, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("outbox: open read-only: %w", err)
	}
	path, err := resolve(path)
	if err != nil {
		return nil, fmt.Errorf("outbox: open read-only: %w", err)
	}
	db := openReaders(path, "ro", defaultReaders, func(*sqlite3.SQLiteConn) error { return nil })
	if err := db.Ping(); err != nil {
		return nil, errors.Join(fmt.Errorf("outbox: open read-only %s: %w", path, err), db.Close())
	}
	return db, nil
}

func openReaders(path, mode string, bound int, opened func(*sqlite3.SQLiteConn) error) *sqlx.DB {
	pool := sqlx.NewDb(sql.OpenDB(connector{dsn(path, mode, readerSettings), opened}), "sqlite3")
	pool.SetMaxOpenConns(bound)
	pool.SetMaxIdleConns(bound)
	return pool
}

func (db *DB) writerDSN() string {
	if db.shrinks {
		return dsn(db.path, "rwc", writerSettings+shrinkSettings)
	}
	return dsn(db.path, "rwc", writerSettings)
}

// syncDir makes the names of the new files survive a power cut.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
